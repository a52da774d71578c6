"""Group by fewer keys: constants, and what other keys determine, are computed of the groups."""

from __future__ import annotations

from ...dtypes import Kind
from ...expr import Column, Expr, NamedExpr, columns_of, substitute
from ...plan import Aggregate, Plan, Project
from ...records import replace
from ...traversal import transform_up
from ..context import OptimizerContext, concerning
from ..partials import column

_LIKE_VALUES = frozenset({Kind.FLOAT32, Kind.FLOAT64, Kind.INTERVAL, Kind.LIST, Kind.STRUCT})
"""Kinds of which values that differ may be one group, as 0.0 and -0.0."""


_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def reduce_group_keys(plan: Plan, context: OptimizerContext) -> Plan:
    """Keep the keys that tell groups apart: in ``GROUP BY 1, url, length(url)`` that is ``url``."""
    return transform_up(plan, _rewrite, context.settled[reduce_group_keys], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Aggregate) or len(node.keys) < 2:
        return node
    columns = [(key.expr, key) for key in node.keys if isinstance(key.expr, Column)]
    telling = {one.name: key for one, key in reversed(columns) if one.dtype.kind not in _LIKE_VALUES}
    given = frozenset(telling)

    def follows(key: NamedExpr) -> bool:
        if isinstance(key.expr, Column) and telling.get(key.expr.name) is key:
            return False
        return columns_of(key.expr) <= given

    kept = tuple(key for key in node.keys if not follows(key)) or node.keys[:1]  # without any there is always a row
    if len(kept) == len(node.keys):
        return node
    of_groups: dict[str, Expr] = {name: column(key) for name, key in telling.items()}
    keys = (
        NamedExpr(name=key.name, expr=column(key) if key in kept else substitute(key.expr, of_groups))
        for key in node.keys
    )
    values = (NamedExpr(name=named.name, expr=column(named)) for named in node.aggregates)
    return Project(input=replace(node, keys=kept), exprs=(*keys, *values))
