"""Columns of the host as numpy arrays for other libraries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ...arrow import to_arrow_type
from ...dtypes import DataType
from ...schema import Field
from ..sharing import Shared, check_shareable
from .adopting import to_arrow
from .table import CpuTable


def share(table: CpuTable) -> Shared:
    """Return the columns as arrays, read-only where they are in place."""
    shared = Shared()
    for field, column in zip(table.schema, table.columns, strict=True):
        check_shareable(field, column.null_count)
        try:
            values = column.to_numpy(zero_copy_only=True)
            shared.in_place += values.nbytes
        except pa.ArrowInvalid:  # nulls, and bools, which Arrow holds as bits
            values = column.to_numpy(zero_copy_only=False)
            shared.count("null fill" if column.null_count else "cast", values.nbytes)
        shared.arrays[field.name] = values
    return shared


def matrix(tables: Sequence[CpuTable], names: Sequence[str], dtype: DataType) -> tuple[npt.NDArray[Any], Shared]:
    """Return columns of some tables as one column-major matrix."""
    made = np.empty((sum(table.num_rows for table in tables), len(names)), _numpy(dtype), order="F")
    shared = Shared()
    first = 0
    for table in tables:
        rows = to_arrow(table)
        for place, name in enumerate(names):
            _write(made[first : first + table.num_rows, place], rows[name], table.schema[name], shared)
        first += table.num_rows
    return made, shared


def _write(target: npt.NDArray[Any], values: pa.ChunkedArray, field: Field, shared: Shared) -> None:
    if field.dtype.is_decimal:
        values = values.cast(pa.float64())
    else:
        check_shareable(field, 0)
    nulls = values.null_count
    plain = values.fill_null(0) if nulls else values
    np.copyto(target, plain.to_numpy(), casting="unsafe")
    if nulls:
        target[values.is_null().to_numpy()] = np.nan
    same = values.type == pa.from_numpy_dtype(target.dtype)
    shared.count("null fill" if nulls else "gather" if same else "cast", target.nbytes)


def _numpy(dtype: DataType) -> np.dtype[Any]:
    kind: np.dtype[Any] = np.dtype(to_arrow_type(dtype).to_pandas_dtype())
    return kind
