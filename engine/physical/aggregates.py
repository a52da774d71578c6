"""How each aggregate of the catalogue is carried between phases and finished.

An aggregate becomes accumulators that merge (``sum`` and ``count`` for a mean) and an expression over them that gives
its value; accumulators wanted by several aggregates are computed once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .. import dtypes
from ..dtypes import DataType
from ..errors import UnsupportedOperation
from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, call, case, cast, literal
from ..expr.catalogue import AGGREGATES
from ..kernels.protocol import Accumulator, AccumulatorSpec


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
    argument = None if kind is Accumulator.COUNT_ROWS else aggregate.args[0]
    key = (kind, argument, aggregate.filter)
    if key not in specs:
        dtype = _state_type(kind, argument)
        name = f"__{kind.value}_{len(specs)}"
        specs[key] = AccumulatorSpec(name=name, kind=kind, dtype=dtype, argument=argument, filter=aggregate.filter)
    return Column(name=specs[key].name, dtype=specs[key].dtype)


def _state_type(kind: Accumulator, argument: Expr | None) -> DataType:
    if argument is None or kind is Accumulator.COUNT:
        return dtypes.int64
    if kind in (Accumulator.MEAN, Accumulator.M2):
        return dtypes.float64
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
        case _:
            (only,) = state.values()
            return only


def _moment(function: str, state: dict[Accumulator, Column]) -> Expr:
    """Variance from count and M2: null below one value (population) or two (sample)."""
    count, m2 = state[Accumulator.COUNT], state[Accumulator.M2]
    lost = 0 if function.endswith("_pop") else 1
    freedom = call("subtract", count, literal(lost))
    variance = call("divide", m2, freedom)
    value = call("sqrt", variance) if function.startswith("std") else variance
    return case([(call("greater", count, literal(lost)), value)])
