"""Casts: a value that does not fit raises `CastError` naming it, or gives null where the cast is a try.

Floats go to integers by rounding to nearest, ties to even; decimals by rounding halves away from zero; text is parsed
after trimming spaces.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....arrow import to_arrow_type
from ....dtypes import INT64_DIGITS, TICKS, DataType, Kind
from ....errors import UnsupportedOperation
from ....expr import Cast
from ....intervals import DAY, interval_text
from ...constants import array_of, scalar_of
from ...failures import failed_cast
from ..buffers import array_from, bools_from, empty, halves_of, is_small, physical_type, validity, values_of
from ..comparable import intervals_of
from ..native import affine_i64, narrow_i128
from . import decimals
from .spellings import (
    bytes_text,
    days_and_rest,
    float32_text,
    parse_bool,
    parse_bytes,
    parse_date,
    parse_decimal,
    parse_float,
    parse_integer,
    parse_interval,
    parse_nanoseconds,
    parse_time,
    parse_timestamp,
    quantized,
)


def cast_array(node: Cast, value: pa.Array) -> pa.Array:
    """Return ``value`` (not dictionary-encoded) as the cast's type.

    Raises
    ------
    CastError
        If the cast is strict and a value does not fit; names the first such value.
    """
    source, target = node.arg.dtype, node.dtype
    if source.kind is Kind.NULL:
        return pa.nulls(len(value), physical_type(target))
    result = convert(value, source, target)
    if node.strict and result.null_count > value.null_count:
        lost = pc.and_(pc.is_null(result), pc.is_valid(value))
        culprit = value.filter(lost)[0].as_py()
        raise failed_cast(node, culprit)
    return result


def convert(value: pa.Array, source: DataType, target: DataType) -> pa.Array:
    """Convert what fits, null elsewhere."""
    arrow = to_arrow_type(target)
    if _always_fits(value.type, source, arrow):
        numbers = empty(len(value), arrow.to_pandas_dtype())
        np.copyto(numbers, values_of(value), casting="unsafe")
        return array_from(numbers, arrow, validity(value))
    if source.is_nested or target.is_nested:
        from .nested_casts import cast_nested  # it stands on this module

        return cast_nested(value, source, target)
    if target.is_text:
        return _to_text(value, source)
    if source.is_text:
        return _from_text(value, target, arrow)
    if source.kind is Kind.DURATION and target.kind is Kind.INTERVAL:
        micros = values_of(_fitting(value, pa.duration("us")))
        days = np.where(micros < 0, -(-micros // DAY), micros // DAY)
        return intervals_of(np.zeros_like(days), days, micros - days * DAY, value)
    if source.kind is Kind.TIMESTAMP and target.kind is Kind.TIME:
        local = pc.local_timestamp(value) if source.tz else value
        return local.cast(arrow, safe=False)
    if target.kind is Kind.BOOL:
        whole = decimals.integers(value)
        return pc.not_equal(whole, scalar_of(0, whole.type))
    if source.kind is Kind.BOOL:
        whole = value.cast(pa.int64())
        return _to_decimal(whole, target) if target.is_decimal else whole.cast(arrow)
    if target.is_decimal:
        return _to_decimal(value, target)
    if target.is_float:
        floats = decimals.to_float64(value) if source.is_decimal else value
        made = floats.cast(arrow, safe=False)
        return _finite(made, floats) if made.type == pa.float32() and floats.type == pa.float64() else made
    if target.is_integer:
        return _to_integer(value, source, target, arrow)
    if source.is_temporal and target.is_temporal:
        return _between_moments(value, source, target, arrow)
    return _fitting(value, arrow)


def _always_fits(stored: pa.DataType, source: DataType, target: pa.DataType) -> bool:
    """Return whether numbers become others by conversion alone, for which no memory of pyarrow's is needed.

    What its allocator frees it soon gives back to the system, and fresh memory costs several times the conversion.
    """
    if not (source.is_integer or source.is_float) or not (pa.types.is_integer(target) or pa.types.is_floating(target)):
        return False
    return stored != target and bool(np.can_cast(stored.to_pandas_dtype(), target.to_pandas_dtype()))


def _finite(narrow: pa.Array, wide: pa.Array) -> pa.Array:
    """Put null where a float is infinite for want of bits."""
    lost = np.isinf(values_of(narrow)) & np.isfinite(values_of(wide))
    return pc.if_else(bools_from(~lost), narrow, scalar_of(None, narrow.type)) if lost.any() else narrow


def _between_moments(value: pa.Array, source: DataType, target: DataType, arrow: pa.DataType) -> pa.Array:
    """Cast between dates and timestamps; local times are read, and given, in the zone of the other side."""
    if source.tz and not target.tz:
        value = pc.local_timestamp(value)
    elif target.tz and not source.tz:
        local = _fitting(value, pa.timestamp(target.unit))
        return pc.assume_timezone(local, target.tz, ambiguous="earliest", nonexistent="latest")
    if target.kind is Kind.DATE:
        return pc.floor_temporal(value, unit="day").cast(arrow)
    if source.kind is Kind.TIMESTAMP and TICKS[source.unit] > TICKS[target.unit]:
        ratio = TICKS[source.unit] // TICKS[target.unit]
        nearest = np.floor_divide(values_of(value) + ratio // 2, ratio)
        return array_from(nearest, arrow, validity(value))
    return _fitting(value, arrow)


def _fitting(value: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Convert all at once where everything fits; else value by value, with null for what does not."""
    try:
        return value.cast(arrow)
    except pa.ArrowNotImplementedError as error:
        raise UnsupportedOperation(f"the cpu device cannot cast {value.type} to {arrow}") from error
    except pa.ArrowInvalid:
        return _piecewise(value, arrow)


def _piecewise(value: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Halve until the values that do not fit stand alone."""
    pieces: list[pa.Array] = []
    stack = [value]
    while stack:
        part = stack.pop()
        try:
            pieces.append(part.cast(arrow))
        except pa.ArrowInvalid:
            if len(part) == 1:
                pieces.append(pa.nulls(1, arrow))
            else:
                middle = len(part) // 2
                stack += [part.slice(middle), part.slice(0, middle)]
    return pa.concat_arrays(pieces)


def _to_integer(value: pa.Array, source: DataType, target: DataType, arrow: pa.DataType) -> pa.Array:
    if source.is_float:
        rounded = np.rint(values_of(value).astype(np.float64, copy=False))
        bits = target.bits
        low, high = (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1)) if target.is_signed else (0.0, 2.0**bits)
        with np.errstate(invalid="ignore"):
            fits = (rounded >= low) & (rounded < high)
            whole = np.where(fits, rounded, 0.0).astype(arrow.to_pandas_dtype())
        if fits.all():
            return array_from(whole, arrow, validity(value))
        mask = pc.and_(bools_from(fits), pc.is_valid(value))
        return pc.if_else(mask, array_from(whole, arrow), scalar_of(None, arrow))
    if is_small(value.type):
        factor = 10**value.type.scale
        value = array_from(decimals.nearest(values_of(value), factor), pa.int64(), validity(value))
    elif source.is_decimal:
        value = pc.round(value.cast(pa.decimal256(76, value.type.scale)), 0, "half_towards_infinity")
        return _fitting(value, arrow)
    return _nulling(value, arrow)


def _nulling(value: pa.Array, arrow: pa.DataType) -> pa.Array:
    """Cast integers (or what is stored as such), with null for those out of range."""
    try:
        return value.cast(arrow)
    except pa.ArrowInvalid:
        numbers = values_of(value)
        info = np.iinfo(arrow.to_pandas_dtype())
        fits = np.array([info.min <= int(x) <= info.max for x in numbers], dtype=np.bool_)
        mask = pc.and_(bools_from(fits), pc.is_valid(value))
        return pc.if_else(mask, value.cast(arrow, safe=False), scalar_of(None, arrow))


def _to_decimal(value: pa.Array, target: DataType) -> pa.Array:
    if pa.types.is_floating(value.type):
        return _float_to_decimal(value, target)
    small = target.precision <= INT64_DIGITS
    if small and (is_small(value.type) or pa.types.is_signed_integer(value.type)):
        return _rescaled(value, target)
    exact = None if small else _widened(value, target)
    if exact is not None:
        return exact
    wide = value.cast(pa.decimal256(76, value.type.scale if pa.types.is_decimal(value.type) else 0))
    if wide.type.scale > target.scale:
        wide = pc.round(wide, target.scale, "half_towards_infinity")
    result = _fitting(wide, to_arrow_type(target))
    return decimals.narrowed(result) if small else result


def _widened(value: pa.Array, target: DataType) -> pa.Array | None:
    """Cast integers and decimals to more digits by 64-bit arithmetic; None where one of them is too large for it."""
    whole = decimals.integers(value)
    if pa.types.is_decimal128(whole.type):
        words = empty(len(whole), np.int64)
        if not narrow_i128(halves_of(whole), words):
            return None
        whole = array_from(words, pa.int64(), validity(value))
    elif not pa.types.is_signed_integer(whole.type):
        return None
    shift = target.scale - (value.type.scale if pa.types.is_decimal(value.type) else 0)
    limit = 10 ** min(INT64_DIGITS, target.precision)
    if not 0 <= shift <= INT64_DIGITS or decimals.largest(whole) * 10**shift >= limit:
        return None
    words = empty(len(whole), np.int64)
    affine_i64(values_of(whole).astype(np.int64, copy=False), 10**shift, 0, words)
    return decimals.as_wide(words, to_arrow_type(target), validity(value))


def _rescaled(value: pa.Array, target: DataType) -> pa.Array:
    """Cast between integers and small decimals by powers of ten, with null for what does not fit."""
    shift = target.scale - (value.type.scale if is_small(value.type) else 0)
    limit = 10**target.precision
    whole = decimals.integers(value)
    whole = whole if whole.type == pa.int64() else whole.cast(pa.int64())
    if shift < 0:
        whole = array_from(decimals.nearest(values_of(whole), 10**-shift), pa.int64(), validity(whole))
    else:
        limit = -(-limit // 10**shift)
    if decimals.largest(whole) >= limit:
        fits = pc.and_(pc.less(whole, decimals.whole_number(limit)), pc.greater(whole, decimals.whole_number(-limit)))
        whole = pc.if_else(fits, whole, scalar_of(None, pa.int64()))
    if shift > 0:
        whole = pc.multiply(whole, decimals.whole_number(10**shift))
    return whole.view(physical_type(target))


def _float_to_decimal(value: pa.Array, target: DataType) -> pa.Array:
    """Scale and round as DuckDB does: multiply by the power of ten, halves away from zero."""
    numbers = values_of(value).astype(np.float64, copy=False)
    if target.precision > INT64_DIGITS:
        return _by_value(
            value, to_arrow_type(target), lambda x: quantized(Decimal(repr(x)), target) if math.isfinite(x) else None
        )
    with np.errstate(all="ignore"):
        scaled = numbers * 10.0**target.scale
        whole = np.trunc(scaled)
        whole += np.copysign(np.abs(scaled - whole) >= 0.5, scaled)
        fits = np.abs(whole) < 10.0**target.precision
        words = np.where(fits, whole, np.float64(0)).astype(np.int64)
    result = array_from(words, pa.int64(), validity(value))
    if not fits.all():
        result = pc.if_else(bools_from(fits), result, scalar_of(None, pa.int64()))
    return result.view(physical_type(target))


def _by_value(value: pa.Array, arrow: pa.DataType, convert: Callable[[Any], Any]) -> pa.Array:
    """Convert through Python, each distinct value once; for conversions that no library makes our way."""
    encoded = value.dictionary_encode()
    converted = [None if x is None else convert(x) for x in encoded.dictionary.to_pylist()]
    return array_of(converted, arrow).take(encoded.indices)


def _to_text(value: pa.Array, source: DataType) -> pa.Array:
    text = pa.string()
    match source.kind:
        case Kind.FLOAT64:
            return _by_value(value, text, repr)
        case Kind.FLOAT32:
            return _by_value(value, text, float32_text)
        case Kind.DECIMAL:
            wide = decimals.widened(value) if is_small(value.type) else value
            return _by_value(wide, text, lambda x: format(x, "f"))
        case Kind.TIMESTAMP:
            return _timestamp_text(value, source)
        case Kind.TIME:
            return _trim_fraction(value.cast(text))
        case Kind.DURATION:
            return _by_value(value, text, lambda x: interval_text(0, *days_and_rest(x)))
        case Kind.INTERVAL:
            return _by_value(value, text, lambda x: interval_text(x.months, x.days, x.nanoseconds // 1000))
        case Kind.BINARY:
            return _by_value(value, text, bytes_text)
        case _:
            return value.cast(text)


def _timestamp_text(value: pa.Array, source: DataType) -> pa.Array:
    if source.tz is None:
        return _trim_fraction(value.cast(pa.string()))
    local = _trim_fraction(pc.local_timestamp(value).cast(pa.string()))
    offset = pc.replace_substring_regex(pc.strftime(value, "%z"), r"^([+-]\d\d)00$", r"\1")
    offset = pc.replace_substring_regex(offset, r"^([+-]\d\d)(\d\d)$", r"\1:\2")
    return pc.binary_join_element_wise(local, offset, scalar_of("", pa.string()))


def _trim_fraction(text: pa.Array) -> pa.Array:
    """Drop the zeros at the end of a fraction of a second, and the point with them if nothing is left."""
    shorter = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
    return pc.replace_substring_regex(shorter, r"\.$", "")


def _from_text(value: pa.Array, target: DataType, arrow: pa.DataType) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(value)
    match target.kind:
        case Kind.BOOL:
            return _by_value(trimmed, arrow, parse_bool)
        case Kind.DECIMAL:
            parsed = _by_value(trimmed, arrow, lambda text: parse_decimal(text, target))
            return decimals.narrowed(parsed) if target.precision <= INT64_DIGITS else parsed
        case Kind.DATE:
            return _parsed(trimmed, arrow, parse_date)
        case Kind.TIMESTAMP:
            return _timestamps(trimmed, target, arrow)
        case Kind.TIME:
            return _parsed(trimmed, arrow, parse_time)
        case Kind.INTERVAL:
            return _by_value(trimmed, arrow, parse_interval)
        case Kind.BINARY:
            return _by_value(value, arrow, parse_bytes)
        case _ if target.is_integer:
            return _parsed(trimmed, arrow, lambda text: parse_integer(text, target))
        case _ if target.is_float:
            return _parsed(trimmed, arrow, parse_float)
        case _:
            return _fitting(trimmed, arrow)


def _parsed(text: pa.Array, arrow: pa.DataType, parse: Callable[[str], Any]) -> pa.Array:
    """Parse with Arrow where it understands every value, else each distinct value with our own rules."""
    try:
        return text.cast(arrow)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _by_value(text, arrow, parse)


def _timestamps(text: pa.Array, target: DataType, arrow: pa.DataType) -> pa.Array:
    """Parse as `_parsed` does, all nine digits of a fraction of a second where the type holds them."""
    if target.unit != "ns":
        return _parsed(text, arrow, lambda written: parse_timestamp(written, target))
    try:
        return text.cast(arrow)
    except pa.ArrowInvalid:
        return _by_value(text, pa.int64(), lambda written: parse_nanoseconds(written, target)).view(arrow)
