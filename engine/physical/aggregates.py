"""How each aggregate of the catalogue is carried between phases and finished.

An aggregate becomes accumulators that merge (``sum`` and ``count`` for a mean) and an expression over them that gives
its value; accumulators wanted by several aggregates are computed once.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import dtypes
from ..dtypes import DataType
from ..errors import UnsupportedOperation
from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, call, case, cast, literal
from ..expr.catalogue import AGGREGATES
from ..kernels.specs import COMOMENT_FIELDS, Accumulator, AccumulatorSpec
from ..records import dataclass


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Accumulators of both phases and one finishing expression per aggregate."""

    accumulators: tuple[AccumulatorSpec, ...]
    finish: tuple[NamedExpr, ...]


def decompose(aggregates: Iterable[NamedAggregate]) -> Decomposition:
    """Split aggregates into accumulators and finishing expressions.

    Raises
    ------
    UnsupportedOperation
        For a distinct aggregate, which a rewrite of the logical plan must have removed.
    """
    specs: dict[tuple[Accumulator, Expr | None, Expr | None], AccumulatorSpec] = {}
    given = list(aggregates)
    for named in given:
        # The three accumulators of moments share a state and so stand together, before others that count too.
        kinds = _kinds(named.call)
        for kind in kinds if Accumulator.M2 in kinds else ():
            _accumulator(specs, kind, named.call)
    finish = []
    for named in given:
        if named.call.distinct:
            raise UnsupportedOperation(f"{named.call}: distinct cannot be combined with the other aggregates here")
        state = {kind: _accumulator(specs, kind, named.call) for kind in _kinds(named.call)}
        finish.append(NamedExpr(name=named.name, expr=_finish(named.call, state)))
    return Decomposition(tuple(specs.values()), tuple(finish))


def _kinds(aggregate: AggregateCall) -> tuple[Accumulator, ...]:
    if aggregate.function == "count" and not aggregate.args:
        return (Accumulator.COUNT_ROWS,)
    return tuple(Accumulator(name) for name in AGGREGATES[aggregate.function].partial)


def _accumulator(
    specs: dict[tuple[Accumulator, Expr | None, Expr | None], AccumulatorSpec],
    kind: Accumulator,
    aggregate: AggregateCall,
) -> Column:
    argument = _argument(kind, aggregate)
    key = (kind, argument, aggregate.filter)
    if key not in specs:
        dtype = _state_type(kind, argument)
        name = f"__{kind.value}_{len(specs)}"
        specs[key] = AccumulatorSpec(name=name, kind=kind, dtype=dtype, argument=argument, filter=aggregate.filter)
    return Column(name=specs[key].name, dtype=specs[key].dtype)


def _argument(kind: Accumulator, aggregate: AggregateCall) -> Expr | None:
    """Return what an accumulator reads: keys come first in a pair."""
    match kind:
        case Accumulator.COUNT_ROWS:
            return None
        case Accumulator.ARG_MIN | Accumulator.ARG_MAX:
            return call("pair", aggregate.args[1], aggregate.args[0])
        case Accumulator.COMOMENTS:
            return call("pair", *aggregate.args)
        case Accumulator.SKETCH:
            (value,) = aggregate.args
            return case([(call("is_not_null", value), call("hash", value))])
    return aggregate.args[0]


def _state_type(kind: Accumulator, argument: Expr | None) -> DataType:
    if argument is None or kind is Accumulator.COUNT:
        return dtypes.int64
    if kind in (Accumulator.MEAN, Accumulator.M2):
        return dtypes.float64
    if kind in (Accumulator.COLLECT, Accumulator.COLLECT_ALL):
        return dtypes.list_(argument.dtype)
    if kind is Accumulator.COMOMENTS:
        return dtypes.struct((name, dtypes.float64) for name in COMOMENT_FIELDS)
    if kind is Accumulator.SKETCH:
        return dtypes.list_(dtypes.uint32)
    if kind is Accumulator.SUM and argument.dtype.is_decimal:
        return dtypes.decimal(dtypes.MAX_DECIMAL_PRECISION, argument.dtype.scale)
    return argument.dtype


def _finish(aggregate: AggregateCall, state: dict[Accumulator, Column]) -> Expr:
    match aggregate.function:
        case "mean":
            total = cast(state[Accumulator.SUM], dtypes.float64)
            return call("divide", total, state[Accumulator.COUNT])
        case "var" | "std" | "var_pop" | "std_pop":
            return _moment(aggregate.function, state)
    (only,) = state.values()
    return _finish_nested(aggregate, only)


def _finish_nested(aggregate: AggregateCall, state: Column) -> Expr:
    """Return the value held by a single accumulator: for lists and pairs, what is read out of them."""
    options = dict(aggregate.options)
    match aggregate.function:
        case "median":
            return call("list_quantile", state, q=0.5, discrete=False)
        case "quantile":
            return call("list_quantile", state, q=options["q"], discrete=False)
        case "quantile_disc":
            return call("list_quantile", state, q=options["q"], discrete=True)
        case "mode":
            return call("list_mode", state)
        case "histogram":
            return call("list_histogram", state)
        case "entropy":
            return case([(call("is_not_null", state), call("list_fold", state, fold="entropy"))], literal(0.0))
        case "skewness" | "kurtosis" | "kurtosis_pop" | "mad":
            return call("list_fold", state, fold=aggregate.function)
        case "approx_count_distinct":
            return call("sketch_count", state)
        case "string_agg":
            return call("list_join", state, separator=options["separator"])
        case "arg_min" | "arg_max":
            return call("struct_field", state, name="second")
        case "covar_samp" | "covar_pop" | "corr":
            return _comoment(aggregate.function, state)
        case function if function.startswith("regr_"):
            return _regression(function.removeprefix("regr_"), state)
    return state


def _comoment(function: str, state: Column) -> Expr:
    """Covariance or correlation: null below one pair (two for the sample covariance)."""
    count, m2_first, m2_second, c2 = (
        call("struct_field", state, name=name) for name in ("count", "m2_first", "m2_second", "c2")
    )
    if function == "corr":
        value = call("divide", c2, call("multiply", call("sqrt", m2_first), call("sqrt", m2_second)))
    else:
        lost = 1.0 if function == "covar_samp" else 0.0
        value = call("divide", c2, call("subtract", count, literal(lost)))
    least = 1.0 if function == "covar_samp" else 0.0
    return case([(call("greater", count, literal(least)), value)])


def _regression(what: str, state: Column) -> Expr:
    """Part of the line through pairs of y (first) and x (second), as DuckDB has it: NaN and null of a constant x."""
    count, mean_y, mean_x, syy, sxx, sxy = (call("struct_field", state, name=name) for name in COMOMENT_FIELDS)
    zero, some = literal(0.0), call("greater", count, literal(0.0))
    if what == "count":
        return cast(case([(some, count)], zero), dtypes.int64)
    plain = {"avgx": mean_x, "avgy": mean_y, "sxx": sxx, "syy": syy, "sxy": sxy}.get(what)
    if plain is not None:
        return case([(some, plain)])
    slope = call("divide", sxy, sxx)
    if what == "slope":
        return case([(some, slope)])
    if what == "intercept":
        value = call("subtract", mean_y, call("multiply", slope, mean_x))
    else:
        explained = call("divide", call("multiply", slope, sxy), syy)
        value = case([(call("equal", syy, zero), literal(1.0))], explained)
    return case([(call("and", some, call("not_equal", sxx, zero)), value)])


def _moment(function: str, state: dict[Accumulator, Column]) -> Expr:
    """Variance from count and M2: null below one value (population) or two (sample)."""
    count, m2 = state[Accumulator.COUNT], state[Accumulator.M2]
    lost = 0 if function.endswith("_pop") else 1
    freedom = call("subtract", count, literal(lost))
    variance = call("divide", m2, freedom)
    value = call("sqrt", variance) if function.startswith("std") else variance
    return case([(call("greater", count, literal(lost)), value)])
