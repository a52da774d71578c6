"""Searching sorted rows: part of what stands for ``pylibcudf.search``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .column import Column
from .machine import SimulatorError
from .ranks import dense, ordered, orders_of
from .table import Table
from .values import columns_of, device


@simulated("pylibcudf.search.lower_bound")
def lower_bound(
    haystack: Table,
    needles: Table,
    column_order: list[Any],
    null_precedence: list[Any],
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Return where each needle could be put first without disturbing the order."""
    return _bound(haystack, needles, column_order, null_precedence, "left")


@simulated("pylibcudf.search.upper_bound")
def upper_bound(
    haystack: Table,
    needles: Table,
    column_order: list[Any],
    null_precedence: list[Any],
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Return where each needle could be put last without disturbing the order."""
    return _bound(haystack, needles, column_order, null_precedence, "right")


def _bound(
    haystack: Table, needles: Table, column_order: Sequence[Any], null_precedence: Sequence[Any], side: Any
) -> Column:
    kinds = [[column.type() for column in table.columns()] for table in (haystack, needles)]
    if kinds[0] != kinds[1]:
        raise TypeError("DataType mismatch between haystack and needles")
    specs = orders_of(haystack.num_columns(), column_order, null_precedence)
    rows = haystack.num_rows()
    keys = [
        ordered(pa.concat_arrays(pair), *spec)
        for *pair, spec in zip(columns_of(haystack), columns_of(needles), specs, strict=True)
    ]
    places = dense(keys, rows + needles.num_rows())
    if (np.diff(places[:rows]) < 0).any():
        raise SimulatorError("the haystack is not sorted as it is said to be")
    return device(pa.array(np.searchsorted(places[:rows], places[rows:], side=side).astype(np.int32)))
