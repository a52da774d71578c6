"""Unnesting: how often each row is repeated, then takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import DataType
from ...errors import ExecutionError
from ...schema import Schema
from .buffers import array_from
from .functions.nested import extents, outer
from .gather import take_column
from .native.arrays import Rows
from .table import CpuTable

_MOST_ROWS = 2**31 - 1


def unnest(
    table: CpuTable, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
) -> CpuTable:
    """Return one row per value of the lists; see ``volley.engine.plan.Unnest``."""
    spans = {name: extents(table.column(name)) for name in columns}
    counts = np.maximum.reduce([lengths for _, lengths in spans.values()])
    repeats = np.maximum(counts, 1) if keeps_empty else counts
    total = int(repeats.sum())
    if total > _MOST_ROWS:
        raise ExecutionError(f"unnesting {table.num_rows:,} rows gives {total:,}; read smaller batches of them")
    rows = np.repeat(np.arange(table.num_rows, dtype=np.int32), repeats)
    first = np.cumsum(repeats) - repeats
    places = np.arange(total, dtype=np.int64) - np.repeat(first, repeats)
    made: list[pa.Array] = []
    for field in schema:
        if field.name in spans:
            made.append(_values(table.column(field.name), *spans[field.name], rows, places, field.dtype))
        elif field.name == ordinality:
            made.append(_ordinals(places, counts[rows] > 0))
        else:
            made.append(take_column(table.column(field.name), rows))
    return CpuTable(schema=schema, columns=tuple(made), num_rows=total)


def _values(
    lists: pa.Array,
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    rows: Rows,
    places: NDArray[np.int64],
    dtype: DataType,
) -> pa.Array:
    inside = places < lengths[rows]
    at = np.where(inside, starts[rows] + places, -1).astype(np.int32)
    missing = not bool(inside.all())
    if not missing and _follows(at):
        return outer(lists.values.slice(int(at[0]) if len(at) else 0, len(at)), dtype)
    return outer(take_column(lists.values, at, outer=missing), dtype)


def _follows(at: Rows) -> bool:
    """Return whether the positions are a run, as they are where no list is null and none is passed over."""
    return not len(at) or (int(at[-1]) - int(at[0]) == len(at) - 1 and bool((np.diff(at) == 1).all()))


def _ordinals(places: NDArray[np.int64], present: NDArray[Any]) -> pa.Array:
    bitmap = None if present.all() else pa.py_buffer(np.packbits(present, bitorder="little"))
    return array_from(places + 1, pa.int64(), bitmap)
