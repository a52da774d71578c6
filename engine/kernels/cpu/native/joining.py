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
from .compile import kernel
from .grouping import WordGroups, direct_ids


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
    return most


@kernel("i64(const i32[], const i32[], bool)")
def _count_pairs(matches: Rows, offsets: Rows, left: bool) -> int:
    total = 0
    for i in range(len(matches)):
        group = matches[i]
        size = offsets[np.uint32(group) + 1] - offsets[np.uint32(group)] if group >= 0 else np.int32(0)
        total += max(size, np.int32(left))
    return total


@kernel("void(const i32[], const i32[], const i32[], bool, i32[], i32[])")
def _fill_pairs(matches: Rows, offsets: Rows, rows: Rows, left: bool, probe: Rows, build: Rows) -> None:
    k = 0
    for i in range(len(matches)):
        group = matches[i]
        begin = end = np.int32(0)
        if group >= 0:
            begin, end = offsets[np.uint32(group)], offsets[np.uint32(group) + 1]
        if left and begin == end:
            probe[k] = np.int32(i)
            build[k] = np.int32(-1)
            k += 1
        for j in range(begin, end):
            probe[k] = np.int32(i)
            build[k] = rows[j]
            k += 1


@kernel("i64(const i32[], i32, i32[])")
def _select(matches: Rows, sign: int, out: Rows) -> int:
    """Write the rows whose match is >= 0 (``sign`` 0) or < 0 (``sign`` -1); return how many."""
    k = 0
    for i in range(len(matches)):
        out[k] = np.int32(i)
        k += (matches[i] >> np.int32(31)) == sign
    return k


@kernel("i64(const i32[], const i32[], i32[], i32[])")
def _unique_inner(matches: Rows, rows: Rows, probe: Rows, build: Rows) -> int:
    k = 0
    for i in range(len(matches)):
        if matches[i] >= 0:
            row = rows[np.uint32(matches[i])]
            if row >= 0:
                probe[k] = np.int32(i)
                build[k] = row
                k += 1
    return k


@kernel("void(const i32[], u8[])")
def mark_rows(rows: Rows, flags: Bits) -> None:
    """Set the flag (one byte per build row) of every row that is not -1: for right, full and reverse semi joins."""
    for i in range(len(rows)):
        if rows[i] >= 0:
            flags[np.uint32(rows[i])] = 1


@kernel("i64(const u8[], u8, i32[])")
def _flagged_rows(flags: Bits, value: int, out: Rows) -> int:
    k = 0
    for i in range(len(flags)):
        out[k] = np.int32(i)
        k += flags[i] == value
    return k


def flagged_rows(flags: Bits, *, value: bool, out: Rows | None = None) -> Rows:
    """Return the rows whose flag byte equals ``value``."""
    found = rows_out(out, len(flags) + 1)
    return found[: _flagged_rows(flags, int(value), found)]


class JoinIndex:
    """The build side of a join: groups of equal keys and the rows of each.

    Make one with `from_words` (any 64-bit key), `from_direct` (keys of a dense range) or `from_ids` (any table of
    ``grouping``, whose ``find`` then gives the matches).

    Attributes
    ----------
    rows
        Build rows ordered by group, then row.
    offsets
        Where each group's rows begin, shape (groups + 1,).
    unique
        Whether no group has two rows, so that a probe row matches at most once.
    """

    def __init__(
        self, ids: Rows, groups: int, find: Callable[[Words, Bits, int, Rows | None], Rows] | None = None
    ) -> None:
        self.offsets = np.zeros(groups + 1, dtype=np.int32)
        rows = np.empty(len(ids), dtype=np.int32)
        self.unique = _index_rows(ids, self.offsets, rows) <= 1
        self.rows = rows[: self.offsets[-1]]
        self._find = find

    @classmethod
    def from_words(
        cls, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, null_safe: bool = False
    ) -> Self:
        """Index 64-bit keys by hash."""
        groups = WordGroups(capacity=len(words))
        ids = groups.insert(words, bits=bits, bit_offset=bit_offset)
        if groups.null_group >= 0 and not null_safe:
            ids[ids == groups.null_group] = -1

        def find(words: Words, bits: Bits, bit_offset: int, out: Rows | None) -> Rows:
            return groups.find(words, bits=bits, bit_offset=bit_offset, out=out)

        return cls(ids, len(groups), find)

    @classmethod
    def from_direct(cls, words: Words, low: int, size: int, *, bits: Bits = NO_BITS, bit_offset: int = 0) -> Self:
        """Index integer keys that all lie in ``[low, low + size)`` by their distance from ``low``."""
        ids, fits = direct_ids(words, low, size, bits=bits, bit_offset=bit_offset)
        if not fits:
            raise ValueError(f"a key lies outside [{low}, {low + size})")
        ids[ids == size] = -1

        def find(words: Words, bits: Bits, bit_offset: int, out: Rows | None) -> Rows:
            found, _ = direct_ids(words, low, size, bits=bits, bit_offset=bit_offset, out=out)
            found[found == size] = -1
            return found

        return cls(ids, size, find)

    @classmethod
    def from_ids(cls, ids: Rows, groups: int) -> Self:
        """Index rows by group identifiers (-1: never matches)."""
        return cls(ids, groups)

    def match(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the group each probe key matches, or -1. Not for an index made by `from_ids`."""
        if self._find is None:
            raise ValueError("this index was made from group identifiers: take matches from that table's find")
        return self._find(words, bits, bit_offset, out)

    def inner(
        self, matches: Rows, *, probe_out: Rows | None = None, build_out: Rows | None = None
    ) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs."""
        return self._pairs(matches, probe_out, build_out, left=False)

    def left(
        self, matches: Rows, *, probe_out: Rows | None = None, build_out: Rows | None = None
    ) -> tuple[Rows, Rows]:
        """Return (probe rows, build rows) of all pairs, and probe rows without a partner with build row -1."""
        return self._pairs(matches, probe_out, build_out, left=True)

    def semi(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have a partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(self._matched(matches), 0, found)]

    def anti(self, matches: Rows, *, out: Rows | None = None) -> Rows:
        """Return the probe rows that have no partner."""
        found = rows_out(out, len(matches) + 1)
        return found[: _select(self._matched(matches), -1, found)]

    def _matched(self, matches: Rows) -> Rows:
        sizes = np.diff(self.offsets)
        result = np.where((matches >= 0) & (sizes[np.maximum(matches, 0)] > 0), matches, -1) if len(sizes) else matches
        return np.asarray(result, dtype=np.int32)

    def _pairs(
        self, matches: Rows, probe_out: Rows | None, build_out: Rows | None, *, left: bool
    ) -> tuple[Rows, Rows]:
        total = _count_pairs(matches, self.offsets, left)
        probe, build = rows_out(probe_out, total), rows_out(build_out, total)
        _fill_pairs(matches, self.offsets, self.rows, left, probe, build)
        return probe, build
