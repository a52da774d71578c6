"""Hash joins as gather maps: which probe row meets which build row.

A `JoinIndex` is built once over the whole build side and then only read, so any number of threads may probe it. Results
are row pairs in probe order; for one probe row, in build order.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ....errors import TooManyPairs
from .arrays import NO_BITS, Bits, Longs, Rows, Words, ascending, rows_out
from .calls import Calls
from .compile import instruction, kernel
from .keytable import KeyRows, ProbeKeys, RowLists
from .parallel import Threads
from .reuse import borrow

prefetch_read = instruction("prefetch_read")

# Offsets beyond the second-level cache are prefetched for the row this far ahead.
_LARGE = 1 << 17
_AHEAD = 24
MOST_PAIRS = 1 << 24
"""Pairs that several probe rows may give at once."""


@kernel("i64(const i32[], const i32[], i64)")
def _count_pairs(matches: Rows, offsets: Rows, left: int) -> int:
    total = 0
    last = len(matches) - _AHEAD if len(offsets) > _LARGE else 0
    for i in range(len(matches)):
        if i < last:
            prefetch_read(offsets, np.int64(max(matches[i + _AHEAD], np.int32(0))))
        group = matches[i]
        if group >= 0:
            total += offsets[np.uint32(group) + 1] - offsets[np.uint32(group)]
        else:
            total += left
    return total


@kernel(
    "void(const i32[], const i32[], const i32[], i64, i32[], i32[])",
    "void(const i32[], const i32[], const u64[], i64, i32[], u64[])",
    "void(const i32[], const i32[], const u64[], i64, i32[], u32[])",
)
def _fill_pairs(matches: Rows, offsets: Rows, rows: NDArray[Any], left: int, probe: Rows, build: NDArray[Any]) -> None:
    """List pairs of probing rows and build rows, or the values of these, which have none that stands for no row."""
    k = 0
    last = len(matches) - _AHEAD if len(offsets) > _LARGE else 0
    for i in range(len(matches)):
        if i < last:
            prefetch_read(offsets, np.int64(max(matches[i + _AHEAD], np.int32(0))))
            if i + _AHEAD // 2 < last and matches[i + _AHEAD // 2] >= 0:
                prefetch_read(rows, np.int64(offsets[np.uint32(matches[i + _AHEAD // 2])]))
        group = matches[i]
        if group >= 0:
            for j in range(offsets[np.uint32(group)], offsets[np.uint32(group) + 1]):
                probe[k] = np.int32(i)
                build[k] = rows[j]
                k += 1
        elif left:
            probe[k] = np.int32(i)
            build[k] = np.int32(-1)
            k += 1


@kernel("i64(const i32[], i32[], i32[])")
def _unique_inner(matches: Rows, probe: Rows, build: Rows) -> int:
    k = 0
    for i in range(len(matches)):
        probe[k] = np.int32(i)
        build[k] = matches[i]
        k += matches[i] >= 0
    return k


@kernel("i64(const i32[], i64, i32[])")
def _select(matches: Rows, wanted: int, out: Rows) -> int:
    k = 0
    for i in range(len(matches)):
        out[k] = np.int32(i)
        k += (matches[i] >= 0) == wanted
    return k


def with_partner(partners: Rows) -> tuple[Rows, Rows]:
    """Return the rows that have a partner, -1 standing for none, and it; where all have, ``partners`` itself."""
    if len(partners) and partners.min() >= 0:
        return ascending(len(partners)), partners
    n = len(partners) + 1
    probe, build = rows_out(None, n), rows_out(None, n)
    found = _unique_inner(partners, probe, build)
    return probe[:found], build[:found]


class JoinIndex:
    """The build side of a join: the rows of each 64-bit key, and null keys never match.

    Keys of several words become one first: packed (``packing.KeyPacking``) or numbered (``RowGroups``).

    Parameters
    ----------
    chunks
        Keys of the build side, in order.
    threads
        Threads to share the work with, or None.
    first
        Whether the first build row of each key is enough, as for semi and anti joins.
    values
        By chunk, values of 32 or 64 bits that build rows have, where an inner join wants nothing else of them.

    Attributes
    ----------
    unique
        Whether no key has two build rows, so that a probe row has at most one partner.
    has_values
        Whether values were taken: only `values_each` may be asked then.
    nbytes
        Bytes held.
    """

    def __init__(
        self,
        chunks: Sequence[ProbeKeys],
        *,
        threads: Threads | None = None,
        first: bool = False,
        values: Sequence[NDArray[Any]] | None = None,
    ) -> None:
        self._keys = KeyRows(chunks, threads, first=first, values=values)
        self.has_values = self._keys.has_values
        self.unique = self._keys.lists is None

    @property
    def lists(self) -> RowLists | None:
        """The build rows by match; None where `unique`."""
        return self._keys.lists

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._keys.nbytes

    def match(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the match of each probe key, -1 for none: what the other methods need to know of a probe row."""
        return self._keys.match(words, bits, bit_offset, out)

    def match_each(self, keys: Sequence[ProbeKeys]) -> list[Rows]:
        """Return the matches of several tables' keys."""
        calls = Calls()
        made = [rows_out(None, len(one.words)) for one in keys]
        for one, out in zip(keys, made, strict=True):
            self._keys.match_later(*one, out, calls)
        calls.run()
        return made

    def inner_each(self, keys: Sequence[ProbeKeys]) -> list[tuple[Rows, Rows]]:
        """Return what `inner` makes of the matches of several tables' keys."""
        if not self.unique:
            return [self.inner(matches) for matches in self.match_each(keys)]
        calls = Calls()
        made = [(rows_out(None, len(one.words) + 1), rows_out(None, len(one.words) + 1)) for one in keys]
        for one, (probe, build) in zip(keys, made, strict=True):
            self._keys.join_later(*one, probe, build, calls)
        calls.run()
        return [
            (ascending(found) if found == len(one.words) else probe[:found], build[:found])
            for one, (probe, build), found in zip(keys, made, calls.results, strict=True)
        ]

    def values_each(self, keys: Sequence[ProbeKeys], dtype: DTypeLike) -> list[tuple[Rows, NDArray[Any]]]:
        """Return, for several tables' keys, which of their rows have a partner, and the values of these.

        A row comes once for each partner.
        """
        if not self.unique:
            return [self._pairs(matches, left=False, dtype=dtype) for matches in self.match_each(keys)]
        ends = [0, *accumulate(len(one.words) for one in keys)]
        probe, values = rows_out(None, ends[-1]), borrow(ends[-1], dtype)  # one array each: to make it takes a while
        calls = Calls()
        for one, (start, stop) in zip(keys, pairwise(ends), strict=True):
            self._keys.values_later(*one, probe[start:stop], values[start:stop], calls)
        calls.run()
        few = 2 * sum(calls.results) < ends[-1]
        made = list[tuple[Rows, NDArray[Any]]]()
        for start, stop, found in zip(ends, ends[1:], calls.results, strict=False):
            rows = ascending(found) if found == stop - start else probe[start : start + found]
            own = values[start : start + found]
            made.append((rows, own.copy() if few else own))
        return made

    def count(self, matches: Rows) -> int:
        """Return how many pairs there are."""
        lists = self._keys.lists
        return int(np.count_nonzero(matches >= 0)) if lists is None else _count_pairs(matches, lists.offsets, 0)

    def partners(self, matches: Rows) -> Longs:
        """Return how many build rows each probe row meets."""
        lists = self._keys.lists
        if lists is None:
            return (matches >= 0).astype(np.int64)
        keys = np.maximum(matches, 0)
        return np.where(matches >= 0, lists.offsets[keys + 1] - lists.offsets[keys], 0).astype(np.int64)

    def partners_of_any(self, matches: Rows) -> Rows:
        """Return the build rows that some probe row meets; one may come several times."""
        if self.unique:
            return matches[matches >= 0]
        # Each key once: its build rows are many where its probe rows are.
        return self.inner(np.unique(matches))[1]

    def inner(self, matches: Rows) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs.

        Where the index is unique and every row has a partner, the build rows are ``matches`` itself.
        """
        return with_partner(matches) if self.unique else self._pairs(matches, left=False)

    def left(self, matches: Rows) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs, and probe rows without a partner with build row -1.

        Where the index is unique, the build rows are ``matches`` itself.
        """
        if not self.unique:
            return self._pairs(matches, left=True)
        return ascending(len(matches)), matches

    def semi(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have a partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(matches, 1, found)]

    def anti(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have no partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(matches, 0, found)]

    def _pairs(self, matches: Rows, *, left: bool, dtype: DTypeLike = np.int32) -> tuple[Rows, NDArray[Any]]:
        """Return all pairs of probing rows and build rows, or values of these."""
        lists = self._keys.lists
        assert lists is not None
        total = _count_pairs(matches, lists.offsets, left)
        if total > MOST_PAIRS and len(matches) > 1:
            raise TooManyPairs(f"a join would give {total:,} pairs for {len(matches):,} rows; use smaller batches")
        probe, build = rows_out(None, total), borrow(total, dtype)
        _fill_pairs(matches, lists.offsets, lists.rows, left, probe, build)
        return probe, build
