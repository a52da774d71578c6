"""What stands for ``pylibcudf.sorting``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .column import Column
from .ranks import dense, ordered, orders_of
from .table import Table
from .values import columns_of, device, device_table, host


def _order(table: Table, column_order: list[Any], null_precedence: list[Any]) -> Any:
    rows = table.num_rows()
    specs = orders_of(table.num_columns(), column_order, null_precedence)
    keys = [ordered(array, *spec) for array, spec in zip(columns_of(table), specs, strict=True)]
    return np.argsort(dense(keys, rows), kind="stable").astype(np.int32)


@simulated("pylibcudf.sorting.stable_sorted_order")
def stable_sorted_order(
    source_table: Table, column_order: list[Any], null_precedence: list[Any], stream: Any = None, mr: Any = None
) -> Column:
    """Return the rows' positions in order; ties stay as they are, but for the NaNs that libcudf turns around."""
    order = _order(source_table, column_order, null_precedence)
    columns = columns_of(source_table)
    if len(columns) == 1 and pa.types.is_floating(columns[0].type) and not columns[0].null_count:
        nans = np.isnan(columns[0].to_numpy()[order])
        if column_order[0].name == "DESCENDING":  # sort_radix.cu of 26.10 puts the last of them first
            order[nans] = order[nans][::-1]
    return device(pa.array(order))


@simulated("pylibcudf.sorting.segmented_sort_by_key")
def segmented_sort_by_key(
    values: Table,
    keys: Table,
    segment_offsets: Column,
    column_order: list[Any],
    null_precedence: list[Any],
    stream: Any = None,
    mr: Any = None,
) -> Table:
    """Return rows sorted within segments that together hold all rows; ties as they come."""
    offsets = host(segment_offsets).to_numpy()
    if values.num_rows() != keys.num_rows() or offsets[0] != 0 or offsets[-1] != keys.num_rows():
        raise NotImplementedError("segments that leave out rows are not simulated")
    ranked = np.empty(keys.num_rows(), dtype=np.int64)
    ranked[_order(keys, column_order, null_precedence)] = np.arange(keys.num_rows())
    segments = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = pa.array(np.lexsort([ranked, segments]))
    return device_table([array.take(order) for array in columns_of(values)], values.num_rows())
