"""What stands for ``pylibcudf.types``, and the Arrow types that stand for libcudf's on the host."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .binding import enumerated

Interpolation = enumerated("pylibcudf.types.Interpolation")
MaskState = enumerated("pylibcudf.types.MaskState")
NanEquality = enumerated("pylibcudf.types.NanEquality")
NanPolicy = enumerated("pylibcudf.types.NanPolicy")
NullAware = enumerated("pylibcudf.types.NullAware")
NullEquality = enumerated("pylibcudf.types.NullEquality")
NullOrder = enumerated("pylibcudf.types.NullOrder")
NullPolicy = enumerated("pylibcudf.types.NullPolicy")
Order = enumerated("pylibcudf.types.Order")
OutputNullability = enumerated("pylibcudf.types.OutputNullability")
Sorted = enumerated("pylibcudf.types.Sorted")
TypeId = enumerated("pylibcudf.types.TypeId")

_UNITS = {"s": "SECONDS", "ms": "MILLISECONDS", "us": "MICROSECONDS", "ns": "NANOSECONDS"}
_PLAIN = {
    "INT8": pa.int8(),
    "INT16": pa.int16(),
    "INT32": pa.int32(),
    "INT64": pa.int64(),
    "UINT8": pa.uint8(),
    "UINT16": pa.uint16(),
    "UINT32": pa.uint32(),
    "UINT64": pa.uint64(),
    "FLOAT32": pa.float32(),
    "FLOAT64": pa.float64(),
    "BOOL8": pa.bool_(),
    "STRING": pa.string(),
    "TIMESTAMP_DAYS": pa.date32(),
}
_TO_ARROW = {TypeId[name]: arrow for name, arrow in _PLAIN.items()}
_TO_ARROW |= {TypeId[f"TIMESTAMP_{name}"]: pa.timestamp(unit) for unit, name in _UNITS.items()}
_TO_ARROW |= {TypeId[f"DURATION_{name}"]: pa.duration(unit) for unit, name in _UNITS.items()}
_FROM_ARROW = {arrow: type_id for type_id, arrow in _TO_ARROW.items()}
_FROM_ARROW |= {pa.large_string(): TypeId.STRING, pa.string_view(): TypeId.STRING}

DECIMALS = {TypeId.DECIMAL32: 9, TypeId.DECIMAL64: 18, TypeId.DECIMAL128: 38}
FLOATS = (TypeId.FLOAT32, TypeId.FLOAT64)
TIMESTAMPS = tuple(t for t in TypeId if t.name.startswith("TIMESTAMP"))
DURATIONS = tuple(t for t in TypeId if t.name.startswith("DURATION"))
INTEGERS = tuple(t for t in TypeId if t.name.lstrip("U").startswith("INT"))


class DataType:
    """A type of libcudf: an id, and the (negated) scale of a decimal."""

    __slots__ = ("_id", "_scale")

    def __init__(self, type_id: Any, scale: int = 0) -> None:
        self._id = TypeId(type_id)
        self._scale = scale if self._id in DECIMALS else 0

    def id(self) -> Any:
        """Return the type's id."""
        return self._id

    def scale(self) -> int:
        """Return the exponent of ten of a decimal's unit: -2 for cents."""
        return self._scale

    def to_arrow(self, **kwargs: Any) -> pa.DataType:
        """Return the Arrow type."""
        if self._id in DECIMALS:
            return pa.decimal128(kwargs.get("precision") or DECIMALS[self._id], -self._scale)
        if self._id not in _TO_ARROW:
            raise NotImplementedError(f"no Arrow type for {self!r}")
        return _TO_ARROW[self._id]

    @staticmethod
    def from_arrow(pa_typ: pa.DataType) -> DataType:
        """Return the type of Arrow data; zones and precisions are dropped."""
        types = pa.types
        if types.is_timestamp(pa_typ):
            return DataType(_FROM_ARROW[pa.timestamp(pa_typ.unit)])
        if types.is_decimal32(pa_typ) or types.is_decimal64(pa_typ) or types.is_decimal128(pa_typ):
            name = {4: "DECIMAL32", 8: "DECIMAL64", 16: "DECIMAL128"}[pa_typ.byte_width]
            return DataType(TypeId[name], -pa_typ.scale)
        if types.is_list(pa_typ):
            return DataType(TypeId.LIST)
        if types.is_struct(pa_typ):
            return DataType(TypeId.STRUCT)
        if pa_typ not in _FROM_ARROW:
            raise NotImplementedError(f"libcudf has no type for Arrow's {pa_typ}")
        return DataType(_FROM_ARROW[pa_typ])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataType) and (self._id, self._scale) == (other._id, other._scale)

    def __hash__(self) -> int:
        return hash((self._id, self._scale))

    def __repr__(self) -> str:
        return f"<DataType {self._id.name}{f' {self._scale}' if self._id in DECIMALS else ''}>"


SIZE_TYPE = DataType(TypeId.INT32)
SIZE_TYPE_ID = TypeId.INT32
BOOL8 = DataType(TypeId.BOOL8)


def held_type(arrow: pa.DataType) -> pa.DataType:
    """Return the Arrow type in which the simulator holds what arrives: no zones, 38 digits, small offsets."""
    types = pa.types
    if types.is_list(arrow):
        return pa.list_(pa.field("element", held_type(arrow.value_type)))
    if types.is_struct(arrow):
        return pa.struct([pa.field(f.name, held_type(f.type)) for f in arrow])
    dtype = DataType.from_arrow(arrow)
    return pa.decimal128(38, arrow.scale) if dtype.id() in DECIMALS else dtype.to_arrow()
