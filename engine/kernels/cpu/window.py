"""Window functions: values per row from its partition, or from the frame of rows around it.

Everything is computed at sorted positions and put back where the row was, so that the table's own columns never move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...arrow import to_arrow_type
from ...errors import UnsupportedOperation
from ...expr import SortKey
from ...plan import UNBOUNDED_PRECEDING, Edge, Exclusion, FrameUnit, NamedWindow, WindowCall
from ...schema import Schema
from ..failures import window_sum_overflow
from ..specs import WindowSpec
from .buffers import array_from, empty, halves_of, is_small
from .frames import Frames, Layout, lay_out, one_word
from .functions.compare import known_true
from .gather import take_column
from .native import (
    add_differences,
    add_moments,
    add_sums,
    build_least,
    build_moments,
    build_sums,
    find_least,
    join_halves,
    prefix_sums,
    running_halves,
    running_least,
    running_sums,
    running_totals,
    scatter,
    take,
    write_ranks,
)
from .native.arrays import Longs, Rows, rows_out
from .project import Evaluator
from .table import CpuTable, concat_columns, concat_tables
from .window_states import STATES
from .words import floats_of, integers_of

_LARGEST = 10**38
_MASK = 0xFFFFFFFF


def window_rows(tables: Sequence[CpuTable], spec: WindowSpec, schema: Schema) -> CpuTable:
    """Return the rows of the tables, in order, with the columns of window functions added."""
    table = concat_tables(tables, schema)
    evaluator = Evaluator(table)
    work = Work(evaluator, lay_out(evaluator, spec), spec)
    added = tuple(work.column(named) for named in spec.functions)
    return CpuTable(schema=spec.output(schema), columns=(*table.columns, *added), num_rows=table.num_rows)


@dataclass(frozen=True, slots=True)
class Values:
    """An argument with its validity at sorted positions; no array where every value counts."""

    column: pa.Array
    valid: NDArray[np.bool_] | None


class Work:
    """The functions of one window over one table."""

    def __init__(self, evaluator: Evaluator, layout: Layout, spec: WindowSpec) -> None:
        self.evaluator, self.layout = evaluator, layout
        self.frames = Frames(layout, evaluator, spec.order_by)

    def column(self, named: NamedWindow) -> pa.Array:
        """Return a function's values in the table's order."""
        own = named.call
        if own.function in ("rank", "row_number"):
            return array_from(self._numbers(peers=own.function == "rank"), pa.int64())
        if own.function in _PLACES:
            values = _PLACES[own.function](self.layout, own.offset)
            return array_from(self.put_back(values), to_arrow_type(own.dtype))
        if own.function in ("lag", "lead"):
            return self._shifted(own)
        if own.function in ("first_value", "last_value", "nth_value"):
            return self._picked(own)
        match own.function:
            case "count_rows" | "count":
                return array_from(self.put_back(self._counts(own, self.values(own).valid)), pa.int64())
            case "sum" if own.dtype.is_float:
                return self._float_sum(own)
            case "sum":
                return self._exact_sum(own)
            case "product":
                return self._product(own)
            case "min" | "max":
                return self._extreme(own)
            case "first" | "last":
                return self._first_or_last(own)
            case "m2":
                return self._squares(own)
        if own.function in STATES:
            return STATES[own.function](self, own)
        raise UnsupportedOperation(f"the cpu device has no window function {own.function}")

    # putting values where their rows are

    def put_back(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values at sorted positions where their rows are."""
        if not self.layout.sorted:
            return np.ascontiguousarray(values)
        if values.ndim > 1 or values.dtype not in (np.int64, np.int32, np.float64):
            placed = np.empty_like(values)
            placed[self.layout.rows] = values
            return placed
        placed = empty(len(values), values.dtype)
        scatter(values, self.layout.rows, placed)
        return placed

    def _numbers(self, *, peers: bool) -> Longs:
        """Return each row's number within its partition, or that of the first of its peers."""
        layout = self.layout
        numbers = empty(layout.count, np.int64)
        write_ranks(layout.rows, layout.partition_flags, layout.peer_flags, int(not peers), numbers)
        return numbers

    def _taken(self, column: pa.Array, positions: NDArray[Any]) -> pa.Array:
        """Return for each row the value of the row at a sorted position, null for a position of -1."""
        if not len(column):
            return column
        rows = self.layout.rows
        chosen = np.where(positions >= 0, rows[positions], -1).astype(np.int32)
        return take_column(column, self.put_back(chosen), outer=True)

    def _bitmap(self, present: NDArray[np.bool_]) -> pa.Buffer | None:
        if present.all():
            return None
        return pa.py_buffer(np.packbits(self.put_back(present), bitorder="little"))

    # functions that pick a value

    def _shifted(self, own: WindowCall) -> pa.Array:
        column = self.evaluator.column(own.args[0])
        distance = own.offset if own.function == "lead" else -own.offset
        known = np.cumsum(self._known(column), dtype=np.int64) if own.ignore_nulls else None
        starts, ends = self.layout.partitions
        if known is None or distance == 0:
            span = max(-len(starts), min(len(starts), distance))
            target = self.layout.positions + span
        else:
            # Among rows with a value: those before the row end at `before`, the row itself is one of them or not.
            through, firsts, after = known, _counted(known, starts), _counted(known, ends)
            own_place = through - self._known(column)
            place = own_place + distance if distance < 0 else through + distance - 1
            inside = (place >= firsts) & (place < after)
            places = np.append(np.flatnonzero(self._known(column)), -1)
            target = np.where(inside, places[np.where(inside, place, -1)], -1)
        inside = (target >= starts) & (target < ends)
        if len(own.args) == 1 or inside.all():
            return self._taken(column, np.where(inside, target, -1))
        rows = self.layout.rows
        both = concat_columns([column, self.evaluator.column(own.args[1])])
        rows_out(None, len(both))  # row numbers of both must fit
        chosen = np.where(inside, rows[np.where(inside, target, 0)], rows + np.int32(len(rows)))
        return take_column(both, self.put_back(chosen))

    def _picked(self, own: WindowCall) -> pa.Array:
        column = self.evaluator.column(own.args[0])
        valid = self._known(column) if own.ignore_nulls and column.null_count else None
        count = own.offset if own.function == "nth_value" else 1
        return self._taken(column, self._nth(own, valid, count, last=own.function == "last_value"))

    def _first_or_last(self, own: WindowCall) -> pa.Array:
        values = self.values(own)
        return self._taken(values.column, self._nth(own, values.valid, 1, last=own.function == "last"))

    def _nth(self, own: WindowCall, valid: NDArray[np.bool_] | None, count: int, *, last: bool) -> NDArray[np.int64]:
        """Return the position of the frame's n-th row, or last row, of those that are valid; -1 for none."""
        runs: list[tuple[NDArray[Any], NDArray[Any]]] = [*self.frames.runs(own.frame)]
        places = None
        if valid is not None:
            known = np.cumsum(valid, dtype=np.int64)
            runs = [(_counted(known, lows), _counted(known, highs)) for lows, highs in runs]
            places = np.append(np.flatnonzero(valid), -1)
        wanted = np.full(len(self.layout.rows), count - 1, dtype=np.int64)
        found = np.full(len(self.layout.rows), -1, dtype=np.int64)
        for lows, highs in reversed(runs) if last else runs:
            length = np.maximum(highs.astype(np.int64) - lows, 0)
            hit = (found < 0) & (wanted < length)
            found = np.where(hit, highs - 1 - wanted if last else lows + wanted, found)
            wanted = np.where(hit, wanted, wanted - length)
        return found if places is None else places[found]

    def _known(self, column: pa.Array) -> NDArray[np.bool_]:
        known: NDArray[np.bool_] = column.is_valid().to_numpy(zero_copy_only=False)[self.layout.rows]
        return known

    # aggregates

    def values(self, own: WindowCall) -> Values:
        """Return an aggregate's argument, and which rows have a value that passes the filter."""
        column = self.evaluator.column(own.args[0]) if own.args else pa.nulls(0)
        valid, passed = self._known(column) if column.null_count else None, self.passing(own)
        if passed is not None:
            valid = passed if valid is None else valid & passed
        return Values(column, valid)

    def passing(self, own: WindowCall) -> NDArray[np.bool_] | None:
        """Return which rows pass an aggregate's filter; None where it has none."""
        if own.filter is None:
            return None
        passed: NDArray[np.bool_] = known_true(self.evaluator.column(own.filter)).to_numpy(zero_copy_only=False)
        return passed[self.layout.rows]

    def _counts(self, own: WindowCall, valid: NDArray[np.bool_] | None) -> Longs:
        """Count the valid rows of each frame."""
        total = np.zeros(len(self.layout.rows), dtype=np.int64)
        if valid is None:
            for lows, highs in self.frames.runs(own.frame):
                total += np.maximum(highs - lows, 0)
            return total
        prefix = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(valid, dtype=np.int64)])
        for lows, highs in self.frames.runs(own.frame):
            add_differences(prefix, lows, highs, total)
        return total

    def present(self, own: WindowCall, valid: NDArray[np.bool_] | None) -> pa.Buffer | None:
        """Return the bitmap of rows whose frame has a valid row; None where all have."""
        if valid is None and own.frame.holds_its_row:
            return None
        return self._bitmap(self._counts(own, valid) > 0)

    def _in_order(self, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Return values at sorted positions, 0 where they do not count."""
        ordered = values
        if self.layout.sorted and len(values):
            ordered = empty(len(values), values.dtype)
            take(values, self.layout.rows, ordered)
        return ordered if valid is None else np.where(valid, ordered, ordered.dtype.type(0))

    def _float_sum(self, own: WindowCall) -> pa.Array:
        values = self.values(own)
        if _ends_with_row(own) and values.valid is None:
            totals = empty(self.layout.count, np.float64)
            running_totals(floats_of(values.column), *self._running(own), totals)
            return array_from(totals, pa.float64())
        ordered = self._in_order(floats_of(values.column), values.valid)
        total = np.zeros(len(ordered), dtype=np.float64)
        runs = self.frames.runs(own.frame)
        if _is_running(own):
            running_sums(ordered, *runs[0], total)
        else:
            tree = np.zeros(2 * len(ordered), dtype=np.float64)
            build_sums(ordered, tree)
            for lows, highs in runs:
                add_sums(tree, lows, highs, total)
        return array_from(self.put_back(total), pa.float64(), self.present(own, values.valid))

    def _product(self, own: WindowCall) -> pa.Array:
        values = self.values(own)
        ordered = self._in_order(floats_of(values.column), values.valid)
        if values.valid is not None:
            ordered = np.where(values.valid, ordered, 1.0)
        total = np.ones(len(ordered), dtype=np.float64)
        for lows, highs in self.frames.runs(own.frame):
            _multiply(ordered, lows, highs, total)
        return array_from(self.put_back(total), pa.float64(), self.present(own, values.valid))

    def _exact_sum(self, own: WindowCall) -> pa.Array:
        values = self.values(own)
        bitmap = self.present(own, values.valid)
        if own.dtype.is_decimal and not is_small(values.column.type):
            return self._wide_sum(own, values, bitmap)
        if _ends_with_row(own) and values.valid is None:
            low, high = empty(self.layout.count, np.int64), empty(self.layout.count, np.int64)
            running_halves(integers_of(values.column), *self._running(own), low, high)
        else:
            totals = self._halves(own, self._in_order(integers_of(values.column), values.valid))
            low, high = map(self.put_back, totals)
        wide = join_halves(low, high)
        if not own.dtype.is_decimal:
            if wide:
                raise window_sum_overflow(own)
            return array_from(low, pa.int64(), bitmap)
        pairs = np.stack([low, high], axis=1)
        return pa.Array.from_buffers(to_arrow_type(own.dtype), len(low), [bitmap, pa.py_buffer(pairs)])

    def _running(self, own: WindowCall) -> tuple[Rows, NDArray[np.uint8], NDArray[np.uint8], int]:
        """Return what kernels are told of frames that end with their row, or the last of its peers."""
        layout = self.layout
        return layout.rows, layout.partition_flags, layout.peer_flags, int(own.frame.unit is FrameUnit.ROWS)

    def _halves(self, own: WindowCall, ordered: Longs) -> tuple[Longs, Longs]:
        """Return the sums over frames of the lower and the upper halves of values."""
        low, high = np.empty(len(ordered) + 1, dtype=np.int64), np.empty(len(ordered) + 1, dtype=np.int64)
        prefix_sums(ordered, low, high)
        totals = np.zeros(len(ordered), dtype=np.int64), np.zeros(len(ordered), dtype=np.int64)
        for prefix, total in zip((low, high), totals, strict=True):
            for lows, highs in self.frames.runs(own.frame):
                add_differences(prefix, lows, highs, total)
        return totals

    def _wide_sum(self, own: WindowCall, values: Values, bitmap: pa.Buffer | None) -> pa.Array:
        """Sum decimals of more than 18 digits in quarters of 32 bits, the highest of which carries the sign."""
        words = halves_of(values.column)
        carry = np.zeros(len(self.layout.rows), dtype=np.int64)
        quarters = []
        for word in (0, 1):
            whole = self._in_order(np.ascontiguousarray(words[:, word]), values.valid)
            for part in (whole & _MASK, whole >> 32 if word else (whole >> 32) & _MASK):
                prefix = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(part)])
                for lows, highs in self.frames.runs(own.frame):
                    add_differences(prefix, lows, highs, carry)
                quarters.append(carry & _MASK)
                carry = carry >> 32
        pairs = np.stack([quarters[0] | quarters[1] << 32, quarters[2] | quarters[3] << 32], axis=1)
        fits = carry == quarters[3] << 32 >> 63
        suspect = np.abs(pairs[:, 1].astype(np.float64)) >= _LARGEST / 2.0**64 * 0.999
        too_large = (abs((high << 64) + (low & 2**64 - 1)) >= _LARGEST for low, high in pairs[suspect].tolist())
        if not fits.all() or any(too_large):
            raise window_sum_overflow(own)
        placed = np.ascontiguousarray(self.put_back(pairs))
        return pa.Array.from_buffers(to_arrow_type(own.dtype), len(placed), [bitmap, pa.py_buffer(placed)])

    def _extreme(self, own: WindowCall) -> pa.Array:
        values = self.values(own)
        key = SortKey(expr=own.args[0], descending=own.function == "max")
        return self.extreme(own, values, one_word(values.column, key))

    def extreme(self, own: WindowCall, values: Values, words: NDArray[Any]) -> pa.Array:
        """Return the value of the row of each frame whose word is least."""
        words = words[self.layout.rows] if self.layout.sorted else words
        valid = np.ones(len(words), dtype=np.uint8) if values.valid is None else values.valid.astype(np.uint8)
        best = np.full(len(words), -1, dtype=np.int32)
        runs = self.frames.runs(own.frame)
        if _is_running(own):
            running_least(words, valid, *runs[0], best)
        else:
            tree = np.empty(2 * len(words), dtype=np.int32)
            build_least(words, valid, tree)
            for lows, highs in runs:
                find_least(words, tree, lows, highs, best)
        return self._taken(values.column, best)

    def _squares(self, own: WindowCall) -> pa.Array:
        """Return the sum of squared deviations from each frame's mean."""
        values = self.values(own)
        ordered = self._in_order(floats_of(values.column), values.valid)
        valid = np.ones(len(ordered), dtype=np.uint8) if values.valid is None else values.valid.astype(np.uint8)
        counts, means, squares = (np.zeros(2 * len(ordered), dtype=np.float64) for _ in range(3))
        build_moments(ordered, valid, counts, means, squares)
        count, mean, square = (np.zeros(len(ordered), dtype=np.float64) for _ in range(3))
        for lows, highs in self.frames.runs(own.frame):
            add_moments(counts, means, squares, lows, highs, count, mean, square)
        return array_from(self.put_back(square), pa.float64(), self._bitmap(count > 0))


def _is_running(own: WindowCall) -> bool:
    """Whether all frames of a partition start where it does."""
    return own.frame.start == UNBOUNDED_PRECEDING and own.frame.exclusion is Exclusion.NO_OTHERS


def _ends_with_row(own: WindowCall) -> bool:
    """Whether frames start where their partition does, and end with their row or the last of its peers."""
    return _is_running(own) and own.frame.end.edge is Edge.CURRENT_ROW


def _counted(known: NDArray[np.int64], ends: Rows) -> NDArray[np.int64]:
    """Return how many are counted before each position, of running counts up to and with every position."""
    before: NDArray[np.int64] = np.append(0, known)[ends]
    return before


def _multiply(values: NDArray[np.float64], lows: Rows, highs: Rows, total: NDArray[np.float64]) -> None:
    """Multiply totals by the values between two positions each: products of spans of 1, 2, 4, … values are shared."""
    starts, left = lows.astype(np.int64), np.maximum(highs - lows, 0)
    width = 1
    with np.errstate(all="ignore"):
        while len(left) and left.max() >= width:
            rows = np.flatnonzero(left & width)
            total[rows] *= values[starts[rows]]
            starts[rows] += width
            values = values[:-width] * values[width:]
            width *= 2


# Functions of a row's place alone.


def _rank(layout: Layout, _: int) -> NDArray[Any]:
    return layout.peers[0].astype(np.int64) - layout.partitions[0] + 1


def _dense_rank(layout: Layout, _: int) -> NDArray[Any]:
    groups = layout.group_numbers
    return groups - groups[layout.partitions[0]] + 1


def _percent_rank(layout: Layout, _: int) -> NDArray[Any]:
    return (_rank(layout, 0) - 1) / np.maximum(_sizes(layout) - 1, 1)


def _cume_dist(layout: Layout, _: int) -> NDArray[Any]:
    return (layout.peers[1] - layout.partitions[0]) / _sizes(layout)


def _ntile(layout: Layout, buckets: int) -> NDArray[Any]:
    """Return the bucket of each row, where the first ``rows % buckets`` buckets have one row more than the others."""
    least, larger = np.divmod(_sizes(layout), buckets)
    place = layout.positions - layout.partitions[0]
    in_larger = larger * (least + 1)
    after = larger + (place - in_larger) // np.maximum(least, 1)
    numbers: NDArray[np.int64] = np.where(place < in_larger, place // (least + 1), after) + 1
    return numbers


def _sizes(layout: Layout) -> NDArray[np.int64]:
    starts, ends = layout.partitions
    sizes: NDArray[np.int64] = ends.astype(np.int64) - starts
    return sizes


_PLACES: dict[str, Callable[[Layout, int], NDArray[Any]]] = {
    "dense_rank": _dense_rank,
    "percent_rank": _percent_rank,
    "cume_dist": _cume_dist,
    "ntile": _ntile,
}
