"""Order of byte strings: radix sort on eight bytes at a time, refining only where strings still tie."""

from __future__ import annotations

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Longs, Rows, Words, missing, rows_out
from .compile import device, kernel
from .sorting import argsort

_S8 = np.uint64(8)


@device
def big_endian_word(data: Bytes, start: int, stop: int) -> np.uint64:
    """Return up to eight bytes as a word whose unsigned order is theirs, zero-padded."""
    word = np.uint64(0)
    for k in range(8):
        word <<= _S8
        if start + k < stop:
            word |= np.uint64(data[start + k])
    return word


@kernel(
    "void(const i32[], const u8[], const i32[], i64, u64[], u64[])",
    "void(const i64[], const u8[], const i32[], i64, u64[], u64[])",
)
def _prefixes(offsets: Longs | Rows, data: Bytes, rows: Rows, depth: int, out: Words, lengths: Words) -> None:
    """For each row, the eight bytes from ``depth`` on, and how many of the string's bytes they cover (0 to 9)."""
    for i in range(len(rows)):
        start, stop = np.int64(offsets[rows[i]]) + depth, np.int64(offsets[rows[i] + 1])
        out[i] = big_endian_word(data, start, stop)
        lengths[i] = np.uint64(max(0, min(9, stop - start)))


@kernel("i64(const u64[], const u64[], const u64[], u64[], u8[])")
def _split_ties(segments: Words, prefixes: Words, lengths: Words, next_segments: Words, open_rows: Bits) -> int:
    """Number runs of equal (segment, prefix, length); mark rows of runs that need more bytes; return the runs."""
    n = len(segments)
    run = 0
    start = 0
    for i in range(1, n + 1):
        if i < n and segments[i] == segments[i - 1] and prefixes[i] == prefixes[i - 1] and lengths[i] == lengths[i - 1]:
            continue
        more = np.uint8(i - start > 1 and lengths[start] == np.uint64(9))
        for j in range(start, i):
            next_segments[j] = np.uint64(run)
            open_rows[j] = more
        start = i
        run += 1
    return run


@kernel("void(const i32[], const u64[], i32[])")
def _scatter_ranks(order: Rows, segments: Words, ranks: Rows) -> None:
    for i in range(len(order)):
        ranks[np.uint32(order[i])] = np.int32(segments[i])


@kernel("i64(const u8[], i64, i64, i32[], i32[])")
def _split_nulls(bits: Bits, bit_offset: int, n: int, valid: Rows, null: Rows) -> int:
    k = 0
    for i in range(n):
        if missing(bits, bit_offset + i):
            null[i - k] = np.int32(i)
        else:
            valid[k] = np.int32(i)
            k += 1
    return k


def text_ranks(
    offsets: Longs | Rows, data: Bytes, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None
) -> Rows:
    """Return dense ranks of byte strings: equal strings share one, lesser bytes have lesser ones, nulls have 0.

    Widened to words, ranks are a sort key like any other.
    """
    n = len(offsets) - 1
    ranks = rows_out(out, n)
    valid, null = np.empty(n, np.int32), np.empty(n, np.int32)
    count = _split_nulls(bits, bit_offset, n, valid, null)
    order, segments = _text_order(offsets, data, valid[:count])
    ranks[null[: n - count]] = 0
    _scatter_ranks(order, segments, ranks)
    return ranks


def text_argsort(offsets: Longs | Rows, data: Bytes, *, out: Rows | None = None) -> Rows:
    """Return the stable order of byte strings by their bytes, a prefix before what it begins."""
    rows = np.arange(len(offsets) - 1, dtype=np.int32)
    order, _ = _text_order(offsets, data, rows)
    result = rows_out(out, len(order))
    result[:] = order
    return result


def _text_order(offsets: Longs | Rows, data: Bytes, rows: Rows) -> tuple[Rows, Words]:
    """Return the rows in order and, per position, the number of its run of equal strings."""
    n = len(rows)
    order = rows.copy()
    segments = np.zeros(n, dtype=np.uint64)
    active = np.arange(n, dtype=np.int64)
    depth = 0
    while len(active):
        part, part_segments = order[active], segments[active]
        prefixes, lengths = np.empty(len(part), np.uint64), np.empty(len(part), np.uint64)
        _prefixes(offsets, data, part, depth, prefixes, lengths)
        by = argsort([part_segments, prefixes, lengths])
        order[active] = part[by]
        next_segments, open_rows = np.empty(len(part), np.uint64), np.empty(len(part), np.uint8)
        _split_ties(part_segments[by], prefixes[by], lengths[by], next_segments, open_rows)
        segments = _renumber(segments, active, next_segments)
        active = active[open_rows.view(np.bool_)]
        depth += 8
    return order, segments


def _renumber(segments: Words, active: Longs, within: Words) -> Words:
    """Number the runs of all positions anew after the active ones were split."""
    n = len(segments)
    finer = np.zeros(n, dtype=np.uint64)
    finer[active] = within
    starts = np.empty(n, dtype=np.bool_)
    starts[0] = False
    starts[1:] = (segments[1:] != segments[:-1]) | (finer[1:] != finer[:-1])
    return np.cumsum(starts).astype(np.uint64)
