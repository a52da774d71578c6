"""Between device memory and the Arrow and numpy values that simulated kernels compute with."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .column import Column
from .machine import Buffer, SimulatorError, current, machine
from .scalar import Scalar
from .table import Table
from .types import DataType

Mask: TypeAlias = NDArray[np.bool_]


def host(value: Column | Scalar) -> pa.Array:
    """Return the values of a column, or of a scalar as an array of one; only within a simulated call."""
    return value._opened()


def columns_of(table: Table) -> list[pa.Array]:
    """Return the values of a table's columns."""
    return [host(column) for column in table.columns()]


def device(array: pa.Array | pa.ChunkedArray, dtype: DataType | None = None) -> Column:
    """Return a new column of the running call's stream and memory resource.

    Raises
    ------
    MemoryError
        Where there is not enough memory, or a fault was planned.
    OverflowError
        Beyond the rows that a column can have.
    """
    call = current()
    assert call is not None, "device memory is made within simulated calls"
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.nulls(0, array.type)
    if len(array) > machine().row_limit:
        raise OverflowError(f"{len(array)} rows exceed libcudf's size_type in {call.name}")
    kind = dtype or DataType.from_arrow(array.type)
    return Column._of(Buffer(array, max(array.nbytes, 1), call.mr, call.stream), kind, 0, len(array))


def device_scalar(value: Any, dtype: DataType) -> Scalar:
    """Return a new scalar of the running call."""
    call = current()
    assert call is not None, "device memory is made within simulated calls"
    array = value if isinstance(value, pa.Array) else pa.array([value], dtype.to_arrow())
    if len(array) != 1:
        raise SimulatorError(f"a scalar of {len(array)} values")
    return Scalar._of(Buffer(array, max(array.nbytes, 1), call.mr, call.stream), dtype)


def device_table(arrays: list[pa.Array], num_rows: int | None = None) -> Table:
    """Return new columns as a table."""
    return Table([device(array) for array in arrays], num_rows)


def present(array: pa.Array) -> Mask:
    """Return where values are not null."""
    if array.null_count == 0:
        return np.ones(len(array), dtype=np.bool_)
    flags: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return flags


def numbers(array: pa.Array) -> NDArray[Any]:
    """Return fixed-width values as numpy holds them, zero in place of nulls; times and decimals as integers."""
    if pa.types.is_boolean(array.type):
        return np.asarray(array.fill_null(False).to_numpy(zero_copy_only=False))
    if pa.types.is_decimal(array.type):
        return unscaled(array)
    if pa.types.is_date32(array.type):
        array = array.view(pa.int32())
    elif pa.types.is_temporal(array.type):
        array = array.view(pa.int64())
    if array.null_count:
        array = array.fill_null(0)
    return np.asarray(array.to_numpy(zero_copy_only=False))


def unscaled(array: pa.Array) -> NDArray[Any]:
    """Return the integers behind decimals of 128 bits, as int64 where all fit and as Python's integers where not."""
    data = array.buffers()[1]
    if len(array) == 0 or data is None:
        return np.zeros(len(array), dtype=np.int64)
    words = np.frombuffer(data, dtype=np.int64)[2 * array.offset : 2 * (array.offset + len(array))].reshape(-1, 2)
    low, high = words[:, 0].copy(), words[:, 1].copy()
    if array.null_count:
        absent = ~present(array)
        low[absent] = high[absent] = 0
    if np.array_equal(high, low >> 63):
        return low
    exact: NDArray[Any] = (high.astype(object) << 64) + low.view(np.uint64).astype(object)
    return exact


def decimals(values: NDArray[Any], valid: Mask, scale: int) -> pa.Array:
    """Return integers as decimals, wrapped to 128 bits as the device's are."""
    words = np.empty((len(values), 2), dtype=np.int64)
    if values.dtype == object:
        exact = [int(value) for value in values]
        words[:, 0] = np.array([value & (2**64 - 1) for value in exact], dtype=np.uint64).view(np.int64)
        words[:, 1] = np.array([(value >> 64) & (2**64 - 1) for value in exact], dtype=np.uint64).view(np.int64)
    else:
        words[:, 0] = values
        words[:, 1] = values.astype(np.int64) >> 63
    return _from_numpy(words.reshape(-1), pa.decimal128(38, scale), valid)


def typed(values: NDArray[Any], valid: Mask, dtype: DataType) -> pa.Array:
    """Return numpy values as an array of a fixed-width type; integers wrap, as conversions on the device do."""
    arrow = dtype.to_arrow()
    if pa.types.is_decimal(arrow):
        return decimals(values, valid, arrow.scale)
    if pa.types.is_boolean(arrow):
        return pa.array(values.astype(np.bool_), mask=~valid)
    width = np.int32 if pa.types.is_date32(arrow) else np.int64 if pa.types.is_temporal(arrow) else None
    with np.errstate(all="ignore"):
        return _from_numpy(values.astype(width or arrow.to_pandas_dtype()), arrow, valid)


def _from_numpy(values: NDArray[Any], arrow: pa.DataType, valid: Mask) -> pa.Array:
    bits = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(arrow, len(valid), [bits, pa.py_buffer(np.ascontiguousarray(values))])
