"""Casts: a value that does not fit raises `CastError` naming it, or gives null where the cast is a try.

What libcudf converts as we do, or what can be put right beside it; the rest (text of floats and times, parsing, zones
other than UTC) goes to the CPU device.
"""

from __future__ import annotations

import math

from .... import dtypes
from ....dtypes import INT64_DIGITS, TICKS, DataType, Kind
from ....expr import Cast
from ...failures import failed_cast
from ..columns import (
    Op,
    Un,
    Value,
    any_true,
    binary,
    cast,
    chosen,
    constant,
    full,
    negated,
    nulls,
    truth,
    unary,
    where_valid,
)
from ..fallback import on_cpu
from ..keys import kept
from ..library import plc
from ..memory import run
from ..transfer import fetched
from ..types import FLOAT64, INT32, INT64, decimal_type, device_type
from . import decimals
from .arithmetic import greatest_of, least_of


def cast_refusal(expr: Cast) -> str | None:
    """Return why the device cannot convert between two types, or None."""
    source, target = expr.arg.dtype, expr.dtype
    if source == target or source.kind is Kind.NULL:
        return None
    plain = source.is_integer or source.is_float or source.kind is Kind.BOOL
    if plain and (target.is_integer or target.is_float or target.kind is Kind.BOOL):
        return None
    if source.is_decimal and (target.is_float or target.kind is Kind.BOOL or target.is_integer):
        return None if target.kind is not Kind.UINT64 else "decimals become no uint64 there"
    if target.is_decimal and (source.is_decimal or source.is_integer or source.kind is Kind.BOOL):
        return None
    if source.is_float and target.is_decimal and target.precision <= INT64_DIGITS:
        return None
    if target.kind is Kind.STRING and (source.is_integer or source.is_decimal or source.kind is Kind.BOOL):
        return None
    if {source.kind, target.kind} == {Kind.DATE, Kind.TIMESTAMP} and (source.tz or target.tz or "UTC") == "UTC":
        return None
    return f"{source} to {target} is converted on the CPU"


_MOST_TICKS = 2**63 - 1
_SECONDS_PER_DAY = 86_400


def cast_column(expr: Cast, value: Value) -> plc.Column:
    """Return a value as the cast's type.

    Raises
    ------
    CastError
        If the cast is strict and a value does not fit; names the first such value.
    """
    [column] = full([value], 1) if isinstance(value, plc.Scalar) else [value]
    source, target = expr.arg.dtype, expr.dtype
    if source == target:
        return column
    if source.kind is Kind.NULL:
        return nulls(target, column.size())
    if target.kind is Kind.STRING:
        return _text(column, source)
    if target.kind is Kind.DATE:
        return cast(run(plc.datetime.floor_datetimes, column, plc.datetime.RoundingFrequency.DAY), device_type(target))
    if source.kind is Kind.DATE:
        return _moment(expr, column)
    fits, result = _converted(column, source, target)
    if fits is None or not any_true(negated(fits)):
        return result
    if expr.strict:
        _raise(expr, column, fits)
    return chosen(fits, result, constant(None, target))


def _text(value: plc.Column, source: DataType) -> plc.Column:
    convert = plc.strings.convert
    if source.kind is Kind.BOOL:
        yes, no = constant("true", dtypes.string), constant("false", dtypes.string)
        return run(convert.convert_booleans.from_booleans, value, yes, no)
    if source.is_decimal:
        return run(convert.convert_fixed_point.from_fixed_point, value)
    return run(convert.convert_integers.from_integers, value)


def _moment(expr: Cast, value: plc.Column) -> plc.Column:
    """Return the midnights of dates; by the CPU where there are dates that ticks do not reach, which would wrap."""
    last = _MOST_TICKS // (TICKS[expr.dtype.unit] * _SECONDS_PER_DAY)
    if last < greatest_of(dtypes.int32):
        days = run(plc.unary.bit_cast, value, INT32)
        if any_true(negated(_between(days, -last, last, dtypes.int32))):
            return on_cpu(expr, [(expr.arg, value)], value.size())
    return cast(value, device_type(expr.dtype))


def _raise(expr: Cast, column: plc.Column, fits: plc.Column) -> None:
    wrong = kept(column, negated(fits))
    culprit = fetched(wrong, expr.arg.dtype)[0].as_py()
    raise failed_cast(expr, culprit)


def _converted(value: plc.Column, source: DataType, target: DataType) -> tuple[plc.Column | None, plc.Column]:
    """Return where values fit (None: everywhere; null where they are null) and the values converted."""
    if target.kind is Kind.BOOL:
        zero = constant(0 if not source.is_float else 0.0, source)
        return None, truth(value, zero, Op.NOT_EQUAL)
    if target.is_decimal:
        return _to_decimal(value, source, target)
    if target.is_float:
        floats = decimals.to_float(value, source) if source.is_decimal else value
        made = cast(floats, device_type(target))
        narrows = target.kind is Kind.FLOAT32 and source.kind is Kind.FLOAT64
        return _remains_finite(floats, made) if narrows else None, made
    return _to_integer(value, source, target)


def _remains_finite(wide: plc.Column, narrow: plc.Column) -> plc.Column:
    """Return where floats are not infinite for want of bits."""
    before = truth(unary(wide, Un.ABS), constant(math.inf, dtypes.float64), Op.LESS)
    after = truth(unary(narrow, Un.ABS), constant(math.inf, dtypes.float32), Op.EQUAL)
    return negated(truth(before, after, Op.LOGICAL_AND))


def _to_integer(value: plc.Column, source: DataType, target: DataType) -> tuple[plc.Column | None, plc.Column]:
    if source.is_float:
        wide = cast(value, FLOAT64)
        rounded = unary(wide, Un.RINT)  # ties to even
        low = constant(float(least_of(target)), dtypes.float64)
        high = constant(float(greatest_of(target) + 1), dtypes.float64)
        fits = truth(truth(rounded, low, Op.GREATER_EQUAL), truth(rounded, high, Op.LESS), Op.LOGICAL_AND)
        held = chosen(fits, rounded, constant(0.0, dtypes.float64))
        # A null stays null: the mask is null there, and so is the comparison that it came from.
        return fits, where_valid(cast(held, device_type(target)), value, target)
    if source.is_decimal:
        whole = decimals.rescaled(value, 0)
        bound = dtypes.decimal(dtypes.MAX_DECIMAL_PRECISION, 0)
        fits = _between(whole, least_of(target), greatest_of(target), bound)
        return fits, cast(cast(whole, INT64), device_type(target))
    if source.kind is Kind.BOOL or _widens(source, target):
        return None, cast(value, device_type(target))
    least, most = max(least_of(target), least_of(source)), min(greatest_of(target), greatest_of(source))
    return _between(value, least, most, source), cast(value, device_type(target))


def _widens(source: DataType, target: DataType) -> bool:
    return least_of(target) <= least_of(source) and greatest_of(source) <= greatest_of(target)


def _between(value: plc.Column, low: int, high: int, dtype: DataType) -> plc.Column:
    from decimal import Decimal

    first, last = (Decimal(low), Decimal(high)) if dtype.is_decimal else (low, high)
    above = truth(value, constant(first, dtype), Op.GREATER_EQUAL)
    return truth(above, truth(value, constant(last, dtype), Op.LESS_EQUAL), Op.LOGICAL_AND)


def _to_decimal(value: plc.Column, source: DataType, target: DataType) -> tuple[plc.Column | None, plc.Column]:
    if source.is_float:
        return _float_to_decimal(value, target)
    if not source.is_decimal:
        before = dtypes.decimal(3, 0) if source.kind is Kind.BOOL else dtypes.as_decimal(source)
        value = cast(cast(value, INT64) if source.kind is Kind.BOOL else value, decimal_type(0))
        source = before
    if target.precision - target.scale >= source.precision - source.scale + (target.scale < source.scale):
        return None, decimals.rescaled(value, target.scale)
    # What has too many digits before the point must be found before scaling up, which would wrap.
    held = value if target.scale >= source.scale else decimals.rescaled(value, target.scale)
    scale = min(source.scale, target.scale)
    fits = negated(decimals.outside(held, target, max(target.precision - target.scale + scale, 1)))
    return fits, decimals.rescaled(held, target.scale)


def _float_to_decimal(value: plc.Column, target: DataType) -> tuple[plc.Column | None, plc.Column]:
    """Scale and round as DuckDB does: multiply by the power of ten, halves away from zero."""
    scaled = binary(cast(value, FLOAT64), constant(10.0**target.scale, dtypes.float64), Op.MUL, FLOAT64)
    limit = constant(10.0**target.precision, dtypes.float64)
    near = truth(unary(scaled, Un.ABS), limit, Op.LESS)  # false for NaN
    held = chosen(near, scaled, constant(0.0, dtypes.float64))
    whole = cast(held, INT64)
    rest = binary(held, cast(whole, FLOAT64), Op.SUB, FLOAT64)
    up = cast(truth(rest, constant(0.5, dtypes.float64), Op.GREATER_EQUAL), INT64)
    down = cast(truth(rest, constant(-0.5, dtypes.float64), Op.LESS_EQUAL), INT64)
    whole = binary(binary(whole, up, Op.ADD, INT64), down, Op.SUB, INT64)
    most = 10**target.precision - 1
    fits = truth(near, _between(whole, -most, most, dtypes.int64), Op.LOGICAL_AND)
    result = decimals.relabelled(cast(whole, decimal_type(0)), target.scale)
    return fits, where_valid(result, value, target)
