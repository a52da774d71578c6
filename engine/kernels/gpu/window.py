"""Window functions: computed by the CPU device, with both transfers counted."""

from __future__ import annotations

from collections.abc import Sequence

from ...schema import Schema
from ..cpu import table as cpu
from ..cpu.window import window_rows as cpu_window_rows
from ..protocol import WindowSpec
from . import memory
from .batch import GpuTable
from .transfer import from_arrow, to_arrow


def window_rows(tables: Sequence[GpuTable], spec: WindowSpec, schema: Schema) -> GpuTable:
    """Return the rows of the tables, in order, with the columns of window functions added."""
    rows = [cpu.from_arrow(to_arrow(table), schema) for table in tables]
    for named in spec.functions:
        memory.ledger().fell_back(f"{named.call.function} over", sum(table.num_rows for table in tables))
    made = cpu_window_rows(rows, spec, schema)
    return from_arrow(cpu.to_arrow(made), made.schema)
