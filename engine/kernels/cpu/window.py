"""Window functions: values per row from its partition, or from the frame of rows around it.

Everything is computed at sorted positions and put back where the row was, so that the table's own columns never move.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...arrow import to_arrow_type
from ...errors import ArithmeticOverflow, UnsupportedOperation
from ...expr import SortKey
from ...plan import UNBOUNDED_PRECEDING, Exclusion, NamedWindow, WindowCall
from ...schema import Schema
from ..protocol import Accumulator, WindowSpec
from .buffers import array_from, empty, halves_of, is_small
from .compare import known_true
from .frames import Frames, Layout, Run, lay_out, one_word
from .gather import plain, take_column
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
    running_least,
    running_sums,
)
from .native.arrays import Longs, Rows
from .project import Evaluator
from .table import CpuTable, concat_tables
from .words import floats_of, integers_of

_LARGEST = 10**38


def window_rows(tables: Sequence[CpuTable], spec: WindowSpec, schema: Schema) -> CpuTable:
    """Return the rows of the tables, in order, with the columns of window functions added."""
    table = concat_tables(tables, schema)
    evaluator = Evaluator(table)
    work = _Work(evaluator, lay_out(evaluator, spec), spec)
    added = tuple(work.column(named) for named in spec.functions)
    return CpuTable(schema=spec.output(schema), columns=(*table.columns, *added), num_rows=table.num_rows)


@dataclass(frozen=True, slots=True)
class _Values:
    """An argument with its validity at sorted positions; no array where every value counts."""

    column: pa.Array
    valid: NDArray[np.bool_] | None


class _Work:
    """The functions of one window over one table."""

    def __init__(self, evaluator: Evaluator, layout: Layout, spec: WindowSpec) -> None:
        self.evaluator, self.layout = evaluator, layout
        self.frames = Frames(layout, evaluator, spec.order_by)

    def column(self, named: NamedWindow) -> pa.Array:
        """Return a function's values in the table's order."""
        own = named.call
        if own.function in _PLACES:
            values = _PLACES[own.function](self.layout, own.offset)
            return array_from(self._put_back(values), to_arrow_type(own.dtype))
        if own.function in ("lag", "lead"):
            return self._shifted(own)
        if own.function in ("first_value", "last_value", "nth_value"):
            return self._picked(own)
        match Accumulator(own.function):
            case Accumulator.COUNT_ROWS | Accumulator.COUNT:
                return array_from(self._put_back(self._counts(own, self._values(own).valid)), pa.int64())
            case Accumulator.SUM if own.dtype.is_float:
                return self._float_sum(own)
            case Accumulator.SUM:
                return self._exact_sum(own)
            case Accumulator.MIN | Accumulator.MAX:
                return self._extreme(own)
            case Accumulator.FIRST:
                return self._first(own)
            case Accumulator.M2:
                return self._squares(own)
        raise UnsupportedOperation(f"the cpu device has no window function {own.function}")

    # putting values where their rows are

    def _put_back(self, values: NDArray[Any]) -> NDArray[Any]:
        if not self.layout.sorted:
            return np.ascontiguousarray(values)
        placed = empty(len(values), values.dtype)
        placed[self.layout.rows] = values
        return placed

    def _taken(self, column: pa.Array, positions: NDArray[Any]) -> pa.Array:
        """Return for each row the value of the row at a sorted position, null for a position of -1."""
        if not len(column):
            return column
        rows = self.layout.rows
        chosen = np.where(positions >= 0, rows[positions], -1).astype(np.int32)
        return take_column(column, self._put_back(chosen), outer=True)

    def _bitmap(self, present: NDArray[np.bool_]) -> pa.Buffer | None:
        if present.all():
            return None
        return pa.py_buffer(np.packbits(self._put_back(present), bitorder="little"))

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
        taken = self._taken(column, np.where(inside, target, -1))
        if len(own.args) == 1 or inside.all():
            return taken
        default = plain(self.evaluator.column(own.args[1]))
        flags = pa.array(self._put_back(inside))
        return pc.if_else(flags, plain(taken), default) if not is_small(taken.type) else _chosen(flags, taken, default)

    def _picked(self, own: WindowCall) -> pa.Array:
        column = self.evaluator.column(own.args[0])
        valid = self._known(column) if own.ignore_nulls and column.null_count else None
        count = own.offset if own.function == "nth_value" else 1
        return self._taken(column, self._nth(own, valid, count, last=own.function == "last_value"))

    def _first(self, own: WindowCall) -> pa.Array:
        values = self._values(own)
        return self._taken(values.column, self._nth(own, values.valid, 1, last=False))

    def _nth(self, own: WindowCall, valid: NDArray[np.bool_] | None, count: int, *, last: bool) -> NDArray[np.int64]:
        """Return the position of the frame's n-th row, or last row, of those that are valid; -1 for none."""
        runs = self.frames.runs(own.frame)
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

    def _values(self, own: WindowCall) -> _Values:
        """Return an aggregate's argument, and which rows have a value that passes the filter."""
        if own.args:
            column = self.evaluator.column(own.args[0])
        else:
            column = pa.nulls(0)
        valid = self._known(column) if column.null_count else None
        if own.filter is not None:
            passed = known_true(self.evaluator.column(own.filter)).to_numpy(zero_copy_only=False)[self.layout.rows]
            valid = passed if valid is None else valid & passed
        return _Values(column, valid)

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

    def _in_order(self, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> NDArray[Any]:
        """Return values at sorted positions, 0 where they do not count."""
        ordered = values[self.layout.rows] if self.layout.sorted else values
        return ordered if valid is None else np.where(valid, ordered, ordered.dtype.type(0))

    def _float_sum(self, own: WindowCall) -> pa.Array:
        values = self._values(own)
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
        return array_from(self._put_back(total), pa.float64(), self._bitmap(self._counts(own, values.valid) > 0))

    def _exact_sum(self, own: WindowCall) -> pa.Array:
        values = self._values(own)
        bitmap = self._bitmap(self._counts(own, values.valid) > 0)
        if own.dtype.is_decimal and not is_small(values.column.type):
            return self._wide_sum(own, values, bitmap)
        low, high = self._halves(own, self._in_order(integers_of(values.column), values.valid))
        wide = join_halves(low, high)
        if not own.dtype.is_decimal:
            if wide:
                raise _overflow(own)
            return array_from(self._put_back(low), pa.int64(), bitmap)
        pairs = np.stack([self._put_back(low), self._put_back(high)], axis=1)
        return pa.Array.from_buffers(to_arrow_type(own.dtype), len(low), [bitmap, pa.py_buffer(pairs)])

    def _halves(self, own: WindowCall, ordered: Longs) -> tuple[Longs, Longs]:
        """Return the sums over frames of the lower and the upper halves of values."""
        low, high = np.empty(len(ordered) + 1, dtype=np.int64), np.empty(len(ordered) + 1, dtype=np.int64)
        prefix_sums(ordered, low, high)
        totals = np.zeros(len(ordered), dtype=np.int64), np.zeros(len(ordered), dtype=np.int64)
        for prefix, total in zip((low, high), totals, strict=True):
            for lows, highs in self.frames.runs(own.frame):
                add_differences(prefix, lows, highs, total)
        return totals

    def _wide_sum(self, own: WindowCall, values: _Values, bitmap: pa.Buffer | None) -> pa.Array:
        """Sum decimals of more than 18 digits: both words as numbers of their own, joined with the carry."""
        words = halves_of(values.column)
        lower = self._in_order(np.ascontiguousarray(words[:, 0]), values.valid)
        upper = self._in_order(np.ascontiguousarray(words[:, 1]), values.valid)
        # The lower word is unsigned: its upper half, read as signed, lacks 2**64 where the sign bit is set.
        low, high = self._halves(own, lower)
        borrowed, _ = self._halves(own, (lower < 0).astype(np.int64))
        join_halves(low, high)
        top, above = self._halves(own, upper)
        join_halves(top, above)
        sums = [
            (int(t) + (int(a) << 64) + int(b) << 64) + int(h << 64) + (int(v) & (2**64 - 1))
            for t, a, b, h, v in zip(
                top.tolist(), _above(top, above), borrowed.tolist(), high.tolist(), low.tolist(), strict=True
            )
        ]
        if any(abs(total) >= _LARGEST for total in sums):
            raise _overflow(own)
        parts = np.array([(t & (2**64 - 1), (t >> 64) & (2**64 - 1)) for t in sums], dtype=np.uint64).reshape(-1, 2)
        pairs = np.ascontiguousarray(self._put_back(parts))
        return pa.Array.from_buffers(to_arrow_type(own.dtype), len(sums), [bitmap, pa.py_buffer(pairs)])

    def _extreme(self, own: WindowCall) -> pa.Array:
        values = self._values(own)
        key = SortKey(expr=own.args[0], descending=own.function == Accumulator.MAX.value)
        words = one_word(values.column, key)
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
        values = self._values(own)
        ordered = self._in_order(floats_of(values.column), values.valid)
        valid = np.ones(len(ordered), dtype=np.uint8) if values.valid is None else values.valid.astype(np.uint8)
        counts, means, squares = (np.zeros(2 * len(ordered), dtype=np.float64) for _ in range(3))
        build_moments(ordered, valid, counts, means, squares)
        count, mean, square = (np.zeros(len(ordered), dtype=np.float64) for _ in range(3))
        for lows, highs in self.frames.runs(own.frame):
            add_moments(counts, means, squares, lows, highs, count, mean, square)
        return array_from(self._put_back(square), pa.float64(), self._bitmap(count > 0))


def _is_running(own: WindowCall) -> bool:
    """Whether all frames of a partition start where it does."""
    return own.frame.start == UNBOUNDED_PRECEDING and own.frame.exclusion is Exclusion.NO_OTHERS


def _counted(known: NDArray[np.int64], ends: Rows) -> NDArray[np.int64]:
    """Return how many are counted before each position, of running counts up to and with every position."""
    before: NDArray[np.int64] = np.append(0, known)[ends]
    return before


def _overflow(own: WindowCall) -> ArithmeticOverflow:
    return ArithmeticOverflow(
        f"sum({own.args[0]}) over a window does not fit {own.dtype}; cast the argument to a wider decimal or to a float"
    )
