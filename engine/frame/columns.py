"""Which columns a frame has, and how they are called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..expr import NamedExpr, cast
from .core import Core
from .series import Series
from .types import parse_dtype

if TYPE_CHECKING:
    from .frame import DataFrame


class Columns(Core):
    """Methods of `DataFrame` that add, drop, name and convert columns."""

    __slots__ = ()

    def rename(self, columns: Mapping[str, str] | Callable[[str], str]) -> DataFrame:
        """Rename columns by a dictionary or a function."""
        if isinstance(columns, Mapping):
            self.schema.select(columns)
        new = columns if callable(columns) else lambda name: columns.get(name, name)
        return self._project(NamedExpr(name=new(name), expr=self._column(name)) for name in self.schema.names)

    def drop(self, columns: str | Sequence[str]) -> DataFrame:
        """Return the frame without some columns."""
        gone = {columns} if isinstance(columns, str) else set(columns)
        self.schema.select(gone)
        return self.select(*(name for name in self.schema.names if name not in gone))

    def astype(self, types: Any) -> DataFrame:
        """Convert all columns to one type, or some by a dictionary."""
        wanted = types if isinstance(types, Mapping) else dict.fromkeys(self.schema.names, types)
        self.schema.select(wanted)
        return self.assign(
            **{name: Series(self._own, cast(self._column(name), parse_dtype(t))) for name, t in wanted.items()}
        )
