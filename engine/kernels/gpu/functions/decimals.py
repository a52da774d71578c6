"""Exact decimal arithmetic on integers of 128 bits.

Result types are the plan's; a result that does not fit them raises `ArithmeticOverflow`. libcudf's operators wrap at
128 bits, about 1.7e38, and know nothing of precision: where types alone do not rule an overflow out, the result is
checked, and beyond 1.5e38 an estimate in floats finds what wrapped.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .... import dtypes
from ....dtypes import MAX_DECIMAL_PRECISION, DataType
from ....expr import Call
from ...failures import overflow
from ..columns import Op, Un, Value, any_true, binary, cast, chosen, constant, full, truth, unary
from ..library import plc
from ..memory import run
from ..types import FLOAT64, decimal_type

_SURELY_WRAPS = 1.5e38


def combined(call: Call, args: list[Value], op: Any, rows: int) -> plc.Column:
    """Add, subtract or multiply."""
    result = binary(args[0], args[1], op, decimal_type(call.dtype.scale))
    left, right = (arg.dtype for arg in call.args)
    if op == Op.MUL:
        fits = left.precision + right.precision <= call.dtype.precision
    else:
        whole = max(left.precision - left.scale, right.precision - right.scale)
        fits = whole + call.dtype.scale + 1 <= call.dtype.precision
    if not fits:
        if call.dtype.precision == MAX_DECIMAL_PRECISION:
            estimates = [to_float(column, kind) for column, kind in zip(full(args, rows), (left, right), strict=True)]
            estimate = binary(estimates[0], estimates[1], op, FLOAT64)
            _refuse_beyond(call, estimate, _SURELY_WRAPS / 10.0**call.dtype.scale)
        check(call, result)
    return result


def _refuse_beyond(call: Call, estimate: plc.Column, limit: float) -> None:
    if any_true(truth(unary(estimate, Un.ABS), constant(limit, dtypes.float64), Op.GREATER)):
        raise overflow(call)


def check(call: Call, result: plc.Column) -> None:
    """Raise where decimals have more digits than the call's type."""
    if any_true(outside(result, call.dtype)):
        raise overflow(call)


def outside(value: plc.Column, dtype: DataType, digits: int | None = None) -> plc.Column:
    """Return where decimals have more digits than a type: ``digits`` in all, those of the type unless given."""
    scale = -value.type().scale()
    most = Decimal((0, (9,) * (digits or dtype.precision), -scale))  # arithmetic would round it to 28 digits
    held = dtypes.decimal(MAX_DECIMAL_PRECISION, scale)
    above = truth(value, constant(most, held), Op.GREATER)
    return truth(above, truth(value, constant(most.copy_negate(), held), Op.LESS), Op.LOGICAL_OR)


def to_float(value: plc.Column, dtype: DataType) -> plc.Column:
    """Return decimals as floats: the integer over a power of ten, as the CPU device divides."""
    whole = cast(relabelled(value, 0), FLOAT64)
    return binary(whole, constant(10.0**dtype.scale, dtypes.float64), Op.DIV, FLOAT64) if dtype.scale else whole


def relabelled(value: plc.Column, scale: int) -> plc.Column:
    """Return the same integers with another number of digits after the point."""
    return run(plc.unary.bit_cast, value, decimal_type(scale))


def rescaled(value: plc.Column, scale: int) -> plc.Column:
    """Return decimals with so many digits after the point, halves rounded away from zero; may wrap where it is more."""
    before = -value.type().scale()
    if scale >= before:
        return cast(value, decimal_type(scale))
    held = dtypes.decimal(MAX_DECIMAL_PRECISION, before)
    half = Decimal(5).scaleb(-scale - 1)
    halves = chosen(truth(value, constant(Decimal(0), held), Op.LESS), constant(-half, held), constant(half, held))
    return cast(binary(value, halves, Op.ADD, decimal_type(before)), decimal_type(scale))
