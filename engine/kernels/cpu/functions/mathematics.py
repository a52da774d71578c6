"""Roots, trigonometry and functions of whole numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....expr import Call
from ...failures import overflow
from ..buffers import array_from, validity, values_of
from . import decimals
from .arithmetic import full
from .registry import Value, elementwise, scalar

# NaN outside the domain, no errors.
elementwise("sin")(pc.sin)
elementwise("cos")(pc.cos)
elementwise("tan")(pc.tan)
elementwise("asin")(pc.asin)
elementwise("acos")(pc.acos)
elementwise("atan")(pc.atan)
elementwise("atan2")(pc.atan2)
elementwise("sinh")(pc.sinh)
elementwise("cosh")(pc.cosh)
elementwise("tanh")(pc.tanh)
elementwise("is_infinite")(pc.is_inf)
elementwise("bitwise_and")(pc.bit_wise_and)
elementwise("bitwise_or")(pc.bit_wise_or)
elementwise("bitwise_xor")(pc.bit_wise_xor)
elementwise("bitwise_not")(pc.bit_wise_not)


def _by_numpy(name: str, function: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    def run(value: pa.Array) -> pa.Array:
        return array_from(function(values_of(value)), value.type, validity(value))

    elementwise(name)(run)


_by_numpy("cbrt", np.cbrt)
_by_numpy("degrees", np.degrees)
_by_numpy("radians", np.radians)


@scalar("trunc")
def trunc(call: Call, args: list[Value]) -> pa.Array:
    """Whole number next to a value, towards zero."""
    if call.dtype.is_decimal:
        return decimals.truncated(call, args[0])
    return args[0] if call.dtype.is_integer else pc.trunc(args[0])


@elementwise("bit_count")
def bit_count(value: pa.Array) -> pa.Array:
    """Count the set bits, of a negative number in two's complement of its own width."""
    numbers = values_of(value)
    unsigned = numbers.view(f"u{numbers.dtype.itemsize}")
    return array_from(np.bitwise_count(unsigned).astype(np.int64), pa.int64(), validity(value))


@scalar("shift_left")
def shift_left(call: Call, args: list[Value]) -> pa.Array:
    """Bits moved up; raises where that loses one, or the number or the distance is negative."""
    left, right = full(args)
    numbers, distances = values_of(left), values_of(right)
    most = np.iinfo(numbers.dtype)
    valid = np.asarray(pc.and_(pc.is_valid(left), pc.is_valid(right)).to_numpy(zero_copy_only=False))
    near = np.clip(distances, 0, most.bits - 1)
    fits = (numbers >= 0) & (distances >= 0) & (numbers <= most.max >> near)
    fits &= (distances < most.bits) | (numbers == 0)
    if not np.all(fits | ~valid):
        raise overflow(call)
    return array_from(numbers << near, left.type, validity(left, right))


@elementwise("shift_right")
def shift_right(*args: Value) -> pa.Array:
    """Bits moved down, the sign kept; 0 for a distance that the type does not have."""
    left, right = full([*args])
    numbers, distances = values_of(left), values_of(right)
    bits = np.iinfo(numbers.dtype).bits
    inside = (distances >= 0) & (distances < bits)
    moved = np.where(inside, numbers >> np.clip(distances, 0, bits - 1), numbers.dtype.type(0))
    return array_from(moved, left.type, validity(left, right))


@scalar("gcd")
def gcd(_: Call, args: list[Value]) -> pa.Array:
    """Greatest common divisor, not negative."""
    left, right = full(args)
    return array_from(np.gcd(values_of(left), values_of(right)), pa.int64(), validity(left, right))


@scalar("lcm")
def lcm(call: Call, args: list[Value]) -> pa.Array:
    """Least common multiple, not negative."""
    left, right = full(args)
    a, b = np.abs(values_of(left)), np.abs(values_of(right))
    parts = array_from(a // np.maximum(np.gcd(a, b), 1), pa.int64(), validity(left))
    try:
        return pc.multiply_checked(parts, array_from(b, pa.int64(), validity(right)))
    except pa.ArrowInvalid as error:
        raise overflow(call) from error
