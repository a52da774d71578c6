"""Order of byte strings, by their bytes as unsigned numbers, a prefix before what it begins.

Where strings repeat, the distinct ones are sorted and the rows take their ranks. Otherwise a radix sort on eight bytes
at a time, after the bytes that all strings begin with, refining only where strings still tie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Longs, Number, Rows, Words, missing, rows_out
from .compile import device, instruction, kernel
from .gathering import take_bytes
from .hashing import short_word
from .parallel import Threads, each, mapped, spans_of
from .sorting import argsort
from .textgroups import BytesGroups

load_unaligned = instruction("load_unaligned")

# Repetition is judged on this many rows: if at most half are distinct, sorting distinct strings pays.
_SAMPLE = 8192
_TELLING = 16

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_EIGHT, _SIXTEEN, _HALF = np.uint64(8), np.uint64(16), np.uint64(32)
_ODD_BYTES = np.uint64(0x00FF00FF00FF00FF)
_ODD_PAIRS = np.uint64(0x0000FFFF0000FFFF)


@device
def byte_swap(word: Number) -> Number:
    """Reverse the order of a word's bytes."""
    word = ((word >> _EIGHT) & _ODD_BYTES) | ((word & _ODD_BYTES) << _EIGHT)
    word = ((word >> _SIXTEEN) & _ODD_PAIRS) | ((word & _ODD_PAIRS) << _SIXTEEN)
    return (word >> _HALF) | (word << _HALF)


@device
def big_endian_word(data: Bytes, start: Number, stop: Number) -> Number:
    """Return up to eight bytes as a word whose unsigned order is theirs, zero-padded."""
    if stop - start >= 8:
        return byte_swap(load_unaligned(data, start))
    return byte_swap(short_word(data, start, stop)) if stop > start else np.uint64(0)


@kernel(
    "i64(const i32[], const u8[], const i32[])",
    "i64(const i64[], const u8[], const i32[])",
)
def _common_prefix(offsets: Longs | Rows, data: Bytes, rows: Rows) -> int:
    """Count the bytes that all the rows' strings begin with."""
    first = np.int64(offsets[rows[0]])
    common = np.int64(offsets[rows[0] + 1]) - first
    for i in range(1, len(rows)):
        start = np.int64(offsets[rows[i]])
        common = min(common, np.int64(offsets[rows[i] + 1]) - start)
        k = np.int64(0)
        while k < common and data[start + k] == data[first + k]:
            k += 1
        common = k
        if common == 0:
            break
    return int(common)


@kernel(
    "void(const i32[], const u8[], const i32[], i64, u64[], u64[])",
    "void(const i64[], const u8[], const i32[], i64, u64[], u64[])",
)
def _prefixes(offsets: Longs | Rows, data: Bytes, rows: Rows, depth: int, out: Words, lengths: Words) -> None:
    """For each row, the eight bytes from ``depth`` on, and how many the string has there (9 for more than 8)."""
    for i in range(len(rows)):
        start, stop = np.int64(offsets[rows[i]]) + depth, np.int64(offsets[rows[i] + 1])
        out[i] = big_endian_word(data, start, stop)
        lengths[i] = np.uint64(max(np.int64(0), min(np.int64(9), stop - start)))


@kernel("void(const i32[], const u8[], u64, u64[])")
def text_prefixes(offsets: Rows, data: Bytes, flip: int, out: Words) -> None:
    """Write words of the strings' first eight bytes, ordered like them; all bits of ``flip`` set reverse the order."""
    for i in range(len(out)):
        out[i] = big_endian_word(data, np.int64(offsets[i]), np.int64(offsets[i + 1])) ^ flip


@kernel("void(const u64[], const u64[], const u64[], const i32[], u64[], u8[])")
def _split_ties(
    segments: Words, prefixes: Words, lengths: Words, order: Rows, next_segments: Words, open_rows: Bits
) -> None:
    """Give numbers to the runs of rows, taken in ``order``, that still tie; mark those that need more bytes."""
    n = len(order)
    run = 0
    start = 0
    for i in range(1, n + 1):
        if i < n:
            a, b = np.uint32(order[i - 1]), np.uint32(order[i])
            if prefixes[a] == prefixes[b] and lengths[a] == lengths[b] and segments[a] == segments[b]:
                continue
        more = np.uint8(i - start > 1 and lengths[np.uint32(order[start])] == np.uint64(9))
        for j in range(start, i):
            next_segments[j] = np.uint64(run)
            open_rows[j] = more
        start = i
        run += 1


@kernel("void(u64[], const i64[], const u64[])")
def _refine(segments: Words, active: Longs, within: Words) -> None:
    """Give all positions' runs new numbers, after the active ones were split into runs ``within``."""
    shift = np.uint64(0)
    k = 0
    previous = segments[0]
    previous_run = _ALL
    for i in range(len(segments)):
        run = _ALL
        if k < len(active) and active[k] == i:
            run = within[k]
            k += 1
        if i > 0 and segments[i] == previous and run != previous_run:
            shift += np.uint64(1)
        previous = segments[i]
        previous_run = run
        segments[i] = previous + shift


@kernel("void(const i32[], const u64[], i32[])")
def _scatter_ranks(order: Rows, segments: Words, ranks: Rows) -> None:
    for i in range(len(order)):
        ranks[np.uint32(order[i])] = np.int32(segments[i])


@kernel("void(const i32[], const i32[], i32[])")
def _ranks_of_groups(ids: Rows, ranks: Rows, out: Rows) -> None:
    for i in range(len(ids)):
        out[i] = ranks[np.uint32(ids[i])]


@kernel("i64(const u8[], i64, i64, i32[])")
def _valid_rows(bits: Bits, bit_offset: int, n: int, out: Rows) -> int:
    k = 0
    for i in range(n):
        out[k] = np.int32(i)
        k += not missing(bits, bit_offset + i)
    return k


@kernel("void(const i32[], u64[])")
def _widen(ranks: Rows, out: Words) -> None:
    for i in range(len(ranks)):
        out[i] = np.uint64(ranks[i])


def text_ranks(
    offsets: Longs | Rows,
    data: Bytes,
    *,
    bits: Bits = NO_BITS,
    bit_offset: int = 0,
    out: Rows | None = None,
    threads: Threads | None = None,
) -> Rows:
    """Return ranks of byte strings: equal strings share one, lesser bytes have lesser ones, nulls have 0.

    Threads, where given, share the work where strings repeat.

    The ranks of strings begin at 0 and leave no gaps. Widened to words they are a sort key like any other.
    """
    n = len(offsets) - 1
    ranks = rows_out(out, n)
    spans = spans_of(n, 1 if threads is None else threads.count)
    pieces = [Texts(offsets[start : stop + 1], data, bits, bit_offset + start) for start, stop in spans]
    if rank_repeated(pieces, [ranks[start:stop] for start, stop in spans], threads) is not None:
        return ranks
    rows = np.empty(n + 1, dtype=np.int32)
    rows = rows[: _valid_rows(bits, bit_offset, n, rows)]
    order, segments = _text_order(offsets, data, rows)
    ranks[:] = 0
    _scatter_ranks(order, segments, ranks)
    return ranks


class Texts(NamedTuple):
    """Byte strings ``data[offsets[i]:offsets[i + 1]]`` and their validity."""

    offsets: Longs | Rows
    data: Bytes
    bits: Bits
    bit_offset: int


def rank_repeated(
    pieces: Sequence[Texts],
    out: Sequence[Rows],
    threads: Threads | None,
    meanwhile: Sequence[Callable[[], None]] = (),
) -> tuple[Longs, Bytes] | None:
    """Write the ranks of all pieces' strings, nulls having any, if strings repeat; return each rank's string.

    Each thread gives the strings of some pieces numbers; the distinct ones of all are ranked by one, while the others
    have something to do ``meanwhile``; then the rows.

    Returns
    -------
    tuple or None
        Offsets and data of the distinct strings in order; None, and nothing done, where strings hardly repeat.
    """
    if not _repeats(pieces[0], sum(len(piece.offsets) - 1 for piece in pieces)):
        return None
    spans = spans_of(len(pieces), min(len(pieces), 1 if threads is None else threads.count))

    def number(span: tuple[int, int]) -> BytesGroups:
        groups = BytesGroups()
        for (offsets, data, bits, bit_offset), rows in zip(pieces[slice(*span)], out[slice(*span)], strict=True):
            groups.insert(offsets, data, bits=bits, bit_offset=bit_offset, out=rows)
        return groups

    parts = mapped(number, spans, threads)
    ranked: list[_Ranked] = []
    steps = [lambda: ranked.append(_ranked(parts)), *meanwhile]
    each(lambda step: steps[step](), len(steps), threads)
    [(places, of_group, distinct)] = ranked

    def rank(part: int) -> None:
        of_own = of_group[places[part]]
        for rows in out[slice(*spans[part])]:
            _ranks_of_groups(rows, of_own, rows)

    each(rank, len(spans), threads)
    return distinct


class _Ranked(NamedTuple):
    """Which of all strings those of each grouping are, the rank of each of all, and all in order."""

    places: list[Rows]
    ranks: Rows
    distinct: tuple[Longs, Bytes]


def _ranked(parts: Sequence[BytesGroups]) -> _Ranked:
    whole, places = parts[0], []
    for groups in parts:
        valid = np.ones(len(groups), dtype=np.bool_)
        if groups.null_group >= 0:
            valid[groups.null_group] = False
        if groups is whole:
            places.append(np.arange(len(groups), dtype=np.int32))
        else:
            places.append(whole.insert(*groups.keys(), bits=np.packbits(valid, bitorder="little")))
    ranks, order = _distinct_ranks(*whole.keys(), whole.null_group)
    return _Ranked(places, ranks, take_bytes(*whole.keys(), order))


def text_argsort(offsets: Longs | Rows, data: Bytes, *, out: Rows | None = None) -> Rows:
    """Return the stable order of byte strings."""
    n = len(offsets) - 1
    if _repeats(Texts(offsets, data, NO_BITS, 0), n):
        words = np.empty(n, dtype=np.uint64)
        _widen(text_ranks(offsets, data), words)
        return argsort([words], out=out)
    result = rows_out(out, n)
    result[:] = _text_order(offsets, data, np.arange(n, dtype=np.int32))[0]
    return result


def _repeats(texts: Texts, total: int) -> bool:
    """Return whether of so many strings one occurs four times or more on average, as far as the first ones tell.

    Of ``s`` strings drawn from ``d`` about ``s * s / (2 * d)`` repeat an earlier one, while those are few.
    """
    if len(texts.offsets) <= _SAMPLE:
        return False
    sample = BytesGroups()
    sample.insert(texts.offsets[: _SAMPLE + 1], texts.data)
    repeated = _SAMPLE - len(sample)
    return repeated >= _TELLING and repeated * total >= 2 * _SAMPLE * _SAMPLE


def _distinct_ranks(offsets: Longs, data: Bytes, null_group: int) -> tuple[Rows, Rows]:
    """Return the rank of each group's string, 0 for the group of nulls, and the other groups in order."""
    rows = np.arange(len(offsets) - 1, dtype=np.int32)
    if null_group >= 0:
        rows = np.delete(rows, null_group)
    order, segments = _text_order(offsets, data, rows)
    ranks = np.zeros(len(offsets) - 1, dtype=np.int32)
    _scatter_ranks(order, segments, ranks)
    return ranks, order


def _text_order(offsets: Longs | Rows, data: Bytes, rows: Rows) -> tuple[Rows, Words]:
    """Return the rows in order and, per position, the number of its run of equal strings."""
    n = len(rows)
    order = rows.copy()
    segments = np.zeros(n, dtype=np.uint64)
    active = np.arange(n, dtype=np.int64)
    depth = _common_prefix(offsets, data, rows) if n else 0
    while len(active):
        part, part_segments = order[active], segments[active]
        prefixes, lengths = np.empty(len(part), np.uint64), np.empty(len(part), np.uint64)
        _prefixes(offsets, data, part, depth, prefixes, lengths)
        by = argsort([part_segments, prefixes, lengths])
        order[active] = part[by]
        next_segments, open_rows = np.empty(len(part), np.uint64), np.empty(len(part), np.uint8)
        _split_ties(part_segments, prefixes, lengths, by, next_segments, open_rows)
        _refine(segments, active, next_segments)
        active = active[open_rows.view(np.bool_)]
        depth += 8
    return order, segments
