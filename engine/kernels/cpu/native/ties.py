"""Rows whose sort keys have more than 64 bits: those that a `BucketSort` by the first 64 of them leaves tied.

Mostly they are few, or tied to few others each, so that they are sorted in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .arrays import Longs, Rows, Words
from .bucketsort import BucketSort, sort_within
from .compile import kernel
from .gathering import put, take
from .packing import add_key, set_key
from .parallel import Threads, each, spans_of
from .reuse import borrow
from .sorting import argsort

_PARTS = 8
_LONG_RUN = 1 << 18
"""Tied rows that no longer fit the cache."""


class Rest(NamedTuple):
    """A further word of all rows.

    Attributes
    ----------
    words
        By chunk.
    least, width
        Words less ``least``, which may be negative, have so many bits.
    """

    words: Sequence[Words]
    least: int
    width: int


@kernel("void(const u64[], i64, i64, i64[])")
def _count_tied(words: Words, start: int, stop: int, out: Longs) -> None:
    """Count the words from ``start`` to ``stop`` that equal the one before or after them, and the first ones of these.

    Words ascend.
    """
    tied, runs = 0, 0
    for i in range(start, stop):
        after = i > 0 and words[i] == words[i - 1]
        before = i + 1 < len(words) and words[i] == words[i + 1]
        tied += after or before
        runs += before and not after
    out[0] = tied
    out[1] = runs


@kernel("void(const u64[], i64, i64, i64, i32[], i64[])")
def _list_tied(words: Words, start: int, stop: int, base: int, positions: Rows, bounds: Longs) -> None:
    """List the words that `_count_tied` counts, and which of them are first, counting from ``base``."""
    tied, runs = 0, 0
    for i in range(start, stop):
        after = i > 0 and words[i] == words[i - 1]
        before = i + 1 < len(words) and words[i] == words[i + 1]
        if before and not after:
            bounds[runs] = base + tied
            runs += 1
        if after or before:
            positions[tied] = np.int32(i)
            tied += 1


@kernel("void(const u64[], i64, i64, i64[])")
def _list_runs(words: Words, start: int, stop: int, bounds: Longs) -> None:
    """List the words from ``start`` to ``stop`` that differ from the one before them."""
    runs = 0
    for i in range(start, stop):
        if i == 0 or words[i] != words[i - 1]:
            bounds[runs] = i
            runs += 1


def break_ties(sort: BucketSort, further: Sequence[Rest], threads: Threads | None) -> None:
    """Order rows that are tied so far by further words, most significant first; the others stay.

    Parameters
    ----------
    sort
        Rows in the order of their first words, whose columns can follow.
    further
        At least one word of each row.
    threads
        Threads to share the work with.
    """
    spans = spans_of(len(sort.words), 1 if threads is None else _PARTS)
    counts = np.empty((len(spans), 2), dtype=np.int64)
    each(lambda part: _count_tied(sort.words, *spans[part], counts[part]), len(spans), threads)
    if not counts.any():
        return
    if 2 * counts[:, 0].sum() < len(sort.words):
        positions, bounds = _tied_rows(sort.words, spans, counts, threads)
        numbers = _taken(sort.numbers, positions, threads)
        _sort_runs(sort, numbers, bounds, further, threads)
        parts = [slice(*span) for span in spans_of(len(numbers), len(spans))]
        each(lambda part: put(numbers[parts[part]], positions[parts[part]], sort.numbers), len(parts), threads)
    else:
        _sort_runs(sort, sort.numbers, _all_runs(sort.words, spans, counts, threads), further, threads)


def _tied_rows(
    words: Words, spans: Sequence[tuple[int, int]], counts: Longs, threads: Threads | None
) -> tuple[Rows, Longs]:
    """Return the positions of tied words, and where runs of equal ones begin among them."""
    ends, firsts = ([0, *accumulate(counts[:, i].tolist())] for i in (0, 1))
    positions, bounds = borrow(ends[-1], np.int32), np.empty(firsts[-1] + 1, dtype=np.int64)
    bounds[-1] = ends[-1]

    def find(part: int) -> None:
        runs = bounds[firsts[part] : firsts[part + 1]]
        _list_tied(words, *spans[part], ends[part], positions[ends[part] : ends[part + 1]], runs)

    each(find, len(spans), threads)
    return positions, bounds


def _all_runs(words: Words, spans: Sequence[tuple[int, int]], counts: Longs, threads: Threads | None) -> Longs:
    """Return where runs of equal words begin, each of those that are not tied being one."""
    own = [stop - start - tied + runs for (start, stop), (tied, runs) in zip(spans, counts.tolist(), strict=True)]
    firsts = [0, *accumulate(own)]
    bounds = np.empty(firsts[-1] + 1, dtype=np.int64)
    bounds[-1] = len(words)
    each(lambda part: _list_runs(words, *spans[part], bounds[firsts[part] : firsts[part + 1]]), len(spans), threads)
    return bounds


def _sort_runs(
    sort: BucketSort, numbers: Rows, bounds: Longs, further: Sequence[Rest], threads: Threads | None
) -> None:
    """Put the numbers of rows, of the sort, in the order of further words between bounds each."""
    columns = [_taken(sort.bucketed(rest.words, np.dtype(np.uint64)), numbers, threads) for rest in further]
    packed = [_packed(columns, further, threads)] if sum(rest.width for rest in further) <= 64 else []
    sizes = np.diff(bounds)
    if packed and sizes.max() <= _LONG_RUN:
        sort_within(packed[0], numbers, bounds, 0, 0, threads)
    else:
        runs = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
        apart = [column - np.uint64(rest.least % 2**64) for column, rest in zip(columns, further, strict=True)]
        numbers[:] = _taken(numbers, argsort([runs, *(packed or apart)], threads=threads), threads)


def _taken(values: NDArray[Any], rows: Rows, threads: Threads | None) -> NDArray[Any]:
    """Return values at rows, which the threads share."""
    out = borrow(len(rows), values.dtype)
    spans = spans_of(len(rows), 1 if threads is None else _PARTS)
    each(lambda part: take(values, rows[slice(*spans[part])], out[slice(*spans[part])]), len(spans), threads)
    return out


def _packed(columns: Sequence[Words], further: Sequence[Rest], threads: Threads | None) -> Words:
    """Return words that have 64 bits together as one each, of which those of a run need only be in order."""
    if len(columns) == 1 and further[0].least >= 0:
        return columns[0]
    out: Words = borrow(len(columns[0]), np.uint64)
    spans = spans_of(len(out), 1 if threads is None else _PARTS)
    shifts = [0, *accumulate(rest.width for rest in reversed(further))][-2::-1]

    def pack(part: int) -> None:
        own, put_key = slice(*spans[part]), set_key
        for column, rest, shift in zip(columns, further, shifts, strict=True):
            put_key(column[own], rest.least, shift, out[own])
            put_key = add_key

    each(pack, len(spans), threads)
    return out
