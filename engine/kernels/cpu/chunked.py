"""Rows in memory that stay in the chunks they came in, for kernels that look at a column of all of them at once.

A table for each chunk takes some fifty calls of Python, which take as long as many a kernel does with its rows. Where
chunks lie is found out once for a table that is held, however often it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from ...expr import Column, Expr
from ...plan import HeldRows
from ...schema import Schema
from .adopting import fits_as_it_is
from .alike import Alike, alike
from .buffers import begins_of, text_begins_of
from .gather import take_column, take_columns, take_texts, take_words
from .native.arrays import Longs, Rows, Words
from .table import CpuTable, concat_columns, empty_table

_WORD_BYTES, _OFFSET_BYTES = 8, 4


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
    remembered
        What was found out about the rows from one to another.
    """

    def __init__(self, table: pa.Table, most_rows: int) -> None:
        self.table = table
        self._chunks = [column.chunks for column in table.columns]
        self._firsts = [np.cumsum([0, *map(len, chunks)]) for chunks in self._chunks]
        self.starts: Longs = _cut(np.unique(np.concatenate(self._firsts)), most_rows)
        self._words: dict[int, Words | None] = {}
        self._texts: dict[int, tuple[Words, Words] | None] = {}
        self._alike: dict[tuple[int, ...], Alike] = {}
        self._pieces: dict[int, Sequence[pa.Array]] = {}
        self.remembered: dict[tuple[int, ...], dict[Any, Any]] = {}

    def words(self, place: int) -> Words | None:
        """Return the addresses of a column's pieces of 64-bit values; None where it has others, or nulls."""
        if place not in self._words:
            kept, owner, before = self._owners(place)
            begins = begins_of(kept) if kept else None
            self._words[place] = None if begins is None else begins[owner] + before * np.uint64(_WORD_BYTES)
        return self._words[place]

    def texts(self, place: int) -> tuple[Words, Words] | None:
        """Return the addresses of the offsets, of 32 bits, and of the bytes of a column's pieces of texts.

        None where it has other values, or nulls.
        """
        if place not in self._texts:
            kept, owner, before = self._owners(place)
            known = text_begins_of(kept) if kept else None
            self._texts[place] = known and (known[0][owner] + before * np.uint64(_OFFSET_BYTES), known[1][owner])
        return self._texts[place]

    def _owners(self, place: int) -> tuple[list[pa.Array], Longs, Words]:
        """Return a column's chunks that have rows, which of them has each piece, and how many of its rows before."""
        kept = [number for number, chunk in enumerate(self._chunks[place]) if len(chunk)]
        firsts = self._firsts[place][kept]
        owner = np.searchsorted(firsts, self.starts[:-1], side="right") - 1
        return (
            [self._chunks[place][number] for number in kept],
            owner,
            (self.starts[:-1] - firsts[owner]).view(np.uint64),
        )

    def take(self, schema: Schema, rows: Longs, columns: Sequence[int] | None = None) -> CpuTable:
        """Gather rows by their places, in that order; of all columns, or of some by their positions.

        Parameters
        ----------
        schema
            Of the columns wanted.
        """
        if not len(rows):
            return empty_table(schema)
        positions = range(len(self._chunks)) if columns is None else columns
        if (rows[1:] >= rows[:-1]).all():
            pieces = np.repeat(np.arange(len(self.starts) - 1), np.diff(np.searchsorted(rows, self.starts)))
        else:
            pieces = np.searchsorted(self.starts, rows, side="right") - 1
        within = (rows - self.starts[pieces]).astype(np.int32)
        made = [self._taken(position, pieces, within) for position in positions]
        return CpuTable(schema=schema, columns=tuple(made), num_rows=len(rows))

    def _taken(self, place: int, pieces: Longs, rows: Rows) -> pa.Array:
        column = self.table.column(place)
        begins, texts = self.words(place), self.texts(place)
        ends = np.append(np.flatnonzero(pieces[1:] != pieces[:-1]) + 1, len(pieces))
        runs = pieces[ends - 1]
        if begins is not None:
            return take_words(begins[runs], ends, rows, column.type)
        taken = None if texts is None else take_texts(texts[0][runs], texts[1][runs], ends, rows, column.type)
        if taken is not None:
            return taken
        order = np.argsort(pieces, kind="stable")
        known, ends = np.unique(pieces[order], return_index=True)
        places = np.split(rows[order], ends[1:])
        spans = zip(self.starts[known].tolist(), self.starts[known + 1].tolist(), strict=True)
        arrays = [column.slice(start, stop - start).chunk(0) for start, stop in spans]
        back = np.empty(len(rows), dtype=np.int32)
        back[order] = np.arange(len(rows), dtype=np.int32)
        return take_column(concat_columns(take_columns(arrays, places)), back)

    def alike(self, places: tuple[int, ...]) -> Alike:
        """Return which pieces are alike in some columns."""
        if places not in self._alike:
            self._alike[places] = alike([self.pieces(place) for place in places])
        return self._alike[places]

    def pieces(self, place: int) -> Sequence[pa.Array]:
        """Return a column's pieces."""
        if place not in self._pieces:
            kept, owner, before = self._owners(place)
            cuts = zip(owner.tolist(), before.tolist(), np.diff(self.starts).tolist(), strict=True)
            self._pieces[place] = tuple(kept[number].slice(start, count) for number, start, count in cuts)
        return self._pieces[place]


def _cut(starts: Longs, most_rows: int) -> Longs:
    """Return where chunks begin, and the last ends, once those of more rows are cut, all but the last part alike."""
    counts = -(-np.diff(starts) // most_rows)
    numbers = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.append(np.repeat(starts[:-1], counts) + numbers * most_rows, starts[-1])


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

    def alike(self, start: int, places: tuple[int, ...]) -> Words:
        """Return where columns lie in the piece that begins with a row, and in the next ones that are like it.

        Each column is named once. There are no addresses of pieces of which not all rows are there.
        """
        starts = self.chunks.starts
        first, last = np.searchsorted(starts, [start, self.stop], side="right") - 1
        return self.chunks.alike(places).after(first, last if starts[first] == start else first)

    def columns(self, start: int, stop: int, places: Sequence[int]) -> list[Sequence[pa.Array]]:
        """Return some columns of the rows from one to another, by piece: no tables are made for that."""
        starts = self.chunks.starts
        first = int(np.searchsorted(starts, start, side="right")) - 1
        last = int(np.searchsorted(starts, stop, side="left"))
        pieces: list[Sequence[pa.Array]] = list(zip(*(self.chunks.pieces(p)[first:last] for p in places), strict=True))
        if pieces and stop < starts[last]:
            pieces[-1] = [piece.slice(0, stop - int(starts[last - 1])) for piece in pieces[-1]]
        if pieces and start > starts[first]:
            pieces[0] = [piece.slice(start - int(starts[first])) for piece in pieces[0]]
        return pieces

    def tables(self) -> list[CpuTable]:
        """Return a table for each piece."""
        return [self.table(start, stop) for start, stop in pairwise(self.starts().tolist())]

    def table(self, start: int, stop: int) -> CpuTable:
        """Return the rows from one to another of the same piece."""
        (batch,) = self.chunks.table.slice(start, stop - start).to_batches()
        return CpuTable(schema=self.schema, columns=tuple(batch.columns), num_rows=batch.num_rows)

    def first(self) -> CpuTable:
        """Return the first piece."""
        start, stop, *_ = self.starts().tolist()
        return self.table(start, stop)

    def words(self, expr: Expr) -> tuple[Words, Longs] | None:
        """Return the addresses of the pieces of 64-bit values, and the first row of each and that after the last.

        None where values are others, have to be computed, or some are null.
        """
        known = self.chunks.words(self.schema.position(expr.name)) if isinstance(expr, Column) else None
        if known is None:
            return None
        first, last = self._span()
        begins = known[first:last].copy()
        begins[0] += np.uint64((self.start - int(self.chunks.starts[first])) * _WORD_BYTES)
        return begins, self.starts()


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
