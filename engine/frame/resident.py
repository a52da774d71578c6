"""Rows in a GPU's memory as a source: what ``from_cudf`` makes. They are taken where they lie by a GPU device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa

from ..arrow import from_arrow_schema
from ..plan import ScanPlan, ScanRequest, Statistics
from ..schema import Schema


def source_of_cudf(frame: Any) -> DeviceSource:
    """Return a source over a ``cudf.DataFrame``, whose index is left out; categories become their values."""
    named = frame.reset_index(drop=True)
    coded = {name: dtype.categories.dtype for name, dtype in named.dtypes.items() if str(dtype) == "category"}
    plain = named.astype(coded) if coded else named
    schema = from_arrow_schema(plain.head(0).to_arrow(preserve_index=False).schema)
    return DeviceSource(schema=schema, rows=len(plain), table=plain.to_pylibcudf()[0], copied=plain.to_arrow)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceSource:
    """A ``pylibcudf.Table`` as a source.

    Attributes
    ----------
    table
        The columns, in the order of the schema.
    copied
        Gives all rows as a ``pyarrow.Table``, for devices that have another memory.
    named
        What they are called in plans.
    """

    schema: Schema
    rows: int
    table: Any
    copied: Callable[..., pa.Table]
    named: str = "cudf"

    @property
    def label(self) -> str:
        """Rows and columns."""
        return f"{self.named} {self.rows:,} rows x {len(self.schema)} columns"

    def statistics(self) -> Statistics:
        """Return the number of rows."""
        return Statistics(rows=self.rows)

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return all rows as one split: a GPU wants them together."""
        split = DeviceSplit(source=self, columns=tuple(request.columns))
        return ScanPlan(splits=(split,) if self.rows else (), residual=request.predicate)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceSplit:
    """Some columns of a table in a GPU's memory.

    Attributes
    ----------
    resident
        Only this process has the rows.
    """

    resident: ClassVar[bool] = True

    source: DeviceSource
    columns: Sequence[str]

    @property
    def label(self) -> str:
        """What it is."""
        return self.source.label

    @property
    def rows(self) -> int:
        """Rows."""
        return self.source.rows

    @property
    def bytes(self) -> None:
        """Nothing is stored."""
        return None

    def native(self) -> Any:
        """Return the columns as the device's library has them."""
        table, schema = self.source.table, self.source.schema
        columns = table.columns()
        return type(table)([columns[schema.position(name)] for name in self.columns], self.rows)

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches, copied to the host."""
        rows = self.source.copied(preserve_index=False).select(list(self.columns))
        yield from rows.to_batches()
