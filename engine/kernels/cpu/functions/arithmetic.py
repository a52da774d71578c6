"""Arithmetic of integers and floats (decimals go to ``decimals``): checked integers, IEEE floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....expr import Call
from ...constants import scalar_of
from ...failures import division_by_zero, overflow
from ..buffers import array_from, validity, values_of
from . import decimals
from .registry import Value, elementwise, scalar

# IEEE throughout: infinities and NaN, no errors.
elementwise("divide")(pc.divide)
elementwise("sqrt")(pc.sqrt)
elementwise("exp")(pc.exp)
elementwise("ln")(pc.ln)
elementwise("log10")(pc.log10)
elementwise("log2")(pc.log2)
elementwise("power")(pc.power)


def _checked(call: Call, function: Callable[..., pa.Array], *args: Value) -> pa.Array:
    try:
        return function(*args)
    except pa.ArrowInvalid as error:
        if "divide by zero" in str(error):
            raise division_by_zero(call) from error
        raise overflow(call) from error


@scalar("add")
def add(call: Call, args: list[Value]) -> pa.Array:
    """``+``."""
    return decimals.add(call, args) if call.dtype.is_decimal else _checked(call, pc.add_checked, *args)


@scalar("subtract")
def subtract(call: Call, args: list[Value]) -> pa.Array:
    """``-``."""
    return decimals.subtract(call, args) if call.dtype.is_decimal else _checked(call, pc.subtract_checked, *args)


@scalar("multiply")
def multiply(call: Call, args: list[Value]) -> pa.Array:
    """``*``."""
    return decimals.multiply(call, args) if call.dtype.is_decimal else _checked(call, pc.multiply_checked, *args)


@scalar("truncate_divide")
def truncate_divide(call: Call, args: list[Value]) -> pa.Array:
    """Division rounded towards zero."""
    if call.dtype.is_float:
        return pc.trunc(pc.divide(*args))
    return _checked(call, pc.divide_checked, *args)


@scalar("floor_divide")
def floor_divide(call: Call, args: list[Value]) -> pa.Array:
    """Division rounded down."""
    if call.dtype.is_float:
        return pc.floor(pc.divide(*args))
    left, right = full(args)
    _checked(call, pc.divide_checked, left, right)
    return _over_numbers(np.floor_divide, left, right)


@scalar("modulo")
def modulo(call: Call, args: list[Value]) -> pa.Array:
    """Remainder with the divisor's sign."""
    return _rest(call, args, np.mod, floored=True)


@scalar("remainder")
def remainder(call: Call, args: list[Value]) -> pa.Array:
    """Remainder with the dividend's sign."""
    return _rest(call, args, np.fmod, floored=False)


def _rest(call: Call, args: list[Value], function: Callable[..., NDArray[Any]], *, floored: bool) -> pa.Array:
    left, right = full(args)
    if not call.dtype.is_float:
        zero = pc.equal(right, scalar_of(0, right.type))
        if pc.any(pc.and_(zero, pc.is_valid(left))).as_py():
            raise division_by_zero(call)
    if pa.types.is_decimal(right.type):
        return decimals.rest(left, right, floored=floored)
    return _over_numbers(function, left, right)


def _over_numbers(function: Callable[..., NDArray[Any]], left: pa.Array, right: pa.Array) -> pa.Array:
    """Apply a numpy function to the values; integer zeros below the line stand in null slots only by now."""
    below = values_of(right)
    if pa.types.is_integer(right.type):
        below = np.where(below == 0, below.dtype.type(1), below)
    with np.errstate(all="ignore"):
        result = function(values_of(left), below)
    return array_from(result, left.type, validity(left, right))


@scalar("negate")
def negate(call: Call, args: list[Value]) -> pa.Array:
    """Sign reversed."""
    if call.dtype.is_decimal:
        return decimals.negate(call, args[0])
    zero = scalar_of(0, args[0].type)
    return _checked(call, pc.subtract_checked, zero, args[0]) if call.dtype.is_integer else pc.negate(args[0])


@scalar("abs")
def absolute(call: Call, args: list[Value]) -> pa.Array:
    """Absolute value."""
    return decimals.absolute(call, args[0]) if call.dtype.is_decimal else _checked(call, pc.abs_checked, args[0])


@scalar("sign")
def sign(call: Call, args: list[Value]) -> pa.Array:
    """-1, 0 or 1 in the argument's type."""
    if call.dtype.is_decimal:
        return decimals.sign(call, args[0])
    return pc.sign(args[0]).cast(to_arrow_type(call.dtype))


@scalar("round")
def rounded(call: Call, args: list[Value]) -> pa.Array:
    """Nearest; halves away from zero."""
    if len(args) == 1:
        args = [args[0], scalar_of(0, pa.int64())]
    value, digits = args
    if not isinstance(digits, pa.Scalar):
        return _round_rows(call, *full(args))
    if not digits.is_valid:
        return pa.nulls(len(value), value.type)
    places = digits.as_py()
    if call.dtype.is_float:
        return _round_floats(value, places)
    if call.dtype.is_decimal:
        return decimals.rounded(call, value, places)
    if places >= 0:
        return value
    return _checked(call, lambda v: pc.round(v, places, "half_towards_infinity"), value)


def _round_rows(call: Call, value: pa.Array, digits: pa.Array) -> pa.Array:
    """Round to a number of digits that differs by row: one pass per number of digits."""
    result = pa.nulls(len(value), value.type)
    for places in pc.unique(digits.drop_null()).to_pylist():
        chosen = pc.equal(digits, places)
        result = pc.if_else(chosen, rounded(call, [value, scalar_of(places, pa.int64())]), result)
    return result


def _round_floats(value: pa.Array, places: int) -> pa.Array:
    numbers = values_of(value)
    limit = 300
    if places > limit:
        return value
    factor = 10.0 ** abs(max(places, -limit))
    with np.errstate(all="ignore"):
        scaled = numbers * factor if places >= 0 else numbers / factor
        whole = np.trunc(scaled)
        # Not floor(x + 0.5): the sum rounds up for the float just below one half.
        away = whole + np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
        result = away / factor if places >= 0 else away * factor
    result = np.where(np.isfinite(scaled) & np.isfinite(result), result, numbers).astype(numbers.dtype, copy=False)
    return array_from(result, value.type, validity(value))


@scalar("floor")
def floor(call: Call, args: list[Value]) -> pa.Array:
    """Greatest whole number not above."""
    if call.dtype.is_decimal:
        return decimals.floor(call, args[0])
    return args[0] if call.dtype.is_integer else pc.floor(args[0])


@scalar("ceil")
def ceil(call: Call, args: list[Value]) -> pa.Array:
    """Least whole number not below."""
    if call.dtype.is_decimal:
        return decimals.ceil(call, args[0])
    return args[0] if call.dtype.is_integer else pc.ceil(args[0])


def full(args: list[Value]) -> list[pa.Array]:
    """Return the arguments as arrays of one length, constants repeated."""
    length = next(len(arg) for arg in args if isinstance(arg, pa.Array))
    return [arg if isinstance(arg, pa.Array) else pa.repeat(arg, length) for arg in args]
