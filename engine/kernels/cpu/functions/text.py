"""Text functions: code points, not bytes; RE2 for regular expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....arrow import to_arrow_type
from ....errors import ExecutionError
from ....expr import Call
from ....expr.like import like_parts
from ...constants import scalar_of
from ..buffers import array_from, empty, text_of, validity
from ..native.arrays import Bytes
from ..native.slicing import slice_texts
from .arithmetic import full
from .registry import Value, elementwise, scalar
from .search import match_segments

_NOTHING = scalar_of("", pa.string())
_PIECE, _NOT_ASCII, _MOST_BYTES = 1 << 16, 128, 2**31 - 1

elementwise("lower", per_value=True)(pc.utf8_lower)
elementwise("upper", per_value=True)(pc.utf8_upper)


@elementwise("length", per_value=True)
def length(text: pa.Array) -> pa.Array:
    """Count code points, which are the bytes of texts that are all ASCII."""
    offsets, data = text_of(text)
    if len(text) and not is_ascii(data[offsets[0] : offsets[-1]]):
        return pc.utf8_length(text).cast(pa.int64())
    return array_from(np.diff(offsets).astype(np.int64), pa.int64(), validity(text))


def is_ascii(data: Bytes) -> bool:
    """Return whether bytes are all ASCII, looked at by the piece."""
    return all(data[start : start + _PIECE].max() < _NOT_ASCII for start in range(0, len(data), _PIECE))


@elementwise("concat", per_value=True)
def concat(*texts: Value) -> pa.Array:
    """Join texts."""
    return pc.binary_join_element_wise(*texts, _NOTHING, null_handling="emit_null")


def by_row(call: Call, args: list[Value], function: Callable[..., Any]) -> pa.Array:
    """Apply a Python function row by row: for arguments that differ by row, which Arrow's kernels do not take."""
    rows = zip(*(arg.to_pylist() for arg in full(args)), strict=True)
    return pa.array([None if None in row else function(*row) for row in rows], to_arrow_type(call.dtype))


def constants_of(args: list[Value]) -> list[Any] | None:
    """Return the Python values of all arguments after the first, or None where one differs by row or is null."""
    if not all(isinstance(arg, pa.Scalar) and arg.is_valid for arg in args[1:]) or isinstance(args[0], pa.Scalar):
        return None
    return [arg.as_py() for arg in args[1:]]


@scalar("trim", per_value=True)
def trim(call: Call, args: list[Value]) -> pa.Array:
    """Without the given characters (spaces) at both ends."""
    return _trimmed(call, args, pc.utf8_trim, str.strip)


@scalar("ltrim", per_value=True)
def ltrim(call: Call, args: list[Value]) -> pa.Array:
    """Without the given characters (spaces) at the start."""
    return _trimmed(call, args, pc.utf8_ltrim, str.lstrip)


@scalar("rtrim", per_value=True)
def rtrim(call: Call, args: list[Value]) -> pa.Array:
    """Without the given characters (spaces) at the end."""
    return _trimmed(call, args, pc.utf8_rtrim, str.rstrip)


def _trimmed(
    call: Call, args: list[Value], kernel: Callable[..., pa.Array], one: Callable[[str, str], str]
) -> pa.Array:
    constants = constants_of(args)
    if constants is None:
        return by_row(call, args, lambda text, characters: one(text, characters) if characters else text)
    characters = constants[0] if constants else " "
    return kernel(args[0], characters=characters) if characters else args[0]


@scalar("substring", per_value=True)
def substring(call: Call, args: list[Value]) -> pa.Array:
    """From a 1-based position (from the end where negative), for a number of code points."""
    constants = constants_of(args)
    if constants is not None and constants[0] >= 1 and (len(constants) == 1 or constants[1] >= 0):
        start = constants[0] - 1
        stop = None if len(constants) == 1 else start + constants[1]
        offsets, data = text_of(args[0])
        if len(args[0]) and is_ascii(data[offsets[0] : offsets[-1]]):
            return _sliced(args[0], min(start, _MOST_BYTES), _MOST_BYTES if stop is None else min(stop, _MOST_BYTES))
        return pc.utf8_slice_codeunits(args[0], start=start, stop=stop)
    return by_row(call, args, _substring)


def _sliced(texts: pa.Array, start: int, stop: int) -> pa.Array:
    """Return parts of texts by their bytes, from ``start`` to ``stop`` - 1."""
    offsets, data = text_of(texts)
    places = empty(len(texts) + 1, np.int32)
    parts = empty(min(int(offsets[-1]) - int(offsets[0]), len(texts) * (stop - start)), np.uint8)
    used = slice_texts(offsets, data, start, stop, places, parts)
    assert used >= 0
    buffers = [validity(texts), pa.py_buffer(places), pa.py_buffer(parts[:used])]
    return pa.Array.from_buffers(texts.type, len(texts), buffers)


def _substring(text: str, start: int, count: int | None = None) -> str:
    """DuckDB's rule: a negative start counts from the end, a negative count goes to the left."""
    size = len(text)
    begin = start - 1 if start > 0 else size + start if start < 0 else -1
    end = size if count is None else begin + count
    if start < 0 and begin < 0 and count is not None:
        begin, end = 0, count + begin
    begin, end = min(begin, end), max(begin, end)
    return text[max(begin, 0) : max(end, 0)]


@scalar("replace", per_value=True)
def replace(call: Call, args: list[Value]) -> pa.Array:
    """Each occurrence replaced; an empty text to look for changes nothing."""
    constants = constants_of(args)
    if constants is None:
        return by_row(call, args, lambda text, old, new: text.replace(old, new) if old else text)
    old, new = constants
    return pc.replace_substring(args[0], pattern=old, replacement=new) if old else args[0]


@scalar("starts_with", per_value=True)
def starts_with(call: Call, args: list[Value]) -> pa.Array:
    """Whether it starts with a text."""
    return _matched(call, args, pc.starts_with, str.startswith)


@scalar("ends_with", per_value=True)
def ends_with(call: Call, args: list[Value]) -> pa.Array:
    """Whether it ends with a text."""
    return _matched(call, args, pc.ends_with, str.endswith)


@scalar("contains", per_value=True)
def contains(call: Call, args: list[Value]) -> pa.Array:
    """Whether a text occurs."""
    return _matched(call, args, _search, str.__contains__)


def _search(text: pa.Array, pattern: str) -> pa.Array:
    return match_segments(text, ["", pattern, ""])


def _matched(
    call: Call, args: list[Value], kernel: Callable[..., pa.Array], one: Callable[[str, str], bool]
) -> pa.Array:
    constants = constants_of(args)
    return by_row(call, args, one) if constants is None else kernel(args[0], pattern=constants[0])


@scalar("like", per_value=True)
def like(call: Call, args: list[Value]) -> pa.Array:
    """Match an SQL pattern: ``%`` any run, ``_`` one code point, the escape makes the next one literal."""
    return _like(args[0], call.option("pattern"), call.option("escape"), fold=bool(call.option("fold")))


@scalar("like_pattern")
def like_pattern(call: Call, args: list[Value]) -> pa.Array:
    """Match SQL patterns that differ by row."""
    escape, fold = call.option("escape"), bool(call.option("fold"))
    return _by_pattern(args, lambda text, pattern: _like(text, pattern, escape, fold=fold))


def _like(text: pa.Array, pattern: str, escape: str | None, *, fold: bool) -> pa.Array:
    parts, wildcards = like_parts(pattern, escape)
    if fold or "_" in wildcards:
        expression = re.escape(parts[0])
        for wildcard, part in zip(wildcards, parts[1:], strict=True):
            expression += (".*" if wildcard == "%" else ".") + re.escape(part)
        return pc.match_substring_regex(text, pattern=f"(?s)^{expression}$", ignore_case=fold)
    return match_segments(text, parts) if wildcards else pc.equal(text, scalar_of(parts[0], pa.string()))


def _by_pattern(args: list[Value], match: Callable[[pa.Array, str], pa.Array]) -> pa.Array:
    """Match texts with the patterns beside them: one call for all rows of a pattern."""
    text, patterns = full(args)
    encoded = patterns.dictionary_encode()
    codes = encoded.indices.fill_null(len(encoded.dictionary)).to_numpy()
    order = np.argsort(codes, kind="stable")
    texts = text.take(pa.array(order))
    ends = np.searchsorted(codes[order], np.arange(len(encoded.dictionary)), side="right").tolist()
    pieces = [
        match(texts.slice(start, end - start), pattern)
        for start, end, pattern in zip([0, *ends], ends, encoded.dictionary.to_pylist(), strict=False)
    ]
    pieces.append(pa.nulls(len(text) - (ends[-1] if ends else 0), pa.bool_()))
    return pa.concat_arrays(pieces).take(pa.array(np.argsort(order)))


@scalar("regexp_matches", per_value=True)
def regexp_matches(call: Call, args: list[Value]) -> pa.Array:
    """Whether a regular expression matches anywhere."""
    return _search_expression(args[0], call.option("pattern"))


@scalar("regexp_matches_pattern")
def regexp_matches_pattern(_: Call, args: list[Value]) -> pa.Array:
    """Whether the regular expression of the row matches anywhere."""
    return _by_pattern(args, _search_expression)


def _search_expression(text: pa.Array, pattern: str) -> pa.Array:
    try:
        return pc.match_substring_regex(text, pattern=pattern)
    except pa.ArrowInvalid as error:
        raise ExecutionError(f"{pattern!r} is not a regular expression (RE2): {error}") from error
