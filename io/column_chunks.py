"""Row groups handed to the engine's decoder: which column chunks it can read, and where their bytes are.

Knows footers and files; the decoder knows encodings and conditions. What the decoder cannot read, pyarrow does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine.arrow import empty_batch
from ..engine.dtypes import DataType, Kind
from ..engine.expr import Expr
from ..engine.kernels.decoding import (
    ChunkSpec,
    DamagedChunk,
    Decoder,
    GivenColumn,
    StoredChunk,
    StoredRows,
    UnknownEncoding,
)
from ..engine.plan import KeyFilter
from ..engine.records import dataclass
from ..engine.schema import Schema
from .chunk_facts import ChunkFacts
from .conform import conform
from .footers import Leaf

_UNITS = {"s": "", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """How one file stores a flat column: position of its chunk in each row group, and the same for all of them."""

    index: int
    spec: ChunkSpec


def stored_columns(
    footer: Any,
    leaves: Mapping[str, Leaf],
    dictionaries: Sequence[str],
    facts: ChunkFacts,
    groups: Sequence[int],
    decoder: Decoder,
) -> dict[str, Stored]:
    """Return the columns among ``leaves`` that a decoder can read from all of some row groups of a file.

    A column that the file holds in another type than the one asked for is not among them.
    """
    found = {}
    for name, leaf in leaves.items():
        column = footer.schema.column(leaf.index)
        if leaf.stored != leaf.dtype or not _has_unit_of(leaf.dtype, column):
            continue
        all_codecs = facts.codecs(leaf.index)
        codecs = {all_codecs[number] for number in groups}
        spec = ChunkSpec(
            dtype=leaf.dtype,
            physical=column.physical_type,
            codec=codecs.pop() if len(codecs) == 1 else "several",
            width=max(0, column.length or 0),
            optional=column.max_definition_level == 1,
            as_codes=name in dictionaries,
        )
        if column.max_definition_level <= 1 and decoder.can_decode(spec):
            found[name] = Stored(index=leaf.index, spec=spec)
    return found


def _has_unit_of(dtype: DataType, column: Any) -> bool:
    """Whether the stored numbers are those of the type, as they are where their unit of time is the type's."""
    if dtype.kind not in (Kind.TIMESTAMP, Kind.TIME):
        return True
    logical = json.loads(column.logical_type.to_json())
    return bool(logical.get("timeUnit") == _UNITS[dtype.unit])


@dataclass(frozen=True, kw_only=True)
class RowGroupReader:
    """Reads row groups of one open file.

    Attributes
    ----------
    url
        The file's name, for errors.
    handle
        ``pyarrow.NativeFile`` of the file; used by one thread.
    footer
        Its ``FileMetaData``.
    facts
        What the footer says of column chunks.
    present
        Gives the names of its columns.
    schema
        Columns to give and columns that conditions read.
    names
        Columns to give.
    keys
        Columns with one value for every row.
    stored
        Columns that the decoder can read.
    inside
        Dotted names of what is read of a column that is not read as a whole.
    arrow
        Gives the reader of all other columns of the file.
    filters
        Of columns that the decoder reads.
    """

    decoder: Decoder
    url: str
    handle: Any
    footer: Any
    facts: ChunkFacts
    present: Callable[[], frozenset[str]]
    schema: Schema
    names: tuple[str, ...]
    keys: Mapping[str, Any]
    stored: Mapping[str, Stored]
    inside: Mapping[str, tuple[str, ...]]
    arrow: Callable[[], pq.ParquetFile]
    conditions: tuple[Expr, ...]
    batch_rows: int
    filters: tuple[KeyFilter, ...] = ()

    def read(self, run: Sequence[int]) -> Iterator[pa.RecordBatch]:
        """Yield the batches of some row groups; several, where all of them are small, as one batch if they can be."""
        batches = self._of_run(run)
        if len(run) > 1 and sum(self.facts.rows()[number] for number in run) <= self.batch_rows:
            made = list(batches)
            if len(made) > 1 and self.names and all(batch.schema == made[0].schema for batch in made):
                made = pa.Table.from_batches(made).unify_dictionaries().combine_chunks().to_batches()
            batches = iter(made)
        yield from batches

    def _of_run(self, run: Sequence[int]) -> Iterator[pa.RecordBatch]:
        batches = self._decoded(run, self.stored)
        try:
            first = next(batches, None)
        except UnknownEncoding:
            if len(run) > 1:
                yield from (batch for number in run for batch in self._of_run([number]))
                return
            batches = self._decoded(run, {})
            first = next(batches, None)
        if first is not None:
            yield first
            yield from batches

    def tested(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a batch of all columns that pass the conditions, as a batch of the columns to give."""
        if not self.conditions:
            yield batch
            return
        columns = {name: GivenColumn(read=partial(batch.column, i)) for i, name in enumerate(self.schema.names)}
        rows = StoredRows(rows=batch.num_rows, schema=self.schema, columns=columns)
        yield from self.decoder.decode([rows], self.names, self.conditions, self.batch_rows)

    def _decoded(self, run: Sequence[int], stored: Mapping[str, Stored]) -> Iterator[pa.RecordBatch]:
        rows = [self._rows(number, stored) for number in run]
        return self.decoder.decode(rows, self.names, self.conditions, self.batch_rows, self.filters)

    def _rows(self, number: int, stored: Mapping[str, Stored]) -> StoredRows:
        rows = self.facts.rows()[number]
        columns: dict[str, StoredChunk | GivenColumn] = {}
        for field in self.schema:
            if field.name in stored:
                columns[field.name] = self._stored_chunk(stored[field.name], number)
            else:
                columns[field.name] = GivenColumn(read=partial(self._given, number, rows, field.name))
        return StoredRows(rows=rows, schema=self.schema, columns=columns, fill=self._fill)

    def _stored_chunk(self, column: Stored, number: int) -> StoredChunk:
        start, size, unpacked = self.facts.places(column.index)[number]
        if start < 0 or not 0 <= size <= self.size - start:
            raise DamagedChunk("the footer places a column beyond the file's end")
        return StoredChunk(spec=column.spec, start=start, size=size, unpacked=unpacked)

    def _fill(self, start: int, memory: Any) -> None:
        self.handle.seek(start)
        if self.handle.readinto(memory) < len(memory):
            raise DamagedChunk("the file is shorter than its footer says")

    @cached_property
    def size(self) -> int:
        """Bytes of the file."""
        return int(self.handle.size())

    def _given(self, number: int, rows: int, name: str) -> pa.Array:
        """Return a column of a row group that the file lacks, that has one value, or that pyarrow reads."""
        batch = empty_batch(rows)
        if name not in self.keys and name in self.present():
            parts = list(self.inside.get(name, (name,)))
            table = self.arrow().read_row_group(number, columns=parts, use_threads=False)
            whole = table.unify_dictionaries().combine_chunks().to_batches()
            batch = whole[0] if whole else batch
        return conform(batch, self.schema.select([name]), self.keys, where=self.url).column(0)
