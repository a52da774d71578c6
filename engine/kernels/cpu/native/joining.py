"""Hash joins as gather maps: which probe row meets which build row.

A `JoinIndex` is built once over the whole build side and then only read, so any number of threads may probe it. Null
keys never match, unless the index is asked to be null-safe. Results are row pairs in probe order; for one probe row,
in build order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np

from .arrays import NO_BITS, Bits, Rows, Words, rows_out
from .compile import instruction, kernel
from .grouping import WordGroups

prefetch_read = instruction("prefetch_read")

# Offsets beyond the second-level cache are prefetched for the row this far ahead.
_LARGE = 1 << 17
_AHEAD = 24


@kernel("i64(const i32[], i32[], i32[])")
def _index_rows(ids: Rows, offsets: Rows, rows: Rows) -> int:
    """Fill offsets (zeroed, groups + 1) and rows, ordered by group then row; return the greatest group's size."""
    for i in range(len(ids)):
        if ids[i] >= 0:
            offsets[np.uint32(ids[i]) + 1] += 1
    most = np.int32(0)
    for g in range(1, len(offsets)):
        most = max(most, offsets[g])
        offsets[g] += offsets[g - 1]
    for i in range(len(ids)):
        if ids[i] >= 0:
            group = np.uint32(ids[i])
            rows[offsets[group]] = np.int32(i)
            offsets[group] += 1
    for g in range(len(offsets) - 1, 0, -1):
        offsets[g] = offsets[g - 1]
    offsets[0] = 0
    return int(most)


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


@kernel("void(const i32[], const i32[], const i32[], i64, i32[], i32[])")
def _fill_pairs(matches: Rows, offsets: Rows, rows: Rows, left: int, probe: Rows, build: Rows) -> None:
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


@kernel("void(i32[])")
def _number_rows(out: Rows) -> None:
    for i in range(len(out)):
        out[i] = np.int32(i)


@kernel("i64(const i32[], i64, i32[])")
def _select(matches: Rows, wanted: int, out: Rows) -> int:
    k = 0
    for i in range(len(matches)):
        out[k] = np.int32(i)
        k += (matches[i] >= 0) == wanted
    return k


@kernel("void(const i32[], const i32[], i32[])")
def _translate(matches: Rows, table: Rows, out: Rows) -> None:
    for i in range(len(matches)):
        out[i] = table[np.uint32(matches[i])] if matches[i] >= 0 else np.int32(-1)


@kernel("void(const i32[], u8[])")
def mark_rows(rows: Rows, flags: Bits) -> None:
    """Set the flag (one byte per build row) of every row that is not -1: for right, full and reverse semi joins."""
    for i in range(len(rows)):
        if rows[i] >= 0:
            flags[np.uint32(rows[i])] = 1


@kernel("i64(const u8[], i64, i32[])")
def _flagged_rows(flags: Bits, value: int, out: Rows) -> int:
    k = 0
    for i in range(len(flags)):
        out[k] = np.int32(i)
        k += (flags[i] != 0) == value
    return k


def flagged_rows(flags: Bits, *, value: bool, out: Rows | None = None) -> Rows:
    """Return the rows whose flag byte is set, or (``value`` false) is not."""
    found = rows_out(out, len(flags) + 1)
    return found[: _flagged_rows(flags, value, found)]


class JoinIndex:
    """The build side of a join: groups of equal keys and the rows of each.

    Make one with `from_words` (single 64-bit keys) or `from_ids` (any table of groups, whose ``find`` then gives the
    groups to `matches_of_groups`).

    A *match* is what the index needs to know of a probe row: the build row itself where `unique`, else the group of
    build rows; -1 where there is none.

    Attributes
    ----------
    unique
        Whether no key has two build rows, so that a probe row has at most one partner.
    nbytes
        Bytes held.
    """

    def __init__(
        self, ids: Rows, groups: int, find: Callable[[Words, Bits, int, Rows | None], Rows] | None = None
    ) -> None:
        offsets = np.zeros(groups + 1, dtype=np.int32)
        rows = np.empty(len(ids), dtype=np.int32)
        self.unique = _index_rows(ids, offsets, rows) <= 1
        rows = rows[: offsets[-1]]
        # Maps a group to its match, where they differ.
        self._matches: Rows | None = None
        empty = offsets[1:] == offsets[:-1]
        if self.unique:
            if len(rows) < groups or len(rows) < len(ids):
                self._matches = np.full(groups, -1, dtype=np.int32)
                self._matches[~empty] = rows
        elif empty.any():
            self._matches = np.arange(groups, dtype=np.int32)
            self._matches[empty] = -1
        self._offsets, self._rows = offsets, rows
        self._find = find

    @property
    def nbytes(self) -> int:
        """Bytes held by the index, without the table that finds groups."""
        return self._offsets.nbytes + self._rows.nbytes + (0 if self._matches is None else self._matches.nbytes)

    @classmethod
    def from_words(cls, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, null_safe: bool = False) -> Self:
        """Index 64-bit keys by hash."""
        groups = WordGroups()
        ids = groups.insert(words, bits=bits, bit_offset=bit_offset)
        if groups.null_group >= 0 and not null_safe:
            ids[ids == groups.null_group] = -1

        def find(words: Words, bits: Bits, bit_offset: int, out: Rows | None) -> Rows:
            return groups.find(words, bits=bits, bit_offset=bit_offset, out=out)

        return cls(ids, len(groups), find)

    @classmethod
    def from_ids(cls, ids: Rows, groups: int) -> Self:
        """Index rows by group identifiers in ``[0, groups)``; -1 never matches."""
        return cls(ids, groups)

    def match(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the match of each probe key. Not for an index made by `from_ids`."""
        if self._find is None:
            raise ValueError("this index was made from group identifiers: use matches_of_groups")
        return self.matches_of_groups(self._find(words, bits, bit_offset, out))

    def matches_of_groups(self, groups: Rows) -> Rows:
        """Turn the groups of probe rows (-1 for none) into matches, in place."""
        if self._matches is not None:
            _translate(groups, self._matches, groups)
        return groups

    def inner(
        self, matches: Rows, *, probe_out: Rows | None = None, build_out: Rows | None = None
    ) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs."""
        if not self.unique:
            return self._pairs(matches, probe_out, build_out, left=False)
        n = len(matches) + 1
        probe, build = rows_out(probe_out, n), rows_out(build_out, n)
        found = _unique_inner(matches, probe, build)
        return probe[:found], build[:found]

    def left(self, matches: Rows, *, probe_out: Rows | None = None, build_out: Rows | None = None) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs, and probe rows without a partner with build row -1.

        Where the index is unique, the build rows are ``matches`` itself.
        """
        if not self.unique:
            return self._pairs(matches, probe_out, build_out, left=True)
        probe = rows_out(probe_out, len(matches))
        _number_rows(probe)
        return probe, matches

    def semi(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have a partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(matches, 1, found)]

    def anti(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have no partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(matches, 0, found)]

    def _pairs(self, matches: Rows, probe_out: Rows | None, build_out: Rows | None, *, left: bool) -> tuple[Rows, Rows]:
        total = _count_pairs(matches, self._offsets, left)
        probe, build = rows_out(probe_out, total), rows_out(build_out, total)
        _fill_pairs(matches, self._offsets, self._rows, left, probe, build)
        return probe, build
