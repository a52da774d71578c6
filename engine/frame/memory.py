"""Rows in memory as a source: what ``from_arrow``, ``from_pandas`` and ``head`` make. Nothing is copied but views."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, ClassVar

import pyarrow as pa

from ..arrow import empty_batch, from_arrow_schema, to_arrow_schema
from ..errors import ConfigError
from ..kernels.constants import array_of
from ..listviews import table_of_lists
from ..plan import ColumnStatistics, HeldRows, ScanPlan, ScanRequest, Statistics
from ..schema import Schema

TASK_ROWS = 512 * 1024
"""Rows per split: enough tasks for every thread, few enough that starting one costs nothing."""
DIVIDED_ROWS = 256 * 1024
"""Rows of a split that it may be worth to divide."""


def batch_of_rows(rows: Sequence[Sequence[Any]], schema: Schema) -> pa.RecordBatch:
    """Return rows of plain Python values, in the schema's order, as a batch; pyarrow's own way imports pandas."""
    made = to_arrow_schema(schema)
    columns = zip(*rows, strict=True) if rows else ((),) * len(made)
    arrays = [array_of(list(values), f.type) for values, f in zip(columns, made, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=made)


@dataclass(frozen=True, slots=True, eq=False)
class MemorySource:
    """A ``pyarrow.Table`` as a source; batches share its memory.

    Parameters
    ----------
    table
        The rows. Text columns may be dictionaries.
    partitions
        Number of splits, as even as rows allow; 0 to choose by size.

    Raises
    ------
    TypeMismatch
        If a column has an Arrow type that Volley has not.
    """

    table: pa.Table
    partitions: int = 0
    schema: Schema = field(init=False)
    _held: HeldRows = field(init=False, repr=False)
    _bytes: dict[str, int] = field(init=False, default_factory=dict, repr=False)
    _ends: list[int] = field(init=False, default_factory=list, repr=False)
    _statistics: Statistics | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        if self.partitions < 0:
            raise ConfigError(f"partitions must be positive, not {self.partitions}; leave it out to choose by size")
        object.__setattr__(self, "table", table_of_lists(self.table))
        object.__setattr__(self, "schema", from_arrow_schema(self.table.schema))
        object.__setattr__(self, "_held", HeldRows(self.table))

    @property
    def label(self) -> str:
        """Rows and columns."""
        return f"memory {self.table.num_rows:,} rows x {self.table.num_columns} columns"

    def statistics(self) -> Statistics:
        """Return rows, bytes and numbers of nulls, the same ones each time: rules ask for each column."""
        if self._statistics is None:
            size = self._size(self.schema.names)
            counted = Statistics(rows=self.table.num_rows, bytes=size, columns=_Nulls(self.table))
            object.__setattr__(self, "_statistics", counted)
            return counted
        return self._statistics

    def _size(self, columns: Sequence[str]) -> int:
        """Return the bytes of some columns, each of which is counted once: pyarrow looks at every buffer."""
        for name in columns:
            if name not in self._bytes:
                self._bytes[name] = int(self.table.column(name).nbytes)
        return sum(self._bytes[name] for name in columns)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return slices of the table; the predicate is left to the plan."""
        table = self.table.select(list(request.columns))
        if request.predicate is None and request.limit is not None:
            table = table.slice(0, request.limit)
        rows = min(self.table.num_rows, table.num_rows if request.columns else self._wanted(request))
        count = self.partitions or -(-rows // max(TASK_ROWS, request.task_rows))
        edges = self._edges(rows, count)
        size, all_rows = self._size(request.columns), max(1, int(self.table.num_rows))

        def share(start: int, end: int) -> int:
            return size * end // all_rows - size * start // all_rows

        splits = tuple(
            MemorySplit(self._held, table, start, start, end - start, request.batch_rows, share(start, end))
            for start, end in pairwise(edges)
            if end > start
        )
        return ScanPlan(splits=splits, residual=request.predicate)

    def _edges(self, rows: int, count: int) -> list[int]:
        """Return where so many splits begin and end: where chunks do, if those are small beside a split."""
        edges = [rows * i // count for i in range(count + 1)] if count else []
        if not count or not self.table.num_columns:
            return edges
        ends = self._ends
        if not ends:
            ends += accumulate(len(chunk) for chunk in self.table.column(0).chunks)
        for number, edge in enumerate(edges[1:-1], 1):
            near = ends[bisect_left(ends, edge)]
            if near - edge < rows // count // 4:
                edges[number] = near
        return edges

    def _wanted(self, request: ScanRequest) -> int:
        """Rows to count where no column is asked for: a table without columns does not know."""
        return self.table.num_rows if request.predicate is not None or request.limit is None else request.limit


class _Nulls(Mapping[str, ColumnStatistics]):
    """How many nulls each column has, once it is asked for: Arrow knows it, or counts bits and keeps the number."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __getitem__(self, name: str) -> ColumnStatistics:
        column = self._table.column(name)
        if pa.types.is_dictionary(column.type):
            return ColumnStatistics()  # a word of the dictionary may be null, too, which no count includes
        return ColumnStatistics(nulls=column.null_count)

    def __iter__(self) -> Iterator[str]:
        return iter(self._table.column_names)

    def __len__(self) -> int:
        return int(self._table.num_columns)


@dataclass(frozen=True, slots=True, eq=False)
class MemorySplit:
    """A run of rows of a table.

    Attributes
    ----------
    resident, carries_rows
        Only this process has the rows, but a copy has them too.
    held, whole, offset
        What the rows are cut out of, once they are read, with all and with the wanted columns; where they begin there.
    start
        Where they begin in the table that was planned.
    bytes
        About the bytes of its rows: their share of the table's.
    cut_from
        What the split is called that this one is part of, and how many of its rows come before; None for a whole one.
    """

    resident: ClassVar[bool] = True
    carries_rows: ClassVar[bool] = True

    held: HeldRows
    whole: pa.Table
    offset: int
    start: int
    rows: int
    batch_rows: int
    bytes: int
    cut_from: tuple[str, int] | None = None

    @property
    def label(self) -> str:
        """The run of rows."""
        return f"memory[{self.start}:{self.start + self.rows}]"

    def _own(self) -> pa.Table:
        return self.whole.slice(self.offset, self.rows)

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield batches that share the table's memory."""
        if self.whole.num_columns:
            yield from (batch for batch in self._own().to_batches(max_chunksize=self.batch_rows) if batch.num_rows)
            return
        for start in range(0, self.rows, self.batch_rows):
            rows = min(self.batch_rows, self.rows - start)
            yield empty_batch(rows)

    def origin(self) -> tuple[str, int]:
        """Return the split that was planned, and the number there of the first row: a user knows no parts of it."""
        return self.cut_from or (self.label, 0)

    def divided(self) -> list[MemorySplit]:
        """Return one half of the split and two quarters, of whole batches, if it is large."""
        if self.rows < DIVIDED_ROWS or not self.whole.num_columns:
            return [self]
        ends = [0, *accumulate(len(batch) for batch in self._own().to_batches(max_chunksize=self.batch_rows))]
        wanted = (0, self.rows // 2, self.rows * 3 // 4, self.rows)
        edges = sorted({ends[min(bisect_left(ends, row), len(ends) - 1)] for row in wanted})
        name, before = self.origin()
        return [
            MemorySplit(
                self.held,
                self.whole,
                self.offset + start,
                self.start + start,
                end - start,
                self.batch_rows,
                self.bytes * end // self.rows - self.bytes * start // self.rows,
                (name, before + start),
            )
            for start, end in pairwise(edges)
        ]

    def __reduce__(self) -> tuple[Any, ...]:
        # A pickled slice would carry its whole table; Arrow's own format cuts it out.
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self.whole.schema) as writer:
            writer.write_table(self._own())
        return (_unpickled, (sink.getvalue().to_pybytes(), self.start, self.rows, self.batch_rows, self.bytes))


def _unpickled(content: bytes, start: int, rows: int, batch_rows: int, size: int) -> MemorySplit:
    with pa.ipc.open_stream(content) as reader:
        table = reader.read_all()
        return MemorySplit(HeldRows(table), table, 0, start, rows, batch_rows, size)
