"""The CPU device: the kernel protocol over Arrow memory, scalar work in pyarrow.compute, relational work in numba."""

from __future__ import annotations

from collections.abc import Sequence

from ...errors import ExecutionError
from ...expr import Expr, NamedExpr, SortKey
from ...schema import Schema
from ..protocol import AccumulatorSpec, ArrowData, GroupSpec, JoinSpec
from . import aggregate, filter, partition, project, sort, table  # noqa: A004 - the module is named for the operator
from .aggregate import CpuGroupBy
from .join import CpuJoinTable
from .sort import CpuTopK
from .table import CpuTable


class CpuDevice:
    """Kernels of the CPU. Stateless: any number of threads may use one."""

    @property
    def name(self) -> str:
        """Shown by ``explain``."""
        return "cpu"

    def from_arrow(self, data: ArrowData, schema: Schema) -> CpuTable:
        """Take Arrow rows with the given types."""
        return table.from_arrow(data, schema)

    def to_arrow(self, table_: CpuTable) -> ArrowData:
        """Give the rows as a ``pyarrow.Table``."""
        return table.to_arrow(table_)

    def project(self, table_: CpuTable, exprs: Sequence[NamedExpr]) -> CpuTable:
        """Compute one column per expression."""
        return project.project(table_, exprs)

    def filter(self, table_: CpuTable, predicate: Expr) -> CpuTable:
        """Keep the rows where the predicate is true."""
        return filter.filter_rows(table_, predicate)

    def slice(self, table_: CpuTable, offset: int, length: int) -> CpuTable:
        """Return a run of rows, sharing memory."""
        return table.slice_table(table_, offset, length)

    def concat(self, tables: Sequence[CpuTable], schema: Schema) -> CpuTable:
        """Return the rows of several tables in order."""
        return table.concat_tables(tables, schema)

    def zip(self, left: CpuTable, right: CpuTable) -> CpuTable:
        """Return the columns of two tables side by side."""
        if left.num_rows != right.num_rows:
            raise ExecutionError(f"cannot put {left.num_rows} rows beside {right.num_rows}")
        return CpuTable(
            schema=left.schema.extend(right.schema),
            columns=(*left.columns, *right.columns),
            num_rows=left.num_rows,
        )

    def group_by(self, spec: GroupSpec) -> CpuGroupBy:
        """Start the first phase of an aggregation with keys."""
        return CpuGroupBy(spec)

    def merge_groups(self, partials: Sequence[CpuTable], spec: GroupSpec) -> CpuTable:
        """Merge the partial states of one partition."""
        return aggregate.merge_groups(partials, spec)

    def reduce(self, table_: CpuTable, accumulators: Sequence[AccumulatorSpec]) -> CpuTable:
        """Aggregate without keys."""
        return aggregate.reduce_rows(table_, accumulators)

    def merge_reduced(self, partials: Sequence[CpuTable], accumulators: Sequence[AccumulatorSpec]) -> CpuTable:
        """Merge rows of partial states into one row."""
        return aggregate.merge_reduced(partials, accumulators)

    def build_join(self, tables: Sequence[CpuTable], spec: JoinSpec) -> CpuJoinTable:
        """Build the hash table of a join."""
        return CpuJoinTable(tables, spec)

    def sort(self, tables: Sequence[CpuTable], keys: Sequence[SortKey], schema: Schema) -> CpuTable:
        """Return all rows in order."""
        return sort.sort_tables(tables, keys, schema)

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> CpuTopK:
        """Start a top-k."""
        return CpuTopK(keys, k, schema)

    def hash_partition(self, table_: CpuTable, keys: Sequence[Expr], partitions: int) -> list[CpuTable]:
        """Split rows by the hash of their keys."""
        return partition.hash_partition(table_, keys, partitions)

    def distinct_first(self, tables: Sequence[CpuTable], on: Sequence[str], schema: Schema) -> CpuTable:
        """Keep the first row of each set of rows equal in the columns ``on``."""
        return aggregate.distinct_first(tables, on, schema)
