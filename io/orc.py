"""ORC in: stripes as splits, read by pyarrow. Timestamps have nanoseconds, as ORC stores them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.orc as paorc

from ..engine.arrow import empty_batch, from_arrow_schema
from ..engine.errors import PlanError, ReadError
from ..engine.plan import ScanPlan, ScanRequest, Statistics
from ..engine.plan.source import OrcRows
from ..engine.schema import Schema
from .conform import in_slices
from .filesystem import FileInfo, FileSet, Location, PathLike, reason
from .finding import resolve
from .tables import FileSource, FileTable

SUFFIXES = (".orc",)
_SPLIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    """What is known of a file: its columns, its number of stripes and of rows."""

    schema: Schema
    stripes: int
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrcSplit:
    """Consecutive stripes of one file.

    Attributes
    ----------
    stored
        Columns of the schema that the file has.
    whole
        Whether to read all columns: names with dots stand for fields of structs elsewhere.
    """

    location: Location
    file: FileInfo
    schema: Schema
    keys: Mapping[str, Any]
    stored: tuple[str, ...]
    whole: bool
    stripes: tuple[int, ...]
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
        """File and stripes."""
        return f"{self.location.url(self.file.path)}[stripes {self.stripes[0]}-{self.stripes[-1]}]"

    @property
    def rows(self) -> None:
        """Unknown until read: pyarrow tells the rows of files only."""
        return

    def as_stored(self) -> OrcRows | None:
        """Return where the rows lie, where the file is a local one and has each column in the type asked for."""
        if not self.location.is_local or self.keys or self.whole or len(self.stored) != len(self.schema):
            return None
        with closing(self.location.open_unchanged(self.file)) as handle:
            kept = from_arrow_schema(paorc.ORCFile(handle).schema)
        if any(kept[f.name].dtype != f.dtype for f in self.schema):
            return None
        return OrcRows(path=self.file.path, stripes=self.stripes, stripe_bytes=self.bytes // len(self.stripes))

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield record batches, in order.

        Raises
        ------
        ReadError
            If the file has been replaced since the query was planned, or is damaged.
        """
        url = self.location.url(self.file.path)
        try:
            with closing(self.location.open_unchanged(self.file)) as handle:
                file = paorc.ORCFile(handle)
                stripes = (self._stripe(file, stripe) for stripe in self.stripes)
                yield from in_slices(stripes, self.batch_rows, self.schema, self.keys, url)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(url, error) from error

    def _stripe(self, file: paorc.ORCFile, stripe: int) -> pa.RecordBatch:
        if self.whole:
            return file.read_stripe(stripe)
        if self.stored:
            return file.read_stripe(stripe, columns=list(self.stored))
        # an empty list of columns gives no rows either
        return empty_batch(file.read_stripe(stripe, columns=file.schema.names[:1]).num_rows)


class OrcSource(FileSource):
    """One table in ORC files; columns are matched by name.

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

    form = "orc"

    def __init__(
        self, paths: PathLike | Iterable[PathLike], *, storage_options: Mapping[str, Any] | None = None
    ) -> None:
        self._files: FileSet = resolve(paths, suffixes=SUFFIXES, storage_options=storage_options)
        self._shapes = tuple(_shape(self._files.location, file) for file in self._files.files)
        self._table = FileTable.of(self._files, [shape.schema for shape in self._shapes])

    def statistics(self) -> Statistics:
        """Return rows and stored bytes."""
        rows = sum(shape.rows for shape in self._shapes)
        return Statistics(rows=rows, bytes=sum(file.size for file in self._files.files))

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return splits of about 16 MB; nothing of the predicate is applied."""
        schema = self.schema.select(request.columns)
        files = range(len(self._shapes))
        splits = tuple(split for position in files for split in self._splits(position, schema, request))
        return ScanPlan(splits=splits, residual=request.predicate)

    def _splits(self, position: int, schema: Schema, request: ScanRequest) -> Iterator[OrcSplit]:
        file, shape = self._files.files[position], self._shapes[position]
        keys = self._table.keys_within(position, schema)
        stored = tuple(f.name for f in schema if f.name in shape.schema and f.name not in keys)
        for stripes in _runs(shape, file.size, request.task_rows):
            yield OrcSplit(
                location=self._files.location,
                file=file,
                schema=schema,
                keys=keys,
                stored=stored,
                whole=bool(stored) and any("." in name for name in shape.schema.names),
                stripes=stripes,
                bytes=file.size * len(stripes) // shape.stripes,
                batch_rows=request.batch_rows,
            )


def _runs(shape: _Shape, size: int, task_rows: int) -> list[tuple[int, ...]]:
    """Return the numbers of a file's stripes in runs of about a split's bytes; all are taken to be of one size."""
    stripes = shape.stripes
    if not stripes:
        return []
    step = max(1, _SPLIT_BYTES * stripes // max(1, size))
    step = max(step, task_rows * stripes // max(1, shape.rows))
    return [tuple(range(start, min(start + step, stripes))) for start in range(0, stripes, step)]


def _shape(location: Location, file: FileInfo) -> _Shape:
    url = location.url(file.path)
    if file.size == 0:
        raise ReadError(f"{url!r} is empty (0 bytes), not an ORC file; write it again")
    try:
        with closing(location.open(file.path)) as handle:
            found = paorc.ORCFile(handle)
            schema = from_arrow_schema(found.schema)
            return _Shape(schema=schema, stripes=found.nstripes, rows=found.nrows)
    except (pa.ArrowException, OSError) as error:
        raise ReadError(
            f"{url!r} is not an ORC file, or is cut short ({reason(error)}); copy or write it again, or name its format"
        ) from error
    except PlanError as error:
        raise type(error)(f"{url!r}: {error}") from error


def _unreadable(url: str, error: Exception) -> ReadError:
    if "out of range for nanosecond" in str(error):
        return ReadError(f"{url!r} holds a time that nanoseconds in 64 bits do not reach: {reason(error)}")
    return ReadError(f"{url!r} is damaged: {reason(error)}; copy or write it again")
