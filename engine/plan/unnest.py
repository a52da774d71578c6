"""Unnesting: rows with lists become rows with the lists' values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from .. import dtypes
from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import Column, Expr, NamedExpr, cast
from ..records import dataclass, replace
from ..schema import Field, Schema
from ..traversal import kinds_of, transform_up, walk_once
from .nodes import Plan, Project, Unary


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnest(Unary):
    """One row for each value of each row's lists, the other columns repeated; rows and values keep their order.

    Attributes
    ----------
    columns
        The lists, in whose places their values stand. Several are gone through side by side: there are as many rows as
        the longest has values, and the others end in nulls. A null list is an empty one.
    keeps_empty
        A row whose lists are all empty gives one row with nulls in their places, not none.
    ordinality
        Name of a further column with the place of the value in its list, from 1; null where there is no value.
    """

    columns: tuple[str, ...]
    keeps_empty: bool = False
    ordinality: str | None = None

    def _derive(self) -> Schema:
        if not self.columns:
            raise PlanError("an unnest needs at least one list")
        for name in self.columns:
            own = self.input.schema[name]
            if own.dtype.kind is not Kind.LIST:
                raise TypeMismatch(f"only lists can be unnested; {name!r} is {own.dtype}")
        fields = [
            Field(f.name, f.dtype.value) if f.name in self.columns and f.dtype.value is not None else f
            for f in self.input.schema
        ]
        if self.ordinality is not None:
            fields.append(Field(self.ordinality, dtypes.int64, nullable=self.keeps_empty))
        return Schema(tuple(fields))

    @property
    def kept(self) -> frozenset[str]:
        """Columns that are repeated as they are."""
        return frozenset(self.input.schema.names) - frozenset(self.columns)

    @property
    def detail(self) -> str:
        """The lists, and what becomes of empty ones."""
        counted = "" if self.ordinality is None else f" with ordinality {self.ordinality}"
        return ", ".join(self.columns) + (" keeping empty" if self.keeps_empty else "") + counted


@dataclass(frozen=True, slots=True, kw_only=True)
class UnnestExpr(Expr):
    """The values of a list inside an expression; `plan_unnests` moves it into an `Unnest` node, as no device has it."""

    arg: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        """The list."""
        return (self.arg,)

    def with_children(self, children: tuple[Expr, ...]) -> UnnestExpr:
        """Return the values of another list."""
        return replace(self, arg=children[0])

    def __str__(self) -> str:
        return f"unnest({self.arg})"


def values_of_list(arg: Expr) -> UnnestExpr:
    """Return the values of a list as an expression.

    Raises
    ------
    TypeMismatch
        If the argument is no list.
    """
    if arg.dtype.kind is Kind.NULL:
        arg = cast(arg, dtypes.list_(dtypes.int32))
    if arg.dtype.value is None:
        raise TypeMismatch(f"only lists can be unnested; {arg} is {arg.dtype}")
    return UnnestExpr(arg=arg, dtype=arg.dtype.value)


def has_unnest(expr: Expr) -> bool:
    """Return whether an expression holds the values of a list."""
    return not isinstance(expr, Column) and UnnestExpr in kinds_of(expr)


def plan_unnests(plan: Plan, exprs: Sequence[Expr]) -> tuple[Plan, tuple[Expr, ...]]:
    """Move the values of lists out of expressions over a plan into an `Unnest` above it, side by side.

    Lists of what other lists hold are unnested by a further node. The columns added have names that the plan does not.
    """
    current = tuple(exprs)
    while any(map(has_unnest, current)):
        found = (node for expr in current for node in walk_once(expr) if isinstance(node, UnnestExpr))
        inner = list(dict.fromkeys(node for node in found if not has_unnest(node.arg)))
        kept = [NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in plan.schema]
        free = (name for number in count() if (name := f"__unnest_{number}") not in plan.schema)
        lists = {node: NamedExpr(name=name, expr=node.arg) for node, name in zip(inner, free, strict=False)}
        below = Project(input=plan, exprs=(*kept, *lists.values()))
        plan = Unnest(input=below, columns=tuple(named.name for named in lists.values()))
        columns: dict[Expr, Expr] = {node: Column(name=named.name, dtype=node.dtype) for node, named in lists.items()}
        current = tuple(_replaced(expr, columns) for expr in current)
    return plan, current


def _replaced(expr: Expr, columns: Mapping[Expr, Expr]) -> Expr:
    return transform_up(expr, lambda node: columns.get(node, node) if isinstance(node, UnnestExpr) else node)
