"""Sinks: a file or a directory of files that appears whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from ..engine.dtypes import Kind
from ..engine.errors import ConfigError, WriteError
from ..engine.plan import WrittenFile
from ..engine.plan.source import FileEncoder
from ..engine.schema import Schema
from .compression import compression_of
from .filesystem import PathLike, split_url
from .staging import Stage
from .task_writer import TaskWriter, without
from .writers import CsvFormat, Format, IpcFormat, JsonFormat, OrcFormat, ParquetFormat

_KEY_KINDS = frozenset({Kind.BOOL, Kind.DATE, Kind.STRING, Kind.DECIMAL})


class FileSink:
    """Rows into one file (a path with an ending) or into a directory of ``part-00000…`` files, one or more per task.

    What stood at the destination is replaced in one step by `commit`; until then nothing is visible.

    Parameters
    ----------
    path
        Destination or fsspec URL.
    form
        File format with its options.
    partition_by
        Columns whose values become directories (``year=2024/``) instead of being stored; always a directory.
    storage_options
        Passed to fsspec for URLs.
    """

    def __init__(
        self,
        path: PathLike,
        form: Format,
        *,
        partition_by: Sequence[str] = (),
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        text = os.fspath(path)
        if not text.strip("/"):
            raise ConfigError("the path to write to is empty")
        if isinstance(partition_by, str):
            raise ConfigError(f"partition_by must be a list of columns: [{partition_by!r}]")
        location, place = split_url(text, storage_options)
        self._format = form
        self._partition_by = tuple(partition_by)
        if twice := {name for name in self._partition_by if self._partition_by.count(name) > 1}:
            raise ConfigError(f"partition_by names {min(twice)!r} twice; a column makes one level of directories")
        single = bool(PurePosixPath(place).suffix) and not partition_by and not text.endswith("/")
        self._stage = Stage(location=location, path=place, single=single)
        self._schema: Schema | None = None
        self._writers: list[TaskWriter] = []

    @property
    def label(self) -> str:
        """Format, destination and partition columns."""
        keys = f" partitioned by {', '.join(self._partition_by)}" if self._partition_by else ""
        return f"{self._format.name} {self._stage.url}{keys}"

    @property
    def resident(self) -> bool:
        """Whether only this process can write there."""
        return self._stage.location.is_of_process

    @property
    def single_writer(self) -> bool:
        """Whether the destination is one file."""
        return self._stage.single

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_writers": []}

    def host_writes(self, encoder: FileEncoder, schema: Schema) -> str | None:
        """Return why the host must write the files; None where a device can."""
        if self._format.stored is None:
            return f"libcudf writes {self._format.name} that is not read back as it was"
        if not self._stage.location.is_local:
            return "libcudf writes files of this machine only"
        return encoder.refusal(self._format.stored, without(schema, self._partition_by))

    def open(self, schema: Schema) -> None:
        """Check schema and destination, and make the temporary directory.

        Raises
        ------
        WriteError
            If the format cannot hold a column, or the destination cannot be written or must not be replaced.
        ColumnNotFound
            If a partition column does not exist.
        """
        for name in self._partition_by:
            dtype = schema[name].dtype
            if not dtype.is_integer and dtype.kind not in _KEY_KINDS:
                raise WriteError(f"cannot partition by {name!r} of type {dtype}; cast it to text, a date or an integer")
        stored = without(schema, self._partition_by)
        if self._partition_by and not stored.fields:
            raise WriteError("partition_by names every column; at least one must remain to be stored")
        self._format.check(stored)
        self._stage.create()
        self._schema = schema

    def writer(self, task: int) -> TaskWriter:
        """Return the writer of one task; a task that is run again gets a new one, and the last to close counts."""
        if self._schema is None:
            raise WriteError(f"{self.label} was not opened")
        writer = TaskWriter(self._stage, self._format, self._schema, self._partition_by, task)
        self._writers.append(writer)
        return writer

    def commit(self) -> tuple[WrittenFile, ...]:
        """Publish what the closed writers made; without any row one empty file carries the schema."""
        files = self._stage.receipts()
        if not files:
            empty = self.writer(0)
            empty.write_nothing()
            empty.close()
            files = self._stage.receipts()
        if self._stage.single and len(files) > 1:
            raise WriteError(f"{self._stage.url!r} is one file but {len(files)} tasks wrote; use one writer")
        return self._stage.publish(files)

    def abort(self) -> None:
        """Remove everything temporary."""
        for writer in self._writers:
            writer.abandon()
        self._writers = []
        self._stage.discard()


class ParquetSink(FileSink):
    """Parquet files.

    Parameters
    ----------
    path, partition_by, storage_options
        As for `FileSink`.
    compression
        ``zstd``, ``snappy``, ``gzip``, ``lz4`` or ``none``.
    row_group_rows
        Rows per row group: the least that readers skip or share out.
    """

    def __init__(
        self,
        path: PathLike,
        *,
        partition_by: Sequence[str] = (),
        compression: str = "zstd",
        row_group_rows: int = 256 * 1024,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        form = ParquetFormat(compression=compression, row_group_rows=row_group_rows)
        super().__init__(path, form, partition_by=partition_by, storage_options=storage_options)


class CsvSink(FileSink):
    """CSV files; a path that ends in ``.gz``, ``.zst``, ``.bz2``, ``.xz`` or ``.lz4`` is compressed."""

    def __init__(
        self,
        path: PathLike,
        *,
        partition_by: Sequence[str] = (),
        delimiter: str = ",",
        header: bool = True,
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        form = CsvFormat(delimiter=delimiter, header=header, compressed=compression_of(os.fspath(path)))
        super().__init__(path, form, partition_by=partition_by, storage_options=storage_options)


class JsonSink(FileSink):
    """JSON lines; a path that ends in ``.gz``, ``.zst``, ``.bz2``, ``.xz`` or ``.lz4`` is compressed."""

    def __init__(
        self,
        path: PathLike,
        *,
        partition_by: Sequence[str] = (),
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        form = JsonFormat(compressed=compression_of(os.fspath(path)))
        super().__init__(path, form, partition_by=partition_by, storage_options=storage_options)


class IpcSink(FileSink):
    """Arrow IPC files; ``compression`` is ``zstd``, ``lz4`` or ``none``."""

    def __init__(
        self,
        path: PathLike,
        *,
        partition_by: Sequence[str] = (),
        compression: str = "none",
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        form = IpcFormat(compression=compression)
        super().__init__(path, form, partition_by=partition_by, storage_options=storage_options)


class OrcSink(FileSink):
    """ORC files; ``compression`` is ``zstd``, ``snappy``, ``zlib``, ``lz4`` or ``none``."""

    def __init__(
        self,
        path: PathLike,
        *,
        partition_by: Sequence[str] = (),
        compression: str = "zstd",
        storage_options: Mapping[str, Any] | None = None,
    ) -> None:
        form = OrcFormat(compression=compression)
        super().__init__(path, form, partition_by=partition_by, storage_options=storage_options)
