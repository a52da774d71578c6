"""A query that has been bound."""

from __future__ import annotations

from dataclasses import dataclass

from ...engine.expr import Column, NamedExpr
from ...engine.plan import Plan, Project


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundQuery:
    """A plan and, in order, the user's names of its columns; the plan may have further columns."""

    plan: Plan
    columns: tuple[tuple[str, Column], ...]

    @property
    def exact(self) -> Plan:
        """The plan with exactly these columns, in order."""
        names = tuple(column.name for _, column in self.columns)
        if names == self.plan.schema.names:
            return self.plan
        return Project(
            input=self.plan, exprs=tuple(NamedExpr(name=column.name, expr=column) for _, column in self.columns)
        )
