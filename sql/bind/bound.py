"""A query that has been bound, and the columns of a plan as they are."""

from __future__ import annotations

from collections.abc import Iterable

from ...engine.expr import Column, NamedExpr
from ...engine.plan import Plan, Project
from ...engine.records import dataclass
from ...engine.schema import Field


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


def unchanged(fields: Iterable[Field]) -> tuple[NamedExpr, ...]:
    """Return columns as they are, such as those of a plan's schema."""
    return tuple(NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in fields)


def with_columns(plan: Plan, added: Iterable[NamedExpr]) -> Project:
    """Return a plan with further columns behind its own."""
    return Project(input=plan, exprs=(*unchanged(plan.schema), *added))
