"""Conversion between Volley's schemas and pyarrow's; the only base module that needs pyarrow."""

from __future__ import annotations

import copyreg
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from . import dtypes
from .dtypes import DataType, Kind
from .errors import TypeMismatch
from .schema import Field, Schema


def _interval(parts: tuple[int, int, int]) -> Any:
    """Return an interval of months, days and nanoseconds."""
    return pa.MonthDayNano(parts)


# Plans travel to workers with their literals, and pyarrow's intervals have a class that pickle does not find.
copyreg.pickle(pa.MonthDayNano, lambda interval: (_interval, (tuple(interval),)))

_PLAIN: dict[Kind, pa.DataType] = {
    Kind.NULL: pa.null(),
    Kind.BOOL: pa.bool_(),
    Kind.INT8: pa.int8(),
    Kind.INT16: pa.int16(),
    Kind.INT32: pa.int32(),
    Kind.INT64: pa.int64(),
    Kind.UINT8: pa.uint8(),
    Kind.UINT16: pa.uint16(),
    Kind.UINT32: pa.uint32(),
    Kind.UINT64: pa.uint64(),
    Kind.FLOAT32: pa.float32(),
    Kind.FLOAT64: pa.float64(),
    Kind.STRING: pa.string(),
    Kind.BINARY: pa.binary(),
    Kind.DATE: pa.date32(),
    Kind.INTERVAL: pa.month_day_nano_interval(),
}
_FROM_PLAIN = {arrow: DataType(kind) for kind, arrow in _PLAIN.items()}
_FROM_PLAIN |= {
    pa.large_string(): dtypes.string,
    pa.string_view(): dtypes.string,
    pa.large_binary(): dtypes.binary,
    pa.binary_view(): dtypes.binary,
    pa.float16(): dtypes.float32,
    pa.date64(): dtypes.date,
}

_LISTS = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)


def to_arrow_type(dtype: DataType) -> pa.DataType:
    """Return the pyarrow type of a Volley type."""
    match dtype.kind:
        case Kind.DECIMAL:
            return pa.decimal128(dtype.precision, dtype.scale)
        case Kind.TIMESTAMP:
            return pa.timestamp(dtype.unit, dtype.tz)
        case Kind.TIME:
            return pa.time32(dtype.unit) if dtype.unit in ("s", "ms") else pa.time64(dtype.unit)
        case Kind.DURATION:
            return pa.duration(dtype.unit)
        case Kind.LIST:
            assert dtype.value is not None
            return pa.list_(to_arrow_type(dtype.value))
        case Kind.STRUCT:
            return pa.struct([(name, to_arrow_type(value)) for name, value in dtype.fields])
        case _:
            return _PLAIN[dtype.kind]


def from_arrow_type(arrow: pa.DataType) -> DataType:
    """Return the Volley type of a pyarrow type; encodings (dictionary, run-end, views, large offsets) are dropped.

    Raises
    ------
    TypeMismatch
        If Volley has no such type.
    """
    plain = _FROM_PLAIN.get(arrow)
    if plain is not None:
        return plain
    types = pa.types
    if types.is_dictionary(arrow) or types.is_run_end_encoded(arrow):
        return from_arrow_type(arrow.value_type)
    if types.is_decimal(arrow):
        if arrow.precision > dtypes.MAX_DECIMAL_PRECISION or not 0 <= arrow.scale <= arrow.precision:
            raise TypeMismatch(f"{arrow} is not supported; cast it to a decimal of at most 38 digits")
        return dtypes.decimal(arrow.precision, arrow.scale)
    if types.is_timestamp(arrow):
        return dtypes.timestamp(arrow.unit, arrow.tz)
    if types.is_time(arrow):
        return dtypes.time(arrow.unit)
    if types.is_duration(arrow):
        return dtypes.duration(arrow.unit)
    if types.is_map(arrow):
        return dtypes.map_(from_arrow_type(arrow.key_type), from_arrow_type(arrow.item_type))
    if any(is_kind(arrow) for is_kind in _LISTS):
        return dtypes.list_(from_arrow_type(arrow.value_type))
    if types.is_struct(arrow):
        return dtypes.struct([(f.name, from_arrow_type(f.type)) for f in arrow])
    if types.is_fixed_size_binary(arrow):
        return dtypes.binary
    raise TypeMismatch(f"Arrow type {arrow} is not supported")


def to_arrow_schema(schema: Schema) -> pa.Schema:
    """Return the pyarrow schema of a Volley schema."""
    return pa.schema([pa.field(f.name, to_arrow_type(f.dtype), f.nullable) for f in schema])


def empty_batch(rows: int) -> pa.RecordBatch:
    """Return a batch of no columns that still counts its rows, as only one made of structs does."""
    return pa.RecordBatch.from_struct_array(pa.StructArray.from_buffers(pa.struct([]), rows, [None]))


def from_arrow_schema(arrow: pa.Schema) -> Schema:
    """Return the Volley schema of a pyarrow schema; an unsupported type is reported with its column."""
    fields = []
    for f in arrow:
        try:
            fields.append(Field(f.name, from_arrow_type(f.type), f.nullable))
        except TypeMismatch as error:
            raise TypeMismatch(f"column {f.name!r}: {error}") from None
    return Schema(tuple(fields))


def rows_by_value(columns: Sequence[pa.Array]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the positions of the rows, those of the same values one after the other, in their order, and the edges.

    Set ``s`` is from ``edges[s]`` to ``edges[s + 1]``; a null is a value.
    """
    rows = len(columns[0])
    combined = np.zeros(rows, dtype=np.int64)
    for column in columns:
        codes = pc.dictionary_encode(column, null_encoding="encode")
        combined = combined * len(codes.dictionary) + codes.indices.to_numpy()
        combined = np.unique(combined, return_inverse=True)[1]
    order = np.argsort(combined, kind="stable")
    return order, np.concatenate([[0], np.flatnonzero(np.diff(combined[order])) + 1, [rows]])
