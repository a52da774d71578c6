"""Compute adjacent projections in one step, and drop those that change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ...expr import Column, Expr, NamedExpr, substitute
from ...plan import Aggregate, Join, Plan, Project
from ...traversal import transform_down, walk
from ..context import OptimizerContext
from ..expressions import is_trivial, size_up_to

_LARGEST = 500
"""Nodes of one merged expression, above which projections stay apart."""


def merge_projections(plan: Plan, _: OptimizerContext) -> Plan:
    """Merge a projection or an aggregation with the projections below it where no work is done twice."""
    return transform_down(plan, _rewrite)


def _rewrite(node: Plan) -> Plan:
    if isinstance(node, Aggregate):
        return _aggregate(node)
    if not isinstance(node, Project):
        return node
    merged = _project(node)
    return _rewrite(merged.input) if _is_identity(merged) else merged


def _narrows_join(node: Project) -> bool:
    """Return whether the projection tells a join which columns not to copy; see `prune_columns`."""
    return isinstance(node.input, Join) and all(e.is_passthrough for e in node.exprs)


def _is_identity(node: Project) -> bool:
    names = tuple(e.name for e in node.exprs)
    return names == node.input.schema.names and all(e.is_passthrough for e in node.exprs)


def _project(node: Project) -> Project:
    exprs, below = node.exprs, node.input
    while isinstance(below, Project):
        by_name = {e.name: e.expr for e in below.exprs}
        if not _mergeable([e.expr for e in exprs], by_name):
            break
        exprs = tuple(_renamed(e, by_name) for e in exprs)
        below = below.input
    return node if below is node.input else Project(input=below, exprs=exprs)


def _renamed(named: NamedExpr, by_name: dict[str, Expr]) -> NamedExpr:
    inlined = _inlined(named.expr, by_name)
    return named if inlined is named.expr else NamedExpr(name=named.name, expr=inlined)


def _aggregate(node: Aggregate) -> Aggregate:
    while isinstance(node.input, Project) and not _narrows_join(node.input):
        by_name = {e.name: e.expr for e in node.input.exprs}
        inputs = [k.expr for k in node.keys] + [e for a in node.aggregates for e in a.call.inputs]
        if not _mergeable(inputs, by_name):
            break
        keys = tuple(_renamed(k, by_name) for k in node.keys)
        aggregates = tuple(
            replace(a, call=a.call.with_inputs(tuple(_inlined(e, by_name) for e in a.call.inputs)))
            for a in node.aggregates
        )
        node = Aggregate(input=node.input.input, keys=keys, aggregates=aggregates)
    return node


def _inlined(expr: Expr, by_name: dict[str, Expr]) -> Expr:
    return by_name[expr.name] if isinstance(expr, Column) else substitute(expr, by_name)


def _mergeable(exprs: Iterable[Expr], by_name: dict[str, Expr]) -> bool:
    """Return whether every computed column is read at most once, and no expression grows out of hand."""
    computed = {name for name, expr in by_name.items() if not is_trivial(expr)}
    if not computed:
        return True
    reads: Counter[str] = Counter()
    for expr in exprs:
        if isinstance(expr, Column):
            inlined = [expr.name] if expr.name in computed else []
        else:
            inlined = [n.name for n in walk(expr) if isinstance(n, Column) and n.name in computed]
            grown = size_up_to(expr, _LARGEST) + sum(size_up_to(by_name[name], _LARGEST) for name in inlined)
            if inlined and grown > _LARGEST:
                return False
        reads.update(inlined)
    return all(count == 1 for count in reads.values())
