"""Accumulators over frames that keep more than a number: lists, pairs, co-moments; bits; quantiles; weights.

A list over a frame holds every row of it, so that lists over growing frames take the square of the rows; they are
refused where they would not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import to_arrow_type
from ...errors import ExecutionError
from ...expr import Column, SortKey
from ...plan import WindowCall
from .buffers import array_from, values_of
from .frames import one_word, order_within
from .functions.nested import inner
from .functions.quantiles import interpolated, numbers_between, places_at, places_between
from .gather import plain, take_column
from .native import add_sums, argsort, build_sums, build_wavelets, find_smallest, weighted_means
from .native.arrays import Longs, Rows, Words
from .words import floats_of

if TYPE_CHECKING:
    from .window import Work

_MOST = 2**28
"""Most values that the lists of one table may hold together."""
_BITS: dict[str, tuple[np.ufunc, int]] = {
    "bit_and": (np.bitwise_and, -1), "bit_or": (np.bitwise_or, 0), "bit_xor": (np.bitwise_xor, 0),
}  # fmt: skip


def lists_over(work: Work, own: WindowCall) -> pa.Array:
    """Return the values of each frame in order, without nulls unless all are wanted; null where there is none."""
    values = work.values(own)
    known = values.valid
    if own.function == "collect_all":
        known = work.passing(own)
    column = plain(values.column)
    rows = work.layout.rows
    runs = [(lows.astype(np.int64), highs.astype(np.int64)) for lows, highs in work.frames.runs(own.frame)]
    if known is not None:
        before = np.concatenate([[0], np.cumsum(known, dtype=np.int64)])
        runs = [(before[lows], before[highs]) for lows, highs in runs]
        rows = rows[np.flatnonzero(known)]
    starts = np.stack([work.put_back(lows) for lows, _ in runs], axis=1)
    sizes = np.stack([work.put_back(np.maximum(highs - lows, 0)) for lows, highs in runs], axis=1)
    total = int(sizes.sum())
    if total > _MOST:
        raise ExecutionError(
            f"the lists of {own} would hold {total:,} values; use a narrower frame, or group and join instead"
        )
    flat = sizes.ravel()
    first = np.cumsum(flat) - flat
    places = np.repeat(starts.ravel() - first, flat) + np.arange(total, dtype=np.int64)
    taken = take_column(inner(column), rows[places].astype(np.int32))
    lengths = sizes.sum(axis=1)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    empty = None if (lengths > 0).all() else pa.array(lengths == 0)
    arrow = to_arrow_type(own.dtype)
    made = pa.ListArray.from_arrays(pa.array(offsets), taken, mask=empty)
    return made if made.type == arrow else made.cast(arrow)


def pairs_over(work: Work, own: WindowCall) -> pa.Array:
    """Return the pair of each frame whose first value is least, or greatest."""
    values = work.values(own)
    key_type = own.args[0].dtype.fields[0][1]
    key = SortKey(expr=Column(name="", dtype=key_type), descending=own.function == "arg_max")
    words = one_word(values.column.field(0), key)
    return work.extreme(own, values, words)


def bits_over(work: Work, own: WindowCall) -> pa.Array:
    """Fold the bits of the values of each frame: spans of 1, 2, 4, … values are shared."""
    values = work.values(own)
    function, start = _BITS[own.function]
    ordered = values_of(values.column)[work.layout.rows]
    total = np.zeros(len(ordered), dtype=ordered.dtype)
    nothing = np.array(start).astype(ordered.dtype) if start == 0 else ~np.zeros(1, dtype=ordered.dtype)[0]
    total[:] = nothing
    if values.valid is not None:
        ordered = np.where(values.valid, ordered, nothing)
    for lows, highs in work.frames.runs(own.frame):
        begin, left, width, spans = lows.astype(np.int64), np.maximum(highs - lows, 0), 1, ordered
        while len(left) and left.max() >= width:
            chosen = np.flatnonzero(left & width)
            total[chosen] = function(total[chosen], spans[begin[chosen]])
            begin[chosen] += width
            spans = function(spans[:-width], spans[width:])
            width *= 2
    return array_from(work.put_back(total), values.column.type, work.present(own, values.valid))


def comoments_over(work: Work, own: WindowCall) -> pa.Array:
    """Return count, means and squared and joint deviations of the pairs of each frame, from sums about one centre."""
    values = work.values(own)
    rows = work.layout.rows
    valid = np.ones(len(rows), dtype=np.bool_) if values.valid is None else values.valid
    sides = [np.where(valid, floats_of(values.column.field(place))[rows], 0.0) for place in (0, 1)]
    centres = [float(side[valid].mean()) if valid.any() else 0.0 for side in sides]
    centres = [centre if np.isfinite(centre) else 0.0 for centre in centres]
    a, b = (np.where(valid, side - centre, 0.0) for side, centre in zip(sides, centres, strict=True))
    n, sa, sb, saa, sbb, sab = (
        _sums(work, own, each) for each in (valid.astype(np.float64), a, b, a * a, b * b, a * b)
    )
    with np.errstate(all="ignore"):
        parts = [
            n,
            centres[0] + sa / n,
            centres[1] + sb / n,
            np.maximum(saa - sa * sa / n, 0.0),
            np.maximum(sbb - sb * sb / n, 0.0),
            sab - sa * sb / n,
        ]
    arrow = to_arrow_type(own.dtype)
    cleared = [np.where(n > 0, part, 0.0) for part in parts]
    return pa.StructArray.from_arrays([pa.array(work.put_back(part)) for part in cleared], fields=list(arrow))


def quantiles_over(work: Work, own: WindowCall) -> pa.Array:
    """Return the quantile of the values of each frame, null where there is none."""
    values = work.values(own)
    column, dtype = plain(values.column), own.args[0].dtype
    rows = work.layout.rows
    words = one_word(column, SortKey(expr=own.args[0]))
    if values.valid is not None:
        rows = rows[np.flatnonzero(values.valid)]
    ranking = _ranked_wholly if work.frames.hold_partitions(own.frame) else _ranked
    frames = ranking(work, own, values.valid, words[rows])
    ranked = rows[frames.order]
    q = 0.5 if own.function == "median" else float(dict(own.options)["q"])
    if own.function == "quantile_disc":
        chosen = frames.ranks_at(places_at(frames.counts, q))
        return take_column(column, work.put_back(frames.by_row(np.append(ranked, np.int32(-1))[chosen])), outer=True)
    place = places_between(frames.counts, q)
    numbers = numbers_between(inner(column), dtype, to=own.dtype)
    numbers = np.append(numbers[ranked], 0)
    below = frames.ranks_at(place.low)
    above = np.where(place.share == 0, below, frames.ranks_at(np.where(place.share == 0, -1, place.high)))
    made = work.put_back(frames.by_row(interpolated(numbers[below], numbers[above], place.share)))
    return array_from(made, to_arrow_type(own.dtype), work.present(own, values.valid))


def _ranked_wholly(work: Work, _: WindowCall, valid: NDArray[np.bool_] | None, words: Words) -> _RankedPartitions:
    """Rank values, given by their words, where the frame of each row is its partition."""
    begins = np.append(np.flatnonzero(work.layout.partition_flags), work.layout.count)
    starts = begins
    if valid is not None:
        starts = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(valid)])[begins]
    return _RankedPartitions(np.diff(begins), starts, words)


def _ranked(work: Work, own: WindowCall, valid: NDArray[np.bool_] | None, words: Words) -> _RankedFrames:
    """Rank values, given by their words, in any frames."""
    runs: list[tuple[Rows, Rows]] = work.frames.runs(own.frame)
    if valid is not None:
        before = np.concatenate([[0], np.cumsum(valid)]).astype(np.int32)
        runs = [(before[lows], before[highs]) for lows, highs in runs]
    return _RankedFrames(argsort([words]), runs)


def weighted_means_over(work: Work, own: WindowCall) -> pa.Array:
    """Return the mean of the values up to each row, of which the older weigh less; null before the first."""
    values, rows, options = work.values(own), work.layout.rows, dict(own.options)
    ordered = floats_of(values.column)[rows]
    valid = np.ones(len(rows), dtype=np.uint8) if values.valid is None else values.valid.astype(np.uint8)
    weights = np.array([1.0 - options["alpha"], 1.0 if options["adjust"] else options["alpha"]])
    made = np.empty(len(rows), dtype=np.float64)
    starts = work.layout.partition_flags
    weighted_means(ordered, valid, starts, weights, int(options["adjust"]), int(options["ignore_na"]), made)
    return array_from(work.put_back(made), pa.float64(), work.present(own, values.valid))


class _RankedPartitions:
    """Partitions as frames of all their rows, which are ranked from the first partition on.

    Attributes
    ----------
    order
        The place of the value of each rank.
    counts
        How many values each partition has.
    """

    def __init__(self, sizes: Longs, starts: Longs, words: Words) -> None:
        self._sizes, self._starts, self.counts = sizes, starts[:-1], np.diff(starts)
        self.order = order_within(starts, words)

    def by_row(self, found: NDArray[Any]) -> NDArray[Any]:
        """Return for each row what was found for its frame."""
        return np.repeat(found, self._sizes)

    def ranks_at(self, places: Longs) -> Longs:
        """Return the rank at a place among each partition's; -1 for a place of -1 and for no place at all."""
        return np.where((places >= 0) & (places < self.counts), self._starts + places, -1)


class _RankedFrames:
    """Frames over distinct ranks from 0 on, those of values in an order of their places."""

    def __init__(self, order: Rows, runs: list[tuple[Rows, Rows]]) -> None:
        self.order, self._count = order, len(order)
        ranks = np.empty(len(order), dtype=np.int32)
        ranks[order] = np.arange(len(order), dtype=np.int32)
        self._lows, self._highs = (np.ascontiguousarray(np.stack(ends)) for ends in zip(*runs, strict=True))
        self.counts = np.maximum(self._highs - self._lows, 0).sum(axis=0, dtype=np.int64)
        shape = max(1, (self._count - 1).bit_length()), self._count // 64 + 1
        self._bits, self._zeros = np.empty(shape, dtype=np.uint64), np.empty(shape, dtype=np.int32)
        build_wavelets(ranks, np.empty_like(ranks), self._bits, self._zeros)

    def by_row(self, found: NDArray[Any]) -> NDArray[Any]:
        """Return for each row what was found for its frame."""
        return found

    def ranks_at(self, places: NDArray[np.int64]) -> Rows:
        """Return the rank at a place among each frame's, from 0 on; -1 for a place of -1 and for no place at all."""
        wanted = np.where(places < self.counts, places, -1).astype(np.int32)
        found = np.empty(len(wanted), dtype=np.int32)
        room = np.empty(2 * len(self._lows), dtype=np.int32)
        find_smallest(self._bits, self._zeros, self._count, self._lows, self._highs, wanted, room, found)
        return found


def _sums(work: Work, own: WindowCall, ordered: NDArray[np.float64]) -> NDArray[np.float64]:
    total = np.zeros(len(ordered), dtype=np.float64)
    tree = np.zeros(2 * len(ordered), dtype=np.float64)
    build_sums(np.ascontiguousarray(ordered), tree)
    runs: list[tuple[Rows, Rows]] = work.frames.runs(own.frame)
    for lows, highs in runs:
        add_sums(tree, lows, highs, total)
    return total


STATES: dict[str, Callable[[Work, WindowCall], pa.Array]] = {
    "collect": lists_over,
    "collect_all": lists_over,
    "arg_min": pairs_over,
    "arg_max": pairs_over,
    "comoments": comoments_over,
    "ewm_mean": weighted_means_over,
    **dict.fromkeys(("median", "quantile", "quantile_disc"), quantiles_over),
    **dict.fromkeys(_BITS, bits_over),
}
