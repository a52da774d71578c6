"""Where rows come from and go to, as the plan sees it: protocols that the IO room fills.

A source is asked, not read: it gets the columns, the predicate and the limit that the plan can use, and answers with
splits and with the conjuncts that it has *not* applied exactly, which the plan then keeps. Batches cross this boundary
as Arrow record batches, which the engine hands to a device without looking inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from typing import Any, Protocol, TypeAlias, TypeGuard, TypeVar, runtime_checkable

from ..expr import Expr, Path
from ..records import dataclass
from ..schema import Schema
from .statistics import Statistics

ArrowBatch: TypeAlias = Any
"""A ``pyarrow.RecordBatch``; opaque here, so that plans need no Arrow library."""


_MANY_ROWS = 1024 * 1024
"""Batches of more rows are asked for by a device that runs one kernel at a time, whatever the cores of its host."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanRequest:
    """What a plan asks of a source.

    Attributes
    ----------
    columns
        Columns to return, in this order; may be empty (only row counts matter).
    predicate
        Boolean expression over the source's columns that the plan filters by; the source may use it to skip.
    fields
        Of columns of structs that are not read as a whole, the fields that are; others may be given as null.
    only_tested
        Those of ``columns`` that nothing but the predicate reads: a source that applies it may leave them out.
    limit
        At most this many rows are needed (of any that satisfy the predicate), or None.
    batch_rows
        Preferred rows per batch.
    """

    columns: tuple[str, ...]
    predicate: Expr | None = None
    fields: tuple[Path, ...] = ()
    only_tested: frozenset[str] = frozenset()
    limit: int | None = None
    batch_rows: int = 128 * 1024

    @property
    def task_rows(self) -> int:
        """Rows that a split should have at least, if there are so many; 0 where cores share them."""
        return self.batch_rows if self.batch_rows > _MANY_ROWS else 0


class KeySet(Protocol):
    """Values that are of use to an operator above, as those that a join key has on the side that was built are.

    Opaque but for asking whether some may be among them.
    """

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...

    @property
    def is_useful(self) -> bool:
        """Whether it has left out enough of the rows tested so far to be worth its while."""
        ...

    @property
    def learns(self) -> bool:
        """Whether it takes account of the values that it selects from, which must have passed every other test."""
        ...

    def may_hold(self, minimum: Any, maximum: Any) -> bool:
        """Return whether any value may be within two inclusive bounds, as ordinals (None: unbounded)."""
        ...

    def select(self, values: Any) -> Any:
        """Return the positions in a ``pyarrow.Array`` of the values that may be among them, ascending."""
        ...


@dataclass(frozen=True, slots=True)
class KeyFilter:
    """Only rows whose ``column`` may be among ``keys`` are needed; others may be given all the same."""

    column: str
    keys: KeySet


class Split(Protocol):
    """One independently readable piece of a source; pickles small.

    A split that only the process which made it can read has an attribute ``resident`` that is true, and one
    ``carries_rows`` if it is pickled with its rows all the same. One whose rows are
    in a device's memory has a method ``native`` that gives them as that device's library has them. One that asks a
    server for its rows has an attribute ``is_remote`` that is true.
    """

    @property
    def label(self) -> str:
        """Where the rows are, for progress and errors, e.g. ``flights.parquet[row groups 0-3]``."""
        ...

    @property
    def rows(self) -> int | None:
        """Number of rows before any filter, where known."""
        ...

    @property
    def bytes(self) -> int | None:
        """Stored bytes to read, where known."""
        ...

    def read(self) -> Iterator[ArrowBatch]:
        """Yield record batches with the requested columns, in the source's order; none of them empty."""
        ...


@runtime_checkable
class NarrowableSplit(Split, Protocol):
    """A split that can make use of what becomes known after planning, but before it is read."""

    def narrowed(self, filters: Sequence[KeyFilter]) -> NarrowableSplit | None:
        """Return the split without rows that filters leave out, as far as it can tell; None where none is left."""
        ...

    def bounds(self, column: str) -> tuple[Any, Any]:
        """Return inclusive bounds of a column's values, as ordinals; None where unknown."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class HeldRows:
    """Rows in memory that are read time and again.

    Attributes
    ----------
    table
        A ``pyarrow.Table``.
    known
        What devices have found out of it; keys begin with a device's name.
    """

    table: Any
    known: dict[tuple[Any, ...], Any] = field(default_factory=dict, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        # Where rows lie is another place elsewhere.
        return (HeldRows, (self.table,))


@runtime_checkable
class HeldSplit(Split, Protocol):
    """A split whose rows lie in memory, in chunks of any size, just as they are asked for."""

    @property
    def held(self) -> HeldRows:
        """The rows, among others, and columns that are not asked for."""
        ...

    @property
    def offset(self) -> int:
        """Where the split's own begin there."""
        ...


@runtime_checkable
class PlacedSplit(Split, Protocol):
    """A split that knows where its rows stand in what holds them."""

    def origin(self) -> tuple[str, int] | None:
        """Return the file and the number there, from 0, of the first row; None where rows are left out before it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetRows:
    """Rows of a split as they lie in a local Parquet file, for devices that decode them themselves.

    Attributes
    ----------
    path
        Of the file, which has not changed since it was planned.
    row_groups, group_rows, group_bytes
        Which ones, how many rows each has, and the stored bytes of the columns asked for.
    tested
        Columns beside those asked for that only ``conditions`` read.
    conditions
        Only rows for which each is true are asked for.
    """

    path: str
    row_groups: tuple[int, ...]
    group_rows: tuple[int, ...]
    group_bytes: tuple[int, ...]
    tested: Schema
    conditions: tuple[Expr, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrcRows:
    """Rows of a split as they lie in a local ORC file; see `ParquetRows`.

    Attributes
    ----------
    stripe_bytes
        Stored bytes of a stripe, of all of its columns.
    """

    path: str
    stripes: tuple[int, ...]
    stripe_bytes: int


@runtime_checkable
class StoredSplit(Split, Protocol):
    """A split of rows that may lie in a file just as they are asked for."""

    def as_stored(self) -> ParquetRows | OrcRows | None:
        """Return where the rows lie; None where they need more than decoding.

        Raises
        ------
        ReadError
            If the file has been replaced since the query was planned.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPlan:
    """A source's answer: its splits in order and the part of the predicate still to be applied (None: all applied).

    Attributes
    ----------
    columns
        What the batches hold, where that is less than was asked for: without columns that only the applied part reads.
    applied
        The part that the splits test row by row, for ``explain``.
    skipped
        What was pruned, for ``explain`` and metrics, e.g. ``"12 of 40 row groups"``.
    remark
        What else a user should know of how the source is read, for ``explain``.
    """

    splits: tuple[Split, ...]
    residual: Expr | None = None
    columns: tuple[str, ...] | None = None
    applied: Expr | None = None
    skipped: str = ""
    remark: str = ""


P = TypeVar("P")
_offered: dict[tuple[type, Any], bool] = {}


def offers(value: object, protocol: Callable[..., P]) -> TypeGuard[P]:
    """Return whether a value has all that a protocol asks: slow to find out, and the same for a class."""
    kinds: tuple[type, Any] = type(value), protocol
    if kinds not in _offered:
        _offered[kinds] = isinstance(value, kinds[1])
    return _offered[kinds]


class Source(Protocol):
    """A table that can be scanned."""

    @property
    def schema(self) -> Schema:
        """Names and types of all columns."""
        ...

    @property
    def label(self) -> str:
        """Short description for ``explain``, e.g. ``parquet flights/*.parquet (12 files)``."""
        ...

    def statistics(self) -> Statistics:
        """Return what is known of rows and columns without reading data."""
        ...

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return the splits that answer a request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenFile:
    """One file that a sink has made: its final path, rows and bytes."""

    path: str
    rows: int
    bytes: int


class SinkWriter(Protocol):
    """Writes the batches of one task, in order; used by one thread at a time."""

    def write(self, batch: ArrowBatch) -> None:
        """Append one record batch."""
        ...

    def close(self) -> None:
        """Finish this writer's temporary files; nothing is visible yet."""
        ...

    def abandon(self) -> None:
        """Let go of what is open; it counts for nothing."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of a writer's work that any thread may do, at the same time as others; ``nbytes`` are held until then."""

    run: Callable[[], None]
    nbytes: int


@runtime_checkable
class DividedWriter(SinkWriter, Protocol):
    """A writer whose work can be shared among threads. Text may come as dictionary codes, decimals in 64 bits."""

    def divide(self, batch: ArrowBatch) -> Sequence[Piece]:
        """Append one record batch; return what is to be done before `close`."""
        ...

    def last(self) -> Sequence[Piece]:
        """Say that all batches have come, and return what is left to be done before `close`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredForm:
    """How files are stored that a device may write for itself.

    Attributes
    ----------
    name
        ``parquet`` or ``orc``.
    group_rows
        Rows of a row group, where the format's options say.
    """

    name: str
    compression: str
    group_rows: int | None = None


class EncodedFile(Protocol):
    """A file that a device writes; used by one thread at a time."""

    def write(self, table: Any) -> None:
        """Append the rows of a table."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class FileEncoder(Protocol):
    """Writes files of tables on a device, which sinks cannot open."""

    def refusal(self, form: StoredForm, schema: Schema) -> str | None:
        """Return why the host must write files of some columns; None where the device can."""
        ...

    def open(self, path: str, form: StoredForm, schema: Schema) -> EncodedFile:
        """Start a local file of some columns."""
        ...

    def parts(self, table: Any, keys: Sequence[str]) -> Iterator[tuple[tuple[Any, ...], Any, int]]:
        """Yield for each combination of values of some columns these, the other columns' rows, and their number."""
        ...


@runtime_checkable
class HostSplit(Split, Protocol):
    """A split of files that no device reads for itself."""

    @property
    def host_reads(self) -> str:
        """Why the host must read it."""
        ...


@runtime_checkable
class TableWriter(SinkWriter, Protocol):
    """A writer that may have a device write its files."""

    def take(self, table: Any, encoder: FileEncoder) -> bool:
        """Append a table of a device; return False where its rows must be given as Arrow batches, here always."""
        ...


@runtime_checkable
class StoringSink(Protocol):
    """A sink that knows whether a device may write its files."""

    def host_writes(self, encoder: FileEncoder, schema: Schema) -> str | None:
        """Return why the host must write its files; None where the device can."""
        ...


class Sink(Protocol):
    """A destination that appears whole or not at all."""

    @property
    def label(self) -> str:
        """Short description for ``explain``, e.g. ``parquet out/ partitioned by year``."""
        ...

    @property
    def resident(self) -> bool:
        """Whether only the process that made it can write there."""
        ...

    @property
    def single_writer(self) -> bool:
        """Whether every row must pass through one writer, in order (one file), rather than one per task."""
        ...

    def open(self, schema: Schema) -> None:
        """Check the destination and prepare a temporary place."""
        ...

    def writer(self, task: int) -> SinkWriter:
        """Return the writer of one task (0-based)."""
        ...

    def commit(self) -> tuple[WrittenFile, ...]:
        """Publish what the closed writers made, in one step as far as the file system allows."""
        ...

    def abort(self) -> None:
        """Remove everything temporary; what was at the destination before stays."""
        ...
