"""Arithmetic of numbers: checked integers, IEEE floats; decimals go to ``decimals``.

libcudf's integers wrap. Sums are checked by the signs of operands and result, products in 128 bits, everything in one
pass over a mask that is read on the host.
"""

from __future__ import annotations

from typing import Any

from .... import dtypes
from ....dtypes import DataType
from ....expr import Call
from ...failures import division_by_zero, overflow
from ..columns import Op, Un, Value, any_true, binary, cast, chosen, constant, full, truth, unary
from ..library import plc
from ..types import decimal_type, device_type
from . import decimals
from .registry import Kernel, scalar

_REAL = {
    "sqrt": Un.SQRT, "exp": Un.EXP, "ln": Un.LOG, "cbrt": Un.CBRT, "sin": Un.SIN, "cos": Un.COS, "tan": Un.TAN,
    "asin": Un.ARCSIN, "acos": Un.ARCCOS, "atan": Un.ARCTAN, "sinh": Un.SINH, "cosh": Un.COSH, "tanh": Un.TANH,
}  # fmt: skip


def _of_one(op: Any) -> Kernel:
    return lambda _, args, rows: unary(full(args, rows)[0], op)


def _of_two(op: Any) -> Kernel:
    return lambda call, args, _: binary(args[0], args[1], op, device_type(call.dtype))


for _name, _op in _REAL.items():
    scalar(_name)(_of_one(_op))
for _name, _two in (
    *(("divide", Op.TRUE_DIV), ("power", Op.POW), ("atan2", Op.ATAN2)),
    *(("bitwise_and", Op.BITWISE_AND), ("bitwise_or", Op.BITWISE_OR), ("bitwise_xor", Op.BITWISE_XOR)),
):
    scalar(_name)(_of_two(_two))
scalar("bitwise_not")(_of_one(Un.BIT_INVERT))


def least_of(dtype: DataType) -> int:
    """Return the least value of an integer type."""
    return -(1 << (dtype.bits - 1)) if dtype.is_signed else 0


def greatest_of(dtype: DataType) -> int:
    """Return the greatest value of an integer type."""
    return (1 << (dtype.bits - dtype.is_signed)) - 1


@scalar("add")
def add(call: Call, args: list[Value], rows: int) -> plc.Column:
    """``+``."""
    if call.dtype.is_decimal:
        return decimals.combined(call, args, Op.ADD, rows)
    result = binary(args[0], args[1], Op.ADD, device_type(call.dtype))
    if call.dtype.is_integer:
        # Sums wrap exactly where both operands have one sign and the result has the other.
        _refuse_signs(call, args, result, (args[0], result), (args[1], result))
    return result


@scalar("subtract")
def subtract(call: Call, args: list[Value], rows: int) -> plc.Column:
    """``-``."""
    if call.dtype.is_decimal:
        return decimals.combined(call, args, Op.SUB, rows)
    result = binary(args[0], args[1], Op.SUB, device_type(call.dtype))
    if call.dtype.is_integer:
        if not call.dtype.is_signed:
            if any_true(truth(args[0], args[1], Op.LESS)):
                raise overflow(call)
            return result
        left, right = full(args, rows)
        _refuse_signs(call, args, result, (left, right), (left, result))
    return result


def _refuse_signs(call: Call, args: list[Value], result: plc.Column, *pairs: tuple[Value, Value]) -> None:
    """Raise where both pairs of values differ in sign; a sum of unsigned ones wrapped where it is below an operand."""
    if not call.dtype.is_signed:
        if any_true(truth(result, args[0], Op.LESS)):
            raise overflow(call)
        return
    kind = device_type(call.dtype)
    first, second = (binary(a, b, Op.BITWISE_XOR, kind) for a, b in pairs)
    both = binary(first, second, Op.BITWISE_AND, kind)
    if any_true(truth(both, constant(0, call.dtype), Op.LESS)):
        raise overflow(call)


@scalar("multiply")
def multiply(call: Call, args: list[Value], rows: int) -> plc.Column:
    """``*``."""
    if call.dtype.is_decimal:
        return decimals.combined(call, args, Op.MUL, rows)
    result = binary(args[0], args[1], Op.MUL, device_type(call.dtype))
    if call.dtype.is_integer:
        left, right = full(args, rows)
        _refuse_product(call, left, right, result)
    return result


def _refuse_product(call: Call, left: plc.Column, right: plc.Column, result: plc.Column) -> None:
    if call.dtype == dtypes.uint64:
        # The product of two may exceed 128 bits with a sign: it wrapped where dividing does not lead back.
        zero = constant(0, call.dtype)
        divisor = chosen(truth(right, zero, Op.EQUAL), constant(1, call.dtype), right)
        back = binary(result, divisor, Op.DIV, device_type(call.dtype))
        wrong = truth(truth(back, left, Op.NOT_EQUAL), truth(right, zero, Op.NOT_EQUAL), Op.LOGICAL_AND)
    else:
        wide = [cast(side, decimal_type(0)) for side in (left, right)]
        exact = binary(wide[0], wide[1], Op.MUL, decimal_type(0))
        wrong = truth(exact, cast(result, decimal_type(0)), Op.NOT_EQUAL)
    if any_true(wrong):
        raise overflow(call)


def _checked_divisor(call: Call, left: plc.Column, right: plc.Column) -> None:
    zero = constant(0, call.dtype)
    if any_true(truth(right, zero, Op.EQUAL)):
        # Only where the dividend is there as well: null divided by zero is null.
        known = truth(left, left, Op.EQUAL)
        if any_true(truth(known, truth(right, zero, Op.EQUAL), Op.LOGICAL_AND)):
            raise division_by_zero(call)


def _divisor_or_one(call: Call, right: plc.Column, *, replaced: int) -> plc.Column:
    return chosen(truth(right, constant(replaced, call.dtype), Op.EQUAL), constant(1, call.dtype), right)


def _quotient(call: Call, args: list[Value], rows: int) -> tuple[plc.Column, plc.Column, plc.Column]:
    """Return the quotient towards zero of integers, and both operands, with divisors of zero under nulls replaced."""
    left, right = full(args, rows)
    _checked_divisor(call, left, right)
    right = _divisor_or_one(call, right, replaced=0)
    if call.dtype.is_signed:
        least = truth(left, constant(least_of(call.dtype), call.dtype), Op.EQUAL)
        if any_true(truth(least, truth(right, constant(-1, call.dtype), Op.EQUAL), Op.LOGICAL_AND)):
            raise overflow(call)
    return binary(left, right, Op.DIV, device_type(call.dtype)), left, right


@scalar("truncate_divide")
def truncate_divide(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Division rounded towards zero."""
    if call.dtype.is_float:
        return truncated(binary(args[0], args[1], Op.DIV, device_type(call.dtype)), call.dtype)
    return _quotient(call, args, rows)[0]


@scalar("floor_divide")
def floor_divide(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Division rounded down."""
    if call.dtype.is_float:
        return unary(binary(args[0], args[1], Op.DIV, device_type(call.dtype)), Un.FLOOR)
    quotient, left, right = _quotient(call, args, rows)
    if not call.dtype.is_signed:
        return quotient
    below = _differs(call, binary(left, right, Op.MOD, device_type(call.dtype)), right)
    return binary(quotient, cast(below, device_type(call.dtype)), Op.SUB, device_type(call.dtype))


def _differs(call: Call, rest: plc.Column, right: plc.Column) -> plc.Column:
    """Return where a remainder is not zero and has another sign than the divisor."""
    zero = constant(0, call.dtype)
    signs = truth(truth(rest, zero, Op.LESS), truth(right, zero, Op.LESS), Op.NOT_EQUAL)
    return truth(truth(rest, zero, Op.NOT_EQUAL), signs, Op.LOGICAL_AND)


def _of_decimals(call: Call) -> str | None:
    return "libcudf knows no remainder of decimals" if call.dtype.is_decimal else None


@scalar("remainder", refuses=_of_decimals)
def remainder(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Remainder with the dividend's sign."""
    if call.dtype.is_float:
        return binary(args[0], args[1], Op.MOD, device_type(call.dtype))
    return _rest(call, args, rows)[0]


def _rest(call: Call, args: list[Value], rows: int) -> tuple[plc.Column, plc.Column]:
    left, right = full(args, rows)
    _checked_divisor(call, left, right)
    right = _divisor_or_one(call, right, replaced=0)
    if call.dtype.is_signed:  # nothing is left of a division by -1, which may overflow
        right = _divisor_or_one(call, right, replaced=-1)
    return binary(left, right, Op.MOD, device_type(call.dtype)), right


@scalar("modulo", refuses=_of_decimals)
def modulo(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Remainder with the divisor's sign."""
    if call.dtype.is_float:
        return binary(args[0], args[1], Op.PYMOD, device_type(call.dtype))
    rest, right = _rest(call, args, rows)
    if not call.dtype.is_signed:
        return rest
    return chosen(_differs(call, rest, right), binary(rest, right, Op.ADD, device_type(call.dtype)), rest)


@scalar("negate")
def negate(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Sign reversed."""
    [value] = full(args, rows)
    if call.dtype.is_integer:
        _refuse_least(call, value, signed_only=False)
        return binary(constant(0, call.dtype), value, Op.SUB, device_type(call.dtype))
    return unary(value, Un.NEGATE)


def _refuse_least(call: Call, value: plc.Column, *, signed_only: bool) -> None:
    if call.dtype.is_signed:
        wrong = truth(value, constant(least_of(call.dtype), call.dtype), Op.EQUAL)
    elif signed_only:
        return
    else:
        wrong = truth(value, constant(0, call.dtype), Op.GREATER)
    if any_true(wrong):
        raise overflow(call)


@scalar("abs")
def absolute(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Absolute value."""
    [value] = full(args, rows)
    if call.dtype.is_integer:
        _refuse_least(call, value, signed_only=True)
        if not call.dtype.is_signed:
            return value
    return unary(value, Un.ABS)


def truncated(value: plc.Column, dtype: DataType) -> plc.Column:
    """Return the whole float next to a value towards zero."""
    negative = truth(value, constant(0.0, dtype), Op.LESS)
    return chosen(negative, unary(value, Un.CEIL), unary(value, Un.FLOOR))


def _whole(call: Call, args: list[Value], rows: int, op: Any) -> plc.Column:
    [value] = full(args, rows)
    if call.dtype.is_integer:
        return value
    result = unary(value, op)
    if call.dtype.is_decimal:
        decimals.check(call, result)
    return result


@scalar("floor")
def floor(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Greatest whole number not above."""
    return _whole(call, args, rows, Un.FLOOR)


@scalar("ceil")
def ceil(call: Call, args: list[Value], rows: int) -> plc.Column:
    """Least whole number not below."""
    return _whole(call, args, rows, Un.CEIL)
