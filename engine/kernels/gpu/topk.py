"""The first rows of an order, kept while tables pass by."""

from __future__ import annotations

from collections.abc import Sequence

from ...expr import SortKey
from ...schema import Schema
from ..protocol import Table, TopK
from .batch import GpuTable, concat_tables, own
from .memory import kernel
from .sort import sort_rows


class GpuTopK:
    """Keeps the first ``k`` rows of an order."""

    def __init__(self, keys: Sequence[SortKey], k: int, schema: Schema) -> None:
        self._keys, self._k, self._schema = tuple(keys), k, schema
        self._held: list[GpuTable] = []
        self._rows = 0

    @kernel
    def update(self, *tables: Table) -> None:
        """Offer the rows of tables."""
        for rows in map(own, tables):
            self._held.append(sort_rows(rows, self._keys, self._k) if rows.num_rows > 2 * self._k else rows)
            self._rows += self._held[-1].num_rows
            if self._rows > 4 * self._k + _HELD_ROWS:
                self._cut()

    @property
    def nbytes(self) -> int:
        """Bytes of the tables that are kept."""
        return sum(table.nbytes for table in self._held)

    @kernel
    def settle(self) -> None:
        """Put the rows that wait in order, and forget the last ones."""
        if self._rows > self._k:
            self._cut()

    def scan_bound(self, *, alone: bool) -> None:
        """Nothing: rows are not left out while a file is decoded."""

    def beside(self) -> GpuTopK:
        """Return one for another thread."""
        return GpuTopK(self._keys, self._k, self._schema)

    @kernel
    def absorb(self, other: TopK) -> None:
        """Take over the rows of another thread's."""
        assert isinstance(other, GpuTopK)
        self._absorb(other)

    def _absorb(self, other: GpuTopK) -> None:
        self._held += other._held
        self._rows += other._rows

    @kernel
    def result(self) -> GpuTable:
        """Return at most ``k`` rows, sorted."""
        self._cut()
        return self._held[0]

    def _cut(self) -> None:
        best = sort_rows(concat_tables(self._held, self._schema), self._keys, self._k)
        self._held, self._rows = [best], best.num_rows


_HELD_ROWS = 1 << 20
"""Rows that may wait before they are sorted: few large sorts cost a GPU less than many small ones."""
