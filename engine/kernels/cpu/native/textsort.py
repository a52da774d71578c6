"""Order of byte strings, by their bytes as unsigned numbers, a prefix before what it begins.

Where strings repeat, the distinct ones are sorted and the rows take their ranks. Otherwise a radix sort on some words
at a time, after the bytes that all strings begin with, refining only where strings still tie.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Longs, Number, Rows, Words, missing, rows_out
from .calls import Calls
from .compile import device, instruction, kernel
from .gathering import take_bytes
from .hashing import short_word
from .parallel import Threads, each, each_later, parts_of, spans_of
from .sorting import argsort
from .textgroups import BytesGroups

load_unaligned = instruction("load_unaligned")

# Repetition is judged on this many rows: if at most half are distinct, sorting distinct strings pays.
_SAMPLE = 8192
_TELLING = 16
# Rows that threads number at a time, and different strings that there is room for at first, at most.
_AT_A_TIME, _EXPECTED = 1 << 16, 1 << 18
# Rows that tell by how many words strings differ.
_COMPARED = 1 << 11
# Strings that are numbered before their number of different ones tells, too, whether they repeat; fewer are in a share.
_NUMBERED = 1 << 17
# Words that strings are sorted by at a time, and of how many rows one may tie by fewer.
_MOST_WORDS, _TIED = 3, 16
# Different strings that are ranked by all threads.
_RANKED_BY_ALL = 1 << 18

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
    "void(const i32[], const u8[], const i32[], i64, i64, i64, u64[,], u8[])",
    "void(const i64[], const u8[], const i32[], i64, i64, i64, u64[,], u8[])",
)
def _words_of_rows(
    offsets: Longs | Rows, data: Bytes, rows: Rows, first: int, last: int, depth: int, out: Any, lengths: Bytes
) -> None:
    """For each of some rows, the bytes from ``depth`` on as words, and how many there are, at most one too many."""
    most = np.int64(8 * len(out) + 1)
    for i in range(first, last):
        start, stop = np.int64(offsets[rows[i]]) + depth, np.int64(offsets[rows[i] + 1])
        for word in range(len(out)):
            out[word, i] = big_endian_word(data, start + 8 * word, stop)
        lengths[i] = np.uint8(max(np.int64(0), min(most, stop - start)))


@kernel("void(const i32[], const u8[], i64, u64, u64[])")
def text_prefixes(offsets: Rows, data: Bytes, skipped: int, flip: int, out: Words) -> None:
    """Write words of the strings' first eight bytes after some, ordered like them.

    All bits of ``flip`` set reverse the order.
    """
    for i in range(len(out)):
        out[i] = big_endian_word(data, np.int64(offsets[i]) + skipped, np.int64(offsets[i + 1])) ^ flip


@kernel("void(const u64[], const i32[], i64, i64, u8[])")
def _mark_changes(values: Words, order: Rows, first: int, last: int, begins: Bits) -> None:
    """Mark the positions of some rows, taken in ``order``, where a value is another than the one before."""
    previous = values[np.uint32(order[max(first - 1, 0)])]
    for i in range(first, last):
        value = values[np.uint32(order[i])]
        begins[i] |= np.uint8(value != previous)
        previous = value


@kernel("void(const u8[], const u8[], const i32[], i64, u8[])")
def _mark_open(begins: Bits, lengths: Bytes, order: Rows, least: int, open_rows: Bits) -> None:
    """Mark the rows of runs that tie, where the first one's string has so many bytes."""
    n = len(order)
    start = 0
    for i in range(1, n + 1):
        if i < n and not begins[i]:
            continue
        more = np.uint8(i - start > 1 and np.int64(lengths[np.uint32(order[start])]) >= least)
        for j in range(start, i):
            open_rows[j] = more
        start = i


@kernel("void(const u8[], u64[])")
def _number_runs(begins: Bits, out: Words) -> None:
    """Give numbers, from 0 on, to the runs that begin where it is marked."""
    run = np.uint64(0)
    for i in range(len(begins)):
        if i > 0:
            run += np.uint64(begins[i])
        out[i] = run


@kernel("void(const i32[], const u64[], i32[])")
def _scatter_ranks(order: Rows, segments: Words, ranks: Rows) -> None:
    for i in range(len(order)):
        ranks[np.uint32(order[i])] = np.int32(segments[i])


@kernel("void(const i32[], const i32[], i64[])", "void(const i32[], const i32[], i32[])")
def _ranks_of_groups(ids: Rows, ranks: Rows, out: Rows | Longs) -> None:
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

    Threads, where given, share the work. The ranks of strings begin at 0 and leave no gaps. Widened to words they are a
    sort key like any other.
    """
    n = len(offsets) - 1
    ranks = rows_out(out, n)
    if rank_repeated([Texts(offsets, data, bits, bit_offset)], [ranks], threads) is not None:
        return ranks
    rows = np.empty(n + 1, dtype=np.int32)
    rows = rows[: _valid_rows(bits, bit_offset, n, rows)]
    order, segments = _text_order(offsets, data, rows, threads)
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
    wide: Sequence[Longs] | None = None,
) -> tuple[Longs, Bytes] | None:
    """Write the ranks of all pieces' strings, nulls having any, if strings repeat; return each rank's string.

    Ranks are written to ``wide``, where that is given, and something to ``out``.

    Each thread gives the strings of some pieces numbers; the distinct ones of all are ranked, if they are few by one
    thread, while the others have something to do ``meanwhile``; then the rows.

    Returns
    -------
    tuple or None
        Offsets and data of the distinct strings in order; None, and nothing done, where strings hardly repeat.
    """
    total, count = sum(len(piece.offsets) - 1 for piece in pieces), 1 if threads is None else threads.count
    expected = _repeated(pieces[0], total)
    if expected is None:
        return None
    telling = min(_NUMBERED, total // count)  # which one of the threads gets
    shares = [
        (Texts(offsets[start : stop + 1], data, bits, bit_offset + start), piece, slice(start, stop))
        for piece, (offsets, data, bits, bit_offset) in enumerate(pieces)
        for start, stop in spans_of(len(offsets) - 1, -(-(len(offsets) - 1) // _AT_A_TIME))
    ]
    parts = dict[int, BytesGroups]()
    takers = [0] * len(shares)
    numbers, given_up = itertools.count(), list[int]()

    def number(part: int) -> None:
        numbered = 0
        while not given_up and (share := next(numbers)) < len(shares):
            groups = parts.get(part) or parts.setdefault(part, BytesGroups(expected))
            (offsets, data, bits, bit_offset), piece, rows = shares[share]
            groups.insert(offsets, data, bits=bits, bit_offset=bit_offset, out=out[piece][rows])
            takers[share] = part
            numbered += len(offsets) - 1
            if numbered >= telling and 2 * len(groups) > numbered:
                given_up.append(numbered)

    each(number, count, threads)
    if given_up:
        return None
    if sum(map(len, parts.values())) >= _RANKED_BY_ALL:
        ranked = _ranked(parts, threads)
        each(lambda step: meanwhile[step](), len(meanwhile), threads)
    else:
        made: list[_Ranked] = []
        steps = [lambda: made.append(_ranked(parts, None)), *meanwhile]
        each(lambda step: steps[step](), len(steps), threads)
        [ranked] = made
    ranks: Sequence[Rows | Longs] = out if wide is None else wide

    def rank(share: int, calls: Calls) -> None:
        _, piece, rows = shares[share]
        calls.add(_ranks_of_groups, out[piece][rows], ranked.ranks[takers[share]], ranks[piece][rows])

    each_later(rank, len(shares), threads)
    return ranked.distinct


class _Ranked(NamedTuple):
    """The rank of each string of each grouping, by the groupings' numbers, and all strings in order."""

    ranks: dict[int, Rows]
    distinct: tuple[Longs, Bytes]


def _ranked(parts: Mapping[int, BytesGroups], threads: Threads | None) -> _Ranked:
    """Rank the strings of several groupings, of which the first one takes up those of the others."""
    whole = next(iter(parts.values()))
    own, places = len(whole), dict[int, Rows]()
    for number, groups in parts.items():
        if groups is not whole:
            valid = np.ones(len(groups), dtype=np.bool_)
            if groups.null_group >= 0:
                valid[groups.null_group] = False
            places[number] = whole.insert(*groups.keys(), bits=np.packbits(valid, bitorder="little"))
    ranks, order = _distinct_ranks(*whole.keys(), whole.null_group, threads)
    of_parts = {number: ranks[places[number]] if number in places else ranks[:own] for number in parts}
    return _Ranked(of_parts, take_bytes(*whole.keys(), order))


def text_argsort(offsets: Longs | Rows, data: Bytes, *, out: Rows | None = None) -> Rows:
    """Return the stable order of byte strings."""
    n = len(offsets) - 1
    if _repeated(Texts(offsets, data, NO_BITS, 0), n) is not None:
        words = np.empty(n, dtype=np.uint64)
        _widen(text_ranks(offsets, data), words)
        return argsort([words], out=out)
    result = rows_out(out, n)
    result[:] = _text_order(offsets, data, np.arange(n, dtype=np.int32), None)[0]
    return result


def _repeated(texts: Texts, total: int) -> int | None:
    """Return about how many different ones there are of so many strings, if one occurs four times or more on average.

    None where not, as far as the first ones tell: of ``s`` strings drawn from ``d`` about ``s * s / (2 * d)`` repeat an
    earlier one, while those are few.
    """
    if len(texts.offsets) <= _SAMPLE:
        return None
    sample = BytesGroups(_SAMPLE)
    sample.insert(texts.offsets[: _SAMPLE + 1], texts.data, bits=texts.bits, bit_offset=texts.bit_offset)
    repeated = _SAMPLE - len(sample)
    if repeated < _TELLING or repeated * total < 2 * _SAMPLE * _SAMPLE:
        return None
    if 4 * len(sample) <= _SAMPLE:
        return 2 * len(sample)  # nearly all of them have been met
    return min(_SAMPLE * _SAMPLE // repeated * 5 // 8, _EXPECTED)


def _distinct_ranks(offsets: Longs, data: Bytes, null_group: int, threads: Threads | None) -> tuple[Rows, Rows]:
    """Return the rank of each group's string, 0 for the group of nulls, and the other groups in order."""
    rows = np.arange(len(offsets) - 1, dtype=np.int32)
    if null_group >= 0:
        rows = np.delete(rows, null_group)
    order, segments = _text_order(offsets, data, rows, threads)
    ranks = np.zeros(len(offsets) - 1, dtype=np.int32)
    _scatter_ranks(order, segments, ranks)
    return ranks, order


def _text_order(offsets: Longs | Rows, data: Bytes, rows: Rows, threads: Threads | None) -> tuple[Rows, Words]:
    """Return the rows in order and, per position, the number of its run of equal strings.

    Rows are sorted by several words at a time, those that still tie by the next ones.
    """
    if not len(rows):
        return rows, np.empty(0, dtype=np.uint64)
    depth = _common_prefix(offsets, data, rows)
    # Where bytes may be zero, words do not tell a string from the same with zeros behind it.
    has_zeros = not data[int(offsets[0]) : int(offsets[-1])].all()
    width = _words_that_tell(offsets, data, rows, depth)

    def ordered(some: Rows, runs: Sequence[Words]) -> tuple[Rows, Bits, Longs]:
        """Return rows in order of their runs and next words, which begin a run, and the positions that still tie."""
        keys = _Keys.of(offsets, data, some, depth, width, threads)
        lengths = [keys.lengths.astype(np.uint64)] if has_zeros else []
        by = argsort([*runs, *keys.words, *lengths], threads=threads)
        changes = _changes([*runs, *keys.words, *lengths], by, threads)
        open_rows = np.empty(len(some), dtype=np.uint8)
        _mark_open(changes, keys.lengths, by, 8 * width, open_rows)
        return some[by], changes, np.flatnonzero(open_rows)

    order, begins, active = ordered(rows, [])
    while len(active):
        depth += 8 * width
        order[active], changes, still = ordered(order[active], [_numbers(begins[active])])
        begins[active] |= changes
        active = active[still]
    return order, _numbers(begins)


def _numbers(begins: Bits) -> Words:
    """Return the number of each position's run, from 0 on."""
    runs = np.empty(len(begins), dtype=np.uint64)
    _number_runs(begins, runs)
    return runs


def _changes(words: Sequence[Words], order: Rows, threads: Threads | None) -> Bits:
    """Return which rows, taken in ``order``, differ from the one before in any word."""
    begins = np.zeros(len(order), dtype=np.uint8)
    spans = parts_of(len(order), threads)

    def mark(part: int) -> None:
        for word in words:
            _mark_changes(word, order, *spans[part], begins)

    each(mark, len(spans), threads)
    return begins


class _Keys(NamedTuple):
    """Words that some rows are sorted by, and how many bytes each has from where they begin on."""

    words: list[Words]
    lengths: Bytes

    @classmethod
    def of(
        cls, offsets: Longs | Rows, data: Bytes, rows: Rows, depth: int, width: int, threads: Threads | None
    ) -> _Keys:
        """Return so many words of each row's string from ``depth`` on."""
        words, lengths = np.empty((width, len(rows)), dtype=np.uint64), np.empty(len(rows), dtype=np.uint8)
        spans = parts_of(len(rows), threads)
        each(lambda part: _words_of_rows(offsets, data, rows, *spans[part], depth, words, lengths), len(spans), threads)
        return cls(list(words), lengths)


def _words_that_tell(offsets: Longs | Rows, data: Bytes, rows: Rows, depth: int) -> int:
    """Return by how many words most strings differ from ``depth`` on, as far as some rows tell."""
    if len(rows) <= _COMPARED:
        return 1
    some = np.ascontiguousarray(rows[:: len(rows) // _COMPARED])
    words = np.array(_Keys.of(offsets, data, some, depth, _MOST_WORDS, None).words)
    words = words[:, np.lexsort(words[::-1])]
    distinct = np.logical_or.accumulate(words[:, 1:] != words[:, :-1]).sum(axis=1)
    enough = distinct[-1] - len(some) // _TIED
    return next(count for count, found in enumerate(distinct, 1) if found >= enough)
