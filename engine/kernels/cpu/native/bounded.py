"""Build rows of a join whose values lie within bounds that each probing row has.

The rows of each group lie in the order of their values, so that bounds of these are two places between which the rows
are. A bound of another value finds its way through a tree of maxima over the rows in that order: what has no row great
enough is passed over at once. So events find the intervals that they lie in without meeting the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import NDArray

from .arrays import Longs, Number, Rows, Words
from .compile import device, kernel
from .parallel import Threads
from .reuse import borrow
from .sorting import argsort

_BLOCK = 64
"""Rows whose places are searched for at once, so that they do not wait for memory one after the other."""
_MOST_CELLS_BITS = 16
_ONE = np.uint64(1)
_STEP = np.int64(3)
_FANOUT = np.int64(8)
_FEWEST, _MOST = 1 << 12, 1 << 22
"""Pairs that are listed at once, at least and at most."""
_NO_TREE = np.empty(0, dtype=np.uint64)


@device
def falls_short(value: Number, least: Number, beyond: Number) -> Number:
    """Return whether a value is less than another, or not greater (``beyond``)."""
    return value < least or (beyond != 0 and value == least)


@kernel("void(const u64[], const i32[], const i32[], const i32[], u64, u64, const u64[], i64, i32[], i32[])")
def _find_places(
    values: Words,
    starts: Rows,
    groups: Rows,
    cells: Rows,
    least: int,
    shift: int,
    wanted: Words,
    beyond: int,
    sizes: Rows,
    out: Rows,
) -> None:
    """Write where, in a row's group, the values begin that are not less than the wanted one, or greater (``beyond``).

    ``values`` has one element more than there are, ``sizes`` has room for a block. Where ``cells`` are given, they say
    where the values of each cell of the only group begin.
    """
    direct = len(cells) > 0
    last_cell = np.uint64(max(len(cells), 2) - 2)
    for first in range(0, len(groups), len(sizes)):
        count = min(len(sizes), len(groups) - first)
        most = np.int32(0)
        for j in range(count):
            group = groups[first + j]
            start, stop = np.int32(0), np.int32(0)
            if group >= 0:
                if direct:
                    cell = min((max(wanted[first + j], least) - least) >> shift, last_cell)
                    start, stop = cells[cell], cells[cell + _ONE]
                else:
                    start, stop = starts[np.uint64(group)], starts[np.uint64(group) + _ONE]
            out[first + j], sizes[j] = start, stop - start
            most = max(most, stop - start)
        while most > 1:
            for j in range(count):
                half = sizes[j] >> 1
                value = values[np.uint64(out[first + j] + half - (half > 0))]
                out[first + j] += half if falls_short(value, wanted[first + j], beyond) else np.int32(0)
                sizes[j] -= half
            most -= most >> 1
        for j in range(count):
            value = values[np.uint64(out[first + j])]
            out[first + j] += np.int32(falls_short(value, wanted[first + j], beyond) and sizes[j] > 0)


@kernel("void(const i32[], const i32[], const i32[], i64, i32[])")
def _take_nearest(starts: Rows, groups: Rows, rows: Rows, before: int, places: Rows) -> None:
    """Write, for a place in each row's group, the row there, or that ``before`` it, over the place; -1 for none."""
    for i in range(len(places)):
        group = groups[i]
        found = np.int32(-1)
        if group >= 0:
            place = places[i] - np.int32(before)
            if place >= starts[np.uint64(group)] and place < starts[np.uint64(group) + _ONE]:
                found = rows[np.uint64(place)]
        places[i] = found


@kernel("void(const u64[], u64[])")
def _take_maxima(below: Words, above: Words) -> None:
    for i in range(len(above)):
        greatest = np.uint64(0)
        for j in range(i << 3, min((i + 1) << 3, len(below))):
            greatest = max(greatest, below[np.uint64(j)])
        above[i] = greatest


@kernel("void(const u64[], const i32[], u64[])")
def _take_maxima_so_far(values: Words, starts: Rows, out: Words) -> None:
    """Write the greatest of the values of each group up to each one."""
    for group in range(len(starts) - 1):
        greatest = np.uint64(0)
        for i in range(starts[group], starts[group + 1]):
            greatest = max(greatest, values[i])
            out[i] = greatest


@device
def _all_fall_short(tree: Words, levels: Longs, level: Number, place: Number, least: Number, beyond: Number) -> Number:
    """Return whether all rows of a node have values that are too small."""
    return falls_short(tree[np.uint64(levels[level] + (place >> (_STEP * level)))], least, beyond)


@device
def _next_place(tree: Words, levels: Longs, place: Number, high: Number, least: Number, beyond: Number) -> Number:
    """Return the first place from ``place`` on whose value is great enough, ``high`` or more if there is none."""
    top = len(levels) - 1
    level = np.int64(0)
    while place < high:
        while level < top and place & ((_FANOUT << (_STEP * level)) - 1) == 0:
            level += 1
        if not _all_fall_short(tree, levels, level, place, least, beyond):
            while level > 0:
                level -= 1
                while _all_fall_short(tree, levels, level, place, least, beyond):
                    place += np.int64(1) << (_STEP * level)
            return place
        place = ((place >> (_STEP * level)) + 1) << (_STEP * level)
    return place


@kernel(
    "i64(const i32[], const i32[], const u64[], const i64[], const u64[], i64, const i32[], i64, i64[], i32[], i32[])"
)
def _list_pairs(
    lows: Rows,
    highs: Rows,
    tree: Words,
    levels: Longs,
    least: Words,
    beyond: int,
    rows: Rows,
    first: int,
    state: Longs,
    probe: Rows,
    build: Rows,
) -> int:
    """List pairs from a probing row and a place on, until there is no more room; return how many there are.

    ``state`` has that row, and the place, -1 for its first one; with ``first`` a probing row is listed once.
    """
    k = 0
    climbs = len(tree) > 0
    place = np.int64(state[1])
    for i in range(state[0], len(lows)):
        high = np.int64(highs[i])
        if place < 0:
            place = np.int64(lows[i])
        while place < high:
            if climbs:
                place = _next_place(tree, levels, place, high, least[i], beyond)
                if place >= high:
                    break
            if k == len(probe):
                state[0], state[1] = i, place
                return k
            probe[k] = np.int32(i)
            build[k] = rows[np.uint64(place)]
            k += 1
            place = high if first != 0 else place + 1
        place = np.int64(-1)
    state[0], state[1] = len(lows), -1
    return k


class _Line:
    """Values that ascend within each group, in which places are looked for.

    Those of one group are counted by their first bits, so that a few steps are left where they are spread evenly.

    Parameters
    ----------
    values
        With one element behind them.
    """

    def __init__(self, values: Words, starts: Rows) -> None:
        self._values, self._starts = values, starts
        self._cells, self._least, self._shift = np.empty(0, dtype=np.int32), 0, 0
        count = len(values) - 1
        if len(starts) == 2 and count:
            self._least = int(values[0])
            bits = min(count.bit_length(), _MOST_CELLS_BITS)
            self._shift = max((int(values[count - 1]) - self._least).bit_length() - bits, 0)
            numbers = ((values[:count] - values[0]) >> np.uint64(self._shift)).astype(np.int64)
            self._cells = np.concatenate([[0], np.cumsum(np.bincount(numbers))]).astype(np.int32)

    @property
    def nbytes(self) -> int:
        return self._values.nbytes + self._cells.nbytes

    def places(self, groups: Rows, wanted: Words, *, beyond: bool) -> Rows:
        out, sizes = np.empty(len(groups), dtype=np.int32), np.empty(_BLOCK, dtype=np.int32)
        _find_places(
            self._values, self._starts, groups, self._cells, self._least, self._shift, wanted, int(beyond), sizes, out
        )
        return out


class BoundedRows:
    """The build rows of each group in the order of one value, and a tree over another.

    Parameters
    ----------
    starts, rows
        The rows of group ``g`` are ``rows[starts[g]:starts[g + 1]]``.
    values
        By build row, what they are ordered by.
    others
        By build row, another value of which only a least one can be asked for.
    threads
        Threads to share the work with, or None.
    """

    def __init__(
        self, starts: Rows, rows: Rows, values: Words, others: Words | None = None, threads: Threads | None = None
    ) -> None:
        count = len(rows)
        own = [values[rows]]
        if len(starts) > 2:
            own.insert(0, np.repeat(np.arange(len(starts) - 1, dtype=np.uint64), np.diff(starts)))
        order = argsort(own, threads=threads) if count else np.empty(0, dtype=np.int32)
        self._starts, self.rows = starts, np.ascontiguousarray(rows[order])
        ordered = np.zeros(count + 1, dtype=np.uint64)
        ordered[:count] = own[-1][order]
        self._values = _Line(ordered, starts)
        self._tree, self._levels = _NO_TREE, np.zeros(0, dtype=np.int64)
        self._so_far: _Line | None = None
        if others is not None:
            self._build_tree(others[self.rows])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        so_far = 0 if self._so_far is None else self._so_far.nbytes
        return self.rows.nbytes + self._values.nbytes + self._tree.nbytes + so_far

    def _build_tree(self, others: Words) -> None:
        so_far = np.zeros(len(others) + 1, dtype=np.uint64)
        _take_maxima_so_far(others, self._starts, so_far)
        self._so_far = _Line(so_far, self._starts)
        sizes = [len(others)]
        while sizes[-1] > _FANOUT:
            sizes.append(-(-sizes[-1] // int(_FANOUT)))
        levels = [0, *accumulate(sizes)]
        self._tree, self._levels = np.empty(levels[-1], dtype=np.uint64), np.array(levels[:-1], dtype=np.int64)
        parts = [self._tree[start : start + size] for start, size in zip(levels, sizes, strict=False)]
        parts[0][:] = others
        for below, above in pairwise(parts):
            _take_maxima(below, above)

    def places(self, groups: Rows, wanted: Words, *, beyond: bool) -> Rows:
        """Return where, in each row's group, the values begin that are not less than one, or greater (``beyond``).

        Groups of -1 have no rows.
        """
        return self._values.places(groups, wanted, beyond=beyond)

    def nearest(self, groups: Rows, wanted: Words, *, beyond: bool, before: bool) -> Rows:
        """Return the row at `places` of each row's group, or the one before it; -1 where it has none."""
        found = self.places(groups, wanted, beyond=beyond)
        _take_nearest(self._starts, groups, self.rows, int(before), found)
        return found

    def reaching(self, groups: Rows, least: Words, *, beyond: bool) -> Rows:
        """Return the first places, in each row's group, before which no other value reaches what is asked for."""
        assert self._so_far is not None
        return self._so_far.places(groups, least, beyond=beyond)

    def begins(self, groups: Rows) -> Rows:
        """Return where the rows of groups begin."""
        return self._starts[groups]

    def ends(self, groups: Rows) -> Rows:
        """Return where the rows of groups end; those of -1 have none."""
        return np.where(groups >= 0, self._starts[groups + 1], np.int32(0))

    def pairs(
        self, lows: Rows, highs: Rows, least: Words | None = None, *, beyond: bool = False, first: bool = False
    ) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of probing rows, in order, and build rows from ``lows`` up to ``highs``, piece by piece.

        Parameters
        ----------
        least
            What the others of the build rows must not be less than, or be greater than (``beyond``).
        first
            Whether one pair for each probing row is enough.
        """
        room = _room(lows, highs, first=first or least is not None)
        state = np.array([0, -1], dtype=np.int64)
        tree, asked = (_NO_TREE, _NO_TREE) if least is None else (self._tree, least)
        while state[0] < len(lows):
            probe, build = borrow(room, np.int32), borrow(room, np.int32)
            found = _list_pairs(
                lows, highs, tree, self._levels, asked, int(beyond), self.rows, int(first), state, probe, build
            )
            yield probe[:found], build[:found]
            room = min(2 * room, _MOST)

    def covered(self, lows: Rows, highs: Rows) -> Rows:
        """Return the build rows that lie between the bounds of some row."""
        filled = lows < highs
        count = len(self.rows) + 1
        begun = np.bincount(lows[filled], minlength=count) - np.bincount(highs[filled], minlength=count)
        return self.rows[np.cumsum(begun)[:-1] > 0]


def pairs_between(lows: Rows, highs: Rows) -> int:
    """Return how many pairs there are between bounds."""
    return int(np.maximum(highs.astype(np.int64) - lows, 0).sum())


def _room(lows: Rows, highs: Rows, *, first: bool) -> int:
    """Return for how many pairs there should be room at first."""
    wanted = 2 * len(lows) if first else pairs_between(lows, highs)
    return min(max(wanted, _FEWEST), _MOST)


def without(starts: Rows, rows: Rows, known: NDArray[np.bool_]) -> tuple[Rows, Rows]:
    """Return the rows of groups without those that are not known."""
    kept = known[rows]
    ends = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(kept)])
    return ends[starts].astype(np.int32), rows[kept]
