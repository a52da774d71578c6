"""The projection of a SELECT: its columns under names of their own, the sort keys beside them, DISTINCT."""

from __future__ import annotations

from sqlglot import exp

from ...engine.expr import Column, Expr, NamedExpr, SortKey
from ...engine.plan import Distinct, Plan, Project, filtered
from .core import Core
from .statement import Statement


class Projection:
    """Projects one SELECT."""

    def __init__(self, statement: Statement, node: exp.Select) -> None:
        self._statement = statement
        self._node = node
        self._taken: set[str] = set()

    def apply(self, core: Core) -> tuple[Plan, tuple[tuple[str, Column], ...], tuple[SortKey, ...]]:
        """Return the projected plan, its visible columns and its sort keys, which may be further columns."""
        plan = filtered(core.plan, core.having)
        named: dict[Expr, Column] = {}
        exprs: list[NamedExpr] = []
        columns = []
        for name, expr in core.items:
            column = self._column_for(expr, name, exprs)
            named.setdefault(expr, column)
            columns.append((name, column))
        keys = []
        for key in core.order:
            if key.expr not in named:
                if self._is_distinct:
                    raise self._statement.source.error(
                        self._node.args["order"], "with SELECT DISTINCT, ORDER BY may only name columns of its list"
                    )
                named[key.expr] = self._column_for(key.expr, "sort_key", exprs)
            keys.append(SortKey(expr=named[key.expr], descending=key.descending, nulls_first=key.nulls_first))
        if [e.name for e in exprs] != list(plan.schema.names) or not all(e.is_passthrough for e in exprs):
            plan = Project(input=plan, exprs=tuple(exprs))
        return self._distinct(plan), tuple(columns), tuple(keys)

    def _column_for(self, expr: Expr, wanted: str, exprs: list[NamedExpr]) -> Column:
        """Add an expression to the projection; a column keeps its name where that is still free in it."""
        keeps = isinstance(expr, Column) and expr.name not in self._taken
        name = expr.name if keeps and isinstance(expr, Column) else self._statement.names.fresh(wanted)
        self._taken.add(name)
        exprs.append(NamedExpr(name=name, expr=expr))
        return Column(name=name, dtype=expr.dtype)

    def _distinct(self, plan: Plan) -> Plan:
        return Distinct(input=plan) if self._is_distinct else plan

    @property
    def _is_distinct(self) -> bool:
        """Whether whole rows are compared; DISTINCT ON has been applied before."""
        clause = self._node.args.get("distinct")
        return clause is not None and clause.args.get("on") is None
