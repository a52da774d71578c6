"""What one task writes: a file, or one for each partition whose rows it meets.

Nothing of it is visible before it is published, which is not done here.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa

from ..engine.arrow import rows_by_value, to_arrow_type
from ..engine.errors import WriteError
from ..engine.plan.source import EncodedFile, FileEncoder, Piece
from ..engine.schema import Schema
from .conform import conform, conform_array
from .hive import directory_name
from .staging import Stage, Staged, writing
from .writers import BatchWriter, DividingWriter, Format, ParquetFormat

_OPEN_FILES = 64
_PARTITION_GROUP_ROWS = 32 * 1024


class TaskWriter:
    """Writes the batches of one task, with one open file per partition met."""

    def __init__(
        self,
        stage: Stage,
        form: Format,
        schema: Schema,
        keys: tuple[str, ...],
        task: int,
    ) -> None:
        self._stage, self._schema, self._keys, self._task = stage, schema, keys, task
        self._stored = without(schema, keys)
        self._format = _for_partitions(form) if keys else form
        self._attempt = f"attempt-{uuid.uuid4().hex[:12]}"
        self._open: OrderedDict[str, _OpenFile | _EncodedFile] = OrderedDict()
        self._taking: bool | None = None
        self._made: dict[str, int] = {}
        self._ended: list[_OpenFile | _EncodedFile] = []
        self._finished: list[Staged] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Append one record batch.

        Raises
        ------
        WriteError
            If the disk is full or the destination cannot be written.
        """
        try:
            for piece in self.divide(batch):
                piece.run()
        except WriteError:
            self.abandon()
            raise

    def divide(self, batch: pa.RecordBatch) -> list[Piece]:
        """Append one record batch; return what is to be done, by any threads, before the writer is closed."""
        if not batch.num_rows:
            return []
        whole = batch if batch.schema.names == list(self._schema.names) else conform(batch, self._schema)
        pieces: list[Piece] = []
        with writing(self._stage.url):
            for folder, rows in _by_partition(whole, self._schema, self._keys):
                pieces += self._make_room(folder)
                pieces += self._file(folder).divide(rows)
        return self._guarded(pieces)

    def last(self) -> list[Piece]:
        """Return what is left to be done when all batches have come."""
        return self._guarded([piece for file in self._open.values() for piece in file.last()])

    def _guarded(self, pieces: Sequence[Piece]) -> list[Piece]:
        return [replace(piece, run=partial(self._run, piece.run)) for piece in pieces]

    def _run(self, work: Callable[[], None]) -> None:
        with writing(self._stage.url):
            work()

    def take(self, table: Any, encoder: FileEncoder) -> bool:
        """Have a device append a table of its own; return False where its rows must always be given as batches."""
        form = self._format.stored
        if self._taking is None:
            fits = form is not None and encoder.refusal(form, self._stored) is None
            self._taking = self._stage.location.is_local and fits
        if not self._taking or form is None:
            return False
        try:
            with writing(self._stage.url):
                for values, rows, count in encoder.parts(table, self._keys):
                    folder = "/".join(map(directory_name, self._keys, values))
                    if count:
                        self._make_room(folder)
                        self._file(folder, encoder).write_table(rows, count)
        except WriteError:
            self.abandon()
            raise
        return True

    def write_nothing(self) -> None:
        """Make a file that holds no rows, only the schema with every column."""
        self._stored = self._schema
        with writing(self._stage.url):
            self._file("")

    def _make_room(self, folder: str) -> Sequence[Piece]:
        """End the file that was not written to for longest, if one is to be opened; return what is left to be done."""
        if folder in self._open or len(self._open) < _OPEN_FILES:
            return []
        self._finish([file for file in self._ended if file.is_complete])
        _, oldest = self._open.popitem(last=False)
        self._ended.append(oldest)
        return oldest.last()

    def _finish(self, files: Sequence[_OpenFile | _EncodedFile]) -> None:
        self._ended = [file for file in self._ended if file not in files]
        for file in files:
            self._finished.append(file.finish(self._stage))

    def _file(self, folder: str, encoder: FileEncoder | None = None) -> Any:
        file = self._open.get(folder)
        if file is None:
            number = self._made.get(folder, 0)
            self._made[folder] = number + 1
            name = f"part-{self._task:05d}{f'-{number}' if number else ''}{self._format.suffix}"
            final = f"{folder}/{name}" if folder else name
            temporary = f"{self._attempt}/{final}"
            if encoder is None:
                file = _OpenFile(self._stage, self._format, self._stored, temporary, final)
            else:
                file = _EncodedFile(self._stage, self._format, self._stored, temporary, final, encoder)
            self._open[folder] = file
        self._open.move_to_end(folder)
        return file

    def close(self) -> None:
        """Finish the files and say that they are complete; nothing is visible yet."""
        try:
            for piece in self.last():
                piece.run()
            with writing(self._stage.url):
                self._finish(list(self._ended))
                while self._open:
                    _, file = self._open.popitem(last=False)
                    self._ended.append(file)
                    self._finish([file])
        except WriteError:
            self.abandon()
            raise
        if self._finished:
            self._stage.leave_receipt(self._task, self._finished)

    def abandon(self) -> None:
        """Let go of open files, whose contents no longer matter."""
        for file in (*self._ended, *self._open.values()):
            file.abandon()
        self._ended.clear()
        self._open.clear()


class _OpenFile:
    """A file that this process writes."""

    def __init__(self, stage: Stage, form: Format, schema: Schema, temporary: str, final: str) -> None:
        self._temporary, self._final, self._rows, self._schema = temporary, final, 0, schema
        self._handle = stage.open(temporary)
        try:
            self._writer: BatchWriter = form.open(self._handle, schema)
        except BaseException:  # where a format begins a file with bytes of its own, for which there is no room
            with suppress(OSError):
                self._handle.close()
            raise

    def divide(self, batch: pa.RecordBatch) -> Sequence[Piece]:
        self._rows += batch.num_rows
        if isinstance(self._writer, DividingWriter):
            return self._writer.divide(batch)
        self._writer.write(conform(batch, self._schema, plain=True))
        return []

    def last(self) -> Sequence[Piece]:
        return self._writer.last() if isinstance(self._writer, DividingWriter) else []

    @property
    def is_complete(self) -> bool:
        return not isinstance(self._writer, DividingWriter) or self._writer.is_complete

    def finish(self, stage: Stage) -> Staged:
        try:
            self._writer.close()
        finally:
            self._handle.close()
        size = stage.size(self._temporary)
        return Staged(temporary=self._temporary, final=self._final, rows=self._rows, bytes=size)

    def abandon(self) -> None:
        for part in (self._writer, self._handle):
            with suppress(OSError, pa.ArrowException, WriteError):
                part.close()


class _EncodedFile:
    """A file that a device writes."""

    is_complete = True

    def __init__(
        self, stage: Stage, form: Format, schema: Schema, temporary: str, final: str, encoder: FileEncoder
    ) -> None:
        assert form.stored is not None
        self._temporary, self._final, self._rows = temporary, final, 0
        stage.open(temporary).close()  # its folder is there, and the system lets us write
        self._file: EncodedFile = encoder.open(f"{stage.root}/{temporary}", form.stored, schema)

    def write_table(self, table: Any, rows: int) -> None:
        self._rows += rows
        self._file.write(table)

    def last(self) -> Sequence[Piece]:
        return []

    def finish(self, stage: Stage) -> Staged:
        self._file.close()
        size = stage.size(self._temporary)
        return Staged(temporary=self._temporary, final=self._final, rows=self._rows, bytes=size)

    def abandon(self) -> None:
        del self._file


def without(schema: Schema, names: Sequence[str]) -> Schema:
    """Return a schema without some columns, such as those that are directories."""
    return Schema(tuple(f for f in schema if f.name not in names))


def _for_partitions(form: Format) -> Format:
    """Return the format with less to gather per file, since many are open at once."""
    if isinstance(form, ParquetFormat):
        return replace(form, row_group_rows=min(form.row_group_rows, _PARTITION_GROUP_ROWS))
    return form


def _by_partition(batch: pa.RecordBatch, schema: Schema, keys: tuple[str, ...]) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Yield the rows of each combination of key values, in their order, with the directory they belong to."""
    if not keys:
        yield "", batch
        return
    stored = batch.select([name for name in batch.schema.names if name not in keys])
    values = [conform_array(batch.column(name), to_arrow_type(schema[name].dtype), plain=True) for name in keys]
    order, edges = rows_by_value(values)
    sorted_rows = stored.take(pa.array(order))
    for start, stop in pairwise(edges):
        first = int(order[start])
        folder = "/".join(directory_name(name, array[first].as_py()) for name, array in zip(keys, values, strict=True))
        yield folder, sorted_rows.slice(int(start), int(stop - start))
