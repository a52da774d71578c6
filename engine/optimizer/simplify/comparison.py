"""Comparisons: constants to the right, casts away from columns, and what compares with itself."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from ... import dtypes
from ...dtypes import DataType, Kind
from ...expr import FLIPPED as ORDERS_FLIPPED
from ...expr import Call, Cast, Expr, InList, Literal
from ..expressions import widens
from .boolean import FALSE

FLIPPED = {**ORDERS_FLIPPED, "equal": "equal", "not_equal": "not_equal"}
"""Each comparison and the one that gives the same with its arguments exchanged."""

_REFLEXIVE = frozenset({"equal", "less_equal", "greater_equal"})


def simplify_comparison(node: Expr) -> Expr | None:
    """Put a constant to the right, and compare a column in its own type rather than a widened one."""
    if not isinstance(node, Call):
        return None
    if node.function == "is_not_distinct":
        return _null_test(node)
    if node.function not in FLIPPED:
        return None
    left, right = node.args
    if isinstance(left, Literal) and not isinstance(right, Literal):
        return Call(function=FLIPPED[node.function], args=(right, left), dtype=node.dtype)
    if not isinstance(left, Cast) or not _unwrappable(left):
        return None
    inner = left.arg
    if isinstance(right, Literal):
        narrow = narrowed(right.value, inner.dtype)
        return None if narrow is None else _compare(node, inner, narrow)
    if isinstance(right, Cast) and right.arg.dtype == inner.dtype:
        return _compare(node, inner, right.arg)
    return None


def _compare(node: Call, left: Expr, right: Expr) -> Call:
    return Call(function=node.function, args=(left, right), dtype=node.dtype)


def _null_test(node: Call) -> Expr | None:
    for this, other in (node.args, node.args[::-1]):
        if isinstance(this, Literal) and this.value is None:
            return Call(function="is_null", args=(other,), dtype=dtypes.bool_)
    return None


def simplify_in_list(node: Expr) -> Expr | None:
    """Turn a list of one value into an equality, and compare a column in its own type."""
    if not isinstance(node, InList):
        return None
    if len(node.values) == 1 and not node.has_null:
        constant = Literal(value=node.values[0], dtype=node.arg.dtype)
        return Call(function="equal", args=(node.arg, constant), dtype=dtypes.bool_)
    if isinstance(node.arg, Cast) and _unwrappable(node.arg):
        inner = node.arg.arg
        narrow = [narrowed(value, inner.dtype) for value in node.values]
        if all(constant is not None for constant in narrow):
            values = tuple(constant.value for constant in narrow if constant is not None)
            return InList(arg=inner, values=values, has_null=node.has_null, dtype=dtypes.bool_)
    return None


def always_true_where_present(part: Expr) -> Expr | None:
    """Return what a comparison of something with itself amounts to as a filter: present, or never; else None."""
    if not isinstance(part, Call) or part.function not in FLIPPED or part.args[0] != part.args[1]:
        return None
    if part.function not in _REFLEXIVE:
        return FALSE
    return Call(function="is_not_null", args=part.args[:1], dtype=dtypes.bool_)


def _unwrappable(node: Cast) -> bool:
    source, target = node.arg.dtype, node.dtype
    zoned = target.kind is Kind.TIMESTAMP and target.tz is not None
    return not zoned and source.kind is not Kind.NULL and widens(source, target)


def narrowed(value: Any, dtype: DataType) -> Literal | None:
    """Return a constant of a narrower type that equals ``value`` exactly, or None where there is none."""
    if value is None:
        return Literal(value=None, dtype=dtype)
    if dtype.is_integer:
        if isinstance(value, float) and not value.is_integer():
            return None
        if isinstance(value, Decimal) and value != value.to_integral_value():
            return None
        low, high = integer_range(dtype)
        return Literal(value=int(value), dtype=dtype) if low <= value <= high else None
    if dtype.is_decimal and isinstance(value, Decimal):
        return _narrowed_decimal(value, dtype)
    if dtype.kind is Kind.DATE and isinstance(value, dt.datetime) and value.time() == dt.time():
        return Literal(value=value.date(), dtype=dtype)
    return None


def integer_range(dtype: DataType) -> tuple[int, int]:
    """Return the least and the greatest value of an integer type."""
    if dtype.is_signed:
        return -(2 ** (dtype.bits - 1)), 2 ** (dtype.bits - 1) - 1
    return 0, 2**dtype.bits - 1


def _narrowed_decimal(value: Decimal, dtype: DataType) -> Literal | None:
    unit = Decimal(1).scaleb(-dtype.scale)
    if value.copy_abs() >= Decimal(1).scaleb(dtype.precision - dtype.scale) or value % unit != 0:
        return None
    return Literal(value=value.quantize(unit), dtype=dtype)
