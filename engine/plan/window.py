"""Windows: functions of a row and of the rows around it in its partition, and the node that adds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import count
from typing import Any

from .. import dtypes
from ..dtypes import DataType, Kind
from ..errors import PlanError, TypeMismatch, UnsupportedOperation, suggestion
from ..expr import Column, Expr, SortKey, aggregate, call, cast, columns_of, literal
from ..expr.build import cast_each, check_options, mismatch
from ..expr.catalogue import AGGREGATES, WINDOW_FUNCTIONS
from ..expr.nodes import Options
from ..records import dataclass, replace
from ..schema import Field, Schema
from ..traversal import kinds_of, transform_up, walk_once
from .frame import DEFAULT_FRAME, Bound, Edge, Frame, Interval
from .nodes import Plan, Unary


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCall:
    """A window function of the catalogue, or an aggregate, seen from each row.

    Attributes
    ----------
    function
        Catalogue name.
    args
        Arguments per row, already of the types that the catalogue demands.
    dtype
        Type of the result.
    frame
        The rows seen; ranking functions, ``lag`` and ``lead`` see the whole partition whatever it says.
    filter
        Of an aggregate: rows where this is not true are left out.
    offset
        Rows to go back or forward (``lag``, ``lead``), the how-manieth value (``nth_value``), or buckets (``ntile``).
    ignore_nulls
        Of functions that pick a value: pass over rows whose value is null.
    options
        Further constants, by name.
    """

    function: str
    args: tuple[Expr, ...] = ()
    dtype: DataType
    frame: Frame = DEFAULT_FRAME
    filter: Expr | None = None
    offset: int = 1
    ignore_nulls: bool = False
    options: Options = ()

    @property
    def inputs(self) -> tuple[Expr, ...]:
        """Every expression read: arguments and the filter."""
        return self.args if self.filter is None else (*self.args, self.filter)

    def with_inputs(self, inputs: tuple[Expr, ...]) -> WindowCall:
        """Return this call over other inputs, in the order of `inputs`."""
        if self.filter is None:
            return replace(self, args=inputs)
        return replace(self, args=inputs[:-1], filter=inputs[-1])

    def __str__(self) -> str:
        entry = WINDOW_FUNCTIONS.get(self.function)
        shown = [str(arg) for arg in self.args]
        if entry is not None and entry.offset:
            shown.insert(1, str(self.offset))
        text = f"{self.function}({', '.join(shown) or ('*' if entry is None else '')})"
        if self.ignore_nulls:
            text += " ignore nulls"
        if self.filter is not None:
            text += f" filter (where {self.filter})"
        return text if self.frame == DEFAULT_FRAME or not (entry is None or entry.framed) else f"{text} {self.frame}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedWindow:
    """A window call and the name of the column it makes."""

    name: str
    call: WindowCall

    @property
    def field(self) -> Field:
        """Schema field of the column."""
        return Field(self.name, self.call.dtype)

    def __str__(self) -> str:
        return f"{self.call} as {self.name}"


_OVER_FRAMES = frozenset(
    {"count_rows", "count", "sum", "product", "min", "max", "first", "last", "mean", "m2", "collect", "collect_all"}
    | {"arg_min", "arg_max", "comoments", "bit_and", "bit_or", "bit_xor"}
)
"""Primitive accumulators that devices compute over frames (see ``volley.engine.kernels.specs``)."""


def window_call(
    function: str,
    *args: Expr,
    frame: Frame = DEFAULT_FRAME,
    where: Expr | None = None,
    offset: int = 1,
    ignore_nulls: bool = False,
    **options: Any,
) -> WindowCall:
    """Return a window function or an aggregate of the catalogue over arguments, with implicit casts inserted.

    Raises
    ------
    PlanError
        If there is no such function, or it does not take the offset, the filter or ``ignore_nulls`` given.
    TypeMismatch
        If the types are not accepted.
    UnsupportedOperation
        If the aggregate needs all values at once.
    """
    entry = WINDOW_FUNCTIONS.get(function)
    if entry is None:
        if function not in AGGREGATES:
            raise PlanError(
                f"unknown window function {function!r}{suggestion(function, [*WINDOW_FUNCTIONS, *AGGREGATES])}"
            )
        if ignore_nulls:
            raise PlanError(f"{function} passes over nulls anyway; leave ignore nulls out")
        if not set(AGGREGATES[function].partial) <= _OVER_FRAMES:
            raise UnsupportedOperation(f"{function} has no window form; group by the partition and join its result")
        own = aggregate(function, *args, filter=where, **options)
        return WindowCall(
            function=function, args=own.args, dtype=own.dtype, filter=own.filter, frame=frame, options=own.options
        )
    if where is not None:
        raise PlanError(f"a filter goes with aggregates, not with {function}")
    if ignore_nulls and not args:
        raise PlanError(f"{function} reads no value, and so cannot ignore nulls")
    if entry.counts_from_one and offset < 1:
        raise PlanError(f"{function} needs a number from 1 on, not {offset}")
    resolved = entry.rule(tuple(arg.dtype for arg in args))
    if resolved is None:
        raise mismatch(function, args)
    check_options(function, entry.options, options)
    parameters, result = resolved
    return WindowCall(
        function=function,
        args=cast_each(args, parameters),
        dtype=result,
        frame=frame,
        offset=offset,
        ignore_nulls=ignore_nulls,
        options=tuple(sorted(options.items())),
    )


def range_limit(key: SortKey, bound: Bound) -> tuple[Expr, Expr]:
    """Return the ordering's key and, in the same type, the value that a bound of a range frame lies at.

    Raises
    ------
    TypeMismatch
        If the offset cannot be added to the key.
    """
    assert bound.offset is not None, "only a bound with an offset has a limit"
    forward = (bound.edge is Edge.FOLLOWING) != key.descending
    value, offset = key.expr, bound.offset
    if value.dtype.is_temporal and isinstance(offset, Interval):
        if offset.microseconds and value.dtype.kind is Kind.DATE:
            value = cast(value, dtypes.timestamp("us"))
        sign = 1 if forward else -1
        parts = {part: sign * getattr(offset, part) for part in ("months", "days", "microseconds")}
        return value, call("add_interval", value, **parts)
    if not value.dtype.is_numeric or isinstance(offset, Interval):
        raise TypeMismatch(
            f"a range frame cannot add {offset} to {value} ({value.dtype}); order by one number (with a number), or by "
            "one date or timestamp (with an interval), or use rows or groups"
        )
    if value.dtype.is_float or isinstance(offset, float):
        value, step = cast(value, dtypes.float64), literal(float(offset))
    elif value.dtype.is_integer and isinstance(offset, int):
        # Wide enough that the least key less an offset does not overflow where the key's own type would.
        value = cast(value, dtypes.decimal(20, 0) if value.dtype.kind is Kind.UINT64 else dtypes.int64)
        step = literal(offset)
    else:
        step = literal(Decimal(offset))
    limit = call("add" if forward else "subtract", value, step)
    return cast(value, limit.dtype), limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Window(Unary):
    """Every input row with the values of window functions that share partitions and ordering.

    Attributes
    ----------
    functions
        What is added.
    partition_by
        Rows equal in these (nulls alike) make a partition; none: all rows do.
    order_by
        Order within a partition; ties, and rows of no ordering, keep the input's order.
    keeps_order
        Give the rows in the input's order. That takes all rows through one task, which no other form does that has
        partitions.
    """

    functions: tuple[NamedWindow, ...]
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[SortKey, ...] = ()
    keeps_order: bool = False

    def _derive(self) -> Schema:
        self.input.schema.check(columns_of(*self.reads))
        for named in self.functions:
            for bound in named.call.frame.range_bounds:
                if len(self.order_by) != 1:
                    raise PlanError(f"a range frame with an offset needs exactly one ordering key: {named.call}")
                range_limit(self.order_by[0], bound)
        return self.input.schema.extend(named.field for named in self.functions)

    @property
    def reads(self) -> tuple[Expr, ...]:
        """Every expression over the input."""
        inputs = tuple(expr for named in self.functions for expr in named.call.inputs)
        return (*inputs, *self.partition_by, *(key.expr for key in self.order_by))

    @property
    def detail(self) -> str:
        """Functions, partitions and ordering."""
        order = " keeping order" if self.keeps_order else ""
        return ", ".join(map(str, self.functions)) + _over(self.partition_by, self.order_by) + order


def _over(partition_by: Sequence[Expr], order_by: Sequence[SortKey]) -> str:
    partition = f" partition by {', '.join(map(str, partition_by))}" if partition_by else ""
    return partition + (f" order by {', '.join(map(str, order_by))}" if order_by else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowExpr(Expr):
    """A window function inside an expression; `plan_windows` moves it into a `Window` node, since no device has it."""

    call: WindowCall
    partition_by: tuple[Expr, ...] = ()
    order_by: tuple[SortKey, ...] = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        """Inputs of the call, partition keys, ordering keys."""
        return (*self.call.inputs, *self.partition_by, *(key.expr for key in self.order_by))

    def with_children(self, children: tuple[Expr, ...]) -> WindowExpr:
        """Return the same window over other expressions."""
        first, second = len(self.call.inputs), len(self.call.inputs) + len(self.partition_by)
        order = tuple(replace(key, expr=e) for key, e in zip(self.order_by, children[second:], strict=True))
        call_ = self.call.with_inputs(children[:first])
        return replace(self, call=call_, partition_by=children[first:second], order_by=order)

    def __str__(self) -> str:
        return f"{self.call} over ({_over(self.partition_by, self.order_by).strip()})"


def over(call_: WindowCall, partition_by: Sequence[Expr] = (), order_by: Sequence[SortKey] = ()) -> WindowExpr:
    """Return a window call as an expression."""
    return WindowExpr(call=call_, partition_by=tuple(partition_by), order_by=tuple(order_by), dtype=call_.dtype)


def has_window(expr: Expr) -> bool:
    """Return whether an expression holds a window function."""
    return not isinstance(expr, Column) and WindowExpr in kinds_of(expr)


def plan_windows(plan: Plan, exprs: Sequence[Expr], *, keeps_order: bool = False) -> tuple[Plan, tuple[Expr, ...]]:
    """Move window functions out of expressions over a plan into `Window` nodes above it.

    Windows of one partitioning and ordering share a node; a window over another window's result stands above it. The
    columns added have names that the plan does not; without windows the plan comes back as it is.
    """
    current = tuple(exprs)
    while innermost := _innermost(current):
        shared: dict[tuple[tuple[Expr, ...], tuple[SortKey, ...]], list[WindowExpr]] = {}
        for window in innermost:
            shared.setdefault((window.partition_by, window.order_by), []).append(window)
        columns: dict[Expr, Expr] = {}
        for (partition_by, order_by), windows in shared.items():
            names, named = _fresh(plan.schema), []
            for window in windows:
                name = next(names)
                named.append(NamedWindow(name=name, call=window.call))
                columns[window] = Column(name=name, dtype=window.dtype)
            plan = Window(
                input=plan,
                functions=tuple(named),
                partition_by=partition_by,
                order_by=order_by,
                keeps_order=keeps_order,
            )
        current = tuple(_replaced(expr, columns) for expr in current)
    return plan, current


def _innermost(exprs: Sequence[Expr]) -> list[WindowExpr]:
    """Return the distinct window functions that read no other window function."""
    found = (node for expr in exprs for node in walk_once(expr) if isinstance(node, WindowExpr))
    return list(dict.fromkeys(node for node in found if not any(map(has_window, node.children))))


def _fresh(schema: Schema) -> Iterator[str]:
    """Yield names that no column has."""
    return (name for number in count() if (name := f"__window_{number}") not in schema)


def _replaced(expr: Expr, columns: dict[Expr, Expr]) -> Expr:
    return transform_up(expr, lambda node: columns.get(node, node) if isinstance(node, WindowExpr) else node)
