"""The GPU device: the kernel protocol over device memory, each kernel on its thread's stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ...dtypes import DataType
from ...errors import DeviceUnavailable, ExecutionError, TooManyPairs
from ...expr import Expr, NamedExpr, SortKey
from ...plan import WindowCall
from ...plan.functions import GroupFunctions, MatrixFunction, ValueFunction
from ...plan.source import HeldRows, OrcRows, StoredSplit
from ...schema import Schema
from ..protocol import ArrowData, GroupBy, PackedTables, Table
from ..sharing import Account, DeviceArray, Shared
from ..specs import AccumulatorSpec, Called, Computed, GroupSpec, JoinSpec, Key, WindowSpec
from . import accumulate, memory, sharing, window
from .aggregate import distinct_first, group_by, merge_groups, merge_reduced, reduce_rows
from .batch import GpuTable, concat_tables, own
from .calls import call_refusal, called
from .encode import GpuEncoder
from .filter import filter_rows
from .groupcalls import called_for_groups, groups_refusal
from .join import GpuJoinTable
from .keys import refusal as key_refusal
from .library import SIMULATED, check_still_chosen
from .matrices import computed, matrix_refusal
from .memory import kernel
from .pack import Parcel, pack, parcel, unpack
from .partition import hash_partition
from .project import project, refused
from .scan import read_orc, read_parquet
from .sort import sort_tables
from .topk import GpuTopK
from .transfer import from_arrow, to_arrow
from .unnest import unnest


class GpuDevice:
    """Kernels of one GPU. Stateless: any number of threads may use one."""

    def __init__(self) -> None:
        check_still_chosen()
        try:
            memory.pool()
        except (RuntimeError, MemoryError) as error:  # the libraries load without a driver, too
            raise DeviceUnavailable(f"the GPU cannot be used: {error} (volley doctor says what is missing)") from error

    @property
    def name(self) -> str:
        """Shown by ``explain``."""
        return "gpu (simulated)" if SIMULATED else "gpu"

    @property
    def batch_rows(self) -> int:
        """Rows that a scan should give at once: enough that starting a kernel costs little beside running it."""
        return 8 * 1024 * 1024

    @property
    def account(self) -> Account:
        """What has crossed the bus until now."""
        return memory.account()

    @property
    def refusal(self) -> Callable[[Computed], str | None]:
        """Tells why a part of what is asked for is computed by the CPU."""
        return _refusal

    def sparing(self, limit: int) -> AbstractContextManager[None]:
        """Change nothing: what is freed is in the device's pool, and limits are the host's."""
        return nullcontext()

    @kernel
    def from_arrow(self, data: ArrowData, schema: Schema) -> GpuTable:
        """Copy Arrow rows to the device."""
        return from_arrow(data, schema)

    def from_batches(self, batches: Iterable[ArrowData], schema: Schema) -> Iterator[GpuTable]:
        """Copy batches to the device, one by one."""
        return (self.from_arrow(batch, schema) for batch in batches)

    def chunked(self, held: HeldRows, start: int, rows: int, schema: Schema, nbytes: int) -> None:
        """Copy them in batches."""

    def read_stored(self, split: StoredSplit, schema: Schema) -> Iterator[GpuTable] | None:
        """Decode rows of a Parquet or ORC file on the device."""
        stored = split.as_stored()
        if isinstance(stored, OrcRows):
            return read_orc(stored, schema)
        return None if stored is None else read_parquet(stored, schema)

    @property
    def encoder(self) -> GpuEncoder:
        """Writes Parquet and ORC files of tables of the device."""
        return GpuEncoder()

    @kernel
    def to_arrow(self, table: Table, *, coded: bool = False) -> ArrowData:
        """Copy the rows to the host."""
        return to_arrow(own(table))

    @kernel
    def project(self, table: Table, exprs: Sequence[NamedExpr]) -> GpuTable:
        """Compute one column per expression."""
        return project(own(table), exprs)

    @kernel
    def call(self, table: Table, function: ValueFunction | GroupFunctions) -> GpuTable | None:
        """Return the columns that a user's functions make, compiled for CUDA; None where the host must."""
        if isinstance(function, GroupFunctions):
            return None if groups_refusal(function) is not None else called_for_groups(own(table), function)
        return None if call_refusal(function) is not None else called(own(table), function)

    @kernel
    def compute(self, table: Table, function: MatrixFunction) -> GpuTable | None:
        """Return the columns that another library makes of a table; None where the host must."""
        return None if matrix_refusal(function) is not None else computed(own(table), function)

    @kernel
    def filter(self, table: Table, predicate: Expr) -> GpuTable:
        """Keep the rows where the predicate is true."""
        return filter_rows(own(table), predicate)

    def settle(self, *tables: Table) -> list[GpuTable]:
        """Return the tables: their columns are made."""
        return [own(table) for table in tables]

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

    def group_by(self, spec: GroupSpec) -> GroupBy:
        """Start the first phase of an aggregation with keys."""
        return group_by(spec)

    @kernel
    def merge_groups(self, partials: Sequence[Table], spec: GroupSpec) -> GpuTable:
        """Merge the partial states of one partition."""
        return merge_groups([own(table) for table in partials], spec)

    @kernel
    def reduce(self, table: Table, accumulators: Sequence[AccumulatorSpec]) -> GpuTable:
        """Aggregate without keys."""
        return reduce_rows(own(table), accumulators)

    @kernel
    def merge_reduced(self, partials: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> GpuTable:
        """Merge rows of partial states into one row."""
        return merge_reduced([own(table) for table in partials], accumulators)

    @kernel
    def build_join(self, tables: Sequence[Table], spec: JoinSpec, *, threads: int = 1) -> GpuJoinTable:
        """Prepare the build side of a join; the GPU needs no threads of the host."""
        return GpuJoinTable([own(table) for table in tables], spec)

    @kernel
    def sort(self, tables: Sequence[Table], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> GpuTable:
        """Return all rows in order."""
        return sort_tables([own(table) for table in tables], keys, schema)

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> GpuTopK:
        """Start a top-k."""
        return GpuTopK(keys, k, schema)

    @kernel
    def hash_partition(self, table: Table, keys: Sequence[Expr], partitions: int) -> list[Table]:
        """Split rows by the hash of their keys."""
        return [*hash_partition(own(table), keys, partitions)]

    @kernel
    def pack(self, tables: Sequence[Table]) -> PackedTables:
        """Return tables as bytes."""
        return memoryview(pack([own(table) for table in tables]))

    @kernel
    def parcel(self, tables: Sequence[Table]) -> Parcel:
        """Return tables as pieces of device memory."""
        return parcel([own(table) for table in tables])

    @kernel
    def unpack(self, packed: PackedTables | Parcel, schema: Schema) -> Sequence[Table]:
        """Return the tables that bytes or a parcel hold."""
        return [*unpack(packed, schema)]

    @kernel
    def unnest(
        self, table: Table, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
    ) -> GpuTable:
        """Return one row for each value of some lists."""
        try:
            return unnest(own(table), columns, schema, keeps_empty=keeps_empty, ordinality=ordinality)
        except memory.OutOfDeviceMemory as error:
            if table.num_rows < 2:
                raise
            raise TooManyPairs(f"unnesting {table.num_rows:,} rows gives more than the device holds") from error

    @kernel
    def window(self, tables: Sequence[Table], spec: WindowSpec, schema: Schema) -> GpuTable:
        """Add the columns of window functions."""
        return window.window_rows([own(table) for table in tables], spec, schema)

    @kernel
    def distinct_first(self, tables: Sequence[Table], on: Sequence[str], schema: Schema) -> GpuTable:
        """Keep the first row of each set of rows equal in the columns ``on``."""
        return distinct_first([own(table) for table in tables], on, schema)

    @kernel
    def share(self, table: Table) -> Shared:
        """Give the columns as arrays in device memory."""
        return sharing.share(own(table))

    @kernel
    def matrix(self, tables: Sequence[Table], names: Sequence[str], dtype: DataType) -> tuple[DeviceArray, Shared]:
        """Write columns of numbers into one column-major matrix in device memory."""
        return sharing.matrix([own(table) for table in tables], names, dtype)

    @kernel
    def native(self, table: Table) -> Any:
        """Give the columns as a ``pylibcudf.Table``."""
        return own(table).table

    @kernel
    def adopt(self, native: Any, schema: Schema) -> GpuTable | None:
        """Take a ``pylibcudf.Table``."""
        return sharing.adopt(native, schema)


def _refusal(part: Computed) -> str | None:
    """Return why the CPU computes a part of an expression, an accumulator or a window function, naming it."""
    if isinstance(part, AccumulatorSpec):
        why = accumulate.refusal(part)
        return why and f"{part.kind.value}: {why}"
    if isinstance(part, Key):
        why = key_refusal(part.expr.dtype)
        return why and f"key {part.expr}: {why}"
    if isinstance(part, Called):
        why = _call_refusal(part)
        return why and f"{part.label}: {why}"
    if isinstance(part, WindowCall):
        why = window.refusal(part)
        return why and f"{part.function}: {why}"
    return refused(part)


def _call_refusal(part: Called) -> str | None:
    if isinstance(part.matrix, str):
        return part.matrix
    if part.matrix is not None:
        return matrix_refusal(part.matrix)
    if isinstance(part.values, GroupFunctions):
        return groups_refusal(part.values)
    return "it runs in Python, on Arrow data" if part.values is None else call_refusal(part.values)
