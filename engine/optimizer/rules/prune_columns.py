"""Read, compute and carry only the columns that something above uses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from ...expr import Column, Expr, NamedExpr, columns_of
from ...plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    JoinKind,
    Limit,
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
)
from ...records import dataclass, replace
from ...traversal import kinds_of, same_objects, shared, walk_once
from ..context import OptimizerContext
from ..properties import finds_at_most_one, has_one_row


def prune_columns(plan: Plan, context: OptimizerContext) -> Plan:
    """Narrow every node to the columns in use; what keeps or moves rows gets a narrowing projection below it."""
    if id(plan) in context.settled[prune_columns]:
        return plan
    settled = _choices_shared(plan) | _groups_shared(plan)

    def key_of(node: Plan, demand: _Demand) -> _Key:
        return id(node), frozenset(node.schema.names) if id(node) in settled else demand.names

    narrowed: dict[_Key, tuple[Plan, tuple[_Demand, ...], list[tuple[Plan, _Key]]]] = {}
    done: dict[_Key, Plan] = {}  # one result per node and demand, so that what was shared stays shared
    root = _Demand(names=frozenset(plan.schema.names), exact=True)
    stack = [(plan, key_of(plan, root))]
    while stack:
        node, key = stack[-1]
        if key in done:
            stack.pop()
            continue
        if key not in narrowed:
            node, demands = _narrow(node, key[1])
            pairs = zip(node.children, demands, strict=True)
            narrowed[key] = node, demands, [(child, key_of(child, demand)) for child, demand in pairs]
        node, demands, inputs = narrowed[key]
        pending = [each for each in inputs if each[1] not in done]
        if pending:
            stack += pending
            continue
        children = tuple(_meet(done[of], demand) for (_, of), demand in zip(inputs, demands, strict=True))
        done[key] = node if same_objects(children, node.children) else node.with_children(children)
    pruned = _meet(done[key_of(plan, root)], root)
    context.settled[prune_columns][id(pruned)] = pruned  # nothing of it is left to be narrowed
    return pruned


_Key: TypeAlias = tuple[int, frozenset[str]]
"""A node by its id, and the columns that are wanted of it."""


def _choices_shared(plan: Plan) -> frozenset[int]:
    """Return the ids of nodes that may give other rows each time they run, where the plan reads their rows twice.

    Both readers must see the same rows: such a node keeps its columns, so that it stays one (see `share_subplans`).
    """
    return frozenset(id(below) for node in shared(plan) for below in walk_once(node) if _chooses(below))


def _groups_shared(plan: Plan) -> frozenset[int]:
    """Return the ids of groupings that stay one, whatever each of their readers uses (see `share_groups`)."""
    if Sharing.YES not in kinds_of(plan):
        return frozenset()
    return frozenset(
        id(node) for node in walk_once(plan) if isinstance(node, Aggregate) and node.sharing is Sharing.YES
    )


def _chooses(node: Plan) -> bool:
    match node:
        case Limit() | Sort(fetch=int()) | Distinct(on=tuple()) | Window():
            return True
        case Aggregate(aggregates=aggregates):
            return any(a.call.function == "first" for a in aggregates)
        case _:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Demand:
    """Columns that a parent uses.

    ``exact``: it must be given no others. ``projects``: it is a projection, so that a join below it need not be told
    which columns to give up.
    """

    names: frozenset[str]
    exact: bool = False
    projects: bool = False


_JOINS = (Join, NearestJoin)


def _meet(plan: Plan, demand: _Demand) -> Plan:
    """Project to the demanded columns where the parent can take no more, and above joins, which copy what they give."""
    wide = demand.exact or (isinstance(plan, _JOINS) and not demand.projects)
    if not wide or len(plan.schema.fields) == len(demand.names):
        return plan
    exprs = tuple(
        NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in plan.schema if f.name in demand.names
    )
    return Project(input=plan, exprs=exprs)


def _reads(exprs: Iterable[Expr]) -> frozenset[str]:
    return columns_of(*exprs)


def _narrow(node: Plan, used: frozenset[str]) -> tuple[Plan, tuple[_Demand, ...]]:
    """Return the node without what nobody uses, and what it demands of each child."""
    match node:
        case Scan():
            return _narrow_scan(node, used), ()
        case Filter(predicate=predicate):
            return node, (_Demand(names=used | columns_of(predicate)),)
        case Limit():
            return node, (_Demand(names=used),)
        case Sort(keys=keys):
            return node, (_Demand(names=used | _reads(k.expr for k in keys), exact=True),)
        case Distinct(on=tuple() as on):
            return node, (_Demand(names=used | frozenset(on), exact=True),)
        case Project(exprs=exprs):
            kept = tuple(e for e in exprs if e.name in used)
            narrow = node if len(kept) == len(exprs) else replace(node, exprs=kept)
            return narrow, (_Demand(names=_reads(e.expr for e in kept), projects=True),)
        case Aggregate():
            return _narrow_aggregate(node, used)
        case Join() | NearestJoin():
            return _narrow(node.left, used) if _changes_nothing(node, used) else (node, _of_join(node, used))
        case Union():
            return node, tuple(_Demand(names=used, exact=True) for _ in node.inputs)
        case Window():
            return _narrow_window(node, used)
        case Unnest(columns=columns, ordinality=ordinality):
            counted = node if ordinality is None or ordinality in used else replace(node, ordinality=None)
            return counted, (_Demand(names=(used & node.kept) | frozenset(columns), exact=True),)
        case MapBatches():
            return _narrow_stage(node, used)
        case _:
            every = (_Demand(names=frozenset(c.schema.names), exact=True) for c in node.children)
            return node, tuple(every)


def _narrow_scan(node: Scan, used: frozenset[str]) -> Scan:
    if len(node.schema) == len(used):
        return node
    return replace(node, columns=tuple(name for name in node.schema.names if name in used))


def _narrow_aggregate(node: Aggregate, used: frozenset[str]) -> tuple[Plan, tuple[_Demand, ...]]:
    kept = tuple(a for a in node.aggregates if a.name in used)
    if not kept and not node.keys:
        kept = node.aggregates[:1]  # the one row must stay
    narrow = node if len(kept) == len(node.aggregates) else replace(node, aggregates=kept)
    reads = _reads([k.expr for k in node.keys] + [e for a in kept for e in a.call.inputs])
    return narrow, (_Demand(names=reads),)


def _changes_nothing(node: Join | NearestJoin, used: frozenset[str]) -> bool:
    """Return whether a join neither adds nor drops rows, nor gives a column that is used."""
    if isinstance(node, NearestJoin):
        return node.outer and used <= frozenset(node.left.schema.names)
    if node.kind not in (JoinKind.LEFT, JoinKind.INNER) or used & frozenset(node.right.schema.names):
        return False
    if node.kind is JoinKind.INNER:
        return not node.on and node.residual is None and has_one_row(node.right)
    return finds_at_most_one(node.right, [key for _, key in node.on])


def _of_join(node: Join | NearestJoin, used: frozenset[str]) -> tuple[_Demand, ...]:
    if isinstance(node, NearestJoin):
        wanted, keys = used, node.nearest.exprs
    else:
        wanted = used if node.residual is None else used | columns_of(node.residual)
        keys = tuple(k for k, _ in node.on), tuple(k for _, k in node.on)
    own = (frozenset([name for name in wanted if name in side.schema]) for side in node.children)
    return tuple(_Demand(names=names | _reads(exprs), exact=True) for names, exprs in zip(own, keys, strict=True))


def _narrow_window(node: Window, used: frozenset[str]) -> tuple[Plan, tuple[_Demand, ...]]:
    kept = tuple(named for named in node.functions if named.name in used)
    if not kept:
        return _narrow(node.input, used)  # it neither adds nor drops rows
    narrow = node if len(kept) == len(node.functions) else replace(node, functions=kept)
    names = (used & frozenset(node.input.schema.names)) | _reads(narrow.reads)
    return narrow, (_Demand(names=names, exact=True),)


def _narrow_stage(node: MapBatches, used: frozenset[str]) -> tuple[Plan, tuple[_Demand, ...]]:
    every = frozenset(node.input.schema.names)
    reads = every if node.reads is None else frozenset(node.reads)
    if not node.keeps:
        return node, (_Demand(names=reads, exact=node.reads is None),)
    if node.adds and not used & {f.name for f in node.adds}:
        return _narrow(node.input, used)  # row for row, so that nothing depends on its having run
    return node, (_Demand(names=(used & every) | reads, exact=node.reads is None),)
