"""Move limits towards the sources, and turn a sort under a limit into a top-k."""

from __future__ import annotations

from dataclasses import replace

from ...plan import Join, JoinKind, Limit, MapBatches, Plan, Project, Scan, Sort, Union, Unnest
from ...traversal import transform_down
from ..context import OptimizerContext
from ..properties import max_rows


def push_down_limit(plan: Plan, _: OptimizerContext) -> Plan:
    """Push limits down; where an input may give more than its share, the limit above stays."""
    return transform_down(plan, _rewrite)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Limit):
        return node
    while isinstance(node.input, Limit):
        node = _merge(node, node.input)
    if node.offset == 0 and (node.count is None or _has_at_most(node.input, node.count)):
        return node.input
    if node.count is None:
        return node
    needed = node.count + node.offset
    match node.input:
        case Project() | MapBatches(keeps=True):
            return node.input.with_children((replace(node, input=node.input.input),))
        case Sort() as sort:
            fetch = needed if sort.fetch is None else min(sort.fetch, needed)
            top = sort if fetch == sort.fetch else replace(sort, fetch=fetch)
            return top if node.offset == 0 else _over(node, top)
        case Union() as union:
            inputs = tuple(_at_most(each, needed) for each in union.inputs)
            changed = any(new is not old for new, old in zip(inputs, union.inputs, strict=True))
            return _over(node, replace(union, inputs=inputs) if changed else union)
        case Join(kind=JoinKind.LEFT) as join:
            left = _at_most(join.left, needed)  # every left row gives at least one row
            return _over(node, join if left is join.left else replace(join, left=left))
        case Unnest(keeps_empty=True) as unnest:  # every row gives at least one row
            few = _at_most(unnest.input, needed)
            return _over(node, unnest if few is unnest.input else replace(unnest, input=few))
        case Scan() as scan:
            bounded = scan if scan.limit is not None and scan.limit <= needed else replace(scan, limit=needed)
            return bounded if node.offset == 0 else _over(node, bounded)
        case _:
            return node


def _has_at_most(plan: Plan, count: int) -> bool:
    bound = max_rows(plan)
    return bound is not None and bound <= count


def _at_most(plan: Plan, count: int) -> Plan:
    return plan if _has_at_most(plan, count) else Limit(input=plan, count=count)


def _over(node: Limit, below: Plan) -> Plan:
    return node if below is node.input else replace(node, input=below)


def _merge(outer: Limit, inner: Limit) -> Limit:
    """Return one limit for two: the outer one skips and counts within what the inner one passes."""
    left = None if inner.count is None else max(0, inner.count - outer.offset)
    counts = [count for count in (left, outer.count) if count is not None]
    return Limit(input=inner.input, count=min(counts) if counts else None, offset=inner.offset + outer.offset)
