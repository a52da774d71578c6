"""Sorting: the order of the keys, then one gather of all columns."""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import SortKey
from ...schema import Schema
from .batch import GpuTable, concat_tables
from .keys import gathered, normal, sorted_positions
from .library import plc
from .memory import on_stream
from .project import Evaluator


def sort_tables(tables: Sequence[GpuTable], keys: Sequence[SortKey], schema: Schema) -> GpuTable:
    """Return all rows of the tables in order, ties in input order."""
    return sort_rows(concat_tables(tables, schema), keys)


def sort_rows(table: GpuTable, keys: Sequence[SortKey], limit: int | None = None) -> GpuTable:
    """Return the rows in order, or the first ones of them."""
    count = table.num_rows if limit is None else min(limit, table.num_rows)
    if not keys or not len(table.schema) or table.num_rows < 2:
        return table.part(0, count)
    exprs = [key.expr for key in keys]
    order = sorted_positions(normal(Evaluator(table).columns(exprs), exprs), keys, table.num_rows)
    if count < table.num_rows:
        [order] = on_stream(plc.copying.slice, order, [0, count])
    return table.like(gathered(table.table, order))
