"""Texts and bytes written in another way, and texts compared letter by letter, each different value once."""

from __future__ import annotations

import base64
import binascii
import hashlib
import math
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....arrow import to_arrow_type
from ....errors import ArithmeticOverflow, CastError, ExecutionError
from ....expr import Call
from ...constants import array_of
from ..buffers import array_from, validity, values_of
from .arithmetic import full
from .registry import Value, scalar

_LARGEST = 10**38


def by_value(call: Call, args: list[Value], function: Callable[..., Any]) -> pa.Array:
    """Apply a Python function to each different row of arguments once; nulls give null."""
    columns = [arg.to_pylist() for arg in full(args)]
    known: dict[Any, Any] = {}
    made: list[Any] = []
    for row in zip(*columns, strict=True):
        if None in row:
            made.append(None)
            continue
        if row not in known:
            known[row] = function(*row)
        made.append(known[row])
    return array_of(made, to_arrow_type(call.dtype))


def _register(name: str, function: Callable[..., Any], *, per_value: bool = False) -> None:
    @scalar(name, per_value=per_value)
    def run(call: Call, args: list[Value]) -> pa.Array:
        try:
            return by_value(call, args, function)
        except (ValueError, binascii.Error) as error:
            raise CastError(f"{error}, in {call}") from error

    run.__doc__ = f"{name}, value by value."


def _raw(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _hex(value: Any) -> str:
    return f"{value % 2**64:X}" if isinstance(value, int) else _raw(value).hex().upper()


def _binary(value: Any) -> str:
    return f"{value % 2**64:b}" if isinstance(value, int) else "".join(f"{byte:08b}" for byte in _raw(value))


def _from_hex(text: str) -> bytes:
    return bytes.fromhex("0" * (len(text) % 2) + text)


def _from_binary(text: str) -> bytes:
    return int(text, 2).to_bytes(-(-len(text) // 8), "big") if text else b""


def _decoded(value: bytes) -> str:
    return value.decode()


def _without_accents(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))


def _size(step: int, units: tuple[str, ...]) -> Callable[[int], str]:
    def run(size: int) -> str:
        rest, unit = abs(size), 0
        part = 0
        while rest >= step and unit < len(units) - 1:
            rest, part, unit = rest // step, rest % step, unit + 1
        sign = "-" if size < 0 else ""
        if unit == 0:
            return f"{sign}{rest} byte{'' if rest == 1 else 's'}"
        return f"{sign}{rest}.{part * 10 // step} {units[unit]}"

    return run


def _factorial(number: int) -> Decimal:
    value = math.factorial(max(number, 0)) if number <= 34 else _LARGEST
    if value >= _LARGEST:
        raise ArithmeticOverflow(f"the factorial of {number} has more than 38 digits")
    return Decimal(value)


def _gamma(value: float) -> float:
    if value == 0:
        raise ArithmeticOverflow("the gamma function has no value at 0")
    return math.gamma(value) if value < 171.7 else math.inf


def _log_gamma(value: float) -> float:
    if value == 0:
        raise ArithmeticOverflow("the logarithm of the gamma function has no value at 0")
    return math.lgamma(value)


def _levenshtein(one: str, two: str) -> int:
    before = list(range(len(two) + 1))
    for row, sign in enumerate(one, start=1):
        now = [row]
        for column, other in enumerate(two, start=1):
            now.append(min(now[-1] + 1, before[column] + 1, before[column - 1] + (sign != other)))
        before = now
    return before[-1]


def _damerau(one: str, two: str) -> int:
    """Return the distance of Damerau and Levenshtein, where what was swapped may be changed again."""
    last: dict[str, int] = {}
    most = len(one) + len(two)
    table = [[most] * (len(two) + 2), [most, *range(len(two) + 1)]]
    for i, sign in enumerate(one, start=1):
        table.append([most, i] + [0] * len(two))
        match = 0
        for j, other in enumerate(two, start=1):
            row, column = last.get(other, 0), match
            same = sign == other
            match = j if same else match
            table[i + 1][j + 1] = min(
                table[i][j] + (not same),
                table[i + 1][j] + 1,
                table[i][j + 1] + 1,
                table[row][column] + (i - row - 1) + 1 + (j - column - 1),
            )
        last[sign] = i
    return int(table[-1][-1])


def _hamming(one: str, two: str) -> int:
    if len(one) != len(two) or not one:
        raise ValueError(f"hamming compares texts of one length, not {one!r} and {two!r}")
    return sum(a != b for a, b in zip(one, two, strict=True))


def _jaccard(one: str, two: str) -> float:
    if not one or not two:
        raise ValueError("jaccard compares texts that are not empty")
    return len({*one} & {*two}) / len({*one} | {*two})


def _jaro(one: str, two: str) -> float:
    if not one or not two:
        return 1.0 if one == two else 0.0
    reach = max(max(len(one), len(two)) // 2 - 1, 0)
    taken = [False] * len(two)
    ours = []
    for place, sign in enumerate(one):
        for other in range(max(0, place - reach), min(len(two), place + reach + 1)):
            if not taken[other] and two[other] == sign:
                taken[other] = True
                ours.append(sign)
                break
    if not ours:
        return 0.0
    theirs = [sign for sign, used in zip(two, taken, strict=True) if used]
    swapped = sum(a != b for a, b in zip(ours, theirs, strict=True)) // 2
    count = len(ours)
    return (count / len(one) + count / len(two) + (count - swapped) / count) / 3


def _jaro_winkler(one: str, two: str) -> float:
    likeness = _jaro(one, two)
    if likeness <= 0.7:
        return likeness
    same = 0
    while same < min(4, len(one), len(two)) and one[same] == two[same]:
        same += 1
    return likeness + same * 0.1 * (1 - likeness)


def _digits(number: int, base: int, least: int) -> str:
    if not 2 <= base <= 36 or number < 0 or not 0 <= least <= 64:
        raise ValueError(
            f"{number} has no digits to base {base}: a number from 0 on and a base from 2 to 36 are needed"
        )
    made = ""
    while number:
        number, digit = divmod(number, base)
        made = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[digit] + made
    return made.rjust(max(least, 1), "0")


_register("octet_length", lambda value: len(_raw(value)), per_value=True)
_register("to_base64", lambda value: base64.b64encode(_raw(value)).decode(), per_value=True)
_register("from_base64", lambda text: base64.b64decode(text, validate=True))
_register("to_hex", _hex, per_value=True)
_register("from_hex", _from_hex)
_register("to_binary", _binary, per_value=True)
_register("from_binary", _from_binary)
_register("encode", str.encode, per_value=True)
_register("decode", _decoded)
_register("url_encode", lambda text: quote(text, safe="-_.~"), per_value=True)
_register("url_decode", unquote, per_value=True)
_register("strip_accents", _without_accents, per_value=True)
_register("nfc_normalize", lambda text: unicodedata.normalize("NFC", text), per_value=True)
_register("sha1", lambda text: hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), per_value=True)
_register("format_bytes", _size(1024, ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")))
_register("format_decimal_bytes", _size(1000, ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")))
_register("factorial", _factorial)
_register("gamma", _gamma)
_register("lgamma", _log_gamma)
_register("levenshtein", _levenshtein)
_register("damerau_levenshtein", _damerau)
_register("hamming", _hamming)
_register("jaccard", _jaccard)
_register("jaro_similarity", _jaro)
_register("jaro_winkler_similarity", _jaro_winkler)
_register("to_base", _digits)


@scalar("error")
def error(_: Call, args: list[Value]) -> pa.Array:
    """Raise an error of the first text that is not null."""
    known = args[0].drop_null()
    if len(known):
        raise ExecutionError(known[0].as_py())
    return pa.nulls(len(args[0]))


@scalar("next_after")
def next_after(_: Call, args: list[Value]) -> pa.Array:
    """Float next to one towards another."""
    one, two = full(args)
    return array_from(np.nextafter(values_of(one), values_of(two)), pa.float64(), validity(one, two))


@scalar("round_even")
def round_even(_: Call, args: list[Value]) -> pa.Array:
    """Round to so many digits, halves to even."""
    value, digits = full(args)
    factor = 10.0 ** np.trunc(values_of(digits))
    with np.errstate(all="ignore"):
        return array_from(np.rint(values_of(value) * factor) / factor, pa.float64(), validity(value, digits))


@scalar("format_text")
def format_text(call: Call, args: list[Value]) -> pa.Array:
    """Put values into a text."""
    form, percent = str(call.option("form")), bool(call.option("percent"))

    def put(*row: Any) -> str:
        plain = [str(value).lower() if isinstance(value, bool) else value for value in row]
        try:
            return form % tuple(plain) if percent else form.format(*plain)
        except (ValueError, TypeError, IndexError, KeyError) as problem:
            raise ExecutionError(f"{form!r} cannot be filled with {row}: {problem}") from problem

    return by_value(call, args, put)


_BEGIN, _END = "\ue000", "\ue001"
"""Signs for private use, which mark what was matched."""


@scalar("regexp_extract_all", per_value=True, costly=True)
def regexp_extract_all(call: Call, args: list[Value]) -> pa.Array:
    """Collect what a group of each match matched: matches are marked in the text, which is split at the marks."""
    marked = pc.replace_substring_regex(
        args[0], pattern=str(call.option("pattern")), replacement=f"{_BEGIN}\\{int(call.option('group'))}{_END}"
    )
    pieces = pc.list_slice(pc.split_pattern(marked, pattern=_BEGIN), 1)
    matches = pc.replace_substring_regex(pieces.values, pattern=f"(?s){_END}.*$", replacement="")
    made = pa.ListArray.from_arrays(pieces.offsets, matches)
    return pc.if_else(args[0].is_valid(), made, None) if args[0].null_count else made
