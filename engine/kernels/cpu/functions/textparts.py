"""Taking texts apart, padding and rewriting them: code points, RE2, constant patterns."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....errors import ExecutionError
from ....expr import Call
from ....expr.regex import named_groups
from ...constants import scalar_of
from ..buffers import array_from, text_of
from ..hashes import hash_columns
from .arithmetic import full
from .registry import Value, elementwise, scalar
from .text import by_row, constants_of, is_ascii

_EMPTY = scalar_of("", pa.string())

elementwise("reverse", per_value=True)(pc.utf8_reverse)
elementwise("title", per_value=True)(pc.utf8_title)
elementwise("swapcase", per_value=True)(pc.utf8_swapcase)


@scalar("casefold", per_value=True, costly=True)
def casefold(call: Call, args: list[Value]) -> pa.Array:
    """Lower case for comparison; Arrow has no kernel for letters that become several."""
    [text] = full(args)
    offsets, data = text_of(text)
    if not len(text) or is_ascii(data[offsets[0] : offsets[-1]]):
        return pc.utf8_lower(text)
    return by_row(call, [text], str.casefold)


@elementwise("concat_ws")
def concat_ws(separator: Value, *texts: Value) -> pa.Array:
    """Texts joined, nulls left out; null where the separator is."""
    first, *rest, mark = full([*texts, separator])
    nothing = first.is_null()
    for text in rest:
        nothing = pc.and_(nothing, text.is_null())
    # Of nulls alone Arrow's kernel makes no row at all.
    return pc.binary_join_element_wise(pc.if_else(nothing, _EMPTY, first), *rest, mark, null_handling="skip")


@scalar("left", per_value=True)
def left(call: Call, args: list[Value]) -> pa.Array:
    """So many code points from the start, or all but so many where negative."""
    known = constants_of(args)
    if known is None:
        return by_row(call, args, lambda text, count: text[:count])
    return pc.utf8_slice_codeunits(args[0], start=0, stop=known[0])


@scalar("right", per_value=True)
def right(call: Call, args: list[Value]) -> pa.Array:
    """So many code points from the end, or all but so many where negative."""
    known = constants_of(args)
    if known is None or known[0] == 0:
        return by_row(call, args, lambda text, count: text[-count:] if count else "")
    return pc.utf8_slice_codeunits(args[0], start=-known[0])


@scalar("lpad", per_value=True, costly=True)
def lpad(call: Call, args: list[Value]) -> pa.Array:
    """Pad at the start, or cut at the end, to so many code points; without padding to put, only cut."""
    return by_row(call, args, lambda text, width, fill: _padding(text, width, fill) + text[: max(width, 0)])


@scalar("rpad", per_value=True, costly=True)
def rpad(call: Call, args: list[Value]) -> pa.Array:
    """Pad or cut at the end to so many code points; without padding to put, only cut."""
    return by_row(call, args, lambda text, width, fill: text[: max(width, 0)] + _padding(text, width, fill))


def _padding(text: str, width: int, fill: str) -> str:
    missing = width - len(text)
    return (fill * (missing // len(fill) + 1))[:missing] if missing > 0 and fill else ""


@scalar("repeat", per_value=True)
def repeat(call: Call, args: list[Value]) -> pa.Array:
    """So many times after itself."""
    known = constants_of(args)
    if known is None:
        return by_row(call, args, lambda text, count: text * count)
    return pc.binary_repeat(args[0], max(known[0], 0))


@scalar("position", per_value=True, costly=True)
def position(call: Call, args: list[Value]) -> pa.Array:
    """1-based code point where a text first occurs, 0 where it does not."""
    return by_row(call, args, lambda text, part: text.find(part) + 1)


@scalar("split_part", per_value=True, costly=True)
def split_part(call: Call, args: list[Value]) -> pa.Array:
    """One of the pieces between separators, counted from 1, or from the end where negative."""
    return by_row(call, args, _split_part)


def _split_part(text: str, separator: str, place: int) -> str:
    pieces = text.split(separator) if separator else list(text)
    index = place - 1 if place > 0 else len(pieces) + place
    return pieces[index] if place and 0 <= index < len(pieces) else ""


@scalar("split", per_value=False)
def split(call: Call, args: list[Value]) -> pa.Array:
    """Pieces between separators; an empty separator gives the code points."""
    known = constants_of(args)
    if known is None or not known[0]:
        return by_row(call, args, lambda text, mark: text.split(mark) if mark else list(text) or [""])
    return pc.split_pattern(args[0], pattern=known[0])


@scalar("translate", per_value=True, costly=True)
def translate(call: Call, args: list[Value]) -> pa.Array:
    """Code points of one text replaced by those at their places in another, or dropped where it is shorter."""

    def translated(text: str, old: str, new: str) -> str:
        table = {ord(a): new[n] if n < len(new) else None for n, a in reversed([*enumerate(old)])}
        return text.translate(table)

    return by_row(call, args, translated)


@scalar("code_point", per_value=True, costly=True)
def code_point(call: Call, args: list[Value]) -> pa.Array:
    """Code point that the text starts with, 0 of an empty text."""
    return by_row(call, args, lambda text: ord(text[0]) if text else 0)


@scalar("character")
def character(call: Call, args: list[Value]) -> pa.Array:
    """Text of one code point."""

    def one(code: int) -> str:
        if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000:
            raise ExecutionError(f"{code} in {call} is not a code point (0 to 1114111, no surrogates)")
        return chr(code)

    return by_row(call, args, one)


def _digest(name: str, function: Callable[[bytes], Any]) -> None:
    @scalar(name, per_value=True, costly=True)
    def run(call: Call, args: list[Value]) -> pa.Array:
        return by_row(call, args, lambda text: function(text.encode()).hexdigest())


_digest("md5", lambda data: hashlib.md5(data, usedforsecurity=False))
_digest("sha256", hashlib.sha256)


@scalar("hash")
def hashed(call: Call, args: list[Value]) -> pa.Array:
    """Return one 64-bit number per row, equal for equal values in every process."""
    columns = full(args)
    numbers = hash_columns(columns, [arg.dtype for arg in call.args], len(columns[0]))
    return array_from(np.ascontiguousarray(numbers), pa.uint64())


@scalar("regexp_replace", per_value=True, costly=True)
def regexp_replace(call: Call, args: list[Value]) -> pa.Array:
    r"""First match, or all, of a regular expression replaced; ``\1`` is what its first group matched."""
    pattern, replacement = call.option("pattern"), call.option("replacement")
    # What is tied to the start matches once. Arrow takes half the time where it need not count.
    limit = None if call.option("all") or (pattern.startswith("^") and "|" not in pattern) else 1
    return _searched(
        pattern,
        lambda: pc.replace_substring_regex(args[0], pattern=pattern, replacement=replacement, max_replacements=limit),
    )


@scalar("regexp_extract", per_value=True, costly=True)
def regexp_extract(call: Call, args: list[Value]) -> pa.Array:
    """Return what a group of the first match matched (0: the whole), empty where there is no match."""
    text, group = args[0], call.option("group")
    pattern, names = named_groups(call.option("pattern"))
    found = _searched(call.option("pattern"), lambda: pc.extract_regex(text, pattern=pattern))
    taken = pc.struct_field(found, names[group])
    return pc.if_else(pc.is_valid(text), pc.coalesce(taken, ""), None) if found.null_count else taken


@scalar("regexp_count", per_value=True, costly=True)
def regexp_count(call: Call, args: list[Value]) -> pa.Array:
    """Count the matches of a regular expression that do not overlap."""
    pattern = call.option("pattern")
    return _searched(pattern, lambda: pc.count_substring_regex(args[0], pattern=pattern)).cast(pa.int64())


@scalar("regexp_split")
def regexp_split(call: Call, args: list[Value]) -> pa.Array:
    """Pieces between matches of a regular expression."""
    pattern = call.option("pattern")
    if _searched(pattern, lambda: _matches_nothing(pattern)):  # for which Arrow's kernel never ends
        return _searched(pattern, lambda: _split_step_by_step(args[0], pattern))
    return _searched(pattern, lambda: pc.split_pattern_regex(args[0], pattern=pattern))


def _matches_nothing(pattern: str) -> bool:
    """Return whether a regular expression matches the empty text, anywhere between two characters or at an end."""
    for before, after in product(("", "a", " ", "\n"), repeat=2):
        around = rf"\A{re.escape(before)}(?:{pattern}){re.escape(after)}\z"
        if pc.match_substring_regex(scalar_of(before + after, pa.string()), pattern=around).as_py():
            return True
    return False


def _split_step_by_step(text: pa.Array, pattern: str) -> pa.Array:
    """Split one match after the other; one of nothing at the start of what is left stands behind its first character.

    So does DuckDB (``StringSplitter`` of its string_split.cpp).
    """
    searched, names = named_groups(rf"\A((?s:.*?))({pattern})((?s:.*))\z")
    pieces: list[Any] = [None if value is None else [] for value in text.to_pylist()]
    rest = {row: value for row, value in enumerate(text.to_pylist()) if value is not None}
    while rest:
        before, rest = rest, {}
        found = pc.extract_regex(pa.array(before.values(), pa.string()), pattern=searched)
        for (row, left), match in zip(before.items(), found.to_pylist(), strict=True):
            piece, behind = left, None
            if left and match is not None:
                piece, hit, behind = match[names[1]], match[names[2]], match[names[-1]]
                if not piece and not hit:
                    piece, behind = left[:1], left[1:] or None
            pieces[row].append(piece)
            if behind is not None:
                rest[row] = behind
    return pa.array(pieces, pa.list_(pa.string()))


def _searched(pattern: str, run: Callable[[], pa.Array]) -> pa.Array:
    try:
        return run()
    except pa.ArrowInvalid as error:
        raise ExecutionError(f"{pattern!r} cannot be used as a regular expression (RE2): {error}") from error
