"""How our types are held on the device.

libcudf has no time of day, no binary, no interval and no type of nothing but nulls: they are held as durations,
strings (whose bytes libcudf does not look at where it moves and compares them), structs of three numbers, and bools.
Zones and precisions stay in our schema. Decimals have 128 bits, so that sums need no other type.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...arrow import to_arrow_type
from ...dtypes import DataType, Kind
from .library import plc

T = plc.TypeId

_UNITS = {"s": "SECONDS", "ms": "MILLISECONDS", "us": "MICROSECONDS", "ns": "NANOSECONDS"}
_PLAIN: dict[Kind, Any] = {
    Kind.NULL: T.BOOL8,
    Kind.BOOL: T.BOOL8,
    Kind.INT8: T.INT8,
    Kind.INT16: T.INT16,
    Kind.INT32: T.INT32,
    Kind.INT64: T.INT64,
    Kind.UINT8: T.UINT8,
    Kind.UINT16: T.UINT16,
    Kind.UINT32: T.UINT32,
    Kind.UINT64: T.UINT64,
    Kind.FLOAT32: T.FLOAT32,
    Kind.FLOAT64: T.FLOAT64,
    Kind.STRING: T.STRING,
    Kind.BINARY: T.STRING,
    Kind.DATE: T.TIMESTAMP_DAYS,
    Kind.LIST: T.LIST,
    Kind.STRUCT: T.STRUCT,
    Kind.INTERVAL: T.STRUCT,
}

BOOL = plc.DataType(T.BOOL8)
INT32 = plc.DataType(T.INT32)
INT64 = plc.DataType(T.INT64)
FLOAT64 = plc.DataType(T.FLOAT64)

INTERVAL_FIELDS = pa.struct([("months", pa.int32()), ("days", pa.int32()), ("nanoseconds", pa.int64())])


def device_type(dtype: DataType) -> plc.DataType:
    """Return libcudf's type of a column of ours."""
    match dtype.kind:
        case Kind.DECIMAL:
            return decimal_type(dtype.scale)
        case Kind.TIMESTAMP:
            return plc.DataType(getattr(T, f"TIMESTAMP_{_UNITS[dtype.unit]}"))
        case Kind.DURATION | Kind.TIME:
            return plc.DataType(getattr(T, f"DURATION_{_UNITS[dtype.unit]}"))
        case _:
            return plc.DataType(_PLAIN[dtype.kind])


def decimal_type(scale: int) -> plc.DataType:
    """Return the type of decimals of 128 bits with so many digits after the point."""
    return plc.DataType(T.DECIMAL128, -scale)


def carried_type(dtype: DataType) -> pa.DataType:
    """Return the Arrow type in which values of a type of ours travel to and from the device."""
    match dtype.kind:
        case Kind.NULL:
            return pa.bool_()
        case Kind.BINARY:
            return pa.string()
        case Kind.TIME:
            return pa.duration(dtype.unit)
        case Kind.INTERVAL:
            return INTERVAL_FIELDS
        case Kind.LIST:
            assert dtype.value is not None
            return pa.list_(carried_type(dtype.value))
        case Kind.STRUCT:
            return pa.struct([(name, carried_type(value)) for name, value in dtype.fields])
        case _:
            return to_arrow_type(dtype)


def metadata(name: str, dtype: DataType) -> Any:
    """Return what pylibcudf must be told of a column that leaves: names of fields, zone, precision."""
    inner: list[Any] = []
    if dtype.kind is Kind.LIST:
        assert dtype.value is not None
        inner = [plc.interop.ColumnMetadata("offsets"), metadata("element", dtype.value)]
    elif dtype.kind is Kind.STRUCT:
        inner = [metadata(field, value) for field, value in dtype.fields]
    elif dtype.kind is Kind.INTERVAL:
        inner = [plc.interop.ColumnMetadata(field.name) for field in INTERVAL_FIELDS]
    return plc.interop.ColumnMetadata(
        name=name,
        timezone=dtype.tz or "",
        precision=dtype.precision if dtype.is_decimal else None,
        children_meta=inner,
    )
