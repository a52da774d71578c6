"""Window functions: values per row from its partition, or from the frame of rows around it.

Everything is computed at sorted positions and put back where the row was. Sums of integers and decimals and counts are
differences of running ones, whatever the frame. Sums of floats, least and greatest values are running ones where frames
start with their partition, and libcudf's rolling windows where they are bounded: those read each frame's rows one by
one. Other windows are computed by the CPU (`refusal`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, reduce

from ... import dtypes
from ...expr import SortKey
from ...plan import Edge, Exclusion, Frame, WindowCall
from ...schema import Schema
from ..cpu.window import window_rows as cpu_window_rows
from ..failures import window_sum_overflow
from ..specs import WindowSpec
from . import memory
from .accumulate import beyond_int64, magnitude
from .batch import GpuTable, concat_tables
from .columns import (
    Op,
    any_true,
    binary,
    cast,
    chosen,
    constant,
    filled,
    greatest,
    is_valid,
    known_true,
    repeated,
    truth,
)
from .frames import Frames, Layout, Run, minus, number, plus
from .groups import Groups
from .keys import kept, one_zero, orders, placed, taken
from .library import plc
from .memory import run
from .project import Evaluator
from .transfer import on_device, on_host
from .types import FLOAT64, INT32, INT64, decimal_type, device_type

agg = plc.aggregation
_MOST_INT64 = 1 << 63
_MOST_DECIMAL = 10**38
_BOUNDED = (Edge.PRECEDING, Edge.CURRENT_ROW, Edge.FOLLOWING)


def refusal(call: WindowCall) -> str | None:
    """Return why the CPU must compute a window function; None where libcudf can."""
    if call.function == "ewm_mean":
        return "libcudf weighs the rows of whole columns only, not those of partitions"
    if call.function not in _KNOWN:
        return "it is put together of the rows of each frame"
    if call.function in ("min", "max") and (call.dtype.is_nested or call.dtype.kind is dtypes.Kind.INTERVAL):
        return f"libcudf has no order for values of type {call.dtype}"
    if call.function == "sum" and not call.dtype.is_numeric:
        return f"libcudf has no sum of values of type {call.dtype}"
    folds = call.function in ("min", "max", "product", "m2") or (call.function == "sum" and call.dtype.is_float)
    if not folds:
        return None
    frame = call.frame
    if call.function == "product":
        return None if frame.begins_with_partition else "libcudf multiplies only frames that start with their partition"
    if call.function == "m2":
        alone = _is_narrow(frame) and frame.exclusion is Exclusion.NO_OTHERS
        return None if alone or frame.is_partition else _WIDE
    return None if frame.begins_with_partition or _is_narrow(frame) else _WIDE


_WIDE = "libcudf would read all rows of such frames one by one, for each row again"


def _is_narrow(frame: Frame) -> bool:
    return frame.start.edge in _BOUNDED and frame.end.edge in _BOUNDED


def window_rows(tables: Sequence[GpuTable], spec: WindowSpec, schema: Schema) -> GpuTable:
    """Return the rows of the tables, in order, with the columns of window functions added."""
    refused = [named.call for named in spec.functions if refusal(named.call) is not None]
    if refused:
        return _on_cpu(tables, spec, schema, refused)
    table = concat_tables(tables, schema)
    evaluator = Evaluator(table)
    try:
        work = _Work(evaluator, Layout(evaluator, spec), spec)
        added = work.layout.put_back([work.column(named.call) for named in spec.functions])
    except _TooWide as wide:
        return _on_cpu(tables, spec, schema, [wide.call])
    return GpuTable(spec.output(schema), (*table.columns, *added), table.num_rows)


def _on_cpu(tables: Sequence[GpuTable], spec: WindowSpec, schema: Schema, refused: Sequence[WindowCall]) -> GpuTable:
    for call in refused:
        memory.ledger().fell_back(f"{call.function} over", sum(table.num_rows for table in tables))
    return on_device(cpu_window_rows([on_host(table) for table in tables], spec, schema))


class _TooWide(Exception):
    """Sums of this call may need more than 128 bits on the way."""

    def __init__(self, call: WindowCall) -> None:
        self.call = call


class _Work:
    """The functions of one window over one table; columns are those of the sorted rows."""

    def __init__(self, evaluator: Evaluator, layout: Layout, spec: WindowSpec) -> None:
        self.evaluator, self.layout = evaluator, layout
        self.frames = Frames(layout, evaluator, spec.order_by)
        self._outside = number(layout.count)

    def column(self, own: WindowCall) -> plc.Column:
        """Return a function's values."""
        if own.function in _PLACES:
            return cast(_PLACES[own.function](self.layout, own.offset), device_type(own.dtype))
        match own.function:
            case "lag" | "lead":
                return self._shifted(own)
            case "first_value" | "last_value" | "nth_value":
                return self._picked(own)
            case "count_rows" | "count":
                return cast(self._counts(own, self._valid(own)), INT64)
            case "sum" if own.dtype.is_float:
                return self._present(own, self._float_sum(own))
            case "sum":
                return self._present(own, self._exact_sum(own))
            case "product":
                ones = self._values(own, constant(1.0, dtypes.float64))
                return self._present(own, self._at_ends(own, self._running(ones, agg.product())))
            case "min" | "max":
                return self._extreme(own)
            case "first" | "last":
                return self._at(self._argument(own), self._nth(own, self._valid(own), 1, last=own.function == "last"))
        assert own.function == "m2", own.function
        return self._squares(own)

    # arguments

    def _argument(self, own: WindowCall) -> plc.Column:
        return self.layout.in_order(self.evaluator.column(own.args[0]))

    def _valid(self, own: WindowCall) -> plc.Column | None:
        """Return which rows have a value that passes the filter; None where all do."""
        valid = None
        if own.args:
            argument = self._argument(own)
            valid = is_valid(argument) if argument.null_count() else None
        if own.filter is not None:
            passed = known_true(self.layout.in_order(self.evaluator.column(own.filter)))
            valid = passed if valid is None else truth(valid, passed, Op.LOGICAL_AND)
        return valid

    def _values(self, own: WindowCall, otherwise: plc.Scalar) -> plc.Column:
        """Return the argument with a constant where a row does not count."""
        argument, valid = self._argument(own), self._valid(own)
        if argument.type() != otherwise.type():
            argument = cast(argument, otherwise.type())
        return argument if valid is None else chosen(valid, argument, otherwise)

    # what frames hold

    def _at(self, column: plc.Column, places: plc.Column) -> plc.Column:
        """Return the value at a sorted position, null for positions outside."""
        return taken(column, places, outer=True)

    def _differences(self, totals: plc.Column, runs: Sequence[Run], kind: plc.DataType) -> plc.Column:
        """Return what running totals, from 0 before the first row on, grow by within runs, in all."""
        parts = [
            binary(taken(totals, greatest(highs, lows)), taken(totals, lows), Op.SUB, kind) for lows, highs in runs
        ]
        return reduce(lambda left, right: binary(left, right, Op.ADD, kind), parts)

    def _totals(self, column: plc.Column, zero: plc.Scalar) -> plc.Column:
        scanned = run(plc.reduce.scan, column, agg.sum(), plc.reduce.ScanType.INCLUSIVE)
        return run(plc.concatenate.concatenate, [repeated(zero, 1), scanned])

    def _counts(self, own: WindowCall, valid: plc.Column | None) -> plc.Column:
        """Count the valid rows of each frame."""
        runs = self.frames.runs(own.frame)
        if valid is None:
            return reduce(plus, (greatest(minus(highs, lows), number(0)) for lows, highs in runs))
        return self._differences(self._totals(cast(valid, INT32), number(0)), runs, INT32)

    def _present(self, own: WindowCall, values: plc.Column) -> plc.Column:
        """Make values null where the frame has no valid row."""
        valid = self._valid(own)
        if valid is None and own.frame.holds_its_row:
            return values
        some = truth(self._counts(own, valid), number(0), Op.GREATER)
        return chosen(some, values, constant(None, own.dtype))

    @cached_property
    def _partitions(self) -> plc.groupby.GroupBy:
        return plc.groupby.GroupBy(
            plc.Table([self.layout.partitions[0]]),
            null_handling=plc.types.NullPolicy.INCLUDE,
            keys_are_sorted=plc.types.Sorted.YES,
        )

    def _running(self, column: plc.Column, aggregation: plc.aggregation.Aggregation) -> plc.Column:
        """Return what comes of the partition's rows up to and with each."""
        request = plc.groupby.GroupByRequest(column, [aggregation])
        return run(self._partitions.scan, [request])[1][0].columns()[0]

    def _at_ends(self, own: WindowCall, running: plc.Column) -> plc.Column:
        """Return running results at the last row of each frame, null where it has none."""
        [(lows, highs)] = self.frames.runs(own.frame)
        last = chosen(truth(highs, lows, Op.GREATER), minus(highs, number(1)), self._outside)
        return self._at(running, last)

    def _rolled(self, column: plc.Column, span: Run, aggregation: plc.aggregation.Aggregation) -> plc.Column:
        """Aggregate the rows of one run of each frame, null where there is none."""
        lows, highs = span[0], greatest(span[1], span[0])
        before = plus(minus(self.layout.positions, lows), number(1))
        after = minus(minus(highs, self.layout.positions), number(1))
        return run(plc.rolling.rolling_window, column, before, after, 1, aggregation)

    # aggregates

    def _float_sum(self, own: WindowCall) -> plc.Column:
        zero = constant(0.0, dtypes.float64)
        values = self._values(own, zero)
        if own.frame.begins_with_partition:
            return self._at_ends(own, self._running(values, agg.sum()))
        parts = [filled(self._rolled(values, span, agg.sum()), zero) for span in self.frames.runs(own.frame)]
        return reduce(lambda left, right: binary(left, right, Op.ADD, FLOAT64), parts)

    def _exact_sum(self, own: WindowCall) -> plc.Column:
        """Return differences of running sums: in 64 bits where they cannot wrap around, else in 128."""
        runs = self.frames.runs(own.frame)
        if own.dtype.is_decimal:
            zero = constant(0, own.dtype)
            values = self._values(own, zero)
            if magnitude(values, own.dtype.scale) * max(self.layout.count, 1) >= _MOST_DECIMAL:
                raise _TooWide(own)
            return self._differences(self._totals(values, zero), runs, decimal_type(own.dtype.scale))
        zero = constant(0, dtypes.int64)
        values = self._values(own, zero)
        if magnitude(values) * max(self.layout.count, 1) < _MOST_INT64:
            return self._differences(self._totals(values, zero), runs, INT64)
        wide = self._totals(cast(values, decimal_type(0)), constant(0, dtypes.decimal(38, 0)))
        sums = self._differences(wide, runs, decimal_type(0))
        if any_true(beyond_int64(sums)):
            raise window_sum_overflow(own)
        return cast(sums, INT64)

    def _extreme(self, own: WindowCall) -> plc.Column:
        """Return the value whose place among all values is least or greatest, so that any type and NaN are in order."""
        argument, valid = self._argument(own), self._valid(own)
        key = SortKey(expr=own.args[0])
        order = run(plc.sorting.stable_sorted_order, plc.Table([one_zero(argument, own.args[0].dtype)]), *orders([key]))
        places = placed(self.layout.positions, order, self.layout.positions)
        none = constant(None, dtypes.int32)
        if valid is not None:
            places = chosen(valid, places, none)
        best = agg.min() if own.function == "min" else agg.max()
        if own.frame.begins_with_partition:
            filled_up = run(
                self._partitions.replace_nulls,
                plc.Table([self._running(places, best)]),
                [plc.replace.ReplacePolicy.PRECEDING],
            )[1].columns()[0]
            found = self._at_ends(own, filled_up)
        else:
            parts = [self._rolled(places, span, best) for span in self.frames.runs(own.frame)]
            found = reduce(lambda left, right: self._better(own, left, right), parts)
        rows = self._at(order, filled(found, self._outside))
        return self._at(argument, filled(rows, self._outside))

    def _better(self, own: WindowCall, left: plc.Column, right: plc.Column) -> plc.Column:
        """Return the lesser or greater of two places, or the one that is there."""
        op = Op.LESS if own.function == "min" else Op.GREATER
        best = chosen(truth(left, right, op), left, right)
        return filled(filled(best, left), right)

    def _squares(self, own: WindowCall) -> plc.Column:
        """Return the sum of squared deviations from each frame's mean."""
        valid = self._valid(own)
        values = self._values(own, constant(None, dtypes.float64))
        if own.frame.is_partition:
            groups = Groups([self.layout.partitions[0]], self.layout.count)
            return groups.spread(groups.first([(values, agg.m2())]))[0]
        [span] = self.frames.runs(own.frame)
        variance = self._rolled(values, span, agg.variance(0))
        return binary(variance, cast(self._counts(own, valid), FLOAT64), Op.MUL, FLOAT64)

    # functions that pick a value

    def _shifted(self, own: WindowCall) -> plc.Column:
        argument, layout = self._argument(own), self.layout
        starts, ends = layout.partitions
        distance = own.offset if own.function == "lead" else -own.offset
        if not own.ignore_nulls or distance == 0 or not argument.null_count():
            span = max(-layout.count, min(layout.count, distance))
            target = plus(layout.positions, number(span))
            inside = truth(truth(target, starts, Op.GREATER_EQUAL), truth(target, ends, Op.LESS), Op.LOGICAL_AND)
        else:
            # Among rows with a value: those before the row end at `own_place`, the row itself is one of them or not.
            known, rows = self._known(is_valid(argument))
            own_place = taken(known, layout.positions)
            through = taken(known, plus(layout.positions, number(1)))
            span = max(-layout.count, min(layout.count, distance))
            place = plus(own_place, number(span)) if span < 0 else plus(through, number(span - 1))
            firsts, after = taken(known, starts), taken(known, ends)
            inside = truth(truth(place, firsts, Op.GREATER_EQUAL), truth(place, after, Op.LESS), Op.LOGICAL_AND)
            target = filled(self._at(rows, chosen(inside, place, self._outside)), self._outside)
        found = self._at(argument, chosen(inside, target, self._outside))
        if len(own.args) == 1:
            return found
        default = self.layout.in_order(self.evaluator.column(own.args[1]))
        both = run(plc.concatenate.concatenate, [argument, default])
        return taken(both, chosen(inside, target, plus(layout.positions, self._outside)))

    def _known(self, valid: plc.Column) -> tuple[plc.Column, plc.Column]:
        """Return how many rows before each position, and before the end, are valid, and where those are."""
        counts = self._totals(cast(valid, INT32), number(0))
        return counts, kept(self.layout.positions, valid)

    def _picked(self, own: WindowCall) -> plc.Column:
        argument = self._argument(own)
        valid = is_valid(argument) if own.ignore_nulls and argument.null_count() else None
        count = own.offset if own.function == "nth_value" else 1
        return self._at(argument, self._nth(own, valid, count, last=own.function == "last_value"))

    def _nth(self, own: WindowCall, valid: plc.Column | None, count: int, *, last: bool) -> plc.Column:
        """Return the position of the frame's n-th row, or last row, of those that are valid; outside for none."""
        runs = self.frames.runs(own.frame)
        rows = None
        if valid is not None:
            known, rows = self._known(valid)
            runs = [(taken(known, lows), taken(known, greatest(highs, lows))) for lows, highs in runs]
        wanted = repeated(number(min(count, self.layout.count + 1) - 1), self.layout.count)
        found = repeated(self._outside, self.layout.count)
        for lows, highs in reversed(runs) if last else runs:
            length = greatest(minus(highs, lows), number(0))
            missing = truth(found, self._outside, Op.EQUAL)
            hit = truth(missing, truth(wanted, length, Op.LESS), Op.LOGICAL_AND)
            there = minus(minus(highs, number(1)), wanted) if last else plus(lows, wanted)
            found = chosen(hit, there, found)
            wanted = chosen(hit, wanted, minus(wanted, length))
        return found if rows is None else filled(self._at(rows, found), self._outside)


# Functions of a row's place alone.


def _row_number(layout: Layout, _: int) -> plc.Column:
    return plus(minus(layout.positions, layout.partitions[0]), number(1))


def _rank(layout: Layout, _: int) -> plc.Column:
    return plus(minus(layout.peers[0], layout.partitions[0]), number(1))


def _dense_rank(layout: Layout, _: int) -> plc.Column:
    groups = layout.group_numbers
    return plus(minus(groups, taken(groups, layout.partitions[0])), number(1))


def _sizes(layout: Layout) -> plc.Column:
    starts, ends = layout.partitions
    return minus(ends, starts)


def _percent_rank(layout: Layout, _: int) -> plc.Column:
    others = greatest(minus(_sizes(layout), number(1)), number(1))
    return binary(cast(minus(_rank(layout, 0), number(1)), FLOAT64), cast(others, FLOAT64), Op.DIV, FLOAT64)


def _cume_dist(layout: Layout, _: int) -> plc.Column:
    through = cast(minus(layout.peers[1], layout.partitions[0]), FLOAT64)
    return binary(through, cast(_sizes(layout), FLOAT64), Op.DIV, FLOAT64)


def _ntile(layout: Layout, buckets: int) -> plc.Column:
    """Return the bucket of each row, where the first ``rows % buckets`` buckets have one row more than the others."""
    sizes = cast(_sizes(layout), INT64)
    place = cast(minus(layout.positions, layout.partitions[0]), INT64)
    count, one = constant(buckets, dtypes.int64), constant(1, dtypes.int64)

    def op(left: plc.Column, right: plc.Column | plc.Scalar, what: plc.binaryop.BinaryOperator) -> plc.Column:
        return binary(left, right, what, INT64)

    least, larger = op(sizes, count, Op.DIV), op(sizes, count, Op.MOD)
    wide = op(least, one, Op.ADD)
    in_larger = op(larger, wide, Op.MUL)
    narrow = chosen(truth(least, one, Op.LESS), one, least)
    after = op(larger, op(op(place, in_larger, Op.SUB), narrow, Op.DIV), Op.ADD)
    return op(chosen(truth(place, in_larger, Op.LESS), op(place, wide, Op.DIV), after), one, Op.ADD)


_KNOWN = frozenset(
    {"row_number", "rank", "dense_rank", "percent_rank", "cume_dist", "ntile", "lag", "lead"}
    | {"first_value", "last_value", "nth_value", "first", "last"}
    | {"count_rows", "count", "sum", "product", "min", "max", "m2"}
)
"""Functions with a kernel here."""

_PLACES: dict[str, Callable[[Layout, int], plc.Column]] = {
    "row_number": _row_number,
    "rank": _rank,
    "dense_rank": _dense_rank,
    "percent_rank": _percent_rank,
    "cume_dist": _cume_dist,
    "ntile": _ntile,
}
