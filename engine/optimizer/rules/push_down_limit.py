"""Move limits towards the sources, and turn a sort under a limit into a top-k."""

from __future__ import annotations

from ...expr import Column, Expr, columns_of, substitute
from ...plan import Join, JoinKind, Limit, MapBatches, Plan, Project, Scan, Sort, Union, Unnest
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..expressions import is_trivial
from ..properties import max_rows

_CONCERNS = frozenset({Limit, Sort})


@concerning(_CONCERNS)
def push_down_limit(plan: Plan, context: OptimizerContext) -> Plan:
    """Push limits down; where an input may give more than its share, the limit above stays."""
    return transform_down(plan, _rewrite, context.settled[push_down_limit], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if isinstance(node, Sort) and node.fetch is not None:
        return _top(node, node.fetch)
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
            top = _top(sort if fetch == sort.fetch else replace(sort, fetch=fetch), fetch)
            if node.offset == 0:
                return top
            return _over(node, top) if isinstance(top, Sort) else _rewrite(replace(node, input=top))
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


def _top(node: Sort, fetch: int) -> Plan:
    """Choose the first rows before work is done on all of them: below computed columns, stages and left joins."""
    reads = columns_of(*(key.expr for key in node.keys))
    match node.input:
        case Project(exprs=exprs) as project:
            plain: dict[str, Expr] = {e.name: e.expr for e in exprs if isinstance(e.expr, Column)}
            moves = isinstance(project.input, Scan) or not all(is_trivial(e.expr) for e in exprs)
            if not reads <= plain.keys() or not moves:
                return node
            keys = tuple(replace(key, expr=substitute(key.expr, plain)) for key in node.keys)
            return replace(project, input=_top(replace(node, input=project.input, keys=keys), fetch))
        case MapBatches(keeps=True) as stage if reads <= frozenset(stage.input.schema.names):
            return replace(stage, input=_top(replace(node, input=stage.input), fetch))
        case Join(kind=JoinKind.LEFT) as join if reads <= frozenset(join.left.schema.names):
            if _has_at_most(join.left, fetch):
                return node
            left = replace(node, input=join.left)  # every left row gives at least one row
            return replace(node, input=replace(join, left=_top(left, fetch)))
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
