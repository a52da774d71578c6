"""Rows written in the text: VALUES, and the one row of a SELECT without FROM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...engine import dtypes
from ...engine.plan import ArrowBatch, ScanPlan, ScanRequest, Statistics
from ...engine.records import dataclass
from ...engine.schema import Field, Schema


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsSplit:
    """All rows at once."""

    schema: Schema
    values: tuple[tuple[Any, ...], ...]
    columns: tuple[str, ...]

    @property
    def label(self) -> str:
        """How many rows."""
        return f"values[{len(self.values)} rows]"

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.values)

    @property
    def bytes(self) -> int:
        """Estimated bytes."""
        return len(self.values) * self.schema.row_width

    def read(self) -> Iterator[ArrowBatch]:
        """Yield the rows as one record batch."""
        from ...engine.frame.memory import batch_of_rows  # needs pyarrow, which planning does without

        if self.values:
            yield batch_of_rows(self.values, self.schema).select(list(self.columns))


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsSource:
    """A table of constants.

    Attributes
    ----------
    values
        Plain Python values, row by row, in the schema's order and of its types.
    """

    schema: Schema
    values: tuple[tuple[Any, ...], ...]

    @property
    def label(self) -> str:
        """How many rows."""
        return f"values ({len(self.values)} rows)" if len(self.schema) > 1 or self.values != ((0,),) else "one row"

    def statistics(self) -> Statistics:
        """Return the number of rows."""
        return Statistics(rows=len(self.values))

    def scan(self, request: ScanRequest) -> ScanPlan:
        """Return one split; the predicate is left to the plan."""
        split = RowsSplit(schema=self.schema, values=self.values, columns=request.columns)
        return ScanPlan(splits=(split,) if self.values else (), residual=request.predicate)


def one_row(name: str) -> RowsSource:
    """Return a table of one row, whose only column has no meaning."""
    return RowsSource(schema=Schema((Field(name, dtypes.int8, nullable=False),)), values=((0,),))
