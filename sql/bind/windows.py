"""Window functions: a call with its OVER becomes an expression, which a node below the SELECT list then computes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.errors import suggestion
from ...engine.expr import (
    Column,
    Expr,
    Literal,
    NamedExpr,
    SortKey,
    call,
    case,
    literal,
    substitute,
)
from ...engine.expr.catalogue import SQL_WINDOW_FUNCTIONS, WINDOW_FUNCTIONS
from ...engine.plan import (
    CURRENT_ROW,
    DEFAULT_FRAME,
    UNBOUNDED_FOLLOWING,
    UNBOUNDED_PRECEDING,
    Bound,
    Exclusion,
    Frame,
    FrameUnit,
    Plan,
    Project,
    WindowCall,
    WindowExpr,
    filtered,
    following,
    over,
    plan_windows,
    preceding,
    window_call,
)
from ...engine.plan import Interval as FrameInterval
from ...engine.plan.window import has_window
from ...engine.traversal import transform_up
from .aggregates import OF_TWO, aggregate_arguments, aggregate_name, mean_over, split_options
from .arguments import arguments, spelled
from .filling import filled
from .lengths import CLOCKS
from .lists import FOLDED, fold
from .literals import interval
from .names import Names
from .naming import merged_window
from .operands import unwrapped
from .ordered import PERCENTILES, direction, joined_texts, share_of, with_share, without_order

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_CLAUSES = ("SELECT", "ORDER BY", "QUALIFY", "DISTINCT ON")
_SAYS_NULLS = exp.IgnoreNulls | exp.RespectNulls


def window_name(node: exp.Expr) -> str | None:
    """Return the catalogue's name of the window function that a node calls, None for other nodes."""
    return next((SQL_WINDOW_FUNCTIONS[n] for n in spelled(node) if n in SQL_WINDOW_FUNCTIONS), None)


def bind_window(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind a call with OVER."""
    source = binder.source
    if binder.clause not in _CLAUSES:
        hint = "; use QUALIFY" if binder.clause in ("WHERE", "HAVING") else ""
        raise source.error(node, f"a window function cannot stand in {binder.clause}{hint}")
    window = merged_window(node)
    if window is None:
        select = node.find_ancestor(exp.Select)
        known = [str(w.name).lower() for w in (select.args.get("windows") or [])] if select is not None else []
        if node.alias.lower() in known:
            raise source.error(node, f"window {node.alias!r} builds on one that is not defined before it")
        raise source.error(node, f"unknown window {node.alias!r}{suggestion(node.alias, known) if known else ''}")
    clause, binder.clause = binder.clause, "another window function"
    try:
        partition_by = [binder.bind(key) for key in window.args.get("partition_by") or []]
        order_by = _order_keys(binder, window)
        frame = _frame(binder, window.args.get("spec"))
        made = _call(binder, node.this, frame, partition_by, order_by)
    finally:
        binder.clause = clause
    return made if isinstance(made, Expr) else over(made, partition_by, order_by)


def _order_keys(binder: ExpressionBinder, window: exp.Expr) -> list[SortKey]:
    from .query import sort_key

    order = window.args.get("order")
    keys: list[SortKey] = []
    for item in order.expressions if order is not None else []:
        binder.statement.allow_only(item, ("this", "desc", "nulls_first"), "ORDER BY")
        if isinstance(item.this, exp.Var) and item.this.name.upper() == "ALL":
            raise binder.source.unsupported(item, "ORDER BY ALL in a window")
        key = binder.bind(item.this)
        if not isinstance(key, Literal):
            keys.append(sort_key(key, item))
    return keys


def _call(
    binder: ExpressionBinder, node: Any, frame: Frame, partition_by: Sequence[Expr], order_by: Sequence[SortKey]
) -> WindowCall | Expr:
    condition, ignore_nulls, function = None, False, node
    while isinstance(function, exp.Filter | _SAYS_NULLS):
        if isinstance(function, exp.Filter):
            condition = binder.condition(function.expression.this)
        else:
            ignore_nulls = isinstance(function, exp.IgnoreNulls)
        function = function.this
    name = window_name(function)
    if name is None:
        return _aggregate(binder, function, frame, condition, partition_by, order_by)
    written = arguments(function)
    if written and isinstance(written[0], _SAYS_NULLS):
        ignore_nulls = isinstance(written[0], exp.IgnoreNulls)
        written = [written[0].this, *written[1:]]
    for arg in written:
        if isinstance(arg, exp.Order | exp.Distinct):
            raise binder.source.unsupported(function, f"{arg.key.upper()} in {binder.source.written(function)}")
    offset = 1
    if WINDOW_FUNCTIONS[name].offset:
        place = 0 if name == "ntile" else 1
        if len(written) > place:
            offset = _whole_number(binder, written.pop(place), binder.source.written(function))
        elif name in ("ntile", "nth_value"):
            raise binder.source.error(function, f"{name} needs a number, as in {name}({'x, ' * place}3)")
    args = [binder.bind(arg) for arg in written]
    return window_call(name, *args, frame=frame, where=condition, offset=offset, ignore_nulls=ignore_nulls)


def _aggregate(
    binder: ExpressionBinder,
    node: exp.Expr,
    frame: Frame,
    condition: Expr | None,
    partition_by: Sequence[Expr],
    order_by: Sequence[SortKey],
) -> WindowCall | Expr:
    name = aggregate_name(node)
    written = binder.source.written(node)
    if name is None and spelled(node)[0] == "fill" and condition is None:
        return filled(binder, node, partition_by, order_by)
    if name is None:
        raise binder.source.error(node, f"OVER may follow a window function or an aggregate, not {written}")
    if not name or name == "approx_count_distinct" or isinstance(node, exp.AnonymousAggFunc):
        raise binder.source.unsupported(node, f"{written} with OVER")
    if spelled(node)[0] in ("count_if", "countif"):
        counted = binder.condition(arguments(node)[0])
        return window_call("size", frame=frame, where=counted if condition is None else call("and", condition, counted))
    if isinstance(node, exp.ArrayAgg | exp.GroupConcat) and isinstance(node.this, exp.Order):
        return _ordered_list(binder, node, frame, condition, partition_by, order_by)
    share = share_of(node) if isinstance(node, PERCENTILES) else None
    if isinstance(share, exp.Array):
        singles = [with_share(node, item) for item in share.expressions]
        calls = [_aggregate(binder, each, frame, condition, partition_by, order_by) for each in singles]
        return call("list_value", *(c if isinstance(c, Expr) else over(c, partition_by, order_by) for c in calls))
    node = without_order(node)
    distinct, args = aggregate_arguments(binder, node)
    if name == "count" and not args:
        name = "size"
    values, options = split_options(binder, node, name, [binder.bind(arg) for arg in args])
    if len(values) > (2 if name in OF_TWO else 1):
        raise binder.source.unsupported(node, f"{written} of {len(values)} arguments with OVER")
    if distinct and name not in ("min", "max", "any", "all", "bit_and", "bit_or", "mode", "histogram"):
        if len(values) != 1:
            raise binder.source.unsupported(node, f"{written} of DISTINCT values over a frame")
        if not (frame.is_partition or frame == DEFAULT_FRAME):
            found = over(window_call("list", values[0], frame=frame, where=condition), partition_by, order_by)
            return _of_different(binder, node, name, found, options)
        value = values[0] if condition is None else case([(condition, values[0])])
        # Each value counts in the first row that has it. Which of several peers that is makes no difference: a
        # frame that reaches from the start to the row's last peer holds all of them or none.
        turn = over(window_call("row_number"), (*partition_by, value), () if frame.is_partition else order_by)
        return window_call(name, case([(call("equal", turn, literal(1)), value)]), frame=frame, **options)
    if name == "mean" and (values[0].dtype.is_temporal or values[0].dtype.kind in CLOCKS):

        def mean(ticks: Expr) -> Expr:
            return over(window_call("mean", ticks, frame=frame, where=condition), partition_by, order_by)

        return mean_over(binder, values[0], mean)
    with binder.source.placed(node):
        return window_call(name, *values, frame=frame, where=condition, **options)


def _of_different(binder: ExpressionBinder, node: exp.Expr, name: str, values: Expr, options: dict[str, Any]) -> Expr:
    """Return an aggregate of the different ones among the values of a frame."""
    different = call("list_distinct", values)  # without null
    if name == "count":
        return call("coalesce", call("list_length", different), literal(0))
    if name == "string_agg":
        return call("list_join", different, **options)
    folded = {"mean": "avg", "std": "stddev", "var": "variance"}.get(name, name)
    if folded not in FOLDED:
        raise binder.source.unsupported(node, f"{binder.source.written(node)} of DISTINCT values over a frame")
    return fold(binder, node, different, folded)


def _ordered_list(
    binder: ExpressionBinder,
    node: Any,
    frame: Frame,
    condition: Expr | None,
    partition_by: Sequence[Expr],
    order_by: Sequence[SortKey],
) -> Expr:
    """Return the list, or the joined texts, of a frame's values in an order of their own."""
    order = node.this
    if isinstance(order.this, exp.Distinct):
        raise binder.source.unsupported(node, "DISTINCT with ORDER BY in an aggregate with OVER")
    exprs = [*(binder.bind(key.this) for key in order.expressions), binder.bind(order.this)]
    row = call("struct_value", *exprs, names=tuple(str(number) for number in range(len(exprs))))
    pairs = over(window_call("list", row, frame=frame, where=condition), partition_by, order_by)
    values = call("list_ordered", pairs, orders=tuple(direction(key) for key in order.expressions))
    if isinstance(node, exp.ArrayAgg):
        return values
    return joined_texts(binder, node, values)


def _whole_number(binder: ExpressionBinder, node: exp.Expr, function: str) -> int:
    value = binder.bind(node)
    if not isinstance(value, Literal):
        raise binder.source.unsupported(node, f"{function} with a number that is not a constant")
    if not isinstance(value.value, int) or isinstance(value.value, bool):
        raise binder.source.error(node, f"{function} needs a whole number here, not {value}")
    return value.value


# --- frames


def _frame(binder: ExpressionBinder, spec: exp.Expr | None) -> Frame:
    if spec is None:
        return DEFAULT_FRAME
    end = CURRENT_ROW if spec.args.get("end") is None else _bound(binder, spec, "end")
    exclude = spec.args.get("exclude")
    return Frame(
        unit=FrameUnit(str(spec.args["kind"]).lower()),
        start=_bound(binder, spec, "start"),
        end=end,
        exclusion=Exclusion.NO_OTHERS if exclude is None else Exclusion(str(exclude.name).lower()),
    )


def _bound(binder: ExpressionBinder, spec: exp.Expr, which: str) -> Bound:
    value, before = spec.args[which], str(spec.args.get(f"{which}_side")).upper() == "PRECEDING"
    if value == "CURRENT ROW":
        return CURRENT_ROW
    if value == "UNBOUNDED":
        return UNBOUNDED_PRECEDING if before else UNBOUNDED_FOLLOWING
    make = preceding if before else following
    inner = unwrapped(value)
    if isinstance(inner, exp.Interval):
        length = interval(binder.source, inner)
        return make(FrameInterval(months=length.months, days=length.days, microseconds=length.microseconds))
    offset = binder.bind(value)
    if not isinstance(offset, Literal):
        raise binder.source.unsupported(value, "a frame's offset that is not a constant")
    if not isinstance(offset.value, int | float | Decimal) or isinstance(offset.value, bool):
        raise binder.source.error(value, f"a frame's offset must be a number or an interval, not {offset}")
    return make(offset.value)


# --- planning


def with_windows(
    names: Names, plan: Plan, exprs: Sequence[Expr], within: Sequence[Expr] = ()
) -> tuple[Plan, list[Expr]]:
    """Compute the window functions in expressions below them; ``within`` are further partition keys of each."""
    if not any(map(has_window, exprs)):
        return plan, list(exprs)

    def divided(expr: Expr) -> Expr:
        if not within or not isinstance(expr, WindowExpr):
            return expr
        return over(expr.call, (*within, *expr.partition_by), expr.order_by)

    planned, computed = plan_windows(plan, [transform_up(expr, divided) for expr in exprs])
    kept: list[NamedExpr] = []
    renamed: dict[str, Expr] = {}
    for f in planned.schema:
        column = Column(name=f.name, dtype=f.dtype)
        # Names inside a statement are its own, so that two queries with windows can be joined.
        name = f.name if f.name in plan.schema else names.fresh("window")
        kept.append(NamedExpr(name=name, expr=column))
        renamed[f.name] = Column(name=name, dtype=f.dtype)
    return Project(input=planned, exprs=tuple(kept)), [substitute(expr, renamed) for expr in computed]


def first_rows(
    names: Names, plan: Plan, keys: Sequence[Expr], order: Sequence[SortKey], others: Sequence[Expr] = ()
) -> tuple[Plan, list[Expr]]:
    """Add the number of each row among those of equal keys; it is the last expression, after ``others``."""
    number = over(window_call("row_number"), keys, order)
    return with_windows(names, plan, [*others, number])


def some_of_each(
    names: Names, plan: Plan, keys: Sequence[Expr], order: Sequence[SortKey], count: int | None, skipped: int
) -> Plan:
    """Keep of the rows of equal keys, in an order, so many (None: all) after those skipped."""
    plan, (number,) = first_rows(names, plan, keys, order)
    conditions = [call("greater", number, literal(skipped))]
    if count is not None:
        conditions.append(call("less_equal", number, literal(skipped + count)))
    return filtered(plan, conditions)
