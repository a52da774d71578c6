"""Look up partners before joining on, where that leaves fewer rows to work on."""

from __future__ import annotations

from ...expr import Expr, columns_of, substitute
from ...plan import Join, JoinKind, Plan, Project
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..estimate import Estimator
from ..expressions import can_raise, is_trivial

_CONCERNS = frozenset({JoinKind.SEMI, JoinKind.ANTI})


@concerning(_CONCERNS)
def push_down_semi_join(plan: Plan, context: OptimizerContext) -> Plan:
    """Move semi and anti joins below an inner or left join to the side they read, if fewer rows are left."""
    estimator = context.estimator

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.kind not in (JoinKind.SEMI, JoinKind.ANTI):
            return node
        return node if any(can_raise(e) for e in _reads(node)) else _lowered(node, estimator)

    return transform_down(plan, rewrite, concerns=_CONCERNS)


def _lowered(node: Join, estimator: Estimator) -> Plan:
    match node.left:
        case Project(exprs=exprs) as project if all(is_trivial(e.expr) for e in exprs):
            return _below_project(node, project, estimator)
        case Join(kind=JoinKind.SEMI | JoinKind.ANTI) as other:
            swapped = replace(node, left=other.left)
            moved = _lowered(swapped, estimator)
            return node if moved is swapped else replace(other, left=moved)
        case Join() as join if join.kind is not JoinKind.FULL:
            return _below_join(node, join, estimator)
        case _:
            return node


def _reads(node: Join) -> list[Expr]:
    """Return what the join reads of its left side (and, in the residual, of its right)."""
    return [key for key, _ in node.on] + ([] if node.residual is None else [node.residual])


def _below_project(node: Join, project: Project, estimator: Estimator) -> Plan:
    """Swap with a projection that only renames, if a join below it can be passed as well."""
    by_name = {e.name: e.expr for e in project.exprs}
    if set(project.input.schema.names) & set(node.right.schema.names):
        return node  # a name that the projection hides would clash
    lowered = replace(
        node,
        left=project.input,
        on=tuple((substitute(key, by_name), right) for key, right in node.on),
        residual=None if node.residual is None else substitute(node.residual, by_name),
    )
    moved = _lowered(lowered, estimator)
    return node if moved is lowered else replace(project, input=moved)


def _below_join(node: Join, join: Join, estimator: Estimator) -> Plan:
    own = columns_of(*_reads(node)) & set(join.schema.names)
    for side in (join.left, join.right) if join.kind is JoinKind.INNER else (join.left,):
        if own <= set(side.schema.names):
            lowered = replace(node, left=side)
            # Either way that side's rows are looked up once: then those left over, or those of the join.
            if estimator.rows(lowered) <= estimator.rows(join):
                children = tuple(lowered if child is side else child for child in join.children)
                return join.with_children(children)
    return node
