"""WITH written out: a CTE that reads the query around becomes a query in FROM wherever it is named."""

from __future__ import annotations

from typing import TypeVar

from sqlglot import exp

from .statement import Statement

Q = TypeVar("Q", bound=exp.Expr)

_KEPT = ("joins", "pivots", "sample")


def inlined(statement: Statement, query: Q) -> Q:
    """Return a copy of a query without its WITH clause; a recursive one that reads the query around is refused."""
    made = query.copy()
    clause = made.args.get("with_")
    if clause is None:
        return made
    if clause.args.get("recursive"):
        raise statement.source.unsupported(clause, "a recursive CTE that reads the query around")
    made.set("with_", None)
    known: dict[str, exp.Expr] = {}
    for cte in clause.expressions:
        known[cte.alias.lower()] = exp.CTE(this=_replaced(cte.this, known), alias=cte.args["alias"])
    return _replaced(made, known)


def _replaced(query: Q, known: dict[str, exp.Expr]) -> Q:
    for table in list(query.find_all(exp.Table)):
        cte = known.get(table.name.lower())
        if cte is not None and isinstance(table.this, exp.Identifier) and len(table.parts) == 1:
            table.replace(_subquery(table, cte))
    return query


def _subquery(table: exp.Expr, cte: exp.Expr) -> exp.Subquery:
    alias, own = table.args.get("alias"), cte.args["alias"]
    named = exp.TableAlias(
        this=(alias.this if alias is not None else table.this).copy(),
        columns=[column.copy() for column in (alias and alias.args.get("columns")) or own.args.get("columns") or []],
    )
    made = exp.Subquery(this=cte.this.copy(), alias=named)
    for key in _KEPT:
        if table.args.get(key):
            made.set(key, table.args[key])
    return made
