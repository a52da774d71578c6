"""QUALIFY, DISTINCT ON and ORDER BY: the clauses that may read window functions."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from ...engine.expr import Expr, Literal, SortKey, call, columns_of, literal
from ...engine.plan import filtered
from ...engine.plan.window import has_window
from ...engine.records import dataclass, replace
from .core import Core, column_named
from .expressions import ExpressionBinder
from .grouping import Output
from .joins import names_of
from .operands import unwrapped
from .operators import flattened
from .outputs import OutputBinder
from .scope import DomainNeeded, Scope
from .statement import Statement
from .windows import first_rows, with_windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """The clauses that may read window functions; ``distinct_on`` is None without that clause."""

    order: list[SortKey]
    qualify: list[Expr]
    distinct_on: list[Expr] | None

    def rewritten(self, rewrite: Callable[[Expr], Expr]) -> Later:
        """Return the clauses over other columns."""
        return Later(
            order=[replace(key, expr=rewrite(key.expr)) for key in self.order],
            qualify=[rewrite(expr) for expr in self.qualify],
            distinct_on=None if self.distinct_on is None else [rewrite(expr) for expr in self.distinct_on],
        )


class LaterBinder:
    """Binds the later clauses of one SELECT and applies them."""

    def __init__(self, statement: Statement, node: exp.Select, scope: Scope, lists: OutputBinder) -> None:
        self._statement = statement
        self._source = statement.source
        self._node = node
        self._scope = scope
        self._lists = lists

    def bind(self, binder: ExpressionBinder, outputs: list[Output], items: list[tuple[str, Expr]]) -> Later:
        """Bind the clauses; ``items`` are the expressions of the SELECT list."""
        order = self._order_keys(binder, outputs, items)
        qualify: list[Expr] = []
        clause = self._node.args.get("qualify")
        if clause is not None:
            binder.clause = "QUALIFY"
            qualify = [binder.condition(part) for part in flattened(clause.this, exp.And)]
        distinct = self._node.args.get("distinct")
        on: list[Expr] | None = None
        if distinct is not None and distinct.args.get("on") is not None:
            binder.clause = "DISTINCT ON"
            named = unwrapped(distinct.args["on"])
            nodes = named.expressions if isinstance(named, exp.Tuple) else [named]
            on = [expr for node in nodes for expr in self._ordered_by(binder, node, outputs, items)]
        for attachment in (*binder.attachments, *binder.input_attachments):
            if any(has_window(expr) for expr in attachment.outer):
                place = self._node.find(exp.Window)
                raise self._source.unsupported(place, "a window function that a subquery reads")
        return Later(order=order, qualify=qualify, distinct_on=on)

    def applied(self, core: Core, later: Later) -> Core:
        """Compute window functions, and keep the rows that QUALIFY and DISTINCT ON leave."""
        width = len(core.items)
        exprs = [*(expr for _, expr in core.items), *(key.expr for key in later.order), *later.qualify]
        if later.distinct_on is None and not later.qualify and not any(map(has_window, exprs)):
            return core
        if core.implicit and core.keys:
            place = self._node.find(exp.Window, exp.Qualify, exp.Distinct)
            raise self._source.unsupported(place, "a window function in a correlated aggregate")
        if core.residual:
            outer = next(iter(columns_of(core.residual[0]) - names_of(core.plan)))
            raise DomainNeeded(self._scope, column_named(core.residual[0], outer))
        names, ties = self._statement.names, [own for _, own in core.keys]
        plan = filtered(core.plan, core.having)
        with self._source.placed(self._node.find(exp.Window) or self._node):
            plan, exprs = with_windows(names, plan, exprs, ties)
        order = [replace(key, expr=e) for key, e in zip(later.order, exprs[width:], strict=False)]
        plan = filtered(plan, exprs[width + len(order) :])
        if later.distinct_on is not None:
            plan, (*_, number) = first_rows(names, plan, [*ties, *later.distinct_on], order)
            plan = filtered(plan, [call("equal", number, literal(1))])
        items = tuple((name, expr) for (name, _), expr in zip(core.items, exprs, strict=False))
        return replace(core, plan=plan, items=items, order=tuple(order), having=(), implicit=False)

    def _order_keys(
        self, binder: ExpressionBinder, outputs: list[Output], items: list[tuple[str, Expr]]
    ) -> list[SortKey]:
        from .query import sort_key

        order = self._node.args.get("order")
        if order is None:
            return []
        binder.clause = "ORDER BY"
        keys: list[SortKey] = []
        for item in order.expressions:
            self._statement.allow_only(item, ("this", "desc", "nulls_first"), "ORDER BY")
            exprs = self._ordered_by(binder, item.this, outputs, items)
            keys.extend(sort_key(expr, item) for expr in exprs if not isinstance(expr, Literal))
        return keys

    def _ordered_by(
        self,
        binder: ExpressionBinder,
        node: exp.Expr,
        outputs: list[Output],
        items: list[tuple[str, Expr]],
    ) -> list[Expr]:
        from .query import ordinal

        if isinstance(node, exp.Var) and node.name.upper() == "ALL":
            return [expr for _, expr in items]
        position = ordinal(node)
        if position is not None:
            if not 1 <= position <= len(items):
                raise self._source.error(node, f"ORDER BY {position}: the SELECT list has {len(items)} columns")
            return [items[position - 1][1]]
        if isinstance(node, exp.Column) and not node.table:
            for output, (name, expr) in zip(outputs, items, strict=True):
                renamed = output.column is not None and not self._scope.find(str(node.name), None)
                if (isinstance(output.node, exp.Alias) or renamed) and name.lower() == node.name.lower():
                    return [expr]
        return [binder.bind(key) for key in self._lists.keys(node)]
