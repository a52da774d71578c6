"""Accumulators: how each is computed of rows, and again of partial states.

A computation is a generator. It first yields the aggregates that it wants of the groups, which are computed in one call
for all accumulators, is sent their results, may then ask the groups for more, and returns its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from decimal import Decimal, localcontext
from typing import Any, TypeAlias

from ... import dtypes
from ...dtypes import DataType, Kind
from ..failures import sum_overflow
from ..specs import COMOMENT_FIELDS, Accumulator, AccumulatorSpec
from . import memory
from .columns import Op, any_true, binary, cast, chosen, constant, filled, flag, is_valid, known_true, truth
from .groups import Groups, Request
from .keys import NullOrder, Order, kept, one_zero, positions, taken
from .library import plc
from .memory import on_stream, run
from .types import FLOAT64, INT64, decimal_type, device_type

Computation: TypeAlias = "Generator[list[Request], list[plc.Column], list[plc.Column]]"

agg = plc.aggregation
_UNTYPED: Any = plc.aggregation
"""The same: it has more at run time than its stubs say."""
_VALID, _EVERY = plc.types.NullPolicy.EXCLUDE, plc.types.NullPolicy.INCLUDE
_MOST_INT64 = 1 << 63
_MOST_DECIMAL = 10**38
_HALF_DIGITS = 19


def refusal(spec: AccumulatorSpec) -> str | None:
    """Return why the CPU must compute an accumulator; None where libcudf can."""
    if spec.kind is Accumulator.SKETCH:
        return "libcudf counts no leading zeros, which the ranks of a sketch are"
    if spec.kind in (Accumulator.MIN, Accumulator.MAX) and (spec.dtype.is_nested or spec.dtype.kind is Kind.INTERVAL):
        return f"libcudf has no order for values of type {spec.dtype}"
    if spec.kind is Accumulator.SUM and not spec.dtype.is_numeric:
        return f"libcudf has no sum of values of type {spec.dtype}"
    return None


def of_rows(spec: AccumulatorSpec, groups: Groups, column: plc.Column | None, mask: plc.Column | None) -> Computation:
    """Return the partial state of rows, those where a mask is true if there is one."""
    kind = spec.kind
    if column is None:
        return _count_rows(groups, mask)
    if kind in _KEEPING:
        return _KEEPING[kind](spec, groups, column, mask)
    if mask is not None:
        column = only_where(column, mask, spec.argument.dtype if spec.argument is not None else spec.dtype)
    if kind is Accumulator.COUNT:
        return _count(column)
    if kind is Accumulator.MEAN:
        return _plain(cast(column, FLOAT64), agg.mean())
    if kind is Accumulator.M2:
        return _plain(cast(column, FLOAT64), agg.m2())
    given = spec.argument.dtype if spec.argument is not None else spec.dtype
    return _folded(spec, column, given.precision if given.is_decimal else 0)


def of_states(spec: AccumulatorSpec, groups: Groups, column: plc.Column) -> Computation:
    """Return the state of partial states; not of MEAN and M2, which go with their count: `moments_of_states`."""
    if spec.kind in (Accumulator.COUNT, Accumulator.COUNT_ROWS):
        return _plain(column, agg.sum())
    if spec.kind in (Accumulator.COLLECT, Accumulator.COLLECT_ALL):
        return _joined_lists(groups, column)
    if spec.kind is Accumulator.COMOMENTS:
        return _comoments_of_states(groups, column)
    if spec.kind in _KEEPING:
        return _KEEPING[spec.kind](spec, groups, column, None)
    return _folded(spec, column, dtypes.MAX_DECIMAL_PRECISION)


def _folded(spec: AccumulatorSpec, column: plc.Column, precision: int) -> Computation:
    """Return what is computed of states as it is of rows; decimals have at most so many digits."""
    match spec.kind:
        case Accumulator.SUM if spec.dtype.is_decimal:
            return _decimal_sum(spec, column, precision)
        case Accumulator.SUM if spec.dtype.is_integer:
            return _integer_sum(spec, column)
        case Accumulator.SUM:
            return _plain(cast(column, device_type(spec.dtype)), agg.sum())
        case Accumulator.MIN | Accumulator.MAX if spec.dtype.is_float:
            return _float_extreme(spec, column)
        case Accumulator.MIN:
            return _plain(column, agg.min())
        case Accumulator.MAX:
            return _plain(column, agg.max())
        case Accumulator.FIRST:
            return _plain(column, agg.nth_element(0, _VALID))
        case Accumulator.LAST:
            return _plain(column, agg.nth_element(-1, _VALID))
        case Accumulator.PRODUCT:
            return _plain(column, agg.product(), device_type(spec.dtype))
        case Accumulator.BIT_AND | Accumulator.BIT_OR | Accumulator.BIT_XOR:
            return _plain(column, _UNTYPED.bitwise(_UNTYPED.BitwiseOp[spec.kind.value.removeprefix("bit_").upper()]))
    raise AssertionError(spec.kind)


def _plain(column: plc.Column, aggregation: plc.aggregation.Aggregation, to: plc.DataType | None = None) -> Computation:
    [found] = yield [(column, aggregation)]
    return [found if to is None else cast(found, to)]


def _count_rows(groups: Groups, mask: plc.Column | None) -> Computation:
    if mask is not None:
        flags = cast(known_true(mask), INT64)
        [found] = yield [(flags, agg.sum())]
        return [found]
    [found] = yield [(groups.any_column, agg.count(_EVERY))]
    return [cast(found, INT64)]


def _count(column: plc.Column) -> Computation:
    [found] = yield [(column, agg.count(_VALID))]
    return [cast(found, INT64)]


def only_where(column: plc.Column, mask: plc.Column, dtype: DataType) -> plc.Column:
    """Return a column with null where a mask is not true."""
    if not dtype.is_nested and dtype.kind is not Kind.INTERVAL:
        return chosen(mask, column, constant(None, dtype))
    outside = constant(column.size(), dtypes.int32)
    return taken(column, chosen(mask, positions(column.size()), outside), outer=True)


# sums


def magnitude(column: plc.Column, scale: int = 0) -> int:
    """Return the greatest magnitude of integers, or of decimals in their last digit; waits for the device."""
    if column.size() == column.null_count():
        return 0
    ends = [on_stream(scalar.to_arrow).as_py() for scalar in run(plc.reduce.minmax, column)]
    memory.ledger().add(to_host=32)
    with localcontext(prec=80):
        return max(abs(int(Decimal(end).scaleb(scale))) for end in ends)


def _integer_sum(spec: AccumulatorSpec, column: plc.Column) -> Computation:
    """Sum in 64 bits where that cannot wrap around, else in 128 bits, and see whether it fits."""
    if magnitude(column) * column.size() < _MOST_INT64:
        [found] = yield [(column, agg.sum())]
        return [cast(found, device_type(spec.dtype))]
    [wide] = yield [(cast(column, decimal_type(0)), agg.sum())]
    if magnitude(wide) >= _MOST_INT64 and any_true(beyond_int64(wide)):
        raise sum_overflow(spec)
    return [cast(wide, device_type(spec.dtype))]


def beyond_int64(wide: plc.Column) -> plc.Column:
    """Return where whole decimals do not fit 64 bits."""
    dtype = dtypes.decimal(38, 0)
    ends = (constant(Decimal(end), dtype) for end in (-_MOST_INT64, _MOST_INT64 - 1))
    below, above = (truth(wide, end, op) for end, op in zip(ends, (Op.LESS, Op.GREATER), strict=True))
    return truth(below, above, Op.LOGICAL_OR)


def _decimal_sum(spec: AccumulatorSpec, column: plc.Column, precision: int) -> Computation:
    """Sum in 128 bits where that cannot overflow, else the higher and the lower digits apart."""
    scale = spec.dtype.scale
    exact, coarse = decimal_type(scale), decimal_type(scale - _HALF_DIGITS)
    column = cast(column, exact)
    safe = 10**precision * column.size() < _MOST_DECIMAL or magnitude(column, scale) * column.size() < _MOST_DECIMAL
    if safe:
        [found] = yield [(column, agg.sum())]
        return [found]
    high = cast(column, coarse)
    low = binary(column, cast(high, exact), Op.SUB, exact)
    highs, lows = yield [(high, agg.sum()), (low, agg.sum())]
    carried = binary(highs, cast(lows, coarse), Op.ADD, coarse)
    if magnitude(carried, scale - _HALF_DIGITS) > 10**_HALF_DIGITS:
        raise sum_overflow(spec)
    total = binary(cast(highs, exact), lows, Op.ADD, exact)
    if magnitude(total, scale) >= _MOST_DECIMAL:
        raise sum_overflow(spec)
    return [total]


def _float_extreme(spec: AccumulatorSpec, column: plc.Column) -> Computation:
    """Find the least or greatest of floats where NaN is greatest: libcudf leaves open what it makes of NaN."""
    nan = constant(float("nan"), spec.dtype)
    numbers = chosen(filled(run(plc.unary.is_nan, column), flag(value=True)), _null(spec.dtype), column)
    best, values, found = yield [
        (numbers, agg.min() if spec.kind is Accumulator.MIN else agg.max()),
        (column, agg.count(_VALID)),
        (numbers, agg.count(_VALID)),
    ]
    if spec.kind is Accumulator.MAX:
        return [chosen(truth(values, found, Op.GREATER), nan, best)]
    zero = constant(0, dtypes.int32)
    only_nans = truth(truth(values, zero, Op.GREATER), truth(found, zero, Op.EQUAL), Op.LOGICAL_AND)
    return [chosen(only_nans, nan, best)]


def _null(dtype: DataType) -> plc.Scalar:
    return constant(None, dtype)


# accumulators that keep values


def _known(column: plc.Column, mask: plc.Column | None) -> plc.Column:
    valid = is_valid(column)
    return valid if mask is None else truth(valid, mask, Op.LOGICAL_AND)


def _collected(spec: AccumulatorSpec, groups: Groups, column: plc.Column, mask: plc.Column | None) -> Computation:
    """List the values, or those that are not null; null where there is none."""
    if spec.kind is Accumulator.COLLECT:
        mask = _known(column, mask)
    if mask is None:
        return (yield [(column, agg.collect_list(_EVERY))])
    yield []
    some = groups.where(mask)
    found = some.first([(kept(column, mask), agg.collect_list(_EVERY))])
    return groups.aligned(some, found)


def _joined_lists(groups: Groups, column: plc.Column) -> Computation:
    """Join lists, which may be null, as libcudf's may not."""
    yield []
    mask = is_valid(column)
    some = groups.where(mask)
    return groups.aligned(some, some.first([(kept(column, mask), _UNTYPED.merge_lists())]))


def _picked(spec: AccumulatorSpec, groups: Groups, column: plc.Column, mask: plc.Column | None) -> Computation:
    """Keep the first pair, in input order, of the least or greatest key."""
    yield []
    mask = _known(column, mask)
    some, pairs = groups.where(mask), kept(column, mask)
    keys = one_zero(fields_of(pairs)[0], spec.dtype.fields[0][1])
    direction = Order.DESCENDING if spec.kind is Accumulator.ARG_MAX else Order.ASCENDING
    order = run(plc.sorting.stable_sorted_order, plc.Table([keys]), [direction], [NullOrder.AFTER])
    some = some.ordered(order)
    return groups.aligned(some, some.first([(taken(pairs, order), agg.nth_element(0, _EVERY))]))


def fields_of(column: plc.Column) -> list[plc.Column]:
    """Return the fields of structs, of which those of a slice are the slice's."""
    children = column.children()
    if any(child.size() != column.size() for child in children):
        children = run(column.copy).children()
    return list(children)


def _multiplied(*columns: plc.Column) -> plc.Column:
    product, *rest = columns
    for column in rest:
        product = binary(product, column, Op.MUL, FLOAT64)
    return product


def _comoments(_: AccumulatorSpec, groups: Groups, column: plc.Column, mask: plc.Column | None) -> Computation:
    yield []
    mask = _known(column, mask)
    some = groups.where(mask)
    pair = fields_of(kept(column, mask))
    counts, *means = some.first([(pair[0], agg.count(_EVERY)), *((one, agg.mean()) for one in pair)])
    near, far = (binary(value, mean, Op.SUB, FLOAT64) for value, mean in zip(pair, some.spread(means), strict=True))
    squares = some.again([(_multiplied(*two), agg.sum()) for two in ((near, near), (far, far), (near, far))])
    return [_structs(groups.aligned(some, [cast(counts, FLOAT64), *means, *squares]))]


def _comoments_of_states(groups: Groups, column: plc.Column) -> Computation:
    """Merge by Chan's formula: deviations from the common mean, weighted with the counts."""
    count, *means_and_squares = fields_of(column)
    means, squares = means_and_squares[:2], means_and_squares[2:]
    total, *sums = yield [(count, agg.sum()), *((_multiplied(count, mean), agg.sum()) for mean in means)]
    divisor = chosen(truth(total, _zero(), Op.GREATER), total, constant(1.0, dtypes.float64))
    common = [binary(one, divisor, Op.DIV, FLOAT64) for one in sums]
    near, far = (
        binary(mean, shared, Op.SUB, FLOAT64) for mean, shared in zip(means, groups.spread(common), strict=True)
    )
    added = [
        binary(square, _multiplied(count, *two), Op.ADD, FLOAT64)
        for square, two in zip(squares, ((near, near), (far, far), (near, far)), strict=True)
    ]
    return [_structs([total, *common, *groups.again([(one, agg.sum()) for one in added])])]


def _structs(columns: Sequence[plc.Column]) -> plc.Column:
    assert len(columns) == len(COMOMENT_FIELDS)
    return plc.Column.struct_from_children([filled(column, _zero()) for column in columns])


def _zero() -> plc.Scalar:
    return constant(0.0, dtypes.float64)


def moments_of_states(groups: Groups, count: plc.Column, mean: plc.Column, m2: plc.Column) -> Computation:
    """Merge counts, means and sums of squared deviations by Chan's formula."""
    weights = cast(count, FLOAT64)
    known = filled(mean, _zero())
    counts, sums = yield [(count, agg.sum()), (_multiplied(weights, known), agg.sum())]
    some = truth(counts, constant(0, dtypes.int64), Op.GREATER)
    none = _null(dtypes.float64)
    means = binary(sums, chosen(some, cast(counts, FLOAT64), none), Op.DIV, FLOAT64)
    [common] = groups.spread([filled(means, _zero())])
    apart = binary(known, common, Op.SUB, FLOAT64)
    added = binary(filled(m2, _zero()), _multiplied(weights, apart, apart), Op.ADD, FLOAT64)
    [squares] = groups.again([(added, agg.sum())])
    return [counts, means, chosen(some, squares, none)]


_Keeping: TypeAlias = "Callable[[AccumulatorSpec, Groups, plc.Column, plc.Column | None], Computation]"
_KEEPING: dict[Accumulator, _Keeping] = {
    Accumulator.COLLECT: _collected,
    Accumulator.COLLECT_ALL: _collected,
    Accumulator.ARG_MIN: _picked,
    Accumulator.ARG_MAX: _picked,
    Accumulator.COMOMENTS: _comoments,
}
