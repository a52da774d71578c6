"""Arrow rows taken as tables of the CPU device, and given back.

What already is as this device holds it is taken as it is, without a copy. Knows nothing of expressions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import empty_batch, to_arrow_type
from ...dtypes import INT64_DIGITS, DataType
from ...errors import CastError, ExecutionError
from ...listviews import lists_of
from ...schema import Field, Schema
from .buffers import is_small, physical_type
from .functions.decimals import narrowed, widened
from .gather import encoded, plain
from .table import CpuTable, concat_columns, joined


def from_arrow(data: pa.RecordBatch | pa.Table, schema: Schema) -> CpuTable:
    """Take Arrow rows as a table with the given types; dictionaries stay, chunks are joined.

    Raises
    ------
    CastError
        If a value does not fit the type that the schema asks for.
    ExecutionError
        If the data lack a column of the schema.
    """
    columns = []
    names = data.schema.names
    for position, f in enumerate(schema):
        in_place = position < len(names) and names[position] == f.name
        index = position if in_place else data.schema.get_field_index(f.name)
        if index < 0:
            raise ExecutionError(f"a batch lacks the column {f.name!r}; it has {', '.join(names)}")
        columns.append(_adopt(data.column(index), f.name, f.dtype))
    return CpuTable(schema=schema, columns=tuple(columns), num_rows=data.num_rows)


def from_batches(batches: Iterable[pa.RecordBatch], schema: Schema) -> Iterator[CpuTable]:
    """Take batches as `from_arrow` does; whether a schema is the wanted one is found out once for all that have it."""
    arrow, fits, width = None, False, None
    for batch in batches:
        if arrow is None or not arrow.equals(batch.schema):
            arrow = batch.schema
            fits = fits_as_it_is(arrow, schema)
            width = _width(arrow) if fits else None
        if not fits:
            yield from_arrow(batch, schema)
            continue
        columns = tuple(batch.columns)
        known = width is not None and not any(column.null_count for column in columns)
        size = [width * batch.num_rows] if known else []
        yield CpuTable(schema=schema, columns=columns, num_rows=batch.num_rows, _nbytes=size)


def fits_as_it_is(arrow: pa.Schema, schema: Schema) -> bool:
    """Return whether arrays of an Arrow schema are what this device makes of them."""
    return len(arrow) == len(schema) and all(map(_is_as_wanted, arrow, schema))


def _is_as_wanted(arrow: pa.Field, own: Field) -> bool:
    return arrow.name == own.name and not own.dtype.is_decimal and arrow.type == to_arrow_type(own.dtype)


def _width(arrow: pa.Schema) -> int | None:
    """Return the bytes of a row; None where that is not the same, and whole, for all."""
    try:
        bits = [int(field.type.bit_width) for field in arrow]
    except ValueError:
        return None
    return None if any(bit % 8 for bit in bits) else sum(bits) // 8


def to_arrow(table: CpuTable) -> pa.Table:
    """Return the rows as a ``pyarrow.Table`` whose types are exactly the schema's."""
    if not table.columns:
        return pa.Table.from_batches([empty_batch(table.num_rows)])
    arrays = [widened(column) if is_small(column.type) else plain(column) for column in table.columns]
    fields = [
        pa.field(f.name, to_arrow_type(f.dtype), f.nullable or array.null_count > 0)
        for f, array in zip(table.schema, arrays, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def as_held(table: CpuTable) -> pa.Table:
    """Return the rows as a ``pyarrow.Table`` of the very columns that there are."""
    if not table.columns:
        return pa.Table.from_batches([empty_batch(table.num_rows)])
    return pa.Table.from_arrays(list(table.columns), names=list(table.schema.names))


def _adopt(data: pa.Array | pa.ChunkedArray, name: str, dtype: DataType) -> pa.Array:
    """Return a column as one array of the wanted type, text possibly as dictionary codes."""
    array = _contiguous(data)
    wanted = to_arrow_type(dtype)
    if array.type == wanted and not dtype.is_decimal:
        return array
    array = lists_of(array)
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    try:
        if dtype.is_decimal:
            return _adopt_decimal(plain(array), dtype, wanted)
        if isinstance(array, pa.DictionaryArray):
            return _adopt_dictionary(array, dtype, wanted)
        return array.cast(wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise CastError(f"column {name!r}: {array.type} does not fit {dtype}: {error}") from error


def _adopt_decimal(array: pa.Array, dtype: DataType, wanted: pa.DataType) -> pa.Array:
    if array.type == physical_type(dtype):
        return array
    wide = array if array.type == wanted else array.cast(wanted)
    return narrowed(wide) if dtype.precision <= INT64_DIGITS else wide


def _adopt_dictionary(array: pa.DictionaryArray, dtype: DataType, wanted: pa.DataType) -> pa.Array:
    values = array.dictionary
    values = values if values.type == wanted else values.cast(wanted)
    if not dtype.is_text or values.null_count:
        return values.take(array.indices)
    indices = array.indices
    return encoded(indices if indices.type == pa.int32() else indices.cast(pa.int32()), values)


def _contiguous(data: pa.Array | pa.ChunkedArray) -> pa.Array:
    if not isinstance(data, pa.ChunkedArray):
        return data
    if data.num_chunks == 1:
        return data.chunk(0)
    if data.num_chunks == 0:
        return pa.nulls(0, data.type)
    if pa.types.is_dictionary(data.type):
        chunks = [chunk for chunk in data.chunks if len(chunk)] or data.chunks[:1]
        return concat_columns(chunks)
    return joined(data.chunks)
