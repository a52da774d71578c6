"""Aggregates of a SELECT: found in expressions, computed once each, read as columns afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.dtypes import Kind
from ...engine.expr import AggregateCall, Column, Expr, NamedAggregate, aggregate, call
from ...engine.expr.catalogue import SQL_AGGREGATES
from .functions import spelled
from .names import Names
from .naming import default_name

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_SPELLINGS = {
    "logical_or": "any", "logical_and": "all", "variance_pop": "var_pop", "stddev_pop": "std_pop", "stdev": "std",
    "count_if": "size", "countif": "size",
}  # fmt: skip


class Aggregates:
    """The aggregates of one SELECT; equal calls share a column."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._columns: dict[AggregateCall, Column] = {}

    def column(self, call: AggregateCall, wanted: str) -> Column:
        """Return the column that holds an aggregate, computed under a name like ``wanted``."""
        known = self._columns.get(call)
        if known is None:
            known = Column(name=self._names.fresh(wanted), dtype=call.dtype)
            self._columns[call] = known
        return known

    def named(self) -> tuple[NamedAggregate, ...]:
        """Return every aggregate with its column's name."""
        return tuple(NamedAggregate(name=column.name, call=call) for call, column in self._columns.items())

    def of_no_rows(self) -> dict[str, Any]:
        """Return what each column holds where there are no rows: 0 for counts, null for the others."""
        return {
            column.name: 0 if call.function in ("count", "size") else None for call, column in self._columns.items()
        }


def aggregate_name(node: exp.Expr) -> str | None:
    """Return the catalogue's name of the aggregate that a node calls, "" for one it lacks, None for other nodes."""
    if not isinstance(node, exp.Func):
        return None
    for name in spelled(node):
        known = _SPELLINGS.get(name) or SQL_AGGREGATES.get(name)
        if known is not None:
            return known
    return "" if isinstance(node, exp.AggFunc) else None


def has_aggregate(node: exp.Expr) -> bool:
    """Return whether a node calls an aggregate of its own query (not of one nested in it)."""
    for part in node.walk(prune=lambda n: isinstance(n, exp.Query)):
        if not isinstance(part, exp.Query) and aggregate_name(part) is not None:
            return True
    return False


def bind_aggregate(
    binder: ExpressionBinder, node: exp.Expr, condition: exp.Expr | None = None, named: exp.Expr | None = None
) -> Expr:
    """Bind a call of an aggregate, with the condition of its FILTER clause; ``named`` is the node with the clause."""
    if binder.aggregates is None:
        hint = "; use HAVING" if binder.clause == "WHERE" else ""
        raise binder.source.error(node, f"an aggregate cannot stand in {binder.clause}{hint}")
    function = aggregate_name(node)
    if not function:
        raise binder.source.unsupported(node, f"the aggregate {binder.source.written(node)}")
    inner = binder.for_aggregate_input()
    distinct, written = _arguments(binder, node)
    args = [inner.bind(arg) for arg in written]
    predicate = None if condition is None else inner.condition(condition)
    if isinstance(node, exp.CountIf) or spelled(node)[0] in ("count_if", "countif"):
        counted = inner.condition(written[0])
        predicate = counted if predicate is None else call("and", predicate, counted)
        args = []
    elif function == "count" and not args:
        function = "size"
    if len(args) > 1:
        raise binder.source.unsupported(node, f"{binder.source.written(node)} of {len(args)} arguments")
    if args and function == "mean" and args[0].dtype.kind is Kind.BOOL:
        raise binder.source.error(
            node, f"{binder.source.written(node)} takes a number, not bool; cast it to an integer first"
        )
    found = aggregate(function, *args, distinct=distinct, filter=predicate)
    return binder.aggregates.column(found, default_name(named or node))


def _arguments(binder: ExpressionBinder, node: exp.Expr) -> tuple[bool, list[exp.Expr]]:
    """Return whether DISTINCT stands before the arguments, and the arguments as written."""
    written: list[exp.Expr] = []
    for key, value in node.args.items():
        if isinstance(value, exp.Expr):
            written.append(value)
        elif isinstance(value, list):
            written.extend(value)
        elif value and key not in ("big_int", "this"):
            raise binder.source.unsupported(node, f"{key.upper()} in an aggregate")
    if len(written) == 1 and isinstance(written[0], exp.Distinct):
        if written[0].args.get("on") is not None:
            raise binder.source.unsupported(node, "DISTINCT ON in an aggregate")
        return True, list(written[0].expressions)
    for arg in written:
        if isinstance(arg, exp.Order):
            raise binder.source.unsupported(node, "ORDER BY in an aggregate")
    return False, [arg for arg in written if not isinstance(arg, exp.Star)]
