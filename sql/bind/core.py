"""A SELECT before its projection."""

from __future__ import annotations

from typing import Any

from ...engine.expr import Column, Expr, SortKey
from ...engine.plan import Plan
from ...engine.records import dataclass
from ...engine.traversal import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """A SELECT before its projection.

    Attributes
    ----------
    plan
        Rows after WHERE and grouping (HAVING is not applied yet).
    items
        Names and expressions of the SELECT list, over the plan's columns.
    having
        Conditions of HAVING, over the plan's columns.
    keys
        Of a correlated query: pairs of an outer expression and a column of the plan that must equal it.
    nulls_equal
        Whether nulls count as equal in those pairs.
    residual
        Conditions over outer columns and the plan's columns; only where there are no aggregates.
    implicit
        Whether there are aggregates without GROUP BY, so that no rows still give one.
    of_no_rows
        The values of the aggregates' columns where there are no rows.
    """

    plan: Plan
    items: tuple[tuple[str, Expr], ...]
    having: tuple[Expr, ...] = ()
    order: tuple[SortKey, ...] = ()
    keys: tuple[tuple[Expr, Column], ...] = ()
    nulls_equal: bool = False
    residual: tuple[Expr, ...] = ()
    implicit: bool = False
    of_no_rows: tuple[tuple[str, Any], ...] = ()


def column_named(expr: Expr, name: str) -> Column:
    """Return the column of a name that an expression reads."""
    return next(e for e in walk(expr) if isinstance(e, Column) and e.name == name)
