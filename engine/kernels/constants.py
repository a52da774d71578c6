"""Python values as Arrow scalars and arrays, made byte by byte.

``pyarrow.scalar`` and ``pyarrow.array`` import pandas at their first call, which takes longer than many a
query; so nothing that every query needs may call them, nor pass a Python value to a compute function, which does.
"""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ..dtypes import TICKS
from ..moments import EPOCH

_EPOCH_UTC = EPOCH.replace(tzinfo=dt.UTC)
_HASHED = (int, float, str, bytes, Decimal, dt.date, dt.time, dt.timedelta, type(None))
_MICROSECOND = dt.timedelta(microseconds=1)


def scalar_of(value: Any, arrow: pa.DataType) -> pa.Scalar:
    """Return a plain Python value (``None`` is null) as an Arrow scalar of a type."""
    if isinstance(value, _HASHED):
        # Equal values need not be the same constant: 0.0 and -0.0, 1 and True.
        return _kept_scalar(value, repr(value), arrow)
    return array_of([value], arrow)[0]


@lru_cache(maxsize=1024)
def _kept_scalar(value: Any, _text: str, arrow: pa.DataType) -> pa.Scalar:
    """Make a scalar once: operators ask for their constants again with every batch."""
    return array_of([value], arrow)[0]


def array_of(values: Sequence[Any], arrow: pa.DataType) -> pa.Array:
    """Return plain Python values as an Arrow array of a type.

    Raises
    ------
    pyarrow.ArrowInvalid, OverflowError
        If a value does not fit.
    """
    present = [value is not None for value in values]
    filled = [value for value in values if value is not None]
    if not filled:
        return pa.nulls(len(values), arrow)
    cells = _encoded(filled, arrow)
    if cells is None:
        return pa.array(values, arrow)
    bitmap = None if all(present) else pa.py_buffer(_bits(present))
    rest = iter(cells)
    if pa.types.is_string(arrow) or pa.types.is_binary(arrow):
        padded = [next(rest) if there else b"" for there in present]
        ends = [0]
        for cell in padded:
            ends.append(ends[-1] + len(cell))
        buffers = [bitmap, pa.py_buffer(struct.pack(f"<{len(ends)}i", *ends)), pa.py_buffer(b"".join(padded))]
    elif pa.types.is_boolean(arrow):
        buffers = [bitmap, pa.py_buffer(_bits([next(rest) == b"\1" if there else False for there in present]))]
    else:
        nothing = bytes(len(cells[0]))
        buffers = [bitmap, pa.py_buffer(b"".join(next(rest) if there else nothing for there in present))]
    return pa.Array.from_buffers(arrow, len(values), buffers)


def _bits(flags: Sequence[bool]) -> bytes:
    number = sum(1 << position for position, flag in enumerate(flags) if flag)
    return number.to_bytes(len(flags) // 8 + 1, "little")


def _encoded(values: Sequence[Any], arrow: pa.DataType) -> list[bytes] | None:
    """Return the stored bytes of each value, or None for types and values that are left to pyarrow."""
    types = pa.types
    if types.is_boolean(arrow):
        return [b"\1" if value else b"\0" for value in values]
    if types.is_string(arrow):
        return [value.encode() for value in values]
    if types.is_binary(arrow):
        return [bytes(value) for value in values]
    if types.is_float64(arrow):
        return [struct.pack("<d", value) for value in values]
    if types.is_float32(arrow):
        return [struct.pack("<f", value) for value in values]
    numbers = [_stored(value, arrow) for value in values]
    if None in numbers:
        return None
    signed = not types.is_unsigned_integer(arrow)
    return [number.to_bytes(arrow.bit_width // 8, "little", signed=signed) for number in numbers if number is not None]


def _stored(value: Any, arrow: pa.DataType) -> int | None:
    """Return the integer that stands for a value, or None where there is none or it would lose something."""
    types = pa.types
    if types.is_integer(arrow):
        return int(value) if isinstance(value, int) else None
    if types.is_decimal(arrow):
        return _unscaled(value, arrow)
    if types.is_date32(arrow) and type(value) is dt.date:
        return value.toordinal() - EPOCH.toordinal()
    if types.is_timestamp(arrow) and isinstance(value, dt.datetime):
        ticks = _in_ticks(value - (_EPOCH_UTC if value.tzinfo else EPOCH), arrow.unit)
        finer: int = getattr(value, "nanosecond", 0)  # of what pandas makes of such a moment
        return ticks if ticks is None or not finer else ticks + finer if arrow.unit == "ns" else None
    if types.is_duration(arrow) and isinstance(value, dt.timedelta):
        return _in_ticks(value, arrow.unit)
    return None


def _unscaled(value: Any, arrow: pa.DataType) -> int | None:
    if not isinstance(value, (int, Decimal)) or not Decimal(value).is_finite():
        return None
    sign, digits, exponent = Decimal(value).as_tuple()
    assert isinstance(exponent, int)
    shift = exponent + arrow.scale
    whole = int("".join(map(str, digits))) * 10 ** max(shift, 0)
    whole, lost = divmod(whole, 10 ** max(-shift, 0))
    return None if lost or whole >= 10**arrow.precision else -whole if sign else whole


def _in_ticks(span: dt.timedelta, unit: str) -> int | None:
    ticks, lost = divmod((span // _MICROSECOND) * TICKS[unit], TICKS["us"])
    return None if lost else ticks
