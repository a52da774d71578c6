"""Aggregates of a SELECT: found in expressions, computed once each, read as columns afterwards."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.expr import AggregateCall, Column, Expr, NamedAggregate, aggregate, call, cast, literal
from ...engine.expr.catalogue import AGGREGATES, SQL_AGGREGATES
from ..trees import parts_of
from .arguments import spelled
from .bins import binned
from .lengths import CLOCKS, of_ticks, ticks_since
from .names import Names
from .naming import default_name
from .operators import as_text
from .ordered import different_values, ordered_aggregate, without_order
from .owners import AggregatedOutside, of_outer, owner
from .scope import Scope

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_SPELLINGS = {
    "logical_or": "any", "logical_and": "all", "variance_pop": "var_pop", "stddev_pop": "std_pop", "stdev": "std",
    "count_if": "size", "countif": "size", "approx_distinct": "approx_count_distinct",
    "arbitrary": "first", "histogram_exact": "histogram",
    "bitwise_and_agg": "bit_and", "bitwise_or_agg": "bit_or", "bitwise_xor_agg": "bit_xor",
}  # fmt: skip


OF_TWO = frozenset(name for name, entry in AGGREGATES.items() if {"arg_min", "arg_max", "comoments"} & {*entry.partial})
_COUNTS = ("count", "size", "regr_count")


class Aggregates:
    """The aggregates of one SELECT; equal calls share a column."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._columns: dict[AggregateCall, Column] = {}
        self._groupings: dict[tuple[Expr, ...], Column] = {}

    def column(self, call: AggregateCall, wanted: str) -> Column:
        """Return the column that holds an aggregate, computed under a name like ``wanted``."""
        known = self._columns.get(call)
        if known is None:
            known = Column(name=self._names.fresh(wanted), dtype=call.dtype)
            self._columns[call] = known
        return known

    def grouping(self, keys: tuple[Expr, ...]) -> Column:
        """Return the column that says which of some keys a row's grouping set lacks."""
        if keys not in self._groupings:
            self._groupings[keys] = Column(name=self._names.fresh("grouping"), dtype=dtypes.int64)
        return self._groupings[keys]

    def groupings(self) -> dict[tuple[Expr, ...], Column]:
        """Return the keys and the column of every GROUPING."""
        return self._groupings

    def named(self) -> tuple[NamedAggregate, ...]:
        """Return every aggregate with its column's name."""
        return tuple(NamedAggregate(name=column.name, call=call) for call, column in self._columns.items())

    def of_no_rows(self) -> dict[str, Any]:
        """Return what each column holds where there are no rows: 0 for counts, null for the others."""
        return {column.name: 0 if call.function in _COUNTS else None for call, column in self._columns.items()}


_GROUPINGS = (exp.Grouping, exp.GroupingId)


def aggregate_name(node: exp.Expr) -> str | None:
    """Return the catalogue's name of the aggregate that a node calls, "" for one it lacks, None for other nodes."""
    if isinstance(node, exp.WithinGroup):
        return aggregate_name(node.this)
    if not isinstance(node, exp.Func) or isinstance(node, _GROUPINGS):
        return None
    for name in spelled(node):
        known = _SPELLINGS.get(name) or SQL_AGGREGATES.get(name)
        if known is not None:
            return known
    return "" if isinstance(node, exp.AggFunc) else None


def has_aggregate(node: exp.Expr, scope: Scope | None = None) -> bool:
    """Return whether a node calls an aggregate of its own query: not of one nested in it, and not with OVER.

    In a ``scope`` those of queries around do not count either.
    """
    for part in parts_of(node, within=exp.Query):
        if isinstance(part, exp.Query) or aggregate_name(part) is None or _has_over(part):
            continue
        if scope is None or owner(scope, part) is None:
            return True
    return False


def _has_over(node: exp.Expr) -> bool:
    above = node
    while isinstance(above.parent, exp.Filter | exp.IgnoreNulls | exp.RespectNulls) and above.arg_key == "this":
        above = above.parent
    return isinstance(above.parent, exp.Window) and above.arg_key == "this"


def bind_aggregate(
    binder: ExpressionBinder, node: exp.Expr, condition: exp.Expr | None = None, named: exp.Expr | None = None
) -> Expr:
    """Bind a call of an aggregate, with the condition of its FILTER clause; ``named`` is the node with the clause."""
    around = owner(binder.scope, named or node, binder.own_names)
    if around is not None:
        return _of_query_around(binder, around, node, condition, named)
    if binder.aggregates is None:
        hint = "; use HAVING" if binder.clause == "WHERE" else ""
        raise binder.source.error(node, f"an aggregate cannot stand in {binder.clause}{hint}")
    function = aggregate_name(node)
    if isinstance(node, exp.AnonymousAggFunc):
        from .registered import user_aggregate

        return user_aggregate(binder, node, condition)
    made = ordered_aggregate(binder, node, condition, named) or binned(binder, node, condition, named or node)
    if made is not None:
        return made
    node = without_order(node)
    if not function:
        raise binder.source.unsupported(node, f"the aggregate {binder.source.written(node)}")
    inner = binder.for_aggregate_input()
    distinct, written = aggregate_arguments(binder, node)
    if function == "list" and distinct and condition is not None:
        return different_values(binder, written[0], condition, named or node)
    args = [inner.bind(arg) for arg in written]
    predicate = None if condition is None else inner.condition(condition)
    if isinstance(node, exp.CountIf) or "count_if" in spelled(node):
        counted = inner.condition(written[0])
        predicate = counted if predicate is None else call("and", predicate, counted)
        args = []
    elif function == "count" and not args:
        function = "size"
    args, options = split_options(binder, node, function, args)
    if function == "median" and args and args[0].dtype.is_text:
        function, options = "quantile_disc", {"q": 0.5}
    if function in ("mean", "median") and args and (args[0].dtype.is_temporal or args[0].dtype.kind in CLOCKS):
        of_time = _of_time(binder, function, args[0], default_name(named or node), distinct=distinct, where=predicate)
        if of_time is not None:
            return of_time
    if len(args) > (2 if function in OF_TWO else 1):
        raise binder.source.unsupported(node, f"{binder.source.written(node)} of {len(args)} arguments")
    if args and function == "mean" and args[0].dtype.kind is Kind.BOOL:
        raise binder.source.error(
            node, f"{binder.source.written(node)} takes a number, not bool; cast it to an integer first"
        )
    found = aggregate(function, *args, distinct=distinct, filter=predicate, **options)
    return binder.aggregates.column(found, default_name(named or node))


def _of_time(
    binder: ExpressionBinder, function: str, value: Expr, name: str, *, distinct: bool, where: Expr | None
) -> Expr | None:
    """Return the mean of moments, times or lengths, or the median of times or lengths: of their microseconds."""
    if value.dtype.is_temporal and function == "median":
        return None
    ticks = _ticks(binder, function, value)
    assert binder.aggregates is not None
    found = binder.aggregates.column(aggregate(function, ticks, distinct=distinct, filter=where), name)
    return _of_mean(value.dtype, found)


def _ticks(binder: ExpressionBinder, function: str, value: Expr) -> Expr:
    """Return moments, times or lengths as microseconds, in a type in which a mean adds them up exactly."""
    exact = dtypes.decimal(20, 0) if function == "mean" else dtypes.int64
    return cast(ticks_since(binder, exp.Null(), value, "us"), exact)


def _of_mean(dtype: DataType, ticks: Expr) -> Expr:
    """Return a mean or median of microseconds as what it is one of."""
    return of_ticks(dtype, cast(call("round", ticks), dtypes.int64))


def mean_over(binder: ExpressionBinder, value: Expr, mean: Callable[[Expr], Expr]) -> Expr:
    """Return the mean of moments, times or lengths over a window, of which ``mean`` gives that of numbers."""
    found = mean(_ticks(binder, "mean", value))
    return _of_mean(value.dtype, found)


def _of_query_around(
    binder: ExpressionBinder, around: Scope, node: exp.Expr, condition: exp.Expr | None, named: exp.Expr | None
) -> Expr:
    if around.aggregating is not None:
        return of_outer(binder, around, node, bind_aggregate(around.aggregating, node, condition, named))
    if around.aggregated:
        raise binder.source.error(node, "an aggregate of the query around cannot stand in its FROM, WHERE or GROUP BY")
    raise AggregatedOutside(around)


def split_options(
    binder: ExpressionBinder, node: exp.Expr, function: str, args: list[Expr]
) -> tuple[list[Expr], dict[str, Any]]:
    """Return the arguments per row, and the constants among the arguments as options."""
    if function in ("quantile", "quantile_disc"):
        share = binder.statement.constant(args[1]) if len(args) == 2 else None
        if share is None or not isinstance(share.value, int | float | Decimal):
            written = binder.source.written(node)
            raise binder.source.error(node, f"{written} takes a value and a constant share from 0 to 1")
        return args[:1], {"q": float(share.value)}
    if function == "string_agg":
        if not args:
            raise binder.source.error(node, f"{binder.source.written(node)} takes values, and perhaps a separator")
        separator = binder.statement.constant(args[1]) if len(args) > 1 else literal(",")
        if separator is None or not isinstance(separator.value, str):
            raise binder.source.unsupported(node, "a separator that is not a constant text")
        return [as_text(args[0]), *args[2:]], {"separator": separator.value}
    return args, {}


def aggregate_arguments(binder: ExpressionBinder, node: exp.Expr) -> tuple[bool, list[exp.Expr]]:
    """Return whether DISTINCT stands before the arguments, and the arguments as written."""
    written: list[exp.Expr] = []
    for key, value in node.args.items():
        if isinstance(value, exp.Expr):
            written.append(value)
        elif isinstance(value, list):
            written.extend(value)
        elif value and key not in ("big_int", "this"):
            raise binder.source.unsupported(node, f"{key.upper()} in an aggregate")
    if written and isinstance(written[0], exp.Distinct):
        if written[0].args.get("on") is not None:
            raise binder.source.unsupported(node, "DISTINCT ON in an aggregate")
        return True, [*written[0].expressions, *written[1:]]
    for arg in written:
        if isinstance(arg, exp.Order):
            raise binder.source.unsupported(node, "ORDER BY in an aggregate")
    return False, [arg for arg in written if not isinstance(arg, exp.Star)]
