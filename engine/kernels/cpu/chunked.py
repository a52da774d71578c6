"""Rows in memory that stay in the chunks they came in, for kernels that look at a column of all of them at once.

A table for each chunk takes some fifty calls of Python, which take as long as many a kernel does with its rows. Where
chunks lie is found out once for a table that is held, however often it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from ...expr import Column, Expr
from ...plan import HeldRows
from ...schema import Schema
from .adopting import fits_as_it_is
from .buffers import begins_of
from .gather import take_columns, take_words
from .native.arrays import Longs, Rows, Words
from .table import CpuTable, concat_columns

Pieces: TypeAlias = tuple[Words, Longs]
"""The addresses and lengths of the arrays that a column consists of."""
_WORD_BYTES = 8


class Chunks:
    """Where the rows of a table lie.

    Parameters
    ----------
    table
        The rows.
    most_rows
        Chunks of more are cut.

    Attributes
    ----------
    starts
        The first row of each piece, of which every column is one array, and the number of all rows.
    """

    def __init__(self, table: pa.Table, most_rows: int) -> None:
        self.table = table
        self._chunks = [column.chunks for column in table.columns]
        self._firsts = [np.cumsum([0, *map(len, chunks)]) for chunks in self._chunks]
        cuts = np.arange(0, table.num_rows, most_rows)
        self.starts: Longs = np.unique(np.concatenate([cuts, *self._firsts]))
        self._words: dict[int, Words | None] = {}

    def words(self, place: int) -> Words | None:
        """Return the addresses of a column's pieces of 64-bit values; None where it has others, or nulls."""
        if place not in self._words:
            kept = [number for number, chunk in enumerate(self._chunks[place]) if len(chunk)]
            begins = begins_of([self._chunks[place][number] for number in kept])
            if begins is not None:
                firsts = self._firsts[place][kept]
                owner = np.searchsorted(firsts, self.starts[:-1], side="right") - 1
                begins = begins[owner] + ((self.starts[:-1] - firsts[owner]) * _WORD_BYTES).astype(np.uint64)
            self._words[place] = begins
        return self._words[place]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedTable:
    """Rows on the CPU, in chunks.

    Attributes
    ----------
    schema
        Names and types of the columns.
    chunks
        Where they lie, with others.
    start, stop
        Which of those they are.
    nbytes
        About the bytes of the rows.
    """

    schema: Schema
    chunks: Chunks
    start: int
    stop: int
    nbytes: int

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.stop - self.start

    def starts(self) -> Longs:
        """Return the first row of each piece, and the row after the last."""
        first, last = self._span()
        within = self.chunks.starts[first + 1 : last]
        return np.concatenate([[self.start], within, [self.stop]])

    def _span(self) -> tuple[int, int]:
        starts = self.chunks.starts
        first = int(np.searchsorted(starts, self.start, side="right")) - 1
        return first, int(np.searchsorted(starts, self.stop, side="left"))

    def tables(self) -> list[CpuTable]:
        """Return a table for each piece."""
        return [self._table(start, stop) for start, stop in pairwise(self.starts().tolist())]

    def _table(self, start: int, stop: int) -> CpuTable:
        (batch,) = self.chunks.table.slice(start, stop - start).to_batches()
        return CpuTable(schema=self.schema, columns=tuple(batch.columns), num_rows=batch.num_rows)

    def first(self) -> CpuTable:
        """Return the first piece."""
        start, stop, *_ = self.starts().tolist()
        return self._table(start, stop)

    def after(self, rows: int) -> ChunkedTable:
        """Return the rows after so many, of which there must be some."""
        size = self.nbytes * (self.num_rows - rows) // self.num_rows
        return replace(self, start=self.start + rows, nbytes=size)

    def words(self, expr: Expr) -> Pieces | None:
        """Return where values of 64 bits lie; None where they are others, have to be computed, or some are null."""
        begins = self._begins(self.schema.position(expr.name)) if isinstance(expr, Column) else None
        return None if begins is None else (begins, np.diff(self.starts()))

    def _begins(self, place: int) -> Words | None:
        known = self.chunks.words(place)
        if known is None:
            return None
        first, last = self._span()
        begins = known[first:last].copy()
        begins[0] += np.uint64((self.start - int(self.chunks.starts[first])) * _WORD_BYTES)
        return begins

    def take(self, found: Sequence[tuple[int, Rows]]) -> CpuTable:
        """Gather rows, by their positions in pieces of which each is named at most once."""
        pieces, places = [piece for piece, _ in found], [rows for _, rows in found]
        starts = self.starts()
        columns = []
        for place in range(len(self.schema)):
            column, begins = self.chunks.table.column(place), self._begins(place)
            if begins is not None:
                columns.append(take_words(begins[pieces], places, column.type))
                continue
            arrays = [column.slice(starts[piece], starts[piece + 1] - starts[piece]).chunk(0) for piece in pieces]
            columns.append(concat_columns(take_columns(arrays, places)))
        return CpuTable(schema=self.schema, columns=tuple(columns), num_rows=sum(map(len, places)))


def chunked(
    held: HeldRows, start: int, rows: int, schema: Schema, *, most_rows: int, nbytes: int
) -> ChunkedTable | None:
    """Take some of the rows that are held; None where there are none, or columns are not held as they are."""
    names = tuple(schema.names)
    if not rows or not names:
        return None
    key = ("cpu", names)
    if key not in held.known:
        table = held.table.select(list(names))
        held.known[key] = Chunks(table, most_rows) if fits_as_it_is(table.schema, schema) else None
    chunks = held.known[key]
    if chunks is None:
        return None
    return ChunkedTable(schema=schema, chunks=chunks, start=start, stop=start + rows, nbytes=nbytes)
