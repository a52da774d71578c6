"""The GPU device: the kernel protocol over device memory, each kernel on its thread's stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NoReturn

from ...errors import ExecutionError, UnsupportedOperation
from ...expr import Expr, NamedExpr, SortKey
from ...schema import Schema
from ..protocol import AccumulatorSpec, ArrowData, GroupSpec, JoinSpec, PackedTables, Table, WindowSpec
from . import memory
from .batch import GpuTable, concat_tables, own
from .filter import filter_rows
from .library import SIMULATED, check_still_chosen
from .memory import in_halves, kernel
from .pack import pack, unpack
from .project import project, refused
from .transfer import from_arrow, to_arrow


class GpuDevice:
    """Kernels of one GPU. Stateless: any number of threads may use one."""

    def __init__(self) -> None:
        check_still_chosen()
        memory.pool()

    @property
    def name(self) -> str:
        """Shown by ``explain``."""
        return "gpu (simulated)" if SIMULATED else "gpu"

    @property
    def batch_rows(self) -> int:
        """Rows that a scan should give at once: enough that starting a kernel costs little beside running it."""
        return 8 * 1024 * 1024

    @property
    def refusal(self) -> Callable[[Expr], str | None]:
        """Tells why a part of an expression is computed by the CPU."""
        return refused

    @kernel
    def from_arrow(self, data: ArrowData, schema: Schema) -> GpuTable:
        """Copy Arrow rows to the device."""
        return from_arrow(data, schema)

    @kernel
    def to_arrow(self, table: Table) -> ArrowData:
        """Copy the rows to the host."""
        return to_arrow(own(table))

    @kernel
    def project(self, table: Table, exprs: Sequence[NamedExpr]) -> GpuTable:
        """Compute one column per expression."""
        schema = Schema(tuple(named.field for named in exprs))
        return in_halves(own(table), lambda part: project(part, exprs), lambda parts: concat_tables(parts, schema))

    @kernel
    def filter(self, table: Table, predicate: Expr) -> GpuTable:
        """Keep the rows where the predicate is true."""
        rows = own(table)
        return in_halves(rows, lambda p: filter_rows(p, predicate), lambda parts: concat_tables(parts, rows.schema))

    def settle(self, table: Table) -> GpuTable:
        """Return the table: its columns are made."""
        return own(table)

    @kernel
    def slice(self, table: Table, offset: int, length: int) -> GpuTable:
        """Return a run of rows, sharing memory."""
        return own(table).part(offset, length)

    @kernel
    def concat(self, tables: Sequence[Table], schema: Schema) -> GpuTable:
        """Return the rows of several tables in order."""
        return concat_tables([own(table) for table in tables], schema)

    @kernel
    def zip(self, left: Table, right: Table) -> GpuTable:
        """Return the columns of two tables side by side."""
        first, second = own(left), own(right)
        if first.num_rows != second.num_rows:
            raise ExecutionError(f"cannot put {first.num_rows} rows beside {second.num_rows}")
        return GpuTable(first.schema.extend(second.schema), (*first.columns, *second.columns), first.num_rows)

    def group_by(self, spec: GroupSpec) -> NoReturn:
        """Start the first phase of an aggregation with keys."""
        raise _missing("group_by")

    def merge_groups(self, partials: Sequence[Table], spec: GroupSpec) -> NoReturn:
        """Merge the partial states of one partition."""
        raise _missing("merge_groups")

    def reduce(self, table: Table, accumulators: Sequence[AccumulatorSpec]) -> NoReturn:
        """Aggregate without keys."""
        raise _missing("reduce")

    def merge_reduced(self, partials: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> NoReturn:
        """Merge rows of partial states into one row."""
        raise _missing("merge_reduced")

    def build_join(self, tables: Sequence[Table], spec: JoinSpec, *, threads: int = 1) -> NoReturn:
        """Build the hash table of a join."""
        raise _missing("build_join")

    def sort(self, tables: Sequence[Table], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> NoReturn:
        """Return all rows in order."""
        raise _missing("sort")

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> NoReturn:
        """Start a top-k."""
        raise _missing("top_k")

    def hash_partition(self, table: Table, keys: Sequence[Expr], partitions: int) -> NoReturn:
        """Split rows by the hash of their keys."""
        raise _missing("hash_partition")

    @kernel
    def pack(self, tables: Sequence[Table]) -> PackedTables:
        """Return tables as bytes."""
        return memoryview(pack([own(table) for table in tables]))

    @kernel
    def unpack(self, packed: PackedTables, schema: Schema) -> Sequence[Table]:
        """Return the tables that bytes hold."""
        return [*unpack(packed, schema)]

    def unnest(
        self, table: Table, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
    ) -> NoReturn:
        """Return one row for each value of some lists."""
        raise _missing("unnest")

    def window(self, tables: Sequence[Table], spec: WindowSpec, schema: Schema) -> NoReturn:
        """Add the columns of window functions."""
        raise _missing("window")

    def distinct_first(self, tables: Sequence[Table], on: Sequence[str], schema: Schema) -> NoReturn:
        """Keep the first row of each set of rows equal in the columns ``on``."""
        raise _missing("distinct_first")


def _missing(kernel_name: str) -> UnsupportedOperation:
    return UnsupportedOperation(f"the gpu device has no {kernel_name} yet; use device='cpu'")
