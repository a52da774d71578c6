"""``frame.loc[...]``: rows by condition, columns by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import PlanError, TypeMismatch
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame


class Loc:
    """What ``frame.loc`` is: takes ``[rows]`` or ``[rows, columns]``.

    Rows are a condition, a function of the frame that gives one, or ``:`` for all; columns are a name (which gives a
    column), a list of names, or a slice of names with both ends included.
    """

    __slots__ = ("_frame",)

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        chosen = self._rows(rows)
        if isinstance(columns, str):
            return chosen[columns]
        if isinstance(columns, slice):
            return chosen.select(*self._between(columns))
        if isinstance(columns, list | tuple) and all(isinstance(name, str) for name in columns):
            return chosen.select(*columns)
        raise TypeMismatch("loc takes columns as a name, a list of names, or a slice of names such as 'a':'c'")

    def __setitem__(self, key: Any, value: Any) -> None:
        raise PlanError("frames are immutable; use frame = frame.assign(x=frame.x.mask(condition, value))")

    def _rows(self, rows: Any) -> DataFrame:
        if isinstance(rows, slice) and rows == slice(None):
            return self._frame
        if isinstance(rows, Series) or callable(rows):
            return self._frame.filter(rows)
        raise PlanError(
            "rows have no labels here; give loc a condition such as frame.loc[frame.key == 3], or head(n) and limit(n)"
        )

    def _between(self, columns: slice) -> list[str]:
        names = self._frame.columns
        if columns.step is not None:
            raise PlanError("a slice of column names takes no step")
        schema = self._frame.schema
        schema.select([name for name in (columns.start, columns.stop) if name is not None])
        first = 0 if columns.start is None else names.index(columns.start)
        last = len(names) if columns.stop is None else names.index(columns.stop) + 1
        return names[first:last]
