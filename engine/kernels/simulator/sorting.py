"""What stands for ``pylibcudf.sorting``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .column import Column
from .ranks import dense, ordered, orders_of
from .table import Table
from .values import columns_of, device


def _order(table: Table, column_order: list[Any], null_precedence: list[Any]) -> Any:
    rows = table.num_rows()
    specs = orders_of(table.num_columns(), column_order, null_precedence)
    keys = [ordered(array, *spec) for array, spec in zip(columns_of(table), specs, strict=True)]
    return np.argsort(dense(keys, rows), kind="stable").astype(np.int32)


@simulated("pylibcudf.sorting.stable_sorted_order")
def stable_sorted_order(
    source_table: Table, column_order: list[Any], null_precedence: list[Any], stream: Any = None, mr: Any = None
) -> Column:
    """Return the rows' positions in order; ties stay as they are."""
    return device(pa.array(_order(source_table, column_order, null_precedence)))
