"""Arrow IPC in: files (Feather) through a memory map, so that uncompressed columns are read in place; and streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from ..engine.arrow import empty_batch, from_arrow_schema
from ..engine.errors import PlanError, ReadError
from ..engine.plan import ScanPlan, ScanRequest
from ..engine.schema import Schema
from .conform import in_slices
from .filesystem import FileInfo, FileSet, Location, PathLike, check_unchanged, reason, unreadable
from .finding import resolve
from .tables import FileSource, FileTable

SUFFIXES = (".arrow", ".feather", ".ipc", ".arrows")
_MAGIC = b"ARROW1"
_BATCHES_PER_SPLIT = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What is known of a file: its columns, and its number of batches unless it is a stream."""

    names: tuple[str, ...]
    schema: Schema
    batches: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IpcSplit:
    """Consecutive record batches of one file, or a whole stream.

    Attributes
    ----------
    fields
        Positions in the file of the columns to read.
    batches
        Numbers of the record batches; None for a stream.
    """

    location: Location
    file: FileInfo
    schema: Schema
    keys: Mapping[str, Any]
    fields: tuple[int, ...]
    batches: tuple[int, ...] | None
    bytes: int
    batch_rows: int

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
        """File and batches."""
        url = self.location.url(self.file.path)
        return url if self.batches is None else f"{url}[batches {self.batches[0]}-{self.batches[-1]}]"

    @property
    def rows(self) -> None:
        """Unknown until read."""
        return

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield record batches, in order; long ones in slices.

        Raises
        ------
        ReadError
            If the file has been replaced since the query was planned, or is damaged.
        """
        url = self.location.url(self.file.path)
        try:
            yield from in_slices(self._batches(), self.batch_rows, self.schema, self.keys, url)
        except (pa.ArrowException, OSError) as error:
            raise ReadError(f"{url!r} is damaged: {reason(error)}; copy or write it again") from error

    def _batches(self) -> Iterator[pa.RecordBatch]:
        # an empty list of fields would mean all of them
        options = pa.ipc.IpcReadOptions(included_fields=list(self.fields) or [0])
        with ExitStack() as stack:
            handle = stack.enter_context(closing(_open(self.location, self.file)))
            if self.batches is None:
                stream = stack.enter_context(pa.ipc.open_stream(handle, options=options))
                yield from (self._narrow(batch) for batch in stream)
            else:
                reader = stack.enter_context(pa.ipc.open_file(handle, options=options))
                yield from (self._narrow(reader.get_batch(i)) for i in self.batches)

    def _narrow(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch if self.fields else empty_batch(batch.num_rows)


class IpcSource(FileSource):
    """One table in Arrow IPC files or streams; columns are matched by name.

    Parameters
    ----------
    paths
        Path, list of paths, glob, directory or URL.
    storage_options
        Passed to fsspec for URLs.

    Raises
    ------
    ReadError
        If a file is missing or broken.
    TypeMismatch
        If no type holds a column's values of two files.
    """

    form = "ipc"

    def __init__(
        self, paths: PathLike | Iterable[PathLike], *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        self._files: FileSet = resolve(paths, suffixes=SUFFIXES, storage_options=storage_options)
        self._shapes = tuple(_shape(self._files.location, file) for file in self._files.files)
        self._table = FileTable.of(self._files, [shape.schema for shape in self._shapes])

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of some record batches each; nothing of the predicate is applied."""
        schema = self.schema.select(request.columns)
        splits = []
        for position, (file, shape) in enumerate(zip(self._files.files, self._shapes, strict=True)):
            keys = self._table.keys_within(position, schema)
            fields = tuple(i for i, name in enumerate(shape.names) if name in schema and name not in keys)
            for batches in _runs(shape.batches):
                share = 1.0 if batches is None or not shape.batches else len(batches) / shape.batches
                splits.append(
                    IpcSplit(
                        location=self._files.location,
                        file=file,
                        schema=schema,
                        keys=keys,
                        fields=fields,
                        batches=batches,
                        bytes=int(file.size * share),
                        batch_rows=request.batch_rows,
                    )
                )
        return ScanPlan(splits=tuple(splits), residual=request.predicate)


def _runs(batches: int | None) -> list[tuple[int, ...] | None]:
    if batches is None:
        return [None]
    return [
        tuple(range(start, min(start + _BATCHES_PER_SPLIT, batches))) for start in range(0, batches, _BATCHES_PER_SPLIT)
    ]


def _open(location: Location, file: FileInfo) -> Any:
    if not location.is_local:
        return location.open_unchanged(file)
    check_unchanged(location, file)
    try:
        return pa.memory_map(file.path)
    except OSError as error:
        raise unreadable(file.path, error) from error


def _shape(location: Location, file: FileInfo) -> _Shape:
    url = location.url(file.path)
    if file.size == 0:
        raise ReadError(f"{url!r} is empty (0 bytes), not an Arrow IPC file; write it again")
    try:
        with ExitStack() as stack:
            handle = stack.enter_context(closing(location.open(file.path)))
            is_file = _begins_as_file(location, file)
            reader = stack.enter_context((pa.ipc.open_file if is_file else pa.ipc.open_stream)(handle))
            schema = from_arrow_schema(reader.schema)
            batches = reader.num_record_batches if is_file else None
            return _Shape(names=tuple(reader.schema.names), schema=schema, batches=batches)
    except (pa.ArrowException, OSError) as error:
        what = "is cut short or damaged" if _begins_as_file(location, file) else "is not an Arrow IPC file or stream"
        raise ReadError(f"{url!r} {what} ({reason(error)}); copy or write it again, or name its format") from error
    except PlanError as error:
        raise type(error)(f"{url!r}: {error}") from error


def _begins_as_file(location: Location, file: FileInfo) -> bool:
    with closing(location.open(file.path)) as handle:
        return bool(handle.read(len(_MAGIC)) == _MAGIC)
