"""All pairs of the rows of two tables, column by column: the rows of one repeated, those of the other end to end.

Values of 8 to 64 bits are copied in runs; others are gathered by row numbers, which are only made for them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .buffers import array_from, empty, storage, values_of
from .gather import encoded, take_column
from .native.arrays import Rows
from .table import is_plain

Fill = Callable[[NDArray[Any], NDArray[Any]], None]


class Product:
    """Pairs of each of some rows with each of others, in the order of the former.

    Parameters
    ----------
    rows, others
        How many there are of each.
    """

    def __init__(self, rows: int, others: int) -> None:
        self._shape = rows, others

    def __len__(self) -> int:
        return self._shape[0] * self._shape[1]

    @cached_property
    def rows(self) -> Rows:
        """The first row of each pair."""
        return np.repeat(np.arange(self._shape[0], dtype=np.int32), self._shape[1])

    @cached_property
    def others(self) -> Rows:
        """The second row of each pair."""
        return np.tile(np.arange(self._shape[1], dtype=np.int32), self._shape[0])

    def repeated(self, column: pa.Array) -> pa.Array:
        """Return a column of the first rows."""

        def fill(out: NDArray[Any], values: NDArray[Any]) -> None:
            out[:] = values[:, np.newaxis]

        return self._laid(column, fill, lambda: self.rows)

    def tiled(self, column: pa.Array) -> pa.Array:
        """Return a column of the second rows."""

        def fill(out: NDArray[Any], values: NDArray[Any]) -> None:
            out[:] = values

        return self._laid(column, fill, lambda: self.others)

    def _laid(self, column: pa.Array, fill: Fill, rows: Callable[[], Rows]) -> pa.Array:
        if isinstance(column, pa.DictionaryArray):
            return encoded(self._laid(column.indices, fill, rows), column.dictionary)
        if column.null_count or not is_plain(column):
            return take_column(column, rows())
        out = empty(len(self), storage(column.type))
        fill(out.reshape(self._shape), values_of(column))
        return array_from(out, column.type)
