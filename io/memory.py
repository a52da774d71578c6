"""A table in memory as a source: slices of it, nothing copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa

from ..engine.arrow import from_arrow_schema
from ..engine.errors import ConfigError
from ..engine.plan import ScanPlan, ScanRequest, Statistics
from ..engine.schema import Schema
from .conform import conform, empty_batch


@dataclass(frozen=True, slots=True, kw_only=True)
class MemorySplit:
    """A run of rows of a table."""

    table: pa.Table
    schema: Schema
    start: int
    batch_rows: int

    @property
    def label(self) -> str:
        """The range of rows."""
        return f"memory[rows {self.start}-{self.start + self.table.num_rows - 1}]"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    @property
    def bytes(self) -> int:
        """Bytes of the buffers' visible parts."""
        return int(self.table.nbytes)

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield zero-copy slices; only types that kernels do not take (large or view text) are converted."""
        if not self.schema.fields:
            for start in range(0, self.rows, self.batch_rows):
                yield empty_batch(min(self.batch_rows, self.rows - start))
            return
        for batch in self.table.to_batches(max_chunksize=self.batch_rows):
            if batch.num_rows:
                yield conform(batch, self.schema)

    def __reduce__(self) -> tuple[Any, ...]:
        # a pickled slice would carry its whole table; Arrow's own format cuts it out
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.table.schema) as writer:
            writer.write_table(self.table)
        return (_unpickled, (sink.getvalue().to_pybytes(), self.schema, self.start, self.batch_rows))


def _unpickled(content: bytes, schema: Schema, start: int, batch_rows: int) -> MemorySplit:
    with pa.ipc.open_stream(content) as reader:
        return MemorySplit(table=reader.read_all(), schema=schema, start=start, batch_rows=batch_rows)


class MemorySource:
    """A ``pyarrow.Table`` as a source.

    Parameters
    ----------
    table
        The rows. Text columns may be dictionaries.
    partitions
        Number of splits, as even as rows allow; 0 for one per 1 Mi rows.
    name
        Shown by ``explain``.

    Raises
    ------
    TypeMismatch
        If a column has an Arrow type that Volley has not.
    """

    def __init__(self, table: pa.Table, *, partitions: int = 0, name: str = "memory") -> None:
        if partitions < 0:
            raise ConfigError(f"partitions must be positive, not {partitions}; leave it out for a number that suits")
        self._table = table
        self._schema = from_arrow_schema(table.schema)
        self._partitions = partitions
        self._name = name

    @property
    def schema(self) -> Schema:
        """Names and types of the table's columns."""
        return self._schema

    @property
    def label(self) -> str:
        """Name, rows."""
        return f"{self._name} ({self._table.num_rows:,} rows)"

    def statistics(self) -> Statistics:
        """Return rows and bytes."""
        return Statistics(rows=self._table.num_rows, bytes=self._table.nbytes)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return even slices; nothing of the predicate is applied."""
        table = self._table
        if request.predicate is None and request.limit is not None:
            table = table.slice(0, request.limit)
        schema = self._schema.select(request.columns)
        pieces = self._partitions or -(-table.num_rows // (1024 * 1024))
        edges = [table.num_rows * i // pieces for i in range(pieces + 1)] if pieces else []
        narrow = table.select(list(request.columns))
        splits = tuple(
            MemorySplit(table=narrow.slice(a, b - a), schema=schema, start=a, batch_rows=request.batch_rows)
            for a, b in pairwise(edges)
            if b > a
        )
        return ScanPlan(splits=splits, residual=request.predicate)
