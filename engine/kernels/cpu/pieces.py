"""Rows in memory as a table for each of their pieces, which is made where more must be known than where columns lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import numpy as np
import pyarrow as pa

from ...schema import Schema
from .chunked import ChunkedTable
from .judging import Remembered
from .native.arrays import Words
from .table import CpuTable


class Pieces(Sequence[CpuTable]):
    """A table for each piece of rows in memory.

    Parameters
    ----------
    rows
        The rows.

    Attributes
    ----------
    lengths
        Rows of each table.
    """

    def __init__(self, rows: ChunkedTable) -> None:
        starts = rows.starts()
        self._rows, self._starts = rows, starts.tolist()
        self.lengths: list[int] = np.diff(starts).tolist()
        self._made: tuple[int, CpuTable] | None = None

    def __len__(self) -> int:
        return len(self.lengths)

    @overload
    def __getitem__(self, index: int) -> CpuTable: ...

    @overload
    def __getitem__(self, index: slice) -> Pieces: ...

    def __getitem__(self, index: int | slice) -> CpuTable | Pieces:
        if isinstance(index, slice):
            return self._between(*index.indices(len(self))[:2])
        start, stop = self._starts[index], self._starts[index + 1]
        if self._made is None or self._made[0] != start:
            self._made = start, self._rows.table(start, stop)
        return self._made[1]

    def _between(self, start: int, stop: int) -> Pieces:
        """Return those from one to another; none of them is made for that."""
        made = object.__new__(Pieces)
        made._rows, made._made = self._rows, self._made
        made._starts, made.lengths = self._starts[start : stop + 1], self.lengths[start:stop]
        return made

    @property
    def schema(self) -> Schema:
        """The tables' schema."""
        return self._rows.schema

    def columns(self, places: Sequence[int]) -> list[Sequence[pa.Array]]:
        """Return some columns of each table."""
        return self._rows.columns(self._starts[0], self._starts[-1], places)

    def remembered(self) -> Remembered:
        """Return what was found out about rows like those of the first table, to be added to."""
        return self._rows.chunks.remembered.setdefault(tuple(self._starts[:2]), {})

    def alike(self, number: int, places: tuple[int, ...]) -> Words:
        """Return where columns of a table lie, and those of the ones after it for which the same calls do.

        Parameters
        ----------
        number
            The table's.
        places
            Which columns, each named once.

        Returns
        -------
        Words
            Shape (tables, addresses), as `Alike.after` gives it; of no table where the first is a part of a piece.
        """
        return self._rows.alike(self._starts[number], places)
