"""Move filters towards the sources, so that rows are left out before work is spent on them.

What may fail for some values (see `can_raise`) never overtakes another filter or a join: the user may rely on those to
keep bad values away.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import Call, Column, Expr, all_of, any_of, columns_of, conjuncts, disjuncts, substitute
from ...plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    JoinKind,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sharing,
    Sort,
    Union,
    Unnest,
    Window,
    filtered,
)
from ...records import replace
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..expressions import added, can_raise, conjunct_list, is_trivial, size_up_to, split

_LARGEST_SUBSTITUTE = 200
"""Nodes of a condition after substituting computed columns, above which it stays where it is."""


_CONCERNS = frozenset({Filter, Join})


@concerning(_CONCERNS)
def push_down_filter(plan: Plan, context: OptimizerContext) -> Plan:
    """Push each conjunct as far down as it can go; scans take those that cannot fail."""
    return transform_down(plan, _rewrite, context.settled[push_down_filter], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if isinstance(node, Join):
        return _push_residual(node)
    if isinstance(node, Filter) and isinstance(node.input, Filter):
        node = _merge(node)
    if not isinstance(node, Filter):
        return node
    parts = list(conjuncts(node.predicate))
    match node.input:
        case Scan(limit=None) as scan:
            return _into_scan(node, parts, scan)
        case Project() as project:
            return _through_project(node, parts, project)
        case Aggregate(keys=(_, *_), sharing=Sharing.NO) as aggregate:
            return _through_aggregate(node, parts, aggregate)
        case Join() | NearestJoin() as join:
            return _into_join(node, parts, join)
        case Union() as union:
            return replace(union, inputs=tuple(filtered(each, parts) for each in union.inputs))
        case Sort(fetch=None) as sort:
            return replace(sort, input=filtered(sort.input, parts))
        case Distinct(on=on) as distinct:
            names = distinct.schema.names if on is None else on
            return _past(node, parts, distinct, frozenset(names))
        case Window(partition_by=keys) as window:  # whole partitions may go, rows of one may not
            return _past(node, parts, window, frozenset(key.name for key in keys if isinstance(key, Column)))
        case MapBatches(keeps=True) as stage:
            return _past(node, parts, stage, frozenset(stage.input.schema.names))
        case Unnest() as unnest:  # rows with empty lists may be what a condition that fails is kept from
            safe, unsafe = split(parts, lambda part: unnest.keeps_empty or not can_raise(part))
            return _past(node, safe, unnest, unnest.kept, unsafe)
        case _:
            return node


def _past(
    node: Filter,
    parts: list[Expr],
    below: Distinct | MapBatches | Unnest | Window,
    names: frozenset[str],
    others: Sequence[Expr] = (),
) -> Plan:
    """Move the parts that read only ``names`` below a node that passes those columns on; ``others`` stay."""
    moved, kept = split(parts, lambda part: columns_of(part) <= names)
    return filtered(replace(below, input=filtered(below.input, moved)), [*kept, *others]) if moved else node


def _merge(node: Filter) -> Plan:
    """Merge a chain of filters into the lowest, but for what may fail: that stays above the filters it stood on."""
    levels: list[list[Expr]] = []
    below: Plan = node
    while isinstance(below, Filter):
        levels.append(list(conjuncts(below.predicate)))
        below = below.input
    lowest, above = levels.pop(), []
    for parts in reversed(levels):
        kept, moved = split(parts, can_raise)
        lowest += moved
        above += [kept] if kept else []
    if len(above) == len(levels) and sum(map(len, above)) == sum(map(len, levels)):
        return node
    merged = filtered(below, list(dict.fromkeys(lowest)))
    for kept in above:
        merged = filtered(merged, kept)
    return merged


def _into_scan(node: Filter, parts: list[Expr], scan: Scan) -> Plan:
    kept, moved = split(parts, can_raise)
    if not moved:
        return node
    predicate = all_of(added(conjunct_list(scan.predicate), moved))
    return filtered(replace(scan, predicate=predicate), kept)


def _through_project(node: Filter, parts: list[Expr], project: Project) -> Plan:
    by_name = {e.name: e.expr for e in project.exprs}
    computed = {name: expr for name, expr in by_name.items() if not is_trivial(expr)}
    substituted: list[Expr] = []
    kept: list[Expr] = []
    for part in parts:
        inlined = columns_of(part) & computed.keys()
        size = size_up_to(part, _LARGEST_SUBSTITUTE) + sum(
            size_up_to(computed[name], _LARGEST_SUBSTITUTE) for name in inlined
        )
        if inlined and size > _LARGEST_SUBSTITUTE:
            kept.append(part)
        else:
            substituted.append(substitute(part, by_name))
    if not substituted:
        return node
    return filtered(replace(project, input=filtered(project.input, substituted)), kept)


def _through_aggregate(node: Filter, parts: list[Expr], aggregate: Aggregate) -> Plan:
    keys = {k.name: k.expr for k in aggregate.keys}
    moved, kept = split(parts, lambda part: columns_of(part) <= keys.keys())
    if not moved:
        return node
    below = filtered(aggregate.input, [substitute(part, keys) for part in moved])
    return filtered(replace(aggregate, input=below), kept)


def _into_join(node: Filter, parts: list[Expr], join: Join | NearestJoin) -> Plan:
    """Give each part to the side it reads; of an inner join, what reads both becomes a key or part of the residual.

    Right rows of which the nearest is looked for stay: without one, another would be the nearest.
    """
    if isinstance(join, Join) and join.kind is JoinKind.FULL:
        return node
    kept, movable = split(parts, can_raise)
    left_names = frozenset(join.left.schema.names)
    to_left, rest = split(movable, lambda part: columns_of(part) <= left_names)
    if isinstance(join, NearestJoin) or join.kind is not JoinKind.INNER:
        if not to_left:
            return node
        return filtered(replace(join, left=filtered(join.left, to_left)), [p for p in parts if p not in to_left])
    right_names = frozenset(join.right.schema.names)
    to_right, mixed = split(rest, lambda part: columns_of(part) <= right_names)
    if not to_left and not to_right and not mixed:
        return node
    to_left += _implied(mixed, left_names)
    to_right += _implied(mixed, right_names)
    keys, residual = _as_keys(mixed, join, left_names, right_names)
    joined = replace(
        join,
        left=filtered(join.left, to_left),
        right=filtered(join.right, to_right),
        on=(*join.on, *keys),
        residual=all_of(conjunct_list(join.residual) + residual),
    )
    return filtered(joined, kept)


def _as_keys(
    parts: list[Expr], join: Join, left_names: frozenset[str], right_names: frozenset[str]
) -> tuple[list[tuple[Expr, Expr]], list[Expr]]:
    keys: list[tuple[Expr, Expr]] = []
    others: list[Expr] = []
    for part in parts:
        usable = not join.nulls_equal and not can_raise(part)
        pair = key_pair(part, left_names, right_names) if usable else None
        if pair is None:
            others.append(part)
        else:
            keys.append(pair)
    return [pair for pair in keys if pair not in join.on], others


def key_pair(part: Expr, left_names: frozenset[str], right_names: frozenset[str]) -> tuple[Expr, Expr] | None:
    """Return ``(left key, right key)`` of an equality between the two sides; None where the part is no such thing."""
    if not isinstance(part, Call) or part.function != "equal":
        return None
    first, second = part.args
    for left, right in ((first, second), (second, first)):
        reads_left, reads_right = columns_of(left), columns_of(right)
        if reads_left and reads_right and reads_left <= left_names and reads_right <= right_names:
            return left, right
    return None


def _implied(parts: list[Expr], names: frozenset[str]) -> list[Expr]:
    """Return what a disjunction over both sides demands of one side: ``a or b`` for ``(a and x) or (b and y)``."""
    implied = []
    for part in parts:
        own = [
            all_of(c for c in conjuncts(alternative) if (read := columns_of(c)) and read <= names)
            for alternative in disjuncts(part)
        ]
        demanded = [each for each in own if each is not None]
        if len(own) > 1 and len(demanded) == len(own):
            whole = any_of(demanded)
            implied += [] if whole is None else [whole]
    return implied


def _push_residual(join: Join) -> Plan:
    """Move conditions of a join that read one side only to that side, where that side's rows may be left out."""
    if join.residual is None:
        return join
    parts = list(conjuncts(join.residual))
    left_names, right_names = frozenset(join.left.schema.names), frozenset(join.right.schema.names)

    def only(part: Expr, names: frozenset[str]) -> bool:
        read = columns_of(part)
        return bool(read) and read <= names and not can_raise(part)

    drops_left = join.kind in (JoinKind.INNER, JoinKind.SEMI)
    drops_right = drops_left or join.kind in (JoinKind.LEFT, JoinKind.ANTI)
    to_left, rest = split(parts, lambda p: drops_left and only(p, left_names))
    to_right, rest = split(rest, lambda p: drops_right and only(p, right_names))
    keys, rest = _as_keys(rest, join, left_names, right_names)
    if len(rest) == len(parts):
        return join
    return replace(
        join,
        left=filtered(join.left, to_left),
        right=filtered(join.right, to_right),
        on=(*join.on, *keys),
        residual=all_of(rest),
    )
