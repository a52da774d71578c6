"""Scalar functions: from sqlglot's node classes and from plain names to the catalogue of the engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.errors import suggestion
from ...engine.expr import Expr, call, case, cast, literal
from ...engine.expr.catalogue import FUNCTIONS, SQL_AGGREGATES, SQL_FUNCTIONS
from . import bins, buckets, documents, intervals, lists, temporal, text
from .arguments import arguments, constant_text, counted_arguments, of_two, spelled
from .datatypes import type_name
from .lengths import CLOCKS, part_of
from .operands import zoned
from .operators import compare
from .own_macros import own_macro_names

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

# Spellings that sqlglot gives to nodes or DuckDB to functions, and the catalogue does not list.
_SPELLINGS = {
    "day_of_month": "day",
    "dayofmonth": "day",
    "day_of_week": "day_of_week",
    "day_of_week_iso": "iso_day_of_week",
    "dayofweek_iso": "iso_day_of_week",
    "isodow": "iso_day_of_week",
    "day_of_year": "day_of_year",
    "week_of_year": "week",
    "startswith": "starts_with",
    "endswith": "ends_with",
}
_OPTIONED = frozenset(name for name, entry in FUNCTIONS.items() if entry.options)


_OF_ONE_TYPE = ("coalesce", "greatest", "least")


def function(binder: ExpressionBinder, node: exp.Expr) -> Expr:
    """Bind a function that needs no rule of its own."""
    names = spelled(node)
    if isinstance(node, exp.Anonymous) and names[0] in _BY_NAME:
        return _BY_NAME[names[0]](binder, node)
    for name in names:
        known = _SPELLINGS.get(name) or SQL_FUNCTIONS.get(name)
        if known is not None and known not in _OPTIONED:
            bound = [binder.bind(arg) for arg in arguments(node)]
            if len(bound) == 1 and bound[0].dtype.kind in CLOCKS and known in temporal.PARTS:
                return part_of(binder, node, known, bound[0])
            return call(known, *(zoned(bound) if known in _OF_ONE_TYPE else bound))
    if isinstance(node, exp.Anonymous):
        from .registered import user_scalar

        called = user_scalar(binder, node, str(node.name))
        if called is not None:
            return called
        near = suggestion(names[0], (*SQL_FUNCTIONS, *SQL_AGGREGATES, *_BY_NAME, *own_macro_names()))
        hint = near if "did you mean" in near else ""
        raise binder.source.error(node, f"unknown function {node.name!r}{hint}")
    raise binder.source.unsupported(node, f"the function {binder.source.written(node)}")


# --- choice


def _case(binder: ExpressionBinder, node: Any) -> Expr:
    subject = None if node.this is None else binder.bind(node.this)
    branches = []
    for branch in node.args["ifs"]:
        if subject is None:
            condition = binder.condition(branch.this)
        else:
            condition = compare(binder, branch, "equal", subject, binder.bind(branch.this))
        branches.append((condition, binder.bind(branch.args["true"])))
    default = node.args.get("default")
    values = [value for _, value in branches] + ([] if default is None else [binder.bind(default)])
    values = zoned(values)
    conditions = [condition for condition, _ in branches]
    return case(zip(conditions, values, strict=False), None if default is None else values[-1])


def _if(binder: ExpressionBinder, node: Any) -> Expr:
    default = node.args.get("false")
    condition, then = binder.condition(node.this), binder.bind(node.args["true"])
    return _chosen(condition, then, None if default is None else binder.bind(default))


def _chosen(condition: Expr, then: Expr, default: Expr | None) -> Expr:
    value, *otherwise = zoned([then] if default is None else [then, default])
    return case([(condition, value)], *otherwise)


def _iff(binder: ExpressionBinder, node: Any) -> Expr:
    condition, then, default = counted_arguments(binder, node, 3)
    return _chosen(binder.condition(condition), binder.bind(then), binder.bind(default))


def _nullif(binder: ExpressionBinder, node: Any) -> Expr:
    value, other = binder.bind(node.this), binder.bind(node.expression)
    equal = compare(binder, node, "equal", value, other)
    return case([(equal, literal(None, value.dtype))], value)


# --- lists and structs


def _length(binder: ExpressionBinder, node: Any) -> Expr:
    value = binder.bind(node.this)
    return call("list_length" if value.dtype.kind is Kind.LIST else "length", value)


def _list_join(binder: ExpressionBinder, node: Any) -> Expr:
    separator = constant_text(binder, node.expression, "a separator")
    value = binder.bind(node.this)
    if value.dtype.value is not None and not value.dtype.value.is_nested:
        value = cast(value, dtypes.list_(dtypes.string))
    joined = call("list_join", value, separator=separator)
    return case([(call("equal", call("list_length", value), literal(0)), literal(""))], joined)


# --- numbers


def _log(binder: ExpressionBinder, node: Any) -> Expr:
    if node.expression is None:
        return call("log10", binder.bind(node.this))
    base, value = binder.bind(node.this), binder.bind(node.expression)
    return call("divide", call("ln", value), call("ln", base))


def _trunc(binder: ExpressionBinder, node: Any) -> Expr:
    value, digits = binder.bind(node.this), node.args.get("decimals")
    if digits is None:
        return call("trunc", value)
    scale = call("power", literal(10.0), binder.bind(digits))
    return call("divide", call("trunc", call("multiply", value, scale)), scale)


def _bounded(name: str, *, infinite: bool) -> Callable[[ExpressionBinder, Any], Expr]:
    """Return a handler that asks whether a value is finite; moments always are."""

    def handler(binder: ExpressionBinder, node: Any) -> Expr:
        (arg,) = counted_arguments(binder, node, 1)
        value = binder.bind(arg)
        if value.dtype.is_temporal:
            return case([(call("is_not_null", value), literal(value=not infinite))])
        return call(name, value)

    return handler


_BY_NAME: dict[str, Callable[[ExpressionBinder, Any], Expr]] = {
    "iff": _iff,
    "ifelse": _iff,
    "isfinite": _bounded("is_finite", infinite=False),
    **lists.BY_NAME,
    **text.BY_NAME,
    **temporal.BY_NAME,
    **intervals.BY_NAME,
    **buckets.BY_NAME,
    **documents.BY_NAME,
    **bins.BY_NAME,
}

SPECIAL: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    exp.Case: _case,
    exp.If: _if,
    exp.Nullif: _nullif,
    exp.Log: _log,
    exp.Trunc: _trunc,
    exp.IsInf: _bounded("is_infinite", infinite=True),
    exp.Pi: lambda *_: literal(math.pi),
    exp.BitwiseAnd: of_two("bitwise_and"),
    exp.BitwiseOr: of_two("bitwise_or"),
    exp.BitwiseXor: of_two("bitwise_xor"),
    exp.BitwiseLeftShift: of_two("shift_left"),
    exp.BitwiseRightShift: of_two("shift_right"),
    exp.BitwiseNot: lambda binder, node: call("bitwise_not", binder.bind(node.this)),
    exp.Length: _length,
    exp.Typeof: lambda binder, node: literal(type_name(binder.bind(node.this).dtype)),
    exp.ArrayToString: _list_join,
    **lists.SPECIAL,
    **text.SPECIAL,
    **temporal.SPECIAL,
    **intervals.SPECIAL,
    **buckets.SPECIAL,
    **documents.SPECIAL,
}
