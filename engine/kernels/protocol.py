"""The kernel protocol: everything a device must be able to do to a table.

Operators above this line hold `Table` values, which they never open: they know row counts, bytes and schema, and
pass tables from one kernel to the next. Arrow enters through ``from_arrow`` and ``from_batches`` and leaves through
``to_arrow`` only; what a device's own library, or another one, reads in place goes by ``native``, ``share`` and
``matrix``. All kernels are safe to call from several threads at once; `GroupBy` and `TopK` objects belong to one
thread.

Expressions arrive typed and with every implicit cast made explicit (``volley.engine.expr``), and must follow
SEMANTICS: see ``docs/semantics.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ..dtypes import DataType
from ..expr import Expr, NamedExpr, SortKey
from ..plan.functions import GroupFunctions, MatrixFunction, ValueFunction
from ..plan.source import FileEncoder, HeldRows, KeySet, StoredSplit
from ..schema import Schema
from .sharing import Account, DeviceArray, Shared
from .specs import AccumulatorSpec, Computed, GroupSpec, JoinSpec, WindowSpec

ArrowData: TypeAlias = Any
"""A ``pyarrow.RecordBatch`` or ``pyarrow.Table``, passed through unopened."""

PackedTables: TypeAlias = Any
"""Bytes that hold tables, with the buffer protocol, such as a ``memoryview``; of the device that packed them."""


class Table(Protocol):
    """Rows on a device."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        ...

    @property
    def nbytes(self) -> int:
        """Device bytes held by the rows."""
        ...

    @property
    def schema(self) -> Schema:
        """Names and types of the columns."""
        ...


class GroupBy(Protocol):
    """First phase of an aggregation, for one thread."""

    def update(self, *tables: Table) -> None:
        """Add the rows of tables; what all of them need is done once for those that are given together."""
        ...

    @property
    def nbytes(self) -> int:
        """Device bytes held by the state."""
        ...

    def beside(self) -> GroupBy:
        """Return an empty state of the same aggregation, for another thread; what rows are like is known to both."""
        ...

    @property
    def partial_bytes(self) -> int:
        """About how many bytes `partials` will give: there may be room for more than the state has."""
        ...

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        """Take over what another thread's state holds; that one is not used further.

        Parameters
        ----------
        few
            Whether the groups are so few that one thread may merge them; what need not be merged is taken anyway.

        Returns
        -------
        bool
            False, and nothing done, where both are to be drained.
        """
        ...

    def shared(self, parts: int) -> Sequence[GroupBy]:
        """Return states, at most so many, that hold what this one does, for threads to drain at the same time.

        Threads meet with unlike numbers of rows where taking them costs little; this evens the rest of the work out.
        """
        ...

    def partials(self, partitions: int) -> list[list[Table]]:
        """Drain the state: for each hash partition of the keys a list of partial-state tables.

        A key may occur several times within a partition, never in two. ``partitions`` is a power of two; equal keys
        get the same partition in every thread and process.
        """
        ...


@runtime_checkable
class GroupsApart(Protocol):
    """A `GroupBy` that may know that its groups are complete."""

    def apart(self, partitions: int) -> list[list[Table]] | None:
        """Drain the state, which has taken over all others, into as many lists of partial-state tables.

        No key is in two tables of these lists, wherever its hash would have it. None, and nothing done, where that is
        not known.
        """
        ...


class JoinTable(Protocol):
    """A built hash table, shared by threads; probing changes nothing but what it remembers for `remaining`."""

    @property
    def num_rows(self) -> int:
        """Build rows."""
        ...

    @property
    def nbytes(self) -> int:
        """Device bytes held, the build rows included."""
        ...

    @property
    def meets_all(self) -> bool:
        """Whether each probing row is tried with all build rows, so that few rows are enough for one call."""
        ...

    def probe(self, table: Table) -> Table:
        """Return the joined rows for a probing table.

        Raises `TooManyPairs`, with nothing remembered, where a table of several rows has too many for one call.
        """
        ...

    def probe_each(self, tables: Sequence[Table]) -> Sequence[Table]:
        """Return the joined rows for each of several tables; what all of them need may be done at once.

        Raises what `probe` would for one of them; all of them may be probed again then.
        """
        ...

    def remaining(self) -> Table:
        """Return, after all probing, the build rows that ``spec.rest`` names, with nulls as the probe's columns."""
        ...


class TopK(Protocol):
    """Keeps the first ``k`` rows of an order, for one thread."""

    def update(self, *tables: Table) -> None:
        """Offer the rows of tables; what all of them need is done once for those that are given together."""
        ...

    @property
    def nbytes(self) -> int:
        """About the bytes of what is kept."""
        ...

    def settle(self) -> None:
        """Forget what is kept beyond the rows that are wanted."""
        ...

    def beside(self) -> TopK:
        """Return one for another thread, which may make use of what this one finds."""
        ...

    def absorb(self, other: TopK) -> None:
        """Take over what another thread's has kept."""
        ...

    def scan_bound(self, *, alone: bool) -> KeySet | None:
        """Return the values of the first key that may still be among the first rows, whichever thread finds those.

        ``alone`` says that every row which a scan gives will be offered. None where it is not worth it.
        """
        ...

    def result(self) -> Table:
        """Return at most ``k`` rows, sorted."""
        ...


class Device(Protocol):
    """The kernels of one device."""

    @property
    def name(self) -> str:
        """Shown by ``explain``, e.g. ``cpu`` or ``gpu``."""
        ...

    @property
    def batch_rows(self) -> int:
        """Rows that a scan should give at once."""
        ...

    @property
    def account(self) -> Account | None:
        """What has crossed the bus until now; None for a device that computes in the host's memory."""
        ...

    @property
    def refusal(self) -> Callable[[Computed], str | None] | None:
        """Tells why the device leaves a part of what it is asked for to the CPU (None: it does not).

        None where it never does. The device gives the answer all the same, with both transfers.
        """
        ...

    def sparing(self, limit: int) -> AbstractContextManager[None]:
        """Hold little freed memory for later, beside a limit in bytes, while this is open."""
        ...

    def from_arrow(self, data: ArrowData, schema: Schema) -> Table:
        """Take Arrow rows; ``schema`` gives the types they must have on the device."""
        ...

    def from_batches(self, batches: Iterable[ArrowData], schema: Schema) -> Iterator[Table]:
        """Take batches as `from_arrow` takes each; what they have in common may be looked at once."""
        ...

    def chunked(self, held: HeldRows, start: int, rows: int, schema: Schema, nbytes: int) -> Table | None:
        """Take some rows of so many bytes as they are, for a state that takes such; None where they come in batches.

        Of the states of kernels a `GroupBy` and a `TopK` do.
        """
        ...

    def read_stored(self, split: StoredSplit, schema: Schema) -> Iterator[Table] | None:
        """Decode a split's rows, with the columns of ``schema``, from their file; None where the host must."""
        ...

    @property
    def encoder(self) -> FileEncoder | None:
        """Writes files of the device's tables; None where the host always does."""
        ...

    def to_arrow(self, table: Table, *, coded: bool = False) -> ArrowData:
        """Give the rows as a ``pyarrow.Table`` whose types are exactly the schema's.

        If ``coded``, text may come as dictionary codes, and decimals in 64 bits, where the device holds them so.
        """
        ...

    def project(self, table: Table, exprs: Sequence[NamedExpr]) -> Table:
        """Compute one column per expression (none: a table that has only a row count)."""
        ...

    def call(self, table: Table, function: ValueFunction | GroupFunctions) -> Table | None:
        """Return the columns that a user's functions make of a table of their arguments; None where the host must.

        Of a function of values these are all columns, in order; those of groups name their columns of lists.
        """
        ...

    def compute(self, table: Table, function: MatrixFunction) -> Table | None:
        """Return the columns that a library makes of a table in the device's memory; None where the host must."""
        ...

    def filter(self, table: Table, predicate: Expr) -> Table:
        """Keep the rows where the predicate is true, in order."""
        ...

    def settle(self, *tables: Table) -> Sequence[Table]:
        """Return the tables with all their columns made; what all of them need may be done at once.

        A device may leave columns to be made when a later kernel reads them. A table that is kept must not wait: its
        making would fall to one thread, and it would hold on to what it is made of.
        """
        ...

    def slice(self, table: Table, offset: int, length: int) -> Table:
        """Return a run of rows; shares memory where it can."""
        ...

    def concat(self, tables: Sequence[Table], schema: Schema) -> Table:
        """Return the rows of several tables of one schema, in order (none: an empty table)."""
        ...

    def zip(self, left: Table, right: Table) -> Table:
        """Return the columns of two tables of the same number of rows side by side."""
        ...

    def group_by(self, spec: GroupSpec) -> GroupBy:
        """Start the first phase of an aggregation with keys."""
        ...

    def merge_groups(self, partials: Sequence[Table], spec: GroupSpec) -> Table:
        """Second phase: merge the partial states of one partition into one row per group."""
        ...

    def reduce(self, table: Table, accumulators: Sequence[AccumulatorSpec]) -> Table:
        """Aggregate without keys: one row of partial states."""
        ...

    def merge_reduced(self, partials: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> Table:
        """Merge rows of partial states (at least one) into one row."""
        ...

    def build_join(self, tables: Sequence[Table], spec: JoinSpec, *, threads: int = 1) -> JoinTable:
        """Build the hash table of a join from the build side's rows; ``threads`` of the host may share the work."""
        ...

    def sort(self, tables: Sequence[Table], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> Table:
        """Return all rows of the tables in order, ties in input order; ``threads`` of the host may share the work."""
        ...

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> TopK:
        """Start a top-k."""
        ...

    def hash_partition(self, table: Table, keys: Sequence[Expr], partitions: int) -> list[Table]:
        """Split rows by the hash of their keys; equal keys go to one partition on every call and every machine.

        Each partition has its rows in the order of the table.
        """
        ...

    def pack(self, tables: Sequence[Table]) -> PackedTables:
        """Return at least one table of one schema as one run of bytes, to be sent to another process or spilled."""
        ...

    def parcel(self, tables: Sequence[Table]) -> Any:
        """Return at least one table of one schema as memory that it lies in, for a comm that sends from there.

        May be what `pack` returns, where that is no worse.
        """
        ...

    def unpack(self, packed: PackedTables, schema: Schema) -> Sequence[Table]:
        """Return the tables that another process, or this one, has packed; they may share the memory of the bytes.

        Takes what `parcel` has given, as it arrives, as well.
        """
        ...

    def unnest(
        self, table: Table, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
    ) -> Table:
        """Return one row for each value of the lists ``columns``; see ``volley.engine.plan.Unnest``.

        ``schema`` is that of the result. Raises `TooManyPairs` where a table of several rows has too many for one call.
        """
        ...

    def window(self, tables: Sequence[Table], spec: WindowSpec, schema: Schema) -> Table:
        """Return all rows of the tables, which hold whole partitions, in their order with the functions' columns."""
        ...

    def distinct_first(self, tables: Sequence[Table], on: Sequence[str], schema: Schema) -> Table:
        """Keep the first row, in input order, of each set of rows equal in the columns ``on``."""
        ...

    def share(self, table: Table) -> Shared:
        """Give the columns as arrays for other libraries: in place, but for floats with nulls, which become NaN.

        Nothing moves between the host and the device. Raises `TypeMismatch` for a column that no array can hold.
        """
        ...

    def matrix(self, tables: Sequence[Table], names: Sequence[str], dtype: DataType) -> tuple[DeviceArray, Shared]:
        """Write columns of numbers of some tables into one new matrix of floats, shape (rows, columns), column-major.

        Nulls become NaN. Nothing moves between the host and the device; the second value says what was copied.
        """
        ...

    def native(self, table: Table) -> Any:
        """Give the table as the device's library has it, in place: a ``pyarrow.Table`` or a ``pylibcudf.Table``."""
        ...

    def adopt(self, native: Any, schema: Schema) -> Table | None:
        """Take a table of the device's library, in place; None where it is no such table."""
        ...


@runtime_checkable
class SpreadsTogether(Protocol):
    """A device that can spread the rows of many tables by hash so that those of a partition lie side by side."""

    def hash_marks(self, table: Table, keys: Sequence[Expr], partitions: int) -> Any:
        """Return what tells the partition of each row; None where the table is better split by itself."""
        ...

    def spread(
        self,
        tables: Sequence[Table],
        marks: Sequence[Any],
        partitions: int,
        parallel: Callable[[Sequence[Callable[[], Any]]], list[Any]],
    ) -> list[list[Table]]:
        """Return what splitting at least one table by `hash_partition` gives, by partition; in one table, if it can be.

        Rows of equal keys stay in order then, but not all rows of a partition.

        Parameters
        ----------
        marks
            `hash_marks` of each table.
        parallel
            Runs thunks on threads and returns their results in order.
        """
        ...


@runtime_checkable
class ReducesTogether(Protocol):
    """A device for which it is less work to reduce several tables at once."""

    def reduce_each(self, tables: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> Sequence[Table]:
        """Return what `Device.reduce` gives for each table."""
        ...


@runtime_checkable
class AsksTogether(Protocol):
    """A device that is elsewhere, whose refusals are better asked for together."""

    def ask_all(self, parts: Sequence[Computed]) -> Sequence[str | None]:
        """Return why the device leaves parts to the CPU; `refusal` knows them from then on."""
        ...
