"""Compute adjacent projections in one step, and drop those that change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ...expr import Column, Expr, NamedExpr, substitute
from ...plan import Aggregate, Join, Plan, Project
from ...traversal import transform_up, walk
from ..context import OptimizerContext
from ..expressions import is_trivial, size_up_to

_LARGEST = 500
"""Nodes of one merged expression, above which projections stay apart."""


def merge_projections(plan: Plan, _: OptimizerContext) -> Plan:
    """Merge a projection or an aggregation with the projection below it where no work is done twice."""
    return transform_up(plan, _rewrite)


def _rewrite(node: Plan) -> Plan:
    match node:
        case Project(input=Project() as below):
            node = _project(node, below)
        case Aggregate(input=Project() as below) if not _narrows_join(below):
            return _aggregate(node, below)
    return node.input if isinstance(node, Project) and _is_identity(node) else node


def _narrows_join(node: Project) -> bool:
    """Return whether the projection tells a join which columns not to copy; see `prune_columns`."""
    return isinstance(node.input, Join) and all(e.is_passthrough for e in node.exprs)


def _is_identity(node: Project) -> bool:
    names = tuple(e.name for e in node.exprs)
    return names == node.input.schema.names and all(e.is_passthrough for e in node.exprs)


def _project(node: Project, below: Project) -> Project:
    by_name = {e.name: e.expr for e in below.exprs}
    if not _mergeable([e.expr for e in node.exprs], by_name):
        return node
    exprs = tuple(NamedExpr(name=e.name, expr=_inlined(e.expr, by_name)) for e in node.exprs)
    return Project(input=below.input, exprs=exprs)


def _aggregate(node: Aggregate, below: Project) -> Aggregate:
    by_name = {e.name: e.expr for e in below.exprs}
    inputs = [k.expr for k in node.keys] + [e for a in node.aggregates for e in a.call.inputs]
    if not _mergeable(inputs, by_name):
        return node
    keys = tuple(NamedExpr(name=k.name, expr=_inlined(k.expr, by_name)) for k in node.keys)
    aggregates = tuple(
        replace(a, call=a.call.with_inputs(tuple(_inlined(e, by_name) for e in a.call.inputs))) for a in node.aggregates
    )
    return Aggregate(input=below.input, keys=keys, aggregates=aggregates)


def _inlined(expr: Expr, by_name: dict[str, Expr]) -> Expr:
    return by_name[expr.name] if isinstance(expr, Column) else substitute(expr, by_name)


def _mergeable(exprs: Iterable[Expr], by_name: dict[str, Expr]) -> bool:
    """Return whether every computed column is read at most once, and no expression grows out of hand."""
    computed = {name for name, expr in by_name.items() if not is_trivial(expr)}
    if not computed:
        return True
    reads: Counter[str] = Counter()
    for expr in exprs:
        inlined = [n.name for n in walk(expr) if isinstance(n, Column) and n.name in computed]
        reads.update(inlined)
        if inlined and not isinstance(expr, Column):
            grown = size_up_to(expr, _LARGEST) + sum(size_up_to(by_name[name], _LARGEST) for name in inlined)
            if grown > _LARGEST:
                return False
    return all(count == 1 for count in reads.values())
