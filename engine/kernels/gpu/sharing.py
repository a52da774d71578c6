"""Columns of the device for other libraries, in place and as one column-major matrix; libcudf's tables in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import dtypes
from ...arrow import to_arrow_type
from ...dtypes import DataType
from ...schema import Field, Schema
from ..sharing import CopyReason, Shared, check_shareable
from . import memory
from .batch import GpuTable
from .columns import cast, constant
from .interchange import DeviceArray
from .library import DEFAULT_STREAM, DeviceBuffer, copy_device_to_ptr, plc
from .memory import on_stream, run
from .types import device_type


def share(table: GpuTable) -> Shared:
    """Return the columns as arrays over the memory in which they lie; floats with nulls are copied, with NaN."""
    shared = Shared()
    for field, column in zip(table.schema, table.columns, strict=True):
        nulls = column.null_count()
        check_shareable(field, nulls)
        values = _filled(column, field.dtype) if nulls else column
        kind = numpy_type(field.dtype)
        array = DeviceArray(values, address(values, kind), (table.num_rows,), kind)
        if nulls:
            shared.count("null fill", array.nbytes)
        else:
            shared.in_place += array.nbytes
        shared.arrays[field.name] = array
    return shared


def matrix(tables: Sequence[GpuTable], names: Sequence[str], dtype: DataType) -> tuple[DeviceArray, Shared]:
    """Return columns of some tables as one column-major matrix: allocated once, each value written once."""
    kind = numpy_type(dtype)
    rows = sum(table.num_rows for table in tables)
    shared = Shared()
    size = rows * len(names) * kind.itemsize
    buffer = run(DeviceBuffer, size=size)
    first = 0
    for table in tables:
        for place, name in enumerate(names):
            values = _floats(table.column(name), table.schema[name], dtype, shared)
            count = table.num_rows * kind.itemsize
            target = buffer.ptr + (place * rows + first) * kind.itemsize
            if count:
                on_stream(copy_device_to_ptr, address(values, kind), target, count)
            del values  # its memory is the next one's
        first += table.num_rows
    return DeviceArray(buffer, buffer.ptr, (rows, len(names)), kind), shared


def _floats(column: plc.Column, field: Field, dtype: DataType, shared: Shared) -> plc.Column:
    """Return a column as floats without nulls; the bytes count where they arrive, in the matrix."""
    if not field.dtype.is_decimal:
        check_shareable(field, 0)
    nulls, same = column.null_count(), field.dtype == dtype
    reason: CopyReason = "null fill" if nulls else "gather" if same else "cast"
    values = column if same else cast(column, device_type(dtype))
    shared.count(reason, values.size() * numpy_type(dtype).itemsize)
    return _filled(values, dtype) if nulls else values


def _filled(column: plc.Column, dtype: DataType) -> plc.Column:
    return run(plc.replace.replace_nulls, column, constant(float("nan"), dtype))


def address(column: plc.Column, kind: np.dtype[Any]) -> int:
    """Return where a column's first value lies."""
    data = column.data()
    return 0 if data is None else int(data.ptr) + column.offset() * kind.itemsize


def numpy_type(dtype: DataType) -> np.dtype[Any]:
    """Return the type of an array over a column's values."""
    return np.dtype(np.bool_ if dtype == dtypes.bool_ else to_arrow_type(dtype).to_pandas_dtype())


def taken(arrays: Sequence[Any], schema: Schema) -> GpuTable:
    """Take contiguous arrays of another library as columns, in place; its default stream is finished here."""
    DEFAULT_STREAM.synchronize()
    columns = [on_stream(plc.Column.from_cuda_array_interface, array) for array in arrays]
    for column, field in zip(columns, schema, strict=True):
        assert column.type() == device_type(field.dtype)
    memory.stream().synchronize()
    return GpuTable(schema, columns, columns[0].size())


def adopt(native: Any, schema: Schema) -> GpuTable | None:
    """Take a table of pylibcudf in place; columns that this device holds in another type are converted.

    What made it may have used the default stream, which is finished here.
    """
    if not isinstance(native, plc.Table):
        return None
    DEFAULT_STREAM.synchronize()
    columns = []
    for field, column in zip(schema, native.columns(), strict=True):
        wanted = device_type(field.dtype)
        columns.append(column if field.dtype.is_nested or column.type() == wanted else cast(column, wanted))
    memory.stream().synchronize()
    return GpuTable(schema, columns, native.num_rows())
