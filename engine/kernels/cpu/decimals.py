"""Exact decimal arithmetic: scaled 64-bit integers up to 18 digits, 256-bit decimals beyond.

Result types are the plan's; a result that does not fit them raises `ArithmeticOverflow`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...arrow import to_arrow_type
from ...errors import ArithmeticOverflow
from ...expr import Call
from .buffers import low_words, validity
from .registry import Value

INT64_DIGITS = 18
"""Decimals of at most so many digits fit a scaled int64."""


def add(call: Call, args: list[Value]) -> pa.Array:
    """``+`` of decimals."""
    return _wide(call, pc.add, args)


def subtract(call: Call, args: list[Value]) -> pa.Array:
    """``-`` of decimals."""
    return _wide(call, pc.subtract, args)


def multiply(call: Call, args: list[Value]) -> pa.Array:
    """``*`` of decimals."""
    return _wide(call, pc.multiply, args)


def sign(call: Call, args: list[Value]) -> pa.Array:
    """-1, 0 or 1 as a decimal."""
    return pc.sign(args[0]).cast(pa.int64()).cast(pa.decimal128(38, 0)).cast(to_arrow_type(call.dtype))


def rounded(call: Call, value: pa.Array, places: int) -> pa.Array:
    """Round to a number of decimal places, halves away from zero; the type stays."""
    if places >= call.dtype.scale:
        return value
    if call.dtype.precision - call.dtype.scale + places < 0:
        return pc.if_else(pc.is_valid(value), pa.scalar(0, value.type), value)
    try:
        return pc.round(value, places, "half_towards_infinity")
    except pa.ArrowInvalid as error:
        raise _overflow(call) from error


def _wide(call: Call, function: Callable[..., Value], args: list[Value]) -> pa.Array:
    wide = [arg.cast(pa.decimal256(arg.type.precision, arg.type.scale)) for arg in args]
    try:
        return function(*wide).cast(to_arrow_type(call.dtype))
    except pa.ArrowInvalid as error:
        raise _overflow(call) from error


def _overflow(call: Call) -> ArithmeticOverflow:
    return ArithmeticOverflow(f"{call} does not fit {call.dtype}; cast an operand to a wider decimal or to a float")


def from_low_words(words: NDArray[np.int64], arrow: pa.DataType, bitmap: pa.Buffer | None) -> pa.Array:
    """Return decimals whose scaled values are 64-bit integers."""
    buffer = pa.allocate_buffer(16 * len(words))
    pairs = np.frombuffer(buffer, dtype=np.int64).reshape(-1, 2)
    pairs[:, 0] = words
    np.right_shift(words, 63, out=pairs[:, 1])
    return pa.Array.from_buffers(arrow, len(words), [bitmap, buffer])


def to_float64(value: pa.Array) -> pa.Array:
    """Return decimals as floats: scaled integer over a power of ten, correctly rounded up to 2**53."""
    if value.type.precision > INT64_DIGITS:
        return value.cast(pa.float64())
    numbers: NDArray[Any] = low_words(value).astype(np.float64)
    if value.type.scale:
        numbers /= 10.0**value.type.scale
    return pa.Array.from_buffers(pa.float64(), len(value), [validity(value), pa.py_buffer(numbers)])
