"""UNION, INTERSECT and EXCEPT, by position or by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind, common_type
from ...engine.expr import Column, Expr, NamedExpr, cast, literal
from ...engine.plan import Distinct, Join, JoinKind, Plan, Project, Union
from .bound import BoundQuery
from .operands import differ_in_zone
from .windows import first_rows

if TYPE_CHECKING:
    from .query import QueryBinder

MODIFIERS = ("with_", "order", "limit", "offset")
"""Clauses around a query that are applied to what it gives."""


class SetBinder:
    """Binds the set operations of one query; ``branch`` binds the queries in them, by default on their own."""

    def __init__(self, queries: QueryBinder, branch: Callable[[exp.Expr], BoundQuery] | None = None) -> None:
        self._branch = branch or queries.bind
        self._statement = queries.statement

    def bind(self, node: exp.SetOperation) -> BoundQuery:
        """Return a UNION, INTERSECT or EXCEPT, without the clauses around it."""
        self._statement.allow_only(node, ("this", "expression", "distinct", "by_name", *MODIFIERS), "a set operation")
        if isinstance(node, exp.Union):
            return self._union(node)
        if node.args.get("by_name"):
            raise self._statement.source.unsupported(node.expression, f"{node.key.upper()} BY NAME")
        sides = [self._branch(side) for side in (node.this, node.expression)]
        left, right = self._same_types(node, sides)
        kind = JoinKind.SEMI if isinstance(node, exp.Intersect) else JoinKind.ANTI
        on: tuple[tuple[Expr, Expr], ...] = tuple(
            (a, b) for (_, a), (_, b) in zip(left.columns, right.columns, strict=True)
        )
        if node.args.get("distinct"):
            joined = Join(left=left.plan, right=right.plan, kind=kind, on=on, nulls_equal=True)
            return BoundQuery(plan=Distinct(input=joined), columns=left.columns)
        # With ALL the n-th of several equal rows has its partner in the n-th one of the other side.
        first, (own,) = first_rows(self._statement.names, left.plan, [a for a, _ in on], ())
        second, (theirs,) = first_rows(self._statement.names, right.plan, [b for _, b in on], ())
        joined = Join(left=first, right=second, kind=kind, on=(*on, (own, theirs)), nulls_equal=True)
        return BoundQuery(plan=joined, columns=left.columns)

    def _union(self, node: exp.Union) -> BoundQuery:
        branches: list[exp.Expr] = [node.expression]
        first: exp.Expr = node.this
        while _continues(first, node):
            branches.append(first.args["expression"])
            first = first.this
        branches.append(first)
        bound = [self._branch(branch) for branch in reversed(branches)]
        bound = self._same_types(node, self._aligned(bound) if node.args.get("by_name") else bound)
        head = bound[0]
        inputs = [head.plan]
        for other in bound[1:]:
            pairs = zip(head.columns, other.columns, strict=True)
            exprs = tuple(NamedExpr(name=own.name, expr=theirs) for (_, own), (_, theirs) in pairs)
            inputs.append(Project(input=other.plan, exprs=exprs))
        plan: Plan = Union(inputs=tuple(inputs))
        return BoundQuery(plan=Distinct(input=plan) if node.args.get("distinct") else plan, columns=head.columns)

    def _aligned(self, bound: list[BoundQuery]) -> list[BoundQuery]:
        """Give every query the columns of all, in the order of their first mention; null where it has none."""
        shown: dict[str, str] = {}
        for query in bound:
            for name, _ in query.columns:
                shown.setdefault(name.lower(), name)
        aligned = []
        for query in bound:
            own = {name.lower(): column for name, column in query.columns}
            exprs, columns = [], []
            for key, name in shown.items():
                value: Expr = own.get(key) or literal(None)
                column = own.get(key) or Column(name=self._statement.names.fresh(name), dtype=value.dtype)
                exprs.append(NamedExpr(name=column.name, expr=value))
                columns.append((name, column))
            aligned.append(BoundQuery(plan=Project(input=query.plan, exprs=tuple(exprs)), columns=tuple(columns)))
        return aligned

    def _same_types(self, node: exp.Expr, bound: list[BoundQuery]) -> list[BoundQuery]:
        """Cast the columns of several queries, by position, to their common types."""
        widths = [len(query.columns) for query in bound]
        if len(set(widths)) > 1:
            shown = " and ".join(str(width) for width in dict.fromkeys(widths))
            raise self._statement.source.error(
                node, f"the queries of {node.key.upper()} give {shown} columns; they must give as many"
            )
        types = [self._common(node, [query.columns[i] for query in bound]) for i in range(widths[0])]
        return [self._cast_columns(query, types) for query in bound]

    def _common(self, node: exp.Expr, columns: list[tuple[str, Column]]) -> DataType:
        result: DataType | None = columns[0][1].dtype
        for _, column in columns[1:]:
            result = None if result is None else _common_type(result, column.dtype)
        if result is None:
            shown = " and ".join(str(t) for t in dict.fromkeys(column.dtype for _, column in columns))
            raise self._statement.source.error(
                node, f"column {columns[0][0]!r} of {node.key.upper()} is {shown}; cast one of them"
            )
        return result

    def _cast_columns(self, query: BoundQuery, types: list[DataType]) -> BoundQuery:
        if all(column.dtype == dtype for (_, column), dtype in zip(query.columns, types, strict=True)):
            return BoundQuery(plan=query.exact, columns=query.columns)
        exprs, columns = [], []
        for (shown, column), dtype in zip(query.columns, types, strict=True):
            same = column.dtype == dtype
            name = column.name if same else self._statement.names.fresh(column.name)
            exprs.append(NamedExpr(name=name, expr=cast(column, dtype)))
            columns.append((shown, Column(name=name, dtype=dtype)))
        return BoundQuery(plan=Project(input=query.plan, exprs=tuple(exprs)), columns=tuple(columns))


def _common_type(left: DataType, right: DataType) -> DataType | None:
    """Return the type that holds both; texts and plain values become texts."""
    if left.is_text is not right.is_text and not left.is_nested and not right.is_nested:
        other = right if left.is_text else left
        return dtypes.string if other.kind is not Kind.NULL else common_type(left, right)
    if differ_in_zone(left, right):
        return left if left.tz else right
    return common_type(left, right)


def _continues(inner: exp.Expr, node: exp.Union) -> bool:
    """Whether the left branch of a UNION ALL is one more UNION ALL of the same chain."""
    if not isinstance(inner, exp.Union) or node.args.get("distinct") or inner.args.get("distinct"):
        return False
    if bool(inner.args.get("by_name")) is not bool(node.args.get("by_name")):
        return False
    return not any(inner.args.get(key) for key in MODIFIERS)
