"""Compute aggregates of distinct values by grouping by the values first."""

from __future__ import annotations

from ...expr import (
    Column,
    Expr,
    NamedAggregate,
    NamedExpr,
    case,
    literal,
)
from ...plan import Aggregate, Join, JoinKind, Plan, Project
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..partials import FreshNames, column, is_mergeable, merged

_INSENSITIVE = frozenset({"min", "max", "any", "all", "first", "size"})
"""Aggregates that give the same with and without repetitions (``size`` reads no value)."""


_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def split_count_distinct(plan: Plan, context: OptimizerContext) -> Plan:
    """Leave no aggregate with ``distinct``: group by keys and values, then by keys; join where one pass cannot do."""
    return transform_up(plan, _rewrite, context.settled[split_count_distinct], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Aggregate) or not any(a.call.distinct for a in node.aggregates):
        return node
    aggregates = tuple(_normalised(a) for a in node.aggregates)
    node = replace(node, aggregates=aggregates)
    groups: dict[tuple[Expr, ...], list[NamedAggregate]] = {}
    for named in aggregates:
        if named.call.distinct:
            groups.setdefault(named.call.args, []).append(named)
    plain = [a for a in aggregates if not a.call.distinct]
    if not groups:
        return node
    if len(groups) == 1 and all(is_mergeable(a.call) for a in plain):
        ((args, own),) = groups.items()
        return _in_order(_two_level(node, args, own, plain), node)
    branches = [_two_level(node, args, own, []) for args, own in groups.items()]
    if plain:
        branches.append(replace(node, aggregates=tuple(plain)))
    return _in_order(_joined(branches, node), node)


def _normalised(named: NamedAggregate) -> NamedAggregate:
    """Drop a distinct that changes nothing, and turn the filter of one that does into nulls, which are not counted."""
    own = named.call
    if not own.distinct:
        return named
    if own.function in _INSENSITIVE:
        return replace(named, call=replace(own, distinct=False))
    if own.filter is None:
        return named
    args = tuple(case([(own.filter, arg)]) for arg in own.args)
    return replace(named, call=replace(own, args=args, filter=None))


def _two_level(
    node: Aggregate, args: tuple[Expr, ...], distinct: list[NamedAggregate], plain: list[NamedAggregate]
) -> Plan:
    names = FreshNames([*node.schema.names, *node.input.schema.names])
    values = tuple(NamedExpr(name=names.fresh("value"), expr=arg) for arg in args)
    levels = [merged(a, names, grouped=bool(node.keys)) for a in plain]
    lower = Aggregate(
        input=node.input,
        keys=(*node.keys, *values),
        aggregates=tuple(p for m in levels for p in m.partials),
    )
    columns = tuple(column(v) for v in values)
    over = tuple(replace(a, call=replace(a.call, args=columns, distinct=False)) for a in distinct)
    upper = replace(
        node,
        input=lower,
        keys=tuple(NamedExpr(name=k.name, expr=column(k)) for k in node.keys),
        aggregates=(*over, *(m for each in levels for m in each.merges)),
    )
    named: tuple[NamedExpr | NamedAggregate, ...] = (*node.keys, *over)
    kept = [NamedExpr(name=each.name, expr=column(each)) for each in named]
    return Project(input=upper, exprs=(*kept, *(m.result for m in levels)))


def _joined(branches: list[Plan], node: Aggregate) -> Plan:
    """Join aggregations of the same input on their keys: each of them has every group exactly once."""
    names = FreshNames([*node.schema.names, *node.input.schema.names])
    plan = branches[0]
    for branch in branches[1:]:
        keys = [(k, names.fresh(k.name)) for k in node.keys]
        own = branch.schema.names[len(node.keys) :]
        renamed = [NamedExpr(name=fresh, expr=column(k)) for k, fresh in keys]
        kept = [NamedExpr(name=n, expr=Column(name=n, dtype=branch.schema[n].dtype)) for n in own]
        on = tuple((column(k), Column(name=fresh, dtype=k.expr.dtype)) for k, fresh in keys)
        plan = Join(
            left=plan,
            right=Project(input=branch, exprs=(*renamed, *kept)),
            kind=JoinKind.INNER,
            on=on or ((literal(1), literal(1)),),  # without keys: one row on each side
            nulls_equal=True,
        )
    return plan


def _in_order(plan: Plan, node: Aggregate) -> Plan:
    return Project(
        input=plan,
        exprs=tuple(NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in node.schema),
    )
