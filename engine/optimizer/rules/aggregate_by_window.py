"""Compare rows with aggregates of their own group without reading the group a second time.

``x = (select min(x) from t where t.k = r.k)`` over a join that reads ``t`` itself becomes a window over that join:
Zuzarte, Pirahesh, Ma, Cheng, Liu and Wong, "WinMagic: subquery elimination using window aggregation" (SIGMOD 2003).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from ...expr import Column, Expr, NamedExpr, call, columns_of, substitute
from ...plan import Aggregate, Filter, Join, JoinKind, NamedWindow, Plan, Project, Window, filtered, window_call
from ...records import dataclass
from ...traversal import transform_down
from ..context import OptimizerContext, concerning
from ..estimate import Estimator
from ..expressions import can_raise, conjunct_list
from ..join_graph import JoinGraph, build_graph
from ..join_search import Search
from ..likeness import Likeness
from ..partials import FreshNames

_INDIFFERENT = frozenset({"min", "max", "mean"})
"""Aggregates that are the same where every row of a group comes equally often."""
_FEWER = 0.1
"""Rows of the join, as a share of those that need not be read again: a window costs more per row than a grouping."""


_CONCERNS = frozenset({Join})


@concerning(_CONCERNS)
def aggregate_by_window(plan: Plan, context: OptimizerContext) -> Plan:
    """Replace a join with groups of rows that the other side is made of by a window over that side.

    Whatever else is joined there must say nothing of these rows but which groups they are of: then each group is
    there as a whole, each of its rows equally often, or not at all.
    """
    likeness = Likeness()

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Join) or node.kind is not JoinKind.INNER or node.nulls_equal:
            return node
        turned = tuple((right, left) for left, right in node.on)
        for rows, side, on in ((node.left, node.right, node.on), (node.right, node.left, turned)):
            groups = _Groups.of(side)
            if groups is None or any(map(can_raise, (*chain(*on), *conjunct_list(node.residual)))):
                continue
            within = _Within.of(build_graph(groups.aggregate.input), build_graph(rows), likeness)
            if within is not None and within.is_whole(groups.keys) and _pays(within, context.estimator):
                made = _windowed(node, rows, groups, on, within)
                if made is not None:
                    return made
        return node

    return transform_down(plan, rewrite, concerns=_CONCERNS)


def _pays(within: _Within, estimator: Estimator) -> bool:
    """Return whether the join has few rows; as written it may begin with a product."""
    read = sum(map(estimator.rows, within.inner.relations))
    return Search(within.outer, estimator).rows() <= _FEWER * read


@dataclass(frozen=True, slots=True)
class _Groups:
    """An aggregation, and what is made of its groups above it, the topmost node first."""

    aggregate: Aggregate
    above: tuple[Project | Filter, ...]

    @classmethod
    def of(cls, side: Plan) -> _Groups | None:
        """Return what a side of a join is; None where it is no aggregation that a window could compute."""
        above: list[Project | Filter] = []
        while isinstance(side, Project | Filter):
            above.append(side)
            side = side.input
        if not isinstance(side, Aggregate) or not side.keys or not side.aggregates:
            return None
        calls = [named.call for named in side.aggregates]
        if any(own.function not in _INDIFFERENT or own.distinct or own.filter is not None for own in calls):
            return None
        if any(not isinstance(key.expr, Column) or key.expr.dtype.is_float for key in side.keys):
            return None
        return None if any(map(can_raise, _exprs(above))) else cls(side, tuple(above))

    @property
    def keys(self) -> frozenset[str]:
        """Columns of the aggregation's input that it groups by."""
        return columns_of(*(key.expr for key in self.aggregate.keys))

    def outputs(self, made: dict[str, Expr]) -> tuple[dict[str, Expr], list[Expr]]:
        """Return its columns, given those of the aggregation, and the conditions that groups must meet."""
        conditions: list[Expr] = []
        for node in reversed(self.above):
            if isinstance(node, Filter):
                conditions.append(substitute(node.predicate, made))
            else:
                made = {named.name: substitute(named.expr, made) for named in node.exprs}
        return made, conditions


def _exprs(nodes: Sequence[Project | Filter]) -> Iterator[Expr]:
    for node in nodes:
        yield from [node.predicate] if isinstance(node, Filter) else [named.expr for named in node.exprs]


@dataclass(frozen=True, slots=True)
class _Within:
    """Where the rows of a group of joins are found in a larger one.

    Attributes
    ----------
    outer, inner
        The larger group, and the one that is looked for.
    mask
        The relations of the larger group that the other one consists of.
    columns
        Columns of the larger group by the other one's.
    """

    outer: JoinGraph
    inner: JoinGraph
    mask: int
    columns: dict[str, Column]

    @classmethod
    def of(cls, inner: JoinGraph, outer: JoinGraph, likeness: Likeness) -> _Within | None:
        """Return where each relation of a group of joins is in a larger one; None where one is missing."""
        left = {place: likeness.of(relation) for place, relation in enumerate(outer.relations)}
        columns: dict[str, Column] = {}
        mask = 0
        for relation, leaf in zip(inner.relations, inner.leaves, strict=True):
            number = likeness.of(relation)
            place = next((place for place, other in left.items() if other == number), None)
            if place is None:
                return None
            del left[place]
            mask |= 1 << place
            for own, there in zip(leaf.schema, outer.leaves[place].schema, strict=True):
                columns[own.name] = Column(name=there.name, dtype=there.dtype)
        return cls(outer, inner, mask, columns)

    def output(self, name: str) -> Column | None:
        """Return the column that the larger group gives where the other one gives ``name``; None where it is lost."""
        there = self.columns[self.inner.names[name]]
        given = next((output for output, column in self.outer.names.items() if column == there.name), None)
        return None if given is None else Column(name=given, dtype=there.dtype)

    def are_equal(self, one: str, other: str) -> bool:
        """Return whether two columns that the larger group gives are equal, and never null, by its conditions."""
        names = {self.outer.names[one], self.outer.names[other]}
        return any(names <= {column.name for column in key.members.values()} for key in self.outer.classes)

    def is_whole(self, keys: frozenset[str]) -> bool:
        """Return whether all else that is joined tells apart rows of the other group by these keys at most."""
        keys = frozenset(self.columns[self.inner.names[key]].name for key in keys)
        expected = {frozenset(self.columns[c.name].name for c in key.members.values()) for key in self.inner.classes}
        found = set()
        for key in self.outer.classes:
            own = frozenset(column.name for leaf, column in key.members.items() if self.mask >> leaf & 1)
            if len(own) > 1:
                found.add(own)
            if own and key.mask & ~self.mask and not own & keys:
                return False
        conditions = [condition for condition in self.outer.conditions if condition.mask & self.mask]
        if found != expected or any(condition.mask & ~self.mask for condition in conditions):
            return False
        by_name: dict[str, Expr] = {**self.columns}
        asked = [substitute(condition.expr, by_name) for condition in self.inner.conditions]
        there = [condition.expr for condition in conditions]
        return all(each in there for each in asked) and all(each in asked for each in there)


def _windowed(node: Join, rows: Plan, groups: _Groups, on: Sequence[tuple[Expr, Expr]], within: _Within) -> Plan | None:
    """Return the rows of a side that the join keeps, with the columns of their groups; None where some are lost."""
    aggregate = groups.aggregate
    read = columns_of(*(arg for named in aggregate.aggregates for arg in named.call.args)) | groups.keys
    by_name = {name: column for name in read if (column := within.output(name)) is not None}
    if len(by_name) < len(read):
        return None
    names, inputs = FreshNames([*rows.schema.names, *node.schema.names]), dict[str, Expr](by_name)
    functions = []
    made: dict[str, Expr] = {key.name: substitute(key.expr, inputs) for key in aggregate.keys}
    for named in aggregate.aggregates:
        args = (substitute(arg, inputs) for arg in named.call.args)
        functions.append(NamedWindow(name=names.fresh("window"), call=window_call(named.call.function, *args)))
        made[named.name] = Column(name=functions[-1].name, dtype=named.call.dtype)
    partition_by = tuple(by_name[name] for name in sorted(groups.keys))
    outputs, conditions = groups.outputs(made)
    matched: set[Expr] = set()
    for theirs, own in on:
        value = substitute(own, outputs)
        if isinstance(theirs, Column) and value in partition_by and within.are_equal(theirs.name, str(value)):
            matched.add(value)
        else:
            conditions.append(call("equal", theirs, value))
    if matched != set(partition_by):
        return None
    if node.residual is not None:
        conditions.append(substitute(node.residual, outputs))
    kept = filtered(Window(input=rows, functions=tuple(functions), partition_by=partition_by), conditions)
    exprs = (
        NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype) if f.name in rows.schema else outputs[f.name])
        for f in node.schema
    )
    return Project(input=kept, exprs=tuple(exprs))
