"""Aggregate a side of a join before joining, where its rows collapse into few and the join would keep most of them.

Or where the plan makes the same groups of the same rows anyway: then these rows are not read again.

Eager group-by of Yan and Larson, "Eager aggregation and lazy aggregation" (VLDB 1995): rows that agree in the join's
keys and in the columns grouped by meet the same partners, so that their partial aggregates may stand for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from ...expr import Column, Expr, Literal, NamedExpr, columns_of, substitute
from ...plan import Aggregate, Join, JoinKind, Plan, Project, Scan
from ...records import dataclass, replace
from ...traversal import transform_down, walk_once
from ..context import OptimizerContext, concerning
from ..estimate import Estimator
from ..expressions import can_raise
from ..join_parts import connected, taken_apart
from ..likeness import Likeness
from ..partials import FreshNames, column, is_mergeable, merged
from ..simplify import Simplifier

_FEWER = 0.05
"""Share of the side's rows that its groups may be, by numbers of distinct values that something supports: it costs
more to group a row than to look up its partner."""
_FEWER_OF_THE_SAME = 0.2
"""The same where what is grouped by says which partner a row has: each row would be grouped above the join, too."""
_REPEATED = 0.5
"""Distinct values, as a share of a source's rows, of a column that repeats."""
_KEPT = 0.5
"""Share of the side's rows that the join must give: what it leaves out need not be grouped."""


_CONCERNS = frozenset({Aggregate})


@concerning(_CONCERNS)
def aggregate_before_join(plan: Plan, context: OptimizerContext) -> Plan:
    """Split aggregations whose arguments come from one side of the join below them, if that side collapses."""
    estimator, simplifier = context.estimator, context.simplifier
    known = _KnownGroups(plan)

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Aggregate) or not node.aggregates:
            return node
        joined = _inlined(node)
        join = joined.input
        if not isinstance(join, Join) or join.residual is not None or not _may_split(joined):
            return node
        for side in (join.left, join.right):
            if side is join.right and join.kind is JoinKind.LEFT and not _are_null_of_nulls(joined, side, simplifier):
                continue
            keys = _partial_keys(joined, join, side)
            pays = keys is not None and _pays(joined, side, keys, join, estimator)
            if keys is None or not (pays or known.may_include(side, keys)):
                continue
            split = _split(joined, join, side, keys)
            if pays or known.include(split.lower):
                return split.plan
        return _split_beside_text(joined, join, estimator) or _split_without_text(joined, join, estimator) or node

    return transform_down(plan, rewrite, concerns=_CONCERNS)


class _KnownGroups:
    """Groupings of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._nodes = [node for node in walk_once(plan) if isinstance(node, Aggregate)]
        self._likeness = Likeness()

    @cached_property
    def _read(self) -> list[tuple[int, list[str]]]:
        """How many keys each has, and what it reads."""
        return [(len(node.keys), _sources(node.input)) for node in self._nodes]

    def may_include(self, side: Plan, keys: Sequence[Column]) -> bool:
        """Return whether one may give groups of a side by so many keys, as far as that is told without comparing."""
        if len(self._nodes) < 2 or isinstance(side, Aggregate):
            return False
        return (len(keys), _sources(side)) in self._read

    def include(self, lower: Aggregate) -> bool:
        """Return whether a grouping gives what one of these does."""
        return self._likeness.of(lower) in map(self._likeness.of, self._nodes)


def _sources(plan: Plan) -> list[str]:
    return sorted(node.source.label for node in walk_once(plan) if isinstance(node, Scan))


def _inlined(node: Aggregate) -> Aggregate:
    """Return the aggregation right above the join, past projections that only rename."""
    while isinstance(node.input, Project) and all(isinstance(e.expr, Column) for e in node.input.exprs):
        by_name = {e.name: e.expr for e in node.input.exprs}
        keys = tuple(NamedExpr(name=k.name, expr=substitute(k.expr, by_name)) for k in node.keys)
        aggregates = tuple(
            type(a)(name=a.name, call=a.call.with_inputs(tuple(substitute(e, by_name) for e in a.call.inputs)))
            for a in node.aggregates
        )
        node = replace(node, input=node.input.input, keys=keys, aggregates=aggregates)
    return node


def _may_split(node: Aggregate) -> bool:
    inputs = [e for a in node.aggregates for e in a.call.inputs]
    return all(is_mergeable(a.call) for a in node.aggregates) and not any(map(can_raise, inputs))


def _are_null_of_nulls(node: Aggregate, side: Plan, simplifier: Simplifier) -> bool:
    """Return whether every aggregate passes over rows in which all columns of a side are null."""
    nulls: dict[str, Expr] = {f.name: Literal(value=None, dtype=f.dtype) for f in side.schema}
    calls = [a.call for a in node.aggregates]
    if not all(own.args and own.filter is None for own in calls):
        return False
    args = [simplifier.value(substitute(own.args[0], nulls)) for own in calls]
    return all(isinstance(arg, Literal) and arg.value is None for arg in args)


def _partial_keys(node: Aggregate, join: Join, side: Plan) -> tuple[Column, ...] | None:
    """Return the columns of a side that its rows must agree in; None where its rows cannot be aggregated."""
    if join.kind not in (JoinKind.INNER, JoinKind.LEFT):
        return None
    own = frozenset(side.schema.names)
    if not columns_of(*(e for a in node.aggregates for e in a.call.inputs)) <= own:
        return None
    pair = 0 if side is join.left else 1
    read: list[Expr] = [*(keys[pair] for keys in join.on), *(k.expr for k in node.keys)]
    if not join.on or any(can_raise(e) for e in read):
        return None
    names = columns_of(*read) & own
    return tuple(Column(name=f.name, dtype=f.dtype) for f in side.schema if f.name in names)


def _pays(node: Aggregate, side: Plan, keys: tuple[Column, ...], join: Join, estimator: Estimator) -> bool:
    if isinstance(side, Aggregate):
        return False  # it has few rows already, perhaps through this very rule
    below = estimator.estimate(side)
    if any(below.columns[key.name].guessed for key in keys):
        return False
    rows = below.rows
    groups = estimator.rows(Aggregate(input=side, keys=tuple(NamedExpr(name=k.name, expr=k) for k in keys)))
    fewer = _FEWER_OF_THE_SAME if _are_by_partner(node, keys, [join]) else _FEWER
    return groups <= fewer * rows and estimator.rows(join) >= _KEPT * rows


def _split_beside_text(node: Aggregate, join: Join, estimator: Estimator) -> Plan | None:
    """Split where other relations bring text to group by, for rows that repeat in what says which text that is.

    Text costs a grouping many times what integers do; the side may be that of a join further down.
    """
    reads = columns_of(*(e for a in node.aggregates for e in a.call.inputs))
    texts = columns_of(*(k.expr for k in node.keys if k.expr.dtype.is_text))
    above: list[Expr] = [k.expr for k in node.keys]
    path: list[Join] = []
    side: Plan = join
    while reads and isinstance(side, Join) and side.kind is JoinKind.INNER and side.residual is None:
        own = next((at for at, child in enumerate(side.children) if reads <= set(child.schema.names)), None)
        if own is None or not side.on or any(can_raise(e) for on in side.on for e in on):
            return None
        path.append(side)
        above += [on[own] for on in side.on]
        side = side.children[own]
        columns = columns_of(*above) & set(side.schema.names)
        if texts and not texts & columns:
            keys = tuple(Column(name=f.name, dtype=f.dtype) for f in side.schema if f.name in columns)
            pays = _are_by_partner(node, keys, path) and all(_repeats(side, key.name, estimator) for key in keys)
            few = isinstance(side, Aggregate) or estimator.rows(join) < _KEPT * estimator.rows(side)
            return _split(node, join, side, keys).plan if pays and not few else None
    return None


def _split_without_text(node: Aggregate, join: Join, estimator: Estimator) -> Plan | None:
    """Split likewise where relations with text were joined before others without: these are joined by themselves."""
    reads = columns_of(*(e for a in node.aggregates for e in a.call.inputs))
    texts = columns_of(*(k.expr for k in node.keys if k.expr.dtype.is_text))
    if not reads or not texts or join.kind is not JoinKind.INNER:
        return None
    apart = taken_apart(join, connected(join, reads, texts))
    if apart is None or not reads <= {*apart.part.schema.names}:
        return None
    keys = _partial_keys(node, apart.join, apart.part)
    if keys is None or not isinstance(apart.part, Join):
        return None
    pays = _are_by_partner(node, keys, [apart.join]) and all(_repeats(apart.part, k.name, estimator) for k in keys)
    if not pays or estimator.rows(join) < _KEPT * estimator.rows(apart.part):
        return None
    return _split(node, apart.join, apart.part, keys).plan


def _are_by_partner(node: Aggregate, keys: tuple[Column, ...], path: list[Join]) -> bool:
    """Return whether rows that are grouped together above some joins agree in a side's keys."""
    by = {key.expr for key in node.keys}
    fixed = {e for join in path for on in join.on if not by.isdisjoint(on) for e in on}
    return all(key in by or key in fixed for key in keys)


def _repeats(side: Plan, name: str, estimator: Estimator) -> bool:
    """Return whether a column is known to repeat in the source that it comes from."""
    for node in walk_once(side):
        if isinstance(node, Scan) and name in node.schema:
            whole = estimator.whole(node.source)
            return not whole.columns[name].guessed and whole.columns[name].distinct <= _REPEATED * whole.rows
    return False


def _with_side(join: Join, side: Plan, lower: Plan) -> Plan:
    """Put another plan in the place of a side of a join, or of an inner join that is one: names tell sides apart."""
    path: list[tuple[Join, int]] = []
    below: Plan = join
    while below is not side:
        assert isinstance(below, Join)
        at = next(at for at, child in enumerate(below.children) if side.schema.names[0] in child.schema)
        path.append((below, at))
        below = below.children[at]
    for node, at in reversed(path):
        lower = node.with_children(tuple(lower if own == at else child for own, child in enumerate(node.children)))
    return lower


@dataclass(frozen=True, slots=True)
class _Split:
    """What gives the same rows as an aggregation, and the grouping below the join in it."""

    plan: Plan
    lower: Aggregate


def _split(node: Aggregate, join: Join, side: Plan, keys: tuple[Column, ...]) -> _Split:
    names = FreshNames([*node.schema.names, *join.schema.names])
    outer = join.kind is JoinKind.LEFT and side is join.right  # whose counts of no partners are null
    levels = [merged(a, names, grouped=bool(node.keys) and not outer) for a in node.aggregates]
    lower = Aggregate(
        input=side,
        keys=tuple(NamedExpr(name=k.name, expr=k) for k in keys),
        aggregates=tuple(p for level in levels for p in level.partials),
    )
    upper = replace(
        node,
        input=_with_side(join, side, lower),
        aggregates=tuple(m for level in levels for m in level.merges),
    )
    kept = tuple(NamedExpr(name=k.name, expr=column(k)) for k in node.keys)
    return _Split(Project(input=upper, exprs=(*kept, *(level.result for level in levels))), lower)
