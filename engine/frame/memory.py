"""Rows in memory as a source: what ``from_arrow``, ``from_pandas`` and ``head`` make."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from ..arrow import from_arrow_schema
from ..plan import ScanPlan, ScanRequest, Statistics
from ..schema import Schema

TASK_ROWS = 512 * 1024
"""Rows per split: enough tasks for every thread, few enough that starting one costs nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class MemorySource:
    """A ``pyarrow.Table`` as a source; batches share its memory.

    Parameters
    ----------
    table
        The rows.
    partitions
        Number of splits, or None to choose by size.
    """

    table: pa.Table
    partitions: int | None = None
    schema: Schema = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", from_arrow_schema(self.table.schema))

    @property
    def label(self) -> str:
        """Rows and columns."""
        return f"memory {self.table.num_rows:,} rows x {self.table.num_columns} columns"

    def statistics(self) -> Statistics:
        """Return rows and bytes."""
        return Statistics(rows=self.table.num_rows, bytes=self.table.nbytes)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return slices of the table; the predicate is left to the plan."""
        table = self.table.select(list(request.columns)) if request.columns else self.table.select([])
        if request.predicate is None and request.limit is not None:
            # A table without columns does not bound a slice by its own rows.
            table = table.slice(0, min(request.limit, self.table.num_rows))
        rows = self.table.num_rows if request.limit is None or request.predicate is not None else table.num_rows
        count = self.partitions or max(1, -(-rows // TASK_ROWS))
        step = max(1, -(-rows // count))
        splits = tuple(
            MemorySplit(table, start, min(step, rows - start), request.batch_rows) for start in range(0, rows, step)
        )
        return ScanPlan(splits=splits, residual=request.predicate)


@dataclass(frozen=True, slots=True, eq=False)
class MemorySplit:
    """A run of rows of a table."""

    table: pa.Table
    start: int
    rows: int
    batch_rows: int

    @property
    def label(self) -> str:
        """The run of rows."""
        return f"memory[{self.start}:{self.start + self.rows}]"

    @property
    def bytes(self) -> int:
        """Bytes of the rows, in proportion."""
        total = self.table.num_rows
        return int(self.table.nbytes * self.rows / total) if total else 0

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield batches that share the table's memory."""
        if self.table.num_columns == 0:
            yield pa.RecordBatch.from_struct_array(pa.array([{}] * self.rows, pa.struct([])))
            return
        yield from self.table.slice(self.start, self.rows).to_batches(max_chunksize=self.batch_rows)
