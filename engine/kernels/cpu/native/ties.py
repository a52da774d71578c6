"""Rows whose sort keys have more than 64 bits: those that a `BucketSort` by the first 64 of them leaves tied.

Mostly they are few, or tied to few others each, so that they are sorted in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from .arrays import Longs, Rows, Words
from .bucketsort import AHEAD, BucketSort, sort_within_later, take_later
from .compile import instruction, kernel
from .parallel import Threads
from .phases import Phases, pieces_of
from .reuse import borrow
from .sorting import argsort

prefetch_read = instruction("prefetch_read")

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


@kernel("void(const u64[], i64[,], i64, i64, i64)")
def _count_tied(words: Words, counts: Longs, start: int, stop: int, piece: int) -> None:
    """Count the words from ``start`` to ``stop`` that equal the one before or after them, and the first ones of these.

    Words ascend.
    """
    tied, runs = 0, 0
    for i in range(start, stop):
        after = i > 0 and words[i] == words[i - 1]
        before = i + 1 < len(words) and words[i] == words[i + 1]
        tied += after or before
        runs += before and not after
    counts[piece, 0] = tied
    counts[piece, 1] = runs


@kernel("void(const u64[], i32[], i64[], i64, i64, i64, i64)")
def _list_tied(words: Words, positions: Rows, bounds: Longs, start: int, stop: int, tied: int, runs: int) -> None:
    """List the words that `_count_tied` counts, and which of them are first: each after so many others."""
    for i in range(start, stop):
        after = i > 0 and words[i] == words[i - 1]
        before = i + 1 < len(words) and words[i] == words[i + 1]
        if before and not after:
            bounds[runs] = tied
            runs += 1
        if after or before:
            positions[tied] = np.int32(i)
            tied += 1


@kernel("void(const u64[], i64[], i64, i64, i64)")
def _list_runs(words: Words, bounds: Longs, start: int, stop: int, runs: int) -> None:
    """List the words from ``start`` to ``stop`` that differ from the one before them, after so many others."""
    for i in range(start, stop):
        if i == 0 or words[i] != words[i - 1]:
            bounds[runs] = i
            runs += 1


@kernel("void(const i32[], const i32[], i32[], i64, i64)")
def _put_numbers(numbers: Rows, positions: Rows, out: Rows, start: int, stop: int) -> None:
    for i in range(start, stop):
        out[np.uint32(positions[i])] = numbers[i]


@kernel("void(const u64[], const i32[], u64, u64, i64, u64[], i64, i64)")
def _take_to_keys(
    words: Words, rows: Rows, least: int, shift: int, first: int, keys: Words, start: int, stop: int
) -> None:
    """Add words at rows, less ``least``, to keys from bit ``shift`` on; of a ``first`` one keys are made."""
    last = stop - AHEAD
    for i in range(start, stop):
        if i < last:
            prefetch_read(words, np.int64(rows[i + AHEAD]))
        word = (words[np.uint32(rows[i])] - least) << shift
        keys[i] = word if first != 0 else keys[i] + word


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
    pieces, phases = pieces_of(len(sort.words)), Phases(threads)
    counts = np.empty((len(pieces), 2), dtype=np.int64)
    phases.add(_count_tied, sort.words, counts, numbers=[(*span, piece) for piece, span in enumerate(pieces)])
    phases.run()
    if not counts.any():
        return
    if 2 * counts[:, 0].sum() < len(sort.words):
        positions, bounds = _tied_rows(sort.words, pieces, counts, phases)
        numbers: Rows = borrow(len(positions), np.int32)
        take_later(sort.numbers, positions, numbers, phases)
        _sort_runs(sort, numbers, bounds, further, phases)
        phases.add(_put_numbers, numbers, positions, sort.numbers, numbers=pieces_of(len(numbers)))
    else:
        _sort_runs(sort, sort.numbers, _all_runs(sort.words, pieces, counts, phases), further, phases)
    phases.run()


def _tied_rows(words: Words, pieces: Sequence[tuple[int, int]], counts: Longs, phases: Phases) -> tuple[Rows, Longs]:
    """Return the positions of tied words, and where runs of equal ones begin among them."""
    before = np.vstack([np.zeros(2, dtype=np.int64), counts.cumsum(axis=0)])
    tied, runs = before[-1].tolist()
    positions, bounds = borrow(tied, np.int32), np.empty(runs + 1, dtype=np.int64)
    bounds[-1] = tied
    phases.add(_list_tied, words, positions, bounds, numbers=np.hstack([pieces, before[:-1]]))
    phases.run()
    return positions, bounds


def _all_runs(words: Words, pieces: Sequence[tuple[int, int]], counts: Longs, phases: Phases) -> Longs:
    """Return where runs of equal words begin, each of those that are not tied being one."""
    own = [stop - start - tied + runs for (start, stop), (tied, runs) in zip(pieces, counts.tolist(), strict=True)]
    firsts = [0, *accumulate(own)]
    bounds = np.empty(firsts[-1] + 1, dtype=np.int64)
    bounds[-1] = len(words)
    phases.add(_list_runs, words, bounds, numbers=[(*span, first) for span, first in zip(pieces, firsts, strict=False)])
    phases.run()
    return bounds


def _sort_runs(sort: BucketSort, numbers: Rows, bounds: Longs, further: Sequence[Rest], phases: Phases) -> None:
    """Put the numbers of rows, of the sort, once phases are run in the order of further words between bounds each."""
    together = sum(rest.width for rest in further) <= 64
    shifts = [0, *accumulate(rest.width for rest in reversed(further))][-2::-1] if together else [0] * len(further)
    keys: list[Words] = [borrow(len(numbers), np.uint64) for _ in (further[:1] if together else further)]
    for place, (rest, shift) in enumerate(zip(further, shifts, strict=True)):
        bucketed = borrow(len(sort.words), np.uint64)
        sort.put_later(rest.words, bucketed, phases)
        key, first = (keys[0], place == 0) if together else (keys[place], True)
        phases.add(_take_to_keys, bucketed, numbers, rest.least, shift, first, key, numbers=pieces_of(len(key)))
    sizes = np.diff(bounds)
    if together and sizes.max() <= _LONG_RUN:
        sort_within_later(keys[0], numbers, bounds, 0, 0, phases)
        return
    phases.run()
    runs = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    numbers[:] = numbers[argsort([runs, *keys], threads=phases.threads)]
