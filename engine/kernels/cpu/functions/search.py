"""Literal text searched for in columns: what ``like`` patterns without single-character wildcards come down to.

All rows' bytes are searched as one run, eight at a time: words are skipped by looking for the needle's first and last
byte at their distance from each other (the "generic SIMD" search of W. Muła, 2016). Only where both meet are bytes
compared.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..buffers import bools_from, text_of, validity
from ..native.arrays import Bytes, Number, Rows
from ..native.compile import device, instruction, kernel

load_unaligned = instruction("load_unaligned")

_ONES = np.uint64(0x0101010101010101)
_HIGHS = np.uint64(0x8080808080808080)


@device
def _matches(data: Bytes, position: Number, needle: Bytes) -> bool:
    for k in range(len(needle)):  # noqa: SIM110 - kernels know no generators
        if data[np.uint64(position + k)] != needle[np.uint64(k)]:
            return False
    return True


@kernel("void(const i32[], const u8[], const u8[], i32[])")
def _find_first(offsets: Rows, data: Bytes, needle: Bytes, ends: Rows) -> None:
    """Set for each row where the needle's first occurrence ends, -1 where it has none."""
    rows = len(offsets) - 1
    for row in range(rows):
        ends[row] = np.int32(-1)
    size = len(needle)
    first = needle[0]
    first_everywhere, last_everywhere = np.uint64(first) * _ONES, np.uint64(needle[size - 1]) * _ONES
    position = np.int64(offsets[0])
    limit = np.int64(offsets[rows]) - size + 1
    row = 0
    while position < limit:
        near = _HIGHS
        if position + size + 15 <= len(data):
            heads = load_unaligned(data, position) ^ first_everywhere
            tails = load_unaligned(data, position + size - 1) ^ last_everywhere
            # The high bit of each byte that is zero, and of few others: "haszero" of Bit Twiddling Hacks.
            near = (heads - _ONES) & ~heads & (tails - _ONES) & ~tails & _HIGHS
        if near != np.uint64(0):
            for at in range(position, min(position + 8, limit)):
                if data[np.uint64(at)] == first and _matches(data, at, needle):
                    while np.int64(offsets[row + 1]) <= at:
                        row += 1
                    if at + size <= np.int64(offsets[row + 1]) and ends[row] < 0:
                        ends[row] = np.int32(at + size)
        position += 8


@kernel("void(const i32[], const u8[], const u8[], i32[])")
def _find_next(offsets: Rows, data: Bytes, needle: Bytes, ends: Rows) -> None:
    """Move each row that still matches behind the needle's next occurrence, or to -1."""
    size = len(needle)
    for row in range(len(ends)):
        if ends[row] < 0:
            continue
        found = np.int32(-1)
        for at in range(np.int64(ends[row]), np.int64(offsets[row + 1]) - size + 1):
            if _matches(data, at, needle):
                found = np.int32(at + size)
                break
        ends[row] = found


@kernel("void(const i32[], const u8[], const u8[], i32[])")
def _match_prefix(offsets: Rows, data: Bytes, needle: Bytes, ends: Rows) -> None:
    size = len(needle)
    for row in range(len(ends)):
        start = np.int64(offsets[row])
        fits = start + size <= np.int64(offsets[row + 1]) and _matches(data, start, needle)
        ends[row] = np.int32(start + size) if fits else np.int32(-1)


@kernel("void(const i32[], const u8[], const u8[], i32[])")
def _match_suffix(offsets: Rows, data: Bytes, needle: Bytes, ends: Rows) -> None:
    size = len(needle)
    for row in range(len(ends)):
        start = np.int64(offsets[row + 1]) - size
        if ends[row] >= 0 and (start < np.int64(ends[row]) or not _matches(data, start, needle)):
            ends[row] = np.int32(-1)


def match_segments(text: pa.Array, segments: Sequence[str]) -> pa.Array:
    """Return whether texts are the segments in order with anything between them.

    Parameters
    ----------
    text
        A plain string array.
    segments
        At least two; an empty first (last) one leaves the start (end) open, other empty ones mean nothing.
    """
    offsets, data = text_of(text)
    prefix, *middle, suffix = (np.frombuffer(segment.encode(), dtype=np.uint8) for segment in segments)
    middle = [segment for segment in middle if len(segment)]
    ends = np.empty(len(text), dtype=np.int32)
    if not len(prefix) and middle:
        _find_first(offsets, data, middle.pop(0), ends)
    else:
        _match_prefix(offsets, data, prefix, ends)
    for segment in middle:
        _find_next(offsets, data, segment, ends)
    if len(suffix):
        _match_suffix(offsets, data, suffix, ends)
    return bools_from(ends >= 0, validity(text))
