"""Row groups of one Parquet file as a split: read by the engine's decoder where it can, else by pyarrow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields
from functools import cache, partial
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..engine.arrow import empty_batch, from_arrow_schema
from ..engine.errors import ReadError
from ..engine.expr import Expr
from ..engine.kernels.decoding import DamagedChunk
from ..engine.kernels.devices import open_decoder
from ..engine.plan import KeyFilter, ParquetRows
from ..engine.records import dataclass, replace
from ..engine.schema import Schema
from .chunk_facts import ChunkFacts
from .column_chunks import RowGroupReader, Stored, stored_columns
from .conform import conform
from .filesystem import FileInfo, FileSet, Location, reason
from .footer_facts import facts_of
from .footers import Leaf, column_names
from .pruning import constant_bounds

_NONE = Schema(())
_LEFT_BEHIND = ("footer", "facts", "passing")
_RUN_BYTES = 16 << 20
"""Most stored bytes of row groups that are read at once, and most decoded ones where every row passes."""
_FIRST_SHARE = 0.25
"""The share of rows that are taken to pass the tests of a scan before any have been tested."""


@dataclass(slots=True)
class Passing:
    """How many rows of a scan have been read, and how many of them given. Threads may lose a count to each other."""

    read: int = 0
    given: int = 0

    @property
    def share(self) -> float:
        """The share of the rows that has been given, a guess where none has been read."""
        return self.given / self.read if self.read else _FIRST_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetSplit:
    """Some consecutive row groups of one file.

    Attributes
    ----------
    schema
        Columns to give, in order.
    tested
        Columns that only ``conditions`` read.
    conditions
        Only rows for which each is true are given.
    keys
        Values of partition columns.
    dictionaries
        Text columns to read as dictionaries.
    stored
        Columns that the engine's decoder reads.
    inside
        Dotted names of what is read of a column that is not read as a whole.
    group_bytes
        Stored bytes of the asked-for columns in each row group.
    leaves
        Where flat columns stand in the file, for their statistics.
    filters
        Rows that these leave out may be left out; of columns that the decoder reads.
    patient
        Whether so much is read that the decoder's kernels may be compiled for it.
    take
        Stop after this many rows, or None; None where there are conditions.
    footer
        ``FileMetaData``, so that threads of this process do not read it again; stays behind when pickled.
    facts
        What it says of column chunks; stays behind as well.
    passing
        What all splits of the scan that this process works on have in common; stays behind as well.
    """

    location: Location
    file: FileInfo
    schema: Schema
    keys: Mapping[str, Any]
    row_groups: tuple[int, ...]
    group_rows: tuple[int, ...]
    dictionaries: tuple[str, ...]
    batch_rows: int
    group_bytes: tuple[int, ...]
    inside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    leaves: Mapping[str, Leaf] = field(default_factory=dict)
    filters: tuple[KeyFilter, ...] = ()
    tested: Schema = _NONE
    conditions: tuple[Expr, ...] = ()
    stored: Mapping[str, Stored] = field(default_factory=dict)
    patient: bool = True
    take: int | None = None
    footer: Any = field(default=None, repr=False, compare=False)
    facts: ChunkFacts | None = field(default=None, repr=False, compare=False)
    passing: Passing = field(default_factory=Passing, repr=False, compare=False)

    @property
    def resident(self) -> bool:
        """Whether only this process has the file."""
        return self.location.is_of_process

    @property
    def is_remote(self) -> bool:
        """Whether a server is asked for its rows."""
        return not self.location.is_local

    @property
    def label(self) -> str:
        """File and row groups."""
        first, last = self.row_groups[0], self.row_groups[-1]
        groups = f"row group {first}" if first == last else f"row groups {first}-{last}"
        return f"{self.location.url(self.file.path)}[{groups}]"

    @property
    def rows(self) -> int:
        """Rows before any condition."""
        total = sum(self.group_rows)
        return total if self.take is None else min(total, self.take)

    @property
    def bytes(self) -> int:
        """Stored bytes of the asked-for columns."""
        return sum(self.group_bytes)

    def origin(self) -> tuple[str, int] | None:
        """Return the file, and the number there of the first row; None where only some of its rows are given."""
        first, last = self.row_groups[0], self.row_groups[-1]
        if self.conditions or self.filters or self.row_groups != tuple(range(first, last + 1)):
            return None
        footer, _ = self._known()
        return self.location.url(self.file.path), sum(footer.row_group(number).num_rows for number in range(first))

    def narrowed(self, filters: Sequence[KeyFilter]) -> ParquetSplit | None:
        """Return the split without the row groups, and the rows that the decoder can test, that filters leave out."""
        if self.take is not None:
            return self
        footer, facts = self._known()
        kept = [
            place
            for place, number in enumerate(self.row_groups)
            if all(self._may_match(facts, number, each) for each in filters)
        ]
        if not kept:
            return None
        tests = self.patient or bool(self.conditions) or open_decoder().is_compiled(tests=True)
        return replace(
            self,
            row_groups=tuple(self.row_groups[place] for place in kept),
            group_rows=tuple(self.group_rows[place] for place in kept),
            group_bytes=tuple(self.group_bytes[place] for place in kept),
            filters=tuple(each for each in filters if tests and each.column in self.stored),
            footer=footer,
            facts=facts,
        )

    def joined(self, other: ParquetSplit) -> ParquetSplit | None:
        """Return this split and one that comes after it as one; None where they are not of the same scan of a file."""
        if self.passing is not other.passing or self.file is not other.file or self.take is not None:
            return None
        return replace(
            self,
            row_groups=self.row_groups + other.row_groups,
            group_rows=self.group_rows + other.group_rows,
            group_bytes=self.group_bytes + other.group_bytes,
            take=None if other.take is None else self.rows + other.take,
        )

    def bounds(self, column: str) -> tuple[Any, Any]:
        """Return the least and the greatest value of a column in the row groups, None where one does not say."""
        if column not in self.leaves:
            return None, None
        _, facts = self._known()
        stated = facts.bounds(self.leaves[column])
        found = [stated[number] for number in self.row_groups if stated[number].has_value]
        least, greatest = [each.minimum for each in found], [each.maximum for each in found]
        known = bool(found) and None not in least and None not in greatest
        return (min(least), max(greatest)) if known else (None, None)

    def _may_match(self, facts: ChunkFacts, number: int, given: KeyFilter) -> bool:
        name = given.column
        if name in self.keys:
            bounds = constant_bounds(self.keys[name], self.schema[name].dtype)
        elif name in self.leaves:
            bounds = facts.bounds(self.leaves[name])[number]
        else:
            return True
        return bounds.has_value and given.keys.may_hold(bounds.minimum, bounds.maximum)

    def _known(self) -> tuple[Any, ChunkFacts]:
        """Return the footer and what it says of column chunks; a worker reads them once for all splits and queries."""
        if self.footer is not None and self.facts is not None:
            return self.footer, self.facts
        known = facts_of(FileSet(location=self.location, files=(self.file,), name=self.file.path))
        return known.footers[0], known.chunks[0]

    def as_stored(self) -> ParquetRows | None:
        """Return where the rows lie, where the file is a local one and has each column in the type asked for."""
        wanted = self.schema.extend(self.tested)
        if not self.location.is_local or self.take is not None or self.keys or self.inside or not len(wanted):
            return None
        kept = from_arrow_schema(self._known()[0].schema.to_arrow_schema())
        if any(f.name not in kept or kept[f.name].dtype != f.dtype for f in wanted):
            return None
        self.location.open_unchanged(self.file).close()
        return ParquetRows(
            path=self.file.path,
            row_groups=self.row_groups,
            group_rows=self.group_rows,
            group_bytes=self.group_bytes,
            tested=self.tested,
            conditions=self.conditions,
        )

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield record batches of the row groups, in order.

        Raises
        ------
        ReadError
            If the file has been replaced since the query was planned, or is damaged.
        """
        left = self.rows
        for batch in self._batches():
            if batch.num_rows >= left:
                yield batch.slice(0, left)
                return
            left -= batch.num_rows
            if batch.num_rows:
                yield batch

    def _batches(self) -> Iterator[pa.RecordBatch]:
        stored = [f.name for f in (*self.schema, *self.tested) if f.name not in self.keys]
        if not stored and not self.conditions:
            rows = sum(self.group_rows)
            for start in range(0, rows, self.batch_rows):
                yield conform(empty_batch(min(self.batch_rows, rows - start)), self.schema, self.keys)
            return
        url = self.location.url(self.file.path)
        handle = self.location.open_unchanged(self.file)
        try:
            groups = self._group_reader(handle)
            runs = _Runs(self)
            while run := runs.next():
                for batch in groups.read(run) if groups.stored else self._by_arrow(groups, run, stored):
                    self.passing.given += batch.num_rows
                    for start in range(0, batch.num_rows, self.batch_rows):
                        yield batch.slice(start, self.batch_rows) if batch.num_rows > self.batch_rows else batch
        except (pa.ArrowException, OSError, DamagedChunk) as error:
            raise ReadError(f"{url!r} is damaged: {reason(error)}; copy or write it again") from error
        finally:
            handle.close()

    def _by_arrow(self, groups: RowGroupReader, run: list[int], stored: list[str]) -> Iterator[pa.RecordBatch]:
        reader = groups.arrow()
        present = groups.present()
        columns = [part for name in stored if name in present for part in self.inside.get(name, (name,))]
        given = 0
        try:
            for batch in self._read_run(reader, run, columns):
                for passed in groups.tested(conform(batch, groups.schema, self.keys, where=groups.url)):
                    given += passed.num_rows
                    yield passed
        except (pa.ArrowException, OSError) as error:
            yield from self._by_decoder(groups, run, given, error)

    def _by_decoder(
        self, groups: RowGroupReader, run: list[int], given: int, error: Exception
    ) -> Iterator[pa.RecordBatch]:
        """Yield what is left of a run that pyarrow could not read, if the decoder can.

        DuckDB writes differences of 32-bit numbers with the 33 bits that some need, and pyarrow reads 32 at most.
        """
        decoder = open_decoder()
        stored = stored_columns(groups.footer, self.leaves, self.dictionaries, groups.facts, run, decoder)
        if not stored:
            raise error
        try:
            for batch in replace(groups, stored=stored, filters=()).read(run):
                if batch.num_rows > given:
                    yield batch.slice(given)
                given = max(0, given - batch.num_rows)
        except (pa.ArrowException, OSError, DamagedChunk):
            raise error from None

    def _group_reader(self, handle: Any) -> RowGroupReader:
        footer, facts = self._known()
        return RowGroupReader(
            decoder=open_decoder(),
            url=self.location.url(self.file.path),
            handle=handle,
            footer=footer,
            facts=facts,
            present=cache(partial(column_names, footer)),
            schema=self.schema.extend(self.tested),
            names=self.schema.names,
            keys=self.keys,
            stored=self.stored,
            inside=self.inside,
            arrow=cache(
                lambda: pq.ParquetFile(
                    handle,
                    metadata=footer,
                    read_dictionary=list(self.dictionaries),
                    pre_buffer=not self.location.is_local,
                )
            ),
            conditions=self.conditions,
            batch_rows=self.batch_rows,
            filters=self.filters,
        )

    def _read_run(self, reader: pq.ParquetFile, run: list[int], columns: list[str]) -> Iterator[pa.RecordBatch]:
        if len(run) > 1:
            table = reader.read_row_groups(run, columns=columns, use_threads=False)
            whole = table.unify_dictionaries().combine_chunks()
            if not columns:
                yield empty_batch(table.num_rows)
            yield from whole.to_batches() if columns else ()
            return
        rows = reader.metadata.row_group(run[0]).num_rows
        pieces = max(1, -(-rows // self.batch_rows))
        yield from reader.iter_batches(
            batch_size=max(1, -(-rows // pieces)), row_groups=run, columns=columns, use_threads=False
        )

    def __reduce__(self) -> tuple[Any, ...]:
        state = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _LEFT_BEHIND}
        return (partial(ParquetSplit, **state), ())


class _Runs:
    """Cuts row groups into runs to be read at once, whose rows, as far as they pass, make a batch of good size.

    How many pass is taken from what the scan has read before. Reading several row groups costs about as much Python as
    reading one.
    """

    def __init__(self, split: ParquetSplit) -> None:
        self._split = split
        self._at = self._rows = 0
        self._tests = bool(split.stored) and len(split.conditions) + len(split.filters) > 0

    def next(self) -> list[int]:
        """Return the numbers of the next row groups, none after the last."""
        split = self._split
        split.passing.read += self._rows  # only now is it known how many of them passed
        share = split.passing.share if self._tests else 1.0
        start, rows, size = self._at, 0, 0
        while self._at < len(split.row_groups):
            more, bytes_more = split.group_rows[self._at], split.group_bytes[self._at]
            if self._at > start and ((rows + more) * share > split.batch_rows or size + bytes_more > _RUN_BYTES):
                break
            rows, size = rows + more, size + bytes_more
            self._at += 1
        self._rows = rows
        return list(split.row_groups[start : self._at])
