"""From sqlglot's tree to the logical plan: names, types and subqueries are resolved here.

``query`` binds whole queries, ``select`` one SELECT, ``relations`` its FROM, ``expressions`` what is computed per row,
``subqueries`` turns nested queries into joins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlglot import exp

from ...engine.expr import Expr, NamedExpr
from ...engine.plan import Plan, Project
from ..parse import SqlText, TooDeep, parse
from .bound import BoundQuery
from .macros import expanded
from .names import deduplicated
from .query import QueryBinder
from .statement import Catalogue, Statement

__all__ = ["Catalogue", "bind_sql", "bind_tree"]


def bind_sql(
    text: str,
    catalogue: Catalogue,
    dialect: str = "duckdb",
    params: Mapping[str, Any] | Sequence[Any] | None = None,
) -> Plan:
    """Return the logical plan of one SQL query.

    Parameters
    ----------
    text
        One query; a semicolon at its end is allowed.
    catalogue
        Says which plan stands behind a table name or a quoted file name.
    dialect
        Any dialect that sqlglot reads; the meaning of what was read is always the one of ``docs/semantics.md``.
    params
        Values for ``$name`` (a mapping) or for ``?`` and ``$1`` (a sequence).

    Returns
    -------
    Plan
        Its columns are named as DuckDB names them; a name that occurs again gets ``_1``, ``_2`` and so on.

    Raises
    ------
    SqlError
        If the text is wrong: syntax, unknown or ambiguous names, wrong types. It carries line and column.
    UnsupportedOperation
        If the text uses SQL that Volley does not offer; the message names it and its place.
    """
    source = SqlText(text=text, dialect=dialect)
    return bind_tree(source, parse(source), catalogue, params)


def bind_tree(
    source: SqlText,
    tree: exp.Expr,
    catalogue: Catalogue,
    params: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    strict: bool = True,
) -> Plan:
    """Return the plan of a query that has been parsed, perhaps as part of another statement; see `bind_sql`.

    ``strict`` says that the query must use every parameter.
    """
    statement = Statement(source=source, catalogue=catalogue, params=params)
    expanded(statement, tree)
    try:
        bound = QueryBinder(statement=statement).bind(tree)
    except RecursionError:
        raise TooDeep from None
    if strict:
        statement.check_params_used()
    names = deduplicated([name for name, _ in bound.columns])
    if names == list(bound.plan.schema.names) and len(bound.plan.schema) == len(bound.columns):
        return bound.plan
    return _named(bound, names)


def _named(bound: BoundQuery, names: list[str]) -> Plan:
    """Give the columns their final names, in the projection that makes them where there is one at the top."""
    plan = bound.plan
    exprs: dict[str, Expr] = {column.name: column for _, column in bound.columns}
    if isinstance(plan, Project):
        exprs = {named.name: named.expr for named in plan.exprs}
        plan = plan.input
    pairs = zip(names, bound.columns, strict=True)
    return Project(input=plan, exprs=tuple(NamedExpr(name=n, expr=exprs[column.name]) for n, (_, column) in pairs))
