"""Facts about the rows that a plan gives, derived from its shape alone."""

from __future__ import annotations

from typing import Any

from ..expr import Column, Expr, columns_of, substitute
from ..plan import (
    Aggregate,
    Distinct,
    EmptySource,
    Filter,
    Join,
    JoinKind,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sort,
    Union,
    Unnest,
    Window,
)
from ..traversal import recalled, remembered
from .expressions import conjunct_list


def is_empty(plan: Plan) -> bool:
    """Return whether the plan is known to give no rows."""
    return isinstance(plan, Scan) and isinstance(plan.source, EmptySource)


def empty(plan: Plan) -> Scan:
    """Return the relation without rows that has the plan's schema."""
    return Scan(source=EmptySource(schema=plan.schema))


def max_rows(plan: Plan) -> int | None:
    """Return a bound on the number of rows, or None where none is known."""
    bound: int | None = None
    while True:
        own: int | None = None
        match plan:
            case Scan(limit=limit):
                return 0 if is_empty(plan) else _least(bound, limit)
            case Limit(count=count):
                own = count
            case Sort(fetch=fetch):
                own = fetch
            case Aggregate(keys=()):
                return _least(bound, 1)  # also of no rows
            case Filter() | Project() | Distinct() | Aggregate() | Window() | MapBatches(keeps=True):
                pass
            case Join(kind=JoinKind.SEMI | JoinKind.ANTI, left=left) | NearestJoin(left=left):
                plan = left
                continue
            case Union(inputs=inputs):
                bounds = [max_rows(each) for each in inputs]
                known = [each for each in bounds if each is not None]
                return _least(bound, sum(known) if len(known) == len(bounds) else None)
            case _:
                return bound
        bound = _least(bound, own)
        plan = plan.children[0]


def has_one_row(plan: Plan) -> bool:
    """Return whether the plan is known to give one row, whatever its sources hold."""
    while isinstance(plan, Project | Window | MapBatches) and (not isinstance(plan, MapBatches) or plan.keeps):
        plan = plan.children[0]
    return isinstance(plan, Aggregate) and not plan.keys


_OF_GROUPS = frozenset({"sum", "mean", "min", "max", "first", "last", "any", "all"})
"""Aggregates that are null only where all values of a group are."""


def is_never_null(plan: Plan, name: str) -> bool:
    """Return whether no row's value of a column can be null.

    Its source has counted its nulls, it is a count, or it is made of the values of groups, each of which has some.
    """
    at: tuple[Plan, str] | None = plan, name
    while at is not None:
        match at:
            case Scan(source=source), name:
                known = source.statistics().columns.get(name)
                return known is not None and known.nulls == 0
            case Aggregate(keys=keys, aggregates=aggregates), name:
                own = next((a.call for a in aggregates if a.name == name), None)
                if own is not None and own.function in ("size", "count"):
                    return True
                if own is not None and keys and own.function in _OF_GROUPS and own.filter is None:
                    arg = own.args[0]
                    return isinstance(arg, Column) and is_never_null(at[0].children[0], arg.name)
            case Join(kind=kind, left=left), name:
                if not (kind is JoinKind.INNER or (kind is not JoinKind.FULL and name in left.schema)):
                    return False
        at = _below(*at)
    return False


def bounds(plan: Plan, name: str) -> tuple[Any, Any]:
    """Return inclusive bounds of a column's values, as far as its source states them; None where it does not."""
    at: tuple[Plan, str] | None = plan, name
    while at is not None:
        plan, name = at
        if isinstance(plan, Scan):
            known = plan.source.statistics().columns.get(name)
            return (None, None) if known is None else (known.minimum, known.maximum)
        at = _below(plan, name)
    return None, None


def _below(plan: Plan, name: str) -> tuple[Plan, str] | None:
    """Return the input that a column's values come from as they are, and its name there; None where they do not."""
    match plan:
        case Project():
            inner = renamed(plan).get(name)
            return None if inner is None else (plan.input, inner)
        case Aggregate(keys=keys):
            key = next((k.expr for k in keys if k.name == name), None)
            return (plan.input, key.name) if isinstance(key, Column) else None
        case Join(left=left, right=right):
            return (left if name in left.schema else right), name
        case NearestJoin(left=left) if name in left.schema:
            return left, name
        case Filter(input=child) | Sort(input=child) | Limit(input=child) | Distinct(input=child):
            return child, name
        case _:
            return None


def _least(left: int | None, right: int | None) -> int | None:
    return right if left is None else left if right is None else min(left, right)


def renamed(project: Project) -> dict[str, str]:
    """Return, for each output column that is a plain input column, ``{output: input}``."""
    return {e.name: e.expr.name for e in project.exprs if isinstance(e.expr, Column)}


_DEEPEST = 64
"""Joins within joins that are looked into for a key."""


def unique_key(plan: Plan, depth: int = 0) -> frozenset[str] | None:
    """Return columns of which no two rows agree in all (nulls alike); None where none are known.

    The empty set says that there is at most one row. ``depth`` counts the joins around the plan.
    """
    renamings: list[dict[str, str]] = []
    while True:
        match plan:
            case Aggregate(keys=keys):
                return _through(frozenset(k.name for k in keys), renamings)
            case Distinct(on=on):
                return _through(frozenset(plan.schema.names if on is None else on), renamings)
            case Project():
                renamings.append(renamed(plan))
                plan = plan.input
            case Filter() | Sort() | Limit() | Window() | MapBatches(keeps=True):
                plan = plan.children[0]
            case Join(kind=JoinKind.SEMI | JoinKind.ANTI, left=left) | NearestJoin(left=left):
                plan = left
            case Join() if depth < _DEEPEST:
                key = _key_of_join(plan, depth + 1)
                return None if key is None else _through(key, renamings)
            case _:
                return None


def _key_of_join(join: Join, depth: int) -> frozenset[str] | None:
    """Return the key of a side each of whose rows finds at most one partner."""
    if join.kind is JoinKind.FULL:
        return None  # rows of nulls may be many
    left, right = unique_key(join.left, depth), unique_key(join.right, depth)
    if left is not None and _is_within(right, join.right, [key for _, key in join.on]):
        return left
    if join.kind is JoinKind.INNER and _is_within(left, join.left, [key for key, _ in join.on]):
        return right
    return None


def finds_at_most_one(side: Plan, keys: list[Expr]) -> bool:
    """Return whether values for the keys are those of at most one row of a join's side."""
    return _is_within(unique_key(side), side, keys)


def _is_within(unique: frozenset[str] | None, side: Plan, keys: list[Expr]) -> bool:
    names = {key.name for key in keys if isinstance(key, Column)}
    bound = max_rows(side)
    return (unique is not None and unique <= names) or (bound is not None and bound <= 1)


def _through(key: frozenset[str], renamings: list[dict[str, str]]) -> frozenset[str] | None:
    for renaming in reversed(renamings):
        outputs = {name: output for output, name in renaming.items()}
        if not key <= outputs.keys():
            return None
        key = frozenset(outputs[name] for name in key)
    return key


@remembered
def known_conjuncts(plan: Plan) -> list[Expr]:
    """Return conditions that hold for every row, over the plan's own columns."""
    renamings: list[dict[str, Expr]] = []
    found: list[Expr] = []
    pending: list[tuple[Plan, int]] = [(plan, 0)]
    while pending:
        node, depth = pending.pop()
        del renamings[depth:]
        match node:
            case _ if (known := recalled(known_conjuncts, node)) is not None:
                own = known
            case Scan(predicate=predicate):
                own = [c for c in conjunct_list(predicate) if all(n in node.schema for n in columns_of(c))]
            case Filter(predicate=predicate):
                own = conjunct_list(predicate)
                pending.append((node.input, depth))
            case Project():
                renamings.append(_columns(node, {name: output for output, name in renamed(node).items()}))
                pending.append((node.input, depth + 1))
                own = []
            case Aggregate(keys=keys):
                from_keys = {k.expr.name: k.name for k in keys if isinstance(k.expr, Column)}
                renamings.append(_columns(node, from_keys))
                pending.append((node.input, depth + 1))
                own = []
            case Unnest(kept=names):
                renamings.append(_columns(node, {name: name for name in names}))
                pending.append((node.input, depth + 1))
                own = []
            case Sort() | Limit() | Distinct() | Window() | MapBatches(keeps=True):
                pending.append((node.children[0], depth))
                own = []
            case Join(kind=kind, left=left, right=right) if kind is not JoinKind.FULL:
                pending.append((left, depth))
                if kind is JoinKind.INNER:
                    pending.append((right, depth))
                own = []
            case NearestJoin(left=left, right=right, outer=outer):
                pending += [(left, depth)] if outer else [(left, depth), (right, depth)]
                own = []
            case _:
                own = []
        found += [c for c in (_outwards(c, renamings[::-1]) for c in own) if c is not None]
    return found


def _columns(node: Plan, outputs: dict[str, str]) -> dict[str, Expr]:
    return {name: Column(name=output, dtype=node.schema[output].dtype) for name, output in outputs.items()}


def _outwards(condition: Expr, renamings: list[dict[str, Expr]]) -> Expr | None:
    for renaming in renamings:
        if not columns_of(condition) <= renaming.keys():
            return None
        condition = substitute(condition, dict(renaming))
    return condition


def is_computed_below(plan: Plan, name: str) -> bool:
    """Return whether a filter on the column would change its form, or be copied, on its way towards the sources."""
    while True:
        match plan:
            case Project():
                inner = renamed(plan).get(name)
                if inner is None:
                    return True
                name, plan = inner, plan.input
            case Aggregate(keys=keys):
                expr = next((k.expr for k in keys if k.name == name), None)
                if not isinstance(expr, Column):
                    return expr is not None
                name, plan = expr.name, plan.input
            case Join(left=left, right=right) | NearestJoin(left=left, right=right):
                plan = left if name in left.schema else right
            case Union():
                return True
            case MapBatches(adds=adds) if name in {f.name for f in adds}:
                return False
            case Window(functions=functions) if name in {named.name for named in functions}:
                return False
            case Unnest() if name not in plan.kept:
                return False
            case _ if plan.children:
                plan = plan.children[0]
            case _:
                return False
