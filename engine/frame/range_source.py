"""Whole numbers in steps as a source: made where they are read, so that a long series takes no memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import dtypes
from ..plan import ScanPlan, ScanRequest, Statistics
from ..schema import Field, Schema

if TYPE_CHECKING:
    import pyarrow as pa

TASK_ROWS = 4 * 1024 * 1024
"""Rows per split."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSource:
    """The numbers ``start``, ``start + step``, … up to but without ``stop``, as one int64 column."""

    name: str
    start: int
    stop: int
    step: int = 1

    @property
    def schema(self) -> Schema:
        """The one column."""
        return Schema((Field(self.name, dtypes.int64, nullable=False),))

    @property
    def numbers(self) -> range:
        """The numbers."""
        return range(self.start, self.stop, self.step)

    @property
    def label(self) -> str:
        """The bounds."""
        return f"range {self.start} to {self.stop}" + (f" by {self.step}" if self.step != 1 else "")

    def statistics(self) -> Statistics:
        """Return the number of rows and bytes."""
        return Statistics(rows=len(self.numbers), bytes=8 * len(self.numbers))

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return runs of numbers; the predicate is left to the plan."""
        rows = len(self.numbers)
        if request.predicate is None and request.limit is not None:
            rows = min(rows, request.limit)
        wanted = self.numbers[:rows]
        splits = tuple(
            RangeSplit(
                name=self.name,
                numbers=wanted[i : i + TASK_ROWS],
                columns=request.columns,
                batch_rows=request.batch_rows,
            )
            for i in range(0, rows, TASK_ROWS)
        )
        return ScanPlan(splits=splits, residual=request.predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSplit:
    """A run of numbers."""

    name: str
    numbers: range
    columns: tuple[str, ...]
    batch_rows: int

    @property
    def label(self) -> str:
        """The first number and how many there are."""
        return f"range[{self.numbers.start}, {len(self.numbers)} rows]"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.numbers)

    @property
    def bytes(self) -> int:
        """Bytes of the column."""
        return 8 * len(self.numbers)

    def read(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of numbers."""
        import numpy as np
        import pyarrow as pa

        for i in range(0, len(self.numbers), self.batch_rows):
            part = self.numbers[i : i + self.batch_rows]
            values = pa.array(np.arange(part.start, part.stop, part.step, dtype=np.int64))
            batch = pa.record_batch({self.name: values})
            yield batch.select(list(self.columns))
