"""Rows in memory that stay in the chunks they came in, for kernels that look at a column of all of them at once.

A table for each chunk takes some fifty calls of Python, which take as long as many a kernel does with its rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from ...expr import Column, Expr
from ...schema import Schema
from .buffers import begins_of
from .native.arrays import Longs, Words
from .table import CpuTable, fits_as_it_is

Pieces: TypeAlias = tuple[Words, Longs]
"""The addresses and lengths of the arrays that a column consists of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedTable:
    """Rows on the CPU, in chunks.

    Attributes
    ----------
    schema
        Names and types of the columns.
    batches
        The chunks, none of them empty.
    nbytes
        About the bytes of the rows.
    """

    schema: Schema
    batches: Sequence[pa.RecordBatch]
    num_rows: int
    nbytes: int

    def tables(self) -> list[CpuTable]:
        """Return a table for each chunk."""
        return [self.table(number) for number in range(len(self.batches))]

    def table(self, number: int) -> CpuTable:
        """Return the table of a chunk."""
        batch = self.batches[number]
        return CpuTable(schema=self.schema, columns=tuple(batch.columns), num_rows=batch.num_rows)

    def parted(self) -> tuple[CpuTable, ChunkedTable | None]:
        """Return the first chunk, and the others, if there are any."""
        first, rest = self.table(0), self.batches[1:]
        left = self.num_rows - first.num_rows
        others = ChunkedTable(schema=self.schema, batches=rest, num_rows=left, nbytes=self.nbytes - first.nbytes)
        return first, others if rest else None

    def words(self, expr: Expr) -> Pieces | None:
        """Return where values of 64 bits lie; None where they are others, have to be computed, or some are null."""
        if not isinstance(expr, Column):
            return None
        place = self.schema.position(expr.name)
        columns = [batch.column(place) for batch in self.batches]
        begins = begins_of(columns)
        return None if begins is None else (begins, np.array(list(map(len, columns)), dtype=np.int64))


def chunked(data: Sequence[pa.Table], schema: Schema, *, most_rows: int, nbytes: int) -> ChunkedTable | None:
    """Take rows in chunks of at most so many; None where there are none, or columns are not held as they are."""
    rows = sum(table.num_rows for table in data)
    if not rows or not fits_as_it_is(data[0].schema, schema):
        return None
    batches = [batch for table in data for batch in table.to_batches(max_chunksize=most_rows) if batch.num_rows]
    return ChunkedTable(schema=schema, batches=batches, num_rows=rows, nbytes=nbytes)
