"""Exact decimal arithmetic: scaled 64-bit integers up to 18 digits (*small* decimals), 256-bit decimals beyond.

Result types are the plan's; a result that does not fit them raises `ArithmeticOverflow`. Small decimals are
``decimal64`` arrays, which Arrow's kernels hardly know: they are computed as the int64 arrays they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....dtypes import INT64_DIGITS
from ....expr import Call
from ...constants import scalar_of
from ...failures import overflow
from ..buffers import array_from, empty, halves_of, is_small, physical_type, validity, values_of
from ..native import affine_i64, combine_i64, multiply_i64, narrow_i128
from .registry import Value


def narrowed(value: pa.Array) -> pa.Array:
    """Return a decimal128 array of at most 18 digits as small decimals."""
    arrow = pa.decimal64(value.type.precision, value.type.scale)
    words = empty(len(value), np.int64)
    if narrow_i128(halves_of(value), words):
        return array_from(words, arrow, validity(value))
    return value.cast(arrow)


def widened(value: pa.Array, precision: int | None = None) -> pa.Array:
    """Return small decimals as a decimal128 array, of their own precision unless another is given."""
    arrow = pa.decimal128(precision or value.type.precision, value.type.scale)
    return as_wide(values_of(value), arrow, validity(value))


def as_wide(words: NDArray[np.int64], arrow: pa.DataType, valid: pa.Buffer | None) -> pa.Array:
    """Return scaled integers as an array of a decimal128 type."""
    buffer = pa.allocate_buffer(16 * len(words))
    pairs = np.frombuffer(buffer, dtype=np.int64).reshape(-1, 2)
    pairs[:, 0] = words
    np.right_shift(words, np.int64(63), out=pairs[:, 1])
    return pa.Array.from_buffers(arrow, len(words), [valid, buffer])


def integers(value: Value) -> Value:
    """Return small decimals as their scaled integers; other values unchanged."""
    if not is_small(value.type):
        return value
    if isinstance(value, pa.Array):
        return value.view(pa.int64())
    number = value.as_py()
    return scalar_of(None if number is None else int(number.scaleb(value.type.scale)), pa.int64())


def whole_number(number: int) -> pa.Scalar:
    """Return an int64 constant."""
    return scalar_of(number, pa.int64())


def add(call: Call, args: list[Value]) -> pa.Array:
    """``+`` of decimals."""
    return _sum(call, args, pc.add, pc.add_checked)


def subtract(call: Call, args: list[Value]) -> pa.Array:
    """``-`` of decimals."""
    return _sum(call, args, pc.subtract, pc.subtract_checked)


def _sum(call: Call, args: list[Value], plain: Callable[..., Value], checked: Callable[..., Value]) -> pa.Array:
    if not all(is_small(arg.type) for arg in args) or call.dtype.precision > INT64_DIGITS:
        return _wide(call, plain, args)
    scale = call.dtype.scale
    whole = max(arg.type.precision - arg.type.scale for arg in args)
    fits = whole + scale + 1 <= call.dtype.precision
    if fits and all(arg.is_valid for arg in args if isinstance(arg, pa.Scalar)):
        left_factor, right_factor = (10 ** (scale - arg.type.scale) for arg in args)
        return _combined(call, args, left_factor, -right_factor if plain is pc.subtract else right_factor)
    try:
        left, right = (_scaled_up(arg, scale, checked=not fits) for arg in args)
        return _small(call, (plain if fits else checked)(left, right), check=not fits)
    except pa.ArrowInvalid as error:
        raise overflow(call) from error


def _combined(call: Call, args: list[Value], left_factor: int, right_factor: int) -> pa.Array:
    """Return the sum of two small decimals times factors, one of them an array, which is known to fit."""
    left, right = args
    arrays = [arg for arg in args if isinstance(arg, pa.Array)]
    out = empty(len(arrays[0]), np.int64)
    if isinstance(right, pa.Scalar):
        affine_i64(values_of(left), left_factor, integers(right).as_py() * right_factor, out)
    elif isinstance(left, pa.Scalar):
        affine_i64(values_of(right), right_factor, integers(left).as_py() * left_factor, out)
    else:
        combine_i64(values_of(left), left_factor, values_of(right), right_factor, out)
    return array_from(out, physical_type(call.dtype), validity(*arrays))


def _scaled_up(value: Value, scale: int, *, checked: bool) -> Value:
    factor = 10 ** (scale - value.type.scale)
    whole = integers(value)
    return whole if factor == 1 else (pc.multiply_checked if checked else pc.multiply)(whole, whole_number(factor))


def multiply(call: Call, args: list[Value]) -> pa.Array:
    """``*`` of decimals."""
    if not all(is_small(arg.type) for arg in args) or call.dtype.precision > INT64_DIGITS:
        return _wide(call, pc.multiply, args)
    if all(isinstance(arg, pa.Array) for arg in args):
        out, extents = empty(len(args[0]), np.int64), np.empty(2, dtype=np.int64)
        multiply_i64(values_of(args[0]), values_of(args[1]), out, extents)
        if (int(extents[0]) + 1) * (int(extents[1]) + 1) < 10**call.dtype.precision:
            return array_from(out, physical_type(call.dtype), validity(*args))
    left, right = (integers(arg) for arg in args)
    if largest(left) * largest(right) < 10**call.dtype.precision:
        return _small(call, pc.multiply(left, right), check=False)
    try:
        return _small(call, pc.multiply_checked(left, right), check=True)
    except pa.ArrowInvalid as error:
        raise overflow(call) from error


def _small(call: Call, whole: pa.Array, *, check: bool) -> pa.Array:
    """Return scaled integers as the call's decimals."""
    if check and largest(whole) >= 10**call.dtype.precision:
        raise overflow(call)
    return whole.view(physical_type(call.dtype))


def largest(whole: Value) -> int:
    """Return the greatest absolute value of integers that are not null; 0 where there are none."""
    if isinstance(whole, pa.Scalar):
        return abs(int(whole.as_py() or 0))
    extent = pc.min_max(whole).as_py()
    least, greatest = int(extent["min"] or 0), int(extent["max"] or 0)
    return max(-least, greatest)


def rest(left: pa.Array, right: pa.Array, *, floored: bool) -> pa.Array:
    """Return what a division of ``decimal128`` leaves, with the divisor's sign where it is rounded down.

    Both are of one type, and no divisor is zero but under a null.
    """
    above, below = _whole(left), _whole(right)
    below = np.where(below == 0, 1, below)
    found = np.mod(above, below) if floored else np.where(above < 0, -1, 1) * np.mod(np.abs(above), np.abs(below))
    words = b"".join(number.to_bytes(16, "little", signed=True) for number in found.tolist())
    return pa.Array.from_buffers(left.type, len(left), [validity(left, right), pa.py_buffer(words)])


def _whole(value: pa.Array) -> NDArray[Any]:
    """Return the whole numbers that decimals are scaled to, as Python's, which have no bounds."""
    halves = halves_of(value)
    whole: NDArray[Any] = halves[:, 1].astype(object) * 2**64 + halves.view(np.uint64)[:, 0].astype(object)
    return whole


def negate(call: Call, value: pa.Array) -> pa.Array:
    """Sign reversed."""
    if is_small(value.type):
        return _small(call, pc.negate(integers(value)), check=False)
    return pc.negate(value)


def absolute(call: Call, value: pa.Array) -> pa.Array:
    """Absolute value."""
    return _small(call, pc.abs(integers(value)), check=False) if is_small(value.type) else pc.abs(value)


def sign(call: Call, value: pa.Array) -> pa.Array:
    """-1, 0 or 1 as a decimal."""
    whole = pc.sign(integers(value)).cast(pa.int64())
    if is_small(value.type):
        return _small(call, pc.multiply(whole, whole_number(10**call.dtype.scale)), check=True)
    return whole.cast(pa.decimal128(38, 0)).cast(to_arrow_type(call.dtype))


def rounded(call: Call, value: pa.Array, places: int) -> pa.Array:
    """Round to a number of decimal places, halves away from zero; the type stays."""
    if places >= call.dtype.scale:
        return value
    if call.dtype.precision - call.dtype.scale + places < 0:
        zeros = pa.repeat(scalar_of(0, pa.decimal128(1, 0)), len(value)).cast(to_arrow_type(call.dtype))
        zeros = pc.if_else(value.is_valid(), zeros, scalar_of(None, zeros.type))
        return narrowed(zeros) if is_small(value.type) else zeros
    if is_small(value.type):
        factor = 10 ** (call.dtype.scale - places)
        return _stepped(call, value, nearest(values_of(value), factor) * factor)
    return _checked(call, lambda v: pc.round(v, places, "half_towards_infinity"), value)


def floor(call: Call, value: pa.Array) -> pa.Array:
    """Greatest whole number not above."""
    if is_small(value.type):
        factor = 10**call.dtype.scale
        return _stepped(call, value, values_of(value) // factor * factor)
    return _checked(call, pc.floor, value)


def ceil(call: Call, value: pa.Array) -> pa.Array:
    """Least whole number not below."""
    if is_small(value.type):
        factor = 10**call.dtype.scale
        return _stepped(call, value, -(-values_of(value) // factor) * factor)
    return _checked(call, pc.ceil, value)


def truncated(call: Call, value: pa.Array) -> pa.Array:
    """Whole number next to a value, towards zero."""
    if is_small(value.type):
        whole, factor = values_of(value), 10**call.dtype.scale
        return _stepped(call, value, np.sign(whole) * (np.abs(whole) // factor * factor))
    return pc.trunc(value)


def nearest(whole: NDArray[Any], factor: int) -> NDArray[Any]:
    """Divide integers of at most 18 digits, rounding halves away from zero."""
    magnitude = (np.abs(whole) + factor // 2) // factor
    quotient: NDArray[Any] = np.where(whole < 0, -magnitude, magnitude)
    return quotient


def _stepped(call: Call, value: pa.Array, whole: NDArray[Any]) -> pa.Array:
    return _small(call, array_from(whole, pa.int64(), validity(value)), check=True)


def _checked(call: Call, function: Callable[[pa.Array], pa.Array], value: pa.Array) -> pa.Array:
    try:
        return function(value)
    except pa.ArrowInvalid as error:
        raise overflow(call) from error


def _wide(call: Call, function: Callable[..., Value], args: list[Value]) -> pa.Array:
    wide = [arg.cast(pa.decimal256(arg.type.precision, arg.type.scale)) for arg in args]
    try:
        result = function(*wide).cast(to_arrow_type(call.dtype))
    except pa.ArrowInvalid as error:
        raise overflow(call) from error
    return narrowed(result) if call.dtype.precision <= INT64_DIGITS else result


def to_float64(value: pa.Array) -> pa.Array:
    """Return decimals as floats: scaled integer over a power of ten, correctly rounded up to 2**53."""
    if not is_small(value.type):
        return value.cast(pa.float64())
    numbers = integers(value).cast(pa.float64(), safe=False)
    return pc.divide(numbers, scalar_of(10.0**value.type.scale, pa.float64())) if value.type.scale else numbers
