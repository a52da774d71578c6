"""The CPU device: the kernel protocol over Arrow memory, scalar work in pyarrow.compute, relational work in numba."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ...dtypes import DataType
from ...errors import ExecutionError
from ...expr import Expr, NamedExpr, SortKey
from ...plan.functions import GroupFunctions, MatrixFunction, ValueFunction
from ...plan.source import HeldRows, StoredSplit
from ...schema import Schema
from ..protocol import ArrowData, GroupBy, PackedTables, Table
from ..sharing import DeviceArray, Shared
from ..specs import AccumulatorSpec, GroupSpec, JoinSpec, WindowSpec
from .adopting import as_held, from_arrow, from_batches, to_arrow
from .aggregate import distinct_first, merge_groups
from .chunked import ChunkedTable, chunked
from .filter import filter_rows
from .join import CpuJoinTable
from .native.reuse import keeping
from .ordered import group_by
from .pack import pack, unpack
from .parcel import Parcel, open_parcel, parcel
from .partition import hash_marks, hash_partition, spread
from .project import project
from .reducing import merge_reduced, reduce_each
from .sharing import matrix, share
from .sort import sort_tables
from .table import CpuTable, concat_tables, own, settle, slice_table
from .topk import CpuTopK
from .unnest import unnest
from .window import window_rows


class CpuDevice:
    """Kernels of the CPU. Stateless: any number of threads may use one."""

    @property
    def name(self) -> str:
        """Shown by ``explain``."""
        return "cpu"

    @property
    def batch_rows(self) -> int:
        """Rows that a scan should give at once."""
        return 128 * 1024

    @property
    def account(self) -> None:
        """There is no bus."""
        return None

    @property
    def refusal(self) -> None:
        """The CPU computes everything."""
        return None

    def sparing(self, limit: int) -> AbstractContextManager[None]:
        """Keep at most an eighth of a limit in freed memory."""
        return keeping(limit // 8)

    def from_arrow(self, data: ArrowData, schema: Schema) -> CpuTable:
        """Take Arrow rows with the given types."""
        return from_arrow(data, schema)

    def from_batches(self, batches: Iterable[ArrowData], schema: Schema) -> Iterator[CpuTable]:
        """Take Arrow batches with the given types."""
        return from_batches(batches, schema)

    def chunked(self, held: HeldRows, start: int, rows: int, schema: Schema, nbytes: int) -> ChunkedTable | None:
        """Take rows in memory as they are, in chunks of the size of a batch."""
        return chunked(held, start, rows, schema, most_rows=self.batch_rows, nbytes=nbytes)

    def read_stored(self, split: StoredSplit, schema: Schema) -> None:
        """Leave it to the source, which has the decoder of this processor."""

    @property
    def encoder(self) -> None:
        """Sinks write on this processor."""
        return None

    def to_arrow(self, table: Table, *, coded: bool = False) -> ArrowData:
        """Give the rows as a ``pyarrow.Table``."""
        return as_held(own(table)) if coded else to_arrow(own(table))

    def project(self, table: Table, exprs: Sequence[NamedExpr]) -> CpuTable:
        """Compute one column per expression."""
        return project(own(table), exprs)

    def call(self, table: Table, function: ValueFunction | GroupFunctions) -> None:
        """Leave it to the function, which calls itself with the memory of the table, compiled where it can be."""

    def compute(self, table: Table, function: MatrixFunction) -> None:
        """Leave it to the function, which reads the memory of the table."""

    def filter(self, table: Table, predicate: Expr) -> CpuTable:
        """Keep the rows where the predicate is true."""
        return filter_rows(own(table), predicate)

    def settle(self, *tables: Table) -> list[CpuTable]:
        """Make the columns that wait to be asked for."""
        return settle([own(table) for table in tables])

    def slice(self, table: Table, offset: int, length: int) -> CpuTable:
        """Return a run of rows, sharing memory."""
        return slice_table(own(table), offset, length)

    def concat(self, tables: Sequence[Table], schema: Schema) -> CpuTable:
        """Return the rows of several tables in order."""
        return concat_tables([own(table) for table in tables], schema)

    def zip(self, left: Table, right: Table) -> CpuTable:
        """Return the columns of two tables side by side."""
        first, second = own(left), own(right)
        if first.num_rows != second.num_rows:
            raise ExecutionError(f"cannot put {first.num_rows} rows beside {second.num_rows}")
        return CpuTable(
            schema=first.schema.extend(second.schema),
            columns=(*first.columns, *second.columns),
            num_rows=first.num_rows,
        )

    def group_by(self, spec: GroupSpec) -> GroupBy:
        """Start the first phase of an aggregation with keys."""
        return group_by(spec)

    def merge_groups(self, partials: Sequence[Table], spec: GroupSpec) -> CpuTable:
        """Merge the partial states of one partition."""
        return merge_groups([own(table) for table in partials], spec)

    def reduce(self, table: Table, accumulators: Sequence[AccumulatorSpec]) -> CpuTable:
        """Aggregate without keys."""
        return self.reduce_each([table], accumulators)[0]

    def reduce_each(self, tables: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> list[CpuTable]:
        """Aggregate each table without keys: one row of partial states."""
        return reduce_each([own(table) for table in tables], accumulators)

    def merge_reduced(self, partials: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> CpuTable:
        """Merge rows of partial states into one row."""
        return merge_reduced([own(table) for table in partials], accumulators)

    def build_join(self, tables: Sequence[Table], spec: JoinSpec, *, threads: int = 1) -> CpuJoinTable:
        """Build the hash table of a join."""
        return CpuJoinTable([own(table) for table in tables], spec, threads=threads)

    def sort(self, tables: Sequence[Table], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> CpuTable:
        """Return all rows in order."""
        return sort_tables([own(table) for table in tables], keys, schema, threads=threads)

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> CpuTopK:
        """Start a top-k."""
        return CpuTopK(keys, k, schema)

    def hash_partition(self, table: Table, keys: Sequence[Expr], partitions: int) -> list[Table]:
        """Split rows by the hash of their keys."""
        return [*hash_partition(own(table), keys, partitions)]

    def hash_marks(self, table: Table, keys: Sequence[Expr], partitions: int) -> Any:
        """Return what tells the partition of each row; None where the table is better split by itself."""
        return hash_marks(own(table), keys, partitions)

    def spread(
        self,
        tables: Sequence[Table],
        marks: Sequence[Any],
        partitions: int,
        parallel: Callable[[Sequence[Callable[[], Any]]], list[Any]],
    ) -> list[list[Table]]:
        """Return the rows of tables by partition, in order, as one table each if it can be."""
        return [[*parts] for parts in spread([own(table) for table in tables], marks, partitions, parallel)]

    def pack(self, tables: Sequence[Table]) -> memoryview:
        """Return tables as bytes."""
        return memoryview(pack([own(table) for table in tables]))

    def parcel(self, tables: Sequence[Table]) -> Parcel | memoryview:
        """Return tables as the buffers of their columns, where these are large and not nested."""
        return parcel([own(table) for table in tables])

    def unpack(self, packed: PackedTables, schema: Schema) -> list[Table]:
        """Return the tables that bytes, or a parcel, hold."""
        return [*(open_parcel(packed, schema) if isinstance(packed, Parcel) else unpack(packed, schema))]

    def unnest(
        self, table: Table, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
    ) -> CpuTable:
        """Return one row for each value of some lists."""
        return unnest(own(table), columns, schema, keeps_empty=keeps_empty, ordinality=ordinality)

    def window(self, tables: Sequence[Table], spec: WindowSpec, schema: Schema) -> CpuTable:
        """Add the columns of window functions."""
        return window_rows([own(table) for table in tables], spec, schema)

    def distinct_first(self, tables: Sequence[Table], on: Sequence[str], schema: Schema) -> CpuTable:
        """Keep the first row of each set of rows equal in the columns ``on``."""
        return distinct_first([own(table) for table in tables], on, schema)

    def share(self, table: Table) -> Shared:
        """Give the columns as numpy arrays."""
        return share(own(table))

    def matrix(self, tables: Sequence[Table], names: Sequence[str], dtype: DataType) -> tuple[DeviceArray, Shared]:
        """Write columns of numbers into one column-major matrix."""
        return matrix([own(table) for table in tables], names, dtype)

    def native(self, table: Table) -> ArrowData:
        """Give the rows as a ``pyarrow.Table``."""
        return to_arrow(own(table))

    def adopt(self, native: Any, schema: Schema) -> None:
        """Tables of the host come as Arrow batches."""
