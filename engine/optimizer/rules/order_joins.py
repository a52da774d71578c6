"""Choose the order of inner joins, and which side of each is built into the hash table."""

from __future__ import annotations

from ...expr import Column, Expr, NamedExpr
from ...plan import Filter, Join, JoinKind, Plan, Project
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..join_graph import JoinGraph, build_graph, is_reorderable
from ..join_search import Tree, search

_CONCERNS = frozenset({Join})


@concerning(_CONCERNS)
def order_joins(plan: Plan, context: OptimizerContext) -> Plan:
    """Reorder each group of adjacent inner joins by estimated cost; the smaller side of a join comes right (built)."""
    estimator = context.estimator
    finished: dict[int, Plan] = {}

    def rewrite(node: Plan) -> Plan:
        if id(node) in finished or not is_reorderable(node):
            return node
        graph = build_graph(node)
        tree = search(graph, estimator)
        ordered = node if tree == graph.written else _restored(_assembled(graph, tree), graph, node)
        # Joins of a group that has been ordered must not be taken for groups of their own further down.
        pending = [ordered]
        leaves = {id(leaf) for leaf in graph.relations}
        while pending:
            inner = pending.pop()
            if id(inner) not in leaves:
                finished[id(inner)] = inner
                pending += inner.children
        return ordered

    return transform_down(plan, rewrite, concerns=_CONCERNS)


def _assembled(graph: JoinGraph, tree: Tree) -> Plan:
    """Build the joins of a tree, each with the conditions that become decidable there."""
    constant = graph.conditions_of(0)
    plan, _ = _subtree(graph, tree)
    return _filtered(plan, constant)


def _subtree(graph: JoinGraph, tree: Tree) -> tuple[Plan, int]:
    if isinstance(tree, int):
        return _filtered(graph.leaves[tree], graph.conditions_of(1 << tree)), 1 << tree
    left, left_mask = _subtree(graph, tree[0])
    right, right_mask = _subtree(graph, tree[1])
    on = graph.keys(left_mask, right_mask)
    residual = graph.residual(left_mask, right_mask)
    return (
        Join(left=left, right=right, kind=JoinKind.INNER, on=tuple(on), residual=residual),
        left_mask | right_mask,
    )


def _filtered(plan: Plan, parts: list[Expr]) -> Plan:
    for part in parts:
        plan = Filter(input=plan, predicate=part)
    return plan


def _restored(plan: Plan, graph: JoinGraph, original: Plan) -> Plan:
    """Give the columns the names and the order that they had."""
    exprs = tuple(NamedExpr(name=f.name, expr=Column(name=graph.names[f.name], dtype=f.dtype)) for f in original.schema)
    return Project(input=plan, exprs=exprs)
