"""Joins that a SELECT must make before its expressions can read what a subquery gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...engine.expr import Column, Expr, NamedExpr
from ...engine.frame.sample import with_chance
from ...engine.frame.udf import placed
from ...engine.plan import Aggregate, Join, JoinKind, Plan, Project
from ...engine.records import dataclass
from ...engine.schema import Field, Schema
from ...engine.traversal import transform_up
from .bound import unchanged


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain(Plan):
    """The distinct outer values that a correlated subquery is computed for; stands in for them until they are known.

    The technique is that of Neumann and Kemper, "Unnesting Arbitrary Queries" (BTW 2015): a dependent join becomes an
    ordinary one with the set of the outer values it depends on.
    """

    columns: tuple[Column, ...]

    def _derive(self) -> Schema:
        return Schema(tuple(Field(column.name, column.dtype) for column in self.columns))

    @property
    def detail(self) -> str:
        """The columns that stand for outer ones."""
        return ", ".join(str(column) for column in self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One join with a subquery.

    Attributes
    ----------
    on
        Pairs of an outer expression and the subquery's.
    nulls_equal
        Whether null keys match, as the keys of a domain must.
    residual
        Further condition over both sides.
    domain
        Outer columns and the subquery's columns that stand for them.
    """

    kind: JoinKind
    plan: Plan
    on: tuple[tuple[Expr, Expr], ...] = ()
    nulls_equal: bool = False
    residual: Expr | None = None
    domain: tuple[tuple[Column, Column], ...] = ()

    @property
    def outer(self) -> tuple[Expr, ...]:
        """Every expression that the plan joined with must be able to compute, beside the subquery's columns."""
        residual = () if self.residual is None else (self.residual,)
        return (*(outer for outer, _ in self.on), *(outer for outer, _ in self.domain), *residual)

    @property
    def names(self) -> frozenset[str]:
        """The names of the subquery's columns."""
        return frozenset(self.plan.schema.names)

    def apply(self, plan: Plan, rewrite: Callable[[Expr], Expr]) -> Plan:
        """Return a plan joined with the subquery; ``rewrite`` turns outer expressions into those of the plan."""
        return Join(
            left=plan,
            right=self._with_values(plan, rewrite),
            kind=self.kind,
            on=tuple((rewrite(outer), inner) for outer, inner in self.on),
            nulls_equal=self.nulls_equal,
            residual=None if self.residual is None else rewrite(self.residual),
        )

    def _with_values(self, plan: Plan, rewrite: Callable[[Expr], Expr]) -> Plan:
        if not self.domain:
            return self.plan
        own = tuple(column for _, column in self.domain)
        keys = tuple(NamedExpr(name=column.name, expr=rewrite(outer)) for outer, column in self.domain)
        values = Aggregate(input=plan, keys=keys)
        return transform_up(
            self.plan, lambda node: values if isinstance(node, Domain) and node.columns == own else node
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A call of a user's function, computed beside the rows before expressions read its column."""

    column: Column
    call: Expr

    @property
    def outer(self) -> tuple[Expr, ...]:
        """The call."""
        return (self.call,)

    @property
    def names(self) -> frozenset[str]:
        """The name of the column."""
        return frozenset((self.column.name,))

    def apply(self, plan: Plan, rewrite: Callable[[Expr], Expr]) -> Plan:
        """Return a plan with the column."""
        below, (value,) = placed(plan, [rewrite(self.call)])
        return Project(input=below, exprs=(*unchanged(plan.schema), NamedExpr(name=self.column.name, expr=value)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Numbers by chance from 0 to 1, drawn once for each row before expressions read their column."""

    column: Column
    seed: int

    @property
    def outer(self) -> tuple[Expr, ...]:
        """Nothing is read."""
        return ()

    @property
    def names(self) -> frozenset[str]:
        """The name of the column."""
        return frozenset((self.column.name,))

    def apply(self, plan: Plan, _rewrite: Callable[[Expr], Expr]) -> Plan:
        """Return a plan with the column."""
        drawn, chance = with_chance(plan, self.seed)
        return Project(input=drawn, exprs=(*unchanged(plan.schema), NamedExpr(name=self.column.name, expr=chance)))


Attached = Attachment | Computed | Drawn


def attach(plan: Plan, attachments: Sequence[Attached], rewrite: Callable[[Expr], Expr] = lambda e: e) -> Plan:
    """Return a plan joined with several subqueries, in order."""
    for attachment in attachments:
        plan = attachment.apply(plan, rewrite)
    return plan
