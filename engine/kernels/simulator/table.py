"""What stands for ``pylibcudf.table``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from .binding import simulated
from .column import Column, uploaded
from .interop import ColumnMetadata, arrow_column
from .machine import Buffer, UseAfterFree, machine
from .signatures import signature


class Table:
    """Columns of one length."""

    __slots__ = ("__weakref__", "_columns", "_num_rows", "_released")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.table.Table").bind(*args, **kwargs).arguments
        columns: tuple[Column, ...] = tuple(bound["columns"])
        if not all(isinstance(column, Column) for column in columns):
            raise ValueError("All columns must be pylibcudf Column objects")
        rows = bound.get("num_rows")
        rows = (columns[0]._size if columns else 0) if rows is None else rows
        if any(column._size != rows for column in columns):
            raise ValueError("num_rows does not match the size of the provided columns")
        self._columns = columns
        self._num_rows = rows
        self._released = False

    def _held(self) -> tuple[Column, ...]:
        if self._released:
            raise UseAfterFree("a table was used after release()")
        return self._columns

    def _buffers(self) -> Iterator[Buffer]:
        for column in self._held():
            yield from column._buffers()

    @simulated("pylibcudf.table.Table.num_columns", method=True)
    def num_columns(self) -> int:
        """Return the number of columns."""
        return len(self._held())

    @simulated("pylibcudf.table.Table.num_rows", method=True)
    def num_rows(self) -> int:
        """Return the number of rows."""
        self._held()
        return self._num_rows

    @simulated("pylibcudf.table.Table.shape", method=True)
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return self._num_rows, len(self._held())

    @simulated("pylibcudf.table.Table.columns", method=True)
    def columns(self) -> tuple[Column, ...]:
        """Return the columns."""
        return self._held()

    @simulated("pylibcudf.table.Table.release", method=True)
    def release(self) -> list[Column]:
        """Return the columns and forget them."""
        columns = list(self._held())
        self._columns, self._released = (), True
        return columns

    @staticmethod
    @simulated("pylibcudf.table.Table.from_arrow")
    def from_arrow(obj: Any, dtype: Any = None, stream: Any = None, mr: Any = None) -> Table:
        """Copy Arrow rows to the device."""
        if dtype is not None:
            raise NotImplementedError("Creating a Table with the dtype argument specified.")
        if not hasattr(obj, "__arrow_c_stream__") and not hasattr(obj, "__arrow_c_device_array__"):
            raise ValueError("Invalid Arrow-like object")
        return Table([uploaded(column) for column in obj.columns], obj.num_rows)

    @simulated("pylibcudf.table.Table.to_arrow", method=True)
    def to_arrow(self, metadata: list[ColumnMetadata | str] | None = None, stream: Any = None) -> pa.Table:
        """Copy all rows to the host."""
        arrays = [column._opened() for column in self._held()]
        machine().moved(to_host=sum(array.nbytes for array in arrays))
        metas = metadata or [ColumnMetadata() for _ in arrays]
        names = [meta if isinstance(meta, str) else meta.name for meta in metas]
        return pa.Table.from_arrays([arrow_column(a, m) for a, m in zip(arrays, metas, strict=True)], names)
