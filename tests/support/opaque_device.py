"""A device whose tables cannot be opened, around another device whose tables can.

What runs on it touches tables through the kernel protocol only, as it must for a device whose memory is elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NoReturn

from volley.engine.dtypes import DataType
from volley.engine.expr import Expr, NamedExpr, SortKey
from volley.engine.kernels.protocol import ArrowData, Device, GroupBy, JoinTable, PackedTables, Table, TopK
from volley.engine.kernels.sharing import Account, Shared
from volley.engine.kernels.specs import AccumulatorSpec, Computed, GroupSpec, JoinSpec, WindowSpec
from volley.engine.plan import HeldRows, KeySet, StoredSplit
from volley.engine.plan.functions import GroupFunctions, MatrixFunction, ValueFunction
from volley.engine.schema import Schema


class TableOpened(AssertionError):
    """Something above the kernels looked into a table."""


class OpaqueTable:
    """Shows row count, bytes and schema, and refuses everything else."""

    __slots__ = ("__inner",)

    def __init__(self, inner: Table) -> None:
        self.__inner = inner

    @property
    def num_rows(self) -> int:
        return self.__inner.num_rows

    @property
    def nbytes(self) -> int:
        return self.__inner.nbytes

    @property
    def schema(self) -> Schema:
        return self.__inner.schema

    def __getattr__(self, name: str) -> NoReturn:
        # numpy and pyarrow look for their protocols here: __array__, __arrow_c_stream__, __buffer__, …
        raise TableOpened(f"{name!r} of a table was read outside the kernels")

    def __len__(self) -> NoReturn:
        raise TableOpened("len() of a table was taken outside the kernels; use num_rows")

    def __iter__(self) -> NoReturn:
        raise TableOpened("a table was iterated outside the kernels")

    def __getitem__(self, key: object) -> NoReturn:
        raise TableOpened("a table was indexed outside the kernels")

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TableOpened("a table was pickled or copied outside the kernels")


def _open(table: Table) -> Table:
    assert isinstance(table, OpaqueTable), f"{type(table).__name__} does not belong to this device"
    inner: Table = table._OpaqueTable__inner
    return inner


def _open_all(tables: Sequence[Table]) -> list[Table]:
    return [_open(table) for table in tables]


class OpaqueDevice:
    """Any device, behind tables that cannot be opened."""

    def __init__(self, inner: Device) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        return f"opaque {self._inner.name}"

    @property
    def batch_rows(self) -> int:
        return self._inner.batch_rows

    @property
    def account(self) -> Account | None:
        return self._inner.account

    @property
    def refusal(self) -> Callable[[Computed], str | None] | None:
        return self._inner.refusal

    def sparing(self, limit: int) -> AbstractContextManager[None]:
        return self._inner.sparing(limit)

    def from_arrow(self, data: ArrowData, schema: Schema) -> OpaqueTable:
        return OpaqueTable(self._inner.from_arrow(data, schema))

    def from_batches(self, batches: Iterable[ArrowData], schema: Schema) -> Iterator[Table]:
        return map(OpaqueTable, self._inner.from_batches(batches, schema))

    def chunked(self, held: HeldRows, start: int, rows: int, schema: Schema, nbytes: int) -> OpaqueTable | None:
        table = self._inner.chunked(held, start, rows, schema, nbytes)
        return None if table is None else OpaqueTable(table)

    def read_stored(self, split: StoredSplit, schema: Schema) -> Iterator[Table] | None:
        tables = self._inner.read_stored(split, schema)
        return None if tables is None else map(OpaqueTable, tables)

    @property
    def encoder(self) -> None:
        return None  # whose tables sinks would get opened

    def to_arrow(self, table: Table, *, coded: bool = False) -> ArrowData:
        return self._inner.to_arrow(_open(table), coded=coded)

    def project(self, table: Table, exprs: Sequence[NamedExpr]) -> OpaqueTable:
        return OpaqueTable(self._inner.project(_open(table), exprs))

    def call(self, table: Table, function: ValueFunction | GroupFunctions) -> OpaqueTable | None:
        made = self._inner.call(_open(table), function)
        return None if made is None else OpaqueTable(made)

    def compute(self, table: Table, function: MatrixFunction) -> OpaqueTable | None:
        made = self._inner.compute(_open(table), function)
        return None if made is None else OpaqueTable(made)

    def filter(self, table: Table, predicate: Expr) -> OpaqueTable:
        return OpaqueTable(self._inner.filter(_open(table), predicate))

    def settle(self, *tables: Table) -> list[OpaqueTable]:
        return [OpaqueTable(table) for table in self._inner.settle(*_open_all(tables))]

    def slice(self, table: Table, offset: int, length: int) -> OpaqueTable:
        return OpaqueTable(self._inner.slice(_open(table), offset, length))

    def concat(self, tables: Sequence[Table], schema: Schema) -> OpaqueTable:
        return OpaqueTable(self._inner.concat(_open_all(tables), schema))

    def zip(self, left: Table, right: Table) -> OpaqueTable:
        return OpaqueTable(self._inner.zip(_open(left), _open(right)))

    def group_by(self, spec: GroupSpec) -> OpaqueGroupBy:
        return OpaqueGroupBy(self._inner.group_by(spec))

    def merge_groups(self, partials: Sequence[Table], spec: GroupSpec) -> OpaqueTable:
        return OpaqueTable(self._inner.merge_groups(_open_all(partials), spec))

    def reduce(self, table: Table, accumulators: Sequence[AccumulatorSpec]) -> OpaqueTable:
        return OpaqueTable(self._inner.reduce(_open(table), accumulators))

    def merge_reduced(self, partials: Sequence[Table], accumulators: Sequence[AccumulatorSpec]) -> OpaqueTable:
        return OpaqueTable(self._inner.merge_reduced(_open_all(partials), accumulators))

    def build_join(self, tables: Sequence[Table], spec: JoinSpec, *, threads: int = 1) -> OpaqueJoinTable:
        return OpaqueJoinTable(self._inner.build_join(_open_all(tables), spec, threads=threads))

    def sort(
        self, tables: Sequence[Table], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1
    ) -> OpaqueTable:
        return OpaqueTable(self._inner.sort(_open_all(tables), keys, schema, threads=threads))

    def top_k(self, keys: Sequence[SortKey], k: int, schema: Schema) -> OpaqueTopK:
        return OpaqueTopK(self._inner.top_k(keys, k, schema))

    def hash_partition(self, table: Table, keys: Sequence[Expr], partitions: int) -> list[Table]:
        return [OpaqueTable(part) for part in self._inner.hash_partition(_open(table), keys, partitions)]

    def pack(self, tables: Sequence[Table]) -> PackedTables:
        return self._inner.pack(_open_all(tables))

    def parcel(self, tables: Sequence[Table]) -> Any:
        return self._inner.parcel(_open_all(tables))

    def unpack(self, packed: PackedTables, schema: Schema) -> list[Table]:
        return [OpaqueTable(table) for table in self._inner.unpack(packed, schema)]

    def unnest(
        self, table: Table, columns: Sequence[str], schema: Schema, *, keeps_empty: bool, ordinality: str | None
    ) -> OpaqueTable:
        return OpaqueTable(
            self._inner.unnest(_open(table), columns, schema, keeps_empty=keeps_empty, ordinality=ordinality)
        )

    def window(self, tables: Sequence[Table], spec: WindowSpec, schema: Schema) -> OpaqueTable:
        return OpaqueTable(self._inner.window(_open_all(tables), spec, schema))

    def distinct_first(self, tables: Sequence[Table], on: Sequence[str], schema: Schema) -> OpaqueTable:
        return OpaqueTable(self._inner.distinct_first(_open_all(tables), on, schema))

    def share(self, table: Table) -> Shared:
        return self._inner.share(_open(table))

    def matrix(self, tables: Sequence[Table], names: Sequence[str], dtype: DataType) -> tuple[Any, Shared]:
        return self._inner.matrix(_open_all(tables), names, dtype)

    def native(self, table: Table) -> Any:
        return self._inner.native(_open(table))

    def adopt(self, native: Any, schema: Schema) -> OpaqueTable | None:
        table = self._inner.adopt(native, schema)
        return None if table is None else OpaqueTable(table)


class OpaqueGroupBy:
    def __init__(self, inner: GroupBy) -> None:
        self._inner = inner

    def update(self, *tables: Table) -> None:
        self._inner.update(*_open_all(tables))

    @property
    def nbytes(self) -> int:
        return self._inner.nbytes

    def beside(self) -> OpaqueGroupBy:
        return OpaqueGroupBy(self._inner.beside())

    @property
    def partial_bytes(self) -> int:
        return self._inner.partial_bytes

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        assert isinstance(other, OpaqueGroupBy)
        return self._inner.absorb(other._inner, few=few)

    def shared(self, parts: int) -> list[OpaqueGroupBy]:
        return [OpaqueGroupBy(state) for state in self._inner.shared(parts)]

    def partials(self, partitions: int) -> list[list[Table]]:
        return [[OpaqueTable(table) for table in part] for part in self._inner.partials(partitions)]


class OpaqueJoinTable:
    def __init__(self, inner: JoinTable) -> None:
        self._inner = inner

    @property
    def num_rows(self) -> int:
        return self._inner.num_rows

    @property
    def nbytes(self) -> int:
        return self._inner.nbytes

    @property
    def meets_all(self) -> bool:
        return self._inner.meets_all

    def probe(self, table: Table) -> OpaqueTable:
        return OpaqueTable(self._inner.probe(_open(table)))

    def probe_each(self, tables: Sequence[Table]) -> list[OpaqueTable]:
        return [OpaqueTable(table) for table in self._inner.probe_each(_open_all(tables))]

    def remaining(self) -> OpaqueTable:
        return OpaqueTable(self._inner.remaining())


class OpaqueTopK:
    def __init__(self, inner: TopK) -> None:
        self._inner = inner

    def update(self, *tables: Table) -> None:
        self._inner.update(*_open_all(tables))

    @property
    def nbytes(self) -> int:
        return self._inner.nbytes

    def settle(self) -> None:
        self._inner.settle()

    def scan_bound(self, *, alone: bool) -> KeySet | None:
        return self._inner.scan_bound(alone=alone)

    def absorb(self, other: TopK) -> None:
        assert isinstance(other, OpaqueTopK)
        self._inner.absorb(other._inner)

    def beside(self) -> OpaqueTopK:
        return OpaqueTopK(self._inner.beside())

    def result(self) -> OpaqueTable:
        return OpaqueTable(self._inner.result())
