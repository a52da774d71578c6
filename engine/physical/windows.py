"""How window functions are carried out: aggregates over frames become primitive ones and expressions over those.

Only quantiles stay themselves: put together of lists, they would hold the rows of each frame.
"""

from __future__ import annotations

from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, columns_of, substitute
from ..expr.catalogue import AGGREGATES
from ..kernels.specs import QUANTILES, WindowSpec
from ..plan import NamedWindow, Window, WindowCall
from ..schema import Schema
from .aggregates import decompose


def window_spec(plan: Window) -> tuple[WindowSpec, tuple[NamedExpr, ...]]:
    """Return what the kernel computes, and every column of the node as an expression over what it gives."""
    schema = plan.input.schema
    primitives: dict[WindowCall, str] = {}
    exprs = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in schema]
    for named in plan.functions:
        if named.call.function not in AGGREGATES or named.call.function in QUANTILES:
            column = primitives.setdefault(named.call, named.name)
            exprs.append(NamedExpr(name=named.name, expr=Column(name=column, dtype=named.call.dtype)))
        else:
            exprs.append(_finished(named, primitives, plan.schema))
    functions = tuple(NamedWindow(name=name, call=call) for call, name in primitives.items())
    return WindowSpec(functions=functions, partition_by=plan.partition_by, order_by=plan.order_by), tuple(exprs)


def _finished(named: NamedWindow, primitives: dict[WindowCall, str], taken: Schema) -> NamedExpr:
    """Return an aggregate as an expression over primitive ones, which are added where they are new."""
    own = named.call
    aggregate = AggregateCall(
        function=own.function, args=own.args, dtype=own.dtype, filter=own.filter, options=own.options
    )
    parts = decompose([NamedAggregate(name=named.name, call=aggregate)])
    (finish,) = parts.finish
    used = columns_of(finish.expr)
    columns: dict[str, Expr] = {}
    for state in parts.accumulators:
        if state.name not in used:
            continue
        args = () if state.argument is None else (state.argument,)
        call = WindowCall(function=state.kind.value, args=args, dtype=state.dtype, frame=own.frame, filter=state.filter)
        name = named.name if not columns else _free(f"{named.name}__{state.kind.value}", taken, primitives)
        columns[state.name] = Column(name=primitives.setdefault(call, name), dtype=state.dtype)
    return NamedExpr(name=named.name, expr=substitute(finish.expr, columns))


def _free(name: str, taken: Schema, primitives: dict[WindowCall, str]) -> str:
    while name in taken or name in primitives.values():
        name += "_"
    return name
