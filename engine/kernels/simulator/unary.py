"""What stands for ``pylibcudf.unary``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from . import real
from .binding import enumerated, simulated
from .column import Column
from .types import BOOL8, DECIMALS, DURATIONS, FLOATS, INTEGERS, TIMESTAMPS, DataType, TypeId
from .values import decimals, device, host, numbers, present, typed, unscaled

UnaryOperator = enumerated("pylibcudf.unary.UnaryOperator")

_REAL = {
    "SIN": np.sin, "COS": np.cos, "TAN": np.tan, "ARCSIN": np.arcsin, "ARCCOS": np.arccos, "ARCTAN": np.arctan,
    "SINH": np.sinh, "COSH": np.cosh, "TANH": np.tanh, "ARCSINH": np.arcsinh, "ARCCOSH": np.arccosh,
    "ARCTANH": np.arctanh, "EXP": np.exp, "LOG": np.log, "SQRT": np.sqrt, "CBRT": np.cbrt, "RINT": np.rint,
}  # fmt: skip


@simulated("pylibcudf.unary.unary_operation")
def unary_operation(input: Column, op: Any, stream: Any = None, mr: Any = None) -> Column:
    """Apply an operator to each value; the type stays, but for ``NOT``."""
    array, dtype, op = host(input), input.type(), UnaryOperator(op)
    values, valid = numbers(array), present(array)
    with np.errstate(all="ignore"):
        if op == UnaryOperator.NOT:
            _demand(op, dtype, dtype.id() == TypeId.BOOL8 or dtype.id() in INTEGERS or dtype.id() in FLOATS)
            return device(typed(values == 0, valid, BOOL8))
        if op.name in _REAL:
            _demand(op, dtype, dtype.id() in FLOATS)
            return device(typed(_REAL[op.name](values), valid, dtype), dtype)
        result = _arithmetic(op, values, valid, dtype)
        return device(result, DataType(TypeId.INT32) if op == UnaryOperator.BIT_COUNT else dtype)


def _arithmetic(op: Any, values: Any, valid: Any, dtype: DataType) -> pa.Array:
    floats, whole, fixed = dtype.id() in FLOATS, dtype.id() in INTEGERS, dtype.id() in DECIMALS
    match op:
        case UnaryOperator.ABS:
            _demand(op, dtype, floats or whole or fixed)
            return typed(np.abs(values), valid, dtype)
        case UnaryOperator.NEGATE:
            _demand(op, dtype, floats or fixed or dtype.id() in DURATIONS or (whole and "U" not in dtype.id().name))
            return typed(-values, valid, dtype)
        case UnaryOperator.CEIL | UnaryOperator.FLOOR:
            _demand(op, dtype, floats or fixed)
            if not fixed:
                return typed(np.ceil(values) if op == UnaryOperator.CEIL else np.floor(values), valid, dtype)
            unit = 10 ** max(-dtype.scale(), 0)
            below = values // unit * unit
            return typed(below if op == UnaryOperator.FLOOR else -(-values // unit) * unit, valid, dtype)
        case UnaryOperator.BIT_INVERT:
            _demand(op, dtype, whole)
            return typed(~values, valid, dtype)
        case UnaryOperator.BIT_COUNT:
            _demand(op, dtype, whole)
            counts = np.bitwise_count(values.view(f"u{values.dtype.itemsize}"))
            return typed(counts, valid, DataType(TypeId.INT32))
    raise NotImplementedError(f"{op.name} is not simulated")


def _demand(op: Any, dtype: DataType, allowed: bool) -> None:
    if not allowed:
        raise TypeError(f"unary {op.name} is not supported for {dtype!r}")


@simulated("pylibcudf.unary.is_null")
def is_null(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return where values are null."""
    return device(host(input).is_null())


@simulated("pylibcudf.unary.is_valid")
def is_valid(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return where values are not null."""
    return device(host(input).is_valid())


@simulated("pylibcudf.unary.is_nan")
def is_nan(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return where values are NaN: false for nulls, and the result has no nulls."""
    if input.type().id() not in FLOATS:
        raise TypeError(f"NAN is only supported for floating point types, not {input.type()!r}")
    array = host(input)
    return device(pa.array(np.isnan(numbers(array)) & present(array)))


def _is_clock(dtype: DataType) -> bool:
    return dtype.id() in TIMESTAMPS or dtype.id() in DURATIONS


def _is_supported_cast(from_: DataType, to: DataType) -> bool:
    """Return whether there is a cast."""
    plain = (*INTEGERS, *FLOATS, TypeId.BOOL8)
    if _is_clock(from_) or _is_clock(to):
        same = (from_.id() in TIMESTAMPS and to.id() in TIMESTAMPS) or (
            from_.id() in DURATIONS and to.id() in DURATIONS
        )
        return same or (from_.id() in DURATIONS and to.id() in plain) or (from_.id() in plain and to.id() in DURATIONS)
    numeric = (*plain, *DECIMALS)
    return from_.id() in numeric and to.id() in numeric


@simulated("pylibcudf.unary.cast")
def cast(input: Column, data_type: DataType, stream: Any = None, mr: Any = None) -> Column:
    """Convert numbers as C++ does: truncate towards zero, wrap where a value does not fit."""
    source = input.type()
    if not _is_supported_cast(source, data_type) or real.refuses_cast(source, data_type):
        raise TypeError(f"Unsupported cast from {source!r} to {data_type!r}")
    array = host(input)
    values, valid = numbers(array), present(array)
    if _is_clock(source) and _is_clock(data_type):
        return device(_between_clocks(values, valid, source, data_type), data_type)
    if source.id() in DECIMALS:
        values = _from_decimal(unscaled(array), source, data_type)
    elif data_type.id() in DECIMALS:
        values = _to_decimal(values, -data_type.scale())
    if values.dtype.kind == "f" and data_type.id() in INTEGERS:
        with np.errstate(all="ignore"):  # out of range is undefined, and saturates on the device
            bounds = np.iinfo(data_type.to_arrow().to_pandas_dtype())
            held = np.nan_to_num(np.trunc(values), nan=0.0, posinf=np.inf, neginf=-np.inf)
            exact = [min(max(int(x), bounds.min), bounds.max) if np.isfinite(x) else
                     (bounds.max if x > 0 else bounds.min) for x in held.tolist()]  # fmt: skip
            values = np.array(exact, dtype=bounds.dtype)
    if data_type.id() == TypeId.BOOL8:
        values = values != 0
    return device(typed(values, valid, data_type), data_type)


_PER_SECOND = {"DAYS": 0, "SECONDS": 1, "MILLISECONDS": 10**3, "MICROSECONDS": 10**6, "NANOSECONDS": 10**9}


def _between_clocks(values: Any, valid: Any, source: DataType, target: DataType) -> pa.Array:
    # Timestamps are floored (std::chrono::floor), durations cut off towards zero (duration_cast).
    def ticks(dtype: DataType) -> tuple[int, int]:
        per_second = _PER_SECOND[dtype.id().name.rpartition("_")[2]]
        return (86400, 1) if per_second == 0 else (1, per_second)  # length of a tick as a fraction of a second

    (n, d), (m, e) = ticks(source), ticks(target)
    up, down = n * e, d * m
    scaled = values.astype(np.int64) * (up // np.gcd(up, down))
    divisor = down // np.gcd(up, down)
    if source.id() in TIMESTAMPS:
        return typed(scaled // divisor, valid, target)
    return typed(np.sign(scaled) * (np.abs(scaled) // divisor), valid, target)


def _from_decimal(values: Any, source: DataType, target: DataType) -> Any:
    scale = -source.scale()
    if target.id() in DECIMALS:
        shift = -target.scale() - scale
        return _scaled(values, shift) if shift >= 0 else _towards_zero(values, 10**-shift)
    if target.id() in FLOATS:
        return np.array([float(int(v)) / 10.0**scale for v in values], dtype=np.float64)
    return _towards_zero(values, 10**scale) if scale else values


def _to_decimal(values: Any, scale: int) -> Any:
    if values.dtype.kind == "f":
        # libcudf rounds decimally to the digits that the float stands for; exact powers of ten suffice here.
        from decimal import Decimal

        exact = [int(Decimal(repr(float(v))).scaleb(scale)) if np.isfinite(v) else 0 for v in values]
        return np.array(exact, dtype=object)
    return _scaled(values if values.dtype == object else values.astype(object), scale)


def _scaled(values: Any, digits: int) -> Any:
    return values.astype(object) * 10**digits if digits else values


def _towards_zero(values: Any, unit: int) -> Any:
    whole = values.astype(object) if unit > 2**62 else values
    return np.where(whole < 0, -(-whole // unit), whole // unit)


@simulated("pylibcudf.unary.bit_cast")
def bit_cast(input: Column, data_type: DataType, stream: Any = None, mr: Any = None) -> Column:
    """Read the same bits as another type of the same width."""
    array, arrow = host(input), data_type.to_arrow()
    if data_type.id() in DECIMALS and input.type().id() in DECIMALS:
        return device(decimals(unscaled(array), present(array), -data_type.scale()), data_type)
    if array.type.bit_width != arrow.bit_width or BOOL8 in (input.type(), data_type):
        raise TypeError(f"Column type must be bit-castable: {input.type()!r} to {data_type!r}")
    return device(array.view(arrow), data_type)
