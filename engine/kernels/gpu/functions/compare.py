"""Comparison, logic and choice: NaN equals NaN and is greatest, three-valued logic, nulls by the catalogue's rules.

libcudf compares floats as IEEE does, so NaN is put right beside each comparison; where one side is a constant that is
no NaN, less of it is needed. ``LOGICAL_AND`` and ``LOGICAL_OR`` make nulls of nulls, ``NULL_LOGICAL_…`` are Kleene's.
"""

from __future__ import annotations

import math
from functools import reduce
from typing import Any

from .... import dtypes
from ....dtypes import Kind
from ....errors import ExecutionError
from ....expr import Call, Expr, Literal
from ..columns import Op, Un, Value, any_true, chosen, constant, filled, full, is_null, is_valid, negated, truth, unary
from ..library import plc
from ..memory import run
from .registry import elementwise, scalar

elementwise("not")(negated)


def _nested(call: Call) -> str | None:
    if any(arg.dtype.is_nested or arg.dtype.kind is Kind.INTERVAL for arg in call.args):
        return "libcudf compares no nested values"
    return None


@scalar("is_null")
def _is_null(_: Call, args: list[Value], rows: int) -> plc.Column:
    return is_null(*full(args, rows))


@scalar("is_not_null")
def _is_not_null(_: Call, args: list[Value], rows: int) -> plc.Column:
    return is_valid(*full(args, rows))


@scalar("is_nan")
def _is_nan(_: Call, args: list[Value], rows: int) -> plc.Column:
    [value] = full(args, rows)
    return truth(value, value, Op.NOT_EQUAL)


def _magnitude_below_infinity(value: plc.Column, dtype: dtypes.DataType, op: Any) -> plc.Column:
    return truth(unary(value, Un.ABS), constant(math.inf, dtype), op)


@scalar("is_finite")
def _is_finite(call: Call, args: list[Value], rows: int) -> plc.Column:
    [value] = full(args, rows)
    return _magnitude_below_infinity(value, call.args[0].dtype, Op.LESS)


@scalar("is_infinite")
def _is_infinite(call: Call, args: list[Value], rows: int) -> plc.Column:
    [value] = full(args, rows)
    return _magnitude_below_infinity(value, call.args[0].dtype, Op.EQUAL)


def _number(expr: Expr) -> bool:
    """Whether this is a constant that is neither null nor NaN."""
    return isinstance(expr, Literal) and expr.value is not None and not math.isnan(float(expr.value))


def _nan(value: Value) -> plc.Column:
    return truth(value, value, Op.NOT_EQUAL)


def equal(left: Value, right: Value, call: Call) -> plc.Column:
    """``=``."""
    same = truth(left, right, Op.EQUAL)
    if not call.args[0].dtype.is_float or any(map(_number, call.args)):
        return same
    left, right = full([left, right], same.size())
    return truth(same, truth(_nan(left), _nan(right), Op.LOGICAL_AND), Op.LOGICAL_OR)


def less(left: Value, right: Value, left_expr: Expr, right_expr: Expr) -> plc.Column:
    """``<``: NaN is not below anything, and everything else is below NaN."""
    below = truth(left, right, Op.LESS)
    if not left_expr.dtype.is_float or _number(right_expr):
        return below
    rows = below.size()
    [right] = full([right], rows)
    beside = _nan(right)
    if not _number(left_expr):
        [left] = full([left], rows)
        beside = truth(beside, truth(left, left, Op.EQUAL), Op.LOGICAL_AND)
    return truth(below, beside, Op.LOGICAL_OR)


def less_equal(left: Value, right: Value, left_expr: Expr, right_expr: Expr) -> plc.Column:
    """``<=``: everything is at most NaN."""
    below = truth(left, right, Op.LESS_EQUAL)
    if not left_expr.dtype.is_float or _number(right_expr):
        return below
    # Where the left one is null the comparison is, and LOGICAL_OR keeps that.
    [right] = full([right], below.size())
    return truth(below, _nan(right), Op.LOGICAL_OR)


@scalar("equal", refuses=_nested)
def _equal(call: Call, args: list[Value], _: int) -> plc.Column:
    return equal(args[0], args[1], call)


@scalar("not_equal", refuses=_nested)
def _not_equal(call: Call, args: list[Value], _: int) -> plc.Column:
    if not call.args[0].dtype.is_float:
        return truth(args[0], args[1], Op.NOT_EQUAL)
    return negated(equal(args[0], args[1], call))


@scalar("less", refuses=_nested)
def _less(call: Call, args: list[Value], _: int) -> plc.Column:
    return less(args[0], args[1], call.args[0], call.args[1])


@scalar("less_equal", refuses=_nested)
def _less_equal(call: Call, args: list[Value], _: int) -> plc.Column:
    return less_equal(args[0], args[1], call.args[0], call.args[1])


@scalar("greater", refuses=_nested)
def _greater(call: Call, args: list[Value], _: int) -> plc.Column:
    return less(args[1], args[0], call.args[1], call.args[0])


@scalar("greater_equal", refuses=_nested)
def _greater_equal(call: Call, args: list[Value], _: int) -> plc.Column:
    return less_equal(args[1], args[0], call.args[1], call.args[0])


@scalar("is_not_distinct", refuses=_nested)
def _is_not_distinct(call: Call, args: list[Value], rows: int) -> plc.Column:
    same = truth(args[0], args[1], Op.NULL_EQUALS)
    if not call.args[0].dtype.is_float or any(map(_number, call.args)):
        return same
    left, right = full(args, rows)
    both = truth(run(plc.unary.is_nan, left), run(plc.unary.is_nan, right), Op.LOGICAL_AND)
    return truth(same, both, Op.LOGICAL_OR)


@elementwise("and")
def conjunction(*args: Value) -> Value:
    """Kleene's conjunction."""
    return reduce(lambda left, right: truth(left, right, Op.NULL_LOGICAL_AND), args)


@elementwise("or")
def disjunction(*args: Value) -> Value:
    """Kleene's disjunction."""
    return reduce(lambda left, right: truth(left, right, Op.NULL_LOGICAL_OR), args)


@scalar("coalesce")
def _coalesce(call: Call, args: list[Value], rows: int) -> plc.Column:
    [best] = full(args[:1], rows)
    for value in args[1:]:
        if best.null_count() == 0:
            break
        # replace_nulls takes no lists and structs.
        best = chosen(is_valid(best), best, value) if call.dtype.is_nested else filled(best, value)
    return best


@scalar("least", refuses=_nested)
def _least(call: Call, args: list[Value], rows: int) -> plc.Column:
    return _extreme(call, args, rows, least=True)


@scalar("greatest", refuses=_nested)
def _greatest(call: Call, args: list[Value], rows: int) -> plc.Column:
    return _extreme(call, args, rows, least=False)


def _extreme(call: Call, args: list[Value], rows: int, *, least: bool) -> plc.Column:
    [best] = full(args[:1], rows)
    for value, expr in zip(args[1:], call.args[1:], strict=True):
        if call.dtype.is_float:
            [value] = full([value], rows)  # noqa: PLW2901 - a constant repeated
            better = less(value, best, expr, _ANY_FLOAT) if least else less(best, value, _ANY_FLOAT, _ANY_FLOAT)
        else:
            better = truth(value, best, Op.LESS if least else Op.GREATER)
        taken = chosen(better, value, best)
        best = filled(filled(taken, best), value)
        # Where either is null the comparison is, so the best stays, and what is null takes the other.
    return best


_ANY_FLOAT = Literal(value=None, dtype=dtypes.float64)
"""Stands for a value of which nothing is known."""


@scalar("single")
def _single(call: Call, args: list[Value], rows: int) -> plc.Column:
    value, counts = full(args, rows)
    if any_true(truth(counts, constant(1, call.args[1].dtype), Op.GREATER)):
        raise ExecutionError(call.option("message"))
    return value
