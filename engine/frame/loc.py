"""``frame.loc[...]``: rows by condition, columns by name; ``frame.iloc[...]``: both by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PlanError, TypeMismatch
from ..expr import aggregate, call, case, literal
from ..plan import over, window_call
from .arguments import whole
from .measures import only_index

if TYPE_CHECKING:
    from .frame import DataFrame
    from .series import Series


_ROW, _PLACE = "__row", "__place"


class Loc:
    """What ``frame.loc`` is: takes ``[rows]`` or ``[rows, columns]``.

    Rows are a condition, a function of the frame that gives one, or ``:`` for all; columns are a name (which gives a
    column), a list of names, or a slice of names with both ends included.
    """

    __slots__ = ("_column", "_frame")

    def __init__(self, frame: DataFrame, column: Series | None = None) -> None:
        self._frame, self._column = frame, column

    def __getitem__(self, key: Any) -> Any:
        if self._column is not None:
            name = self._column.name
            return self._frame.assign(**{name: self._column}).filter(key)[name]
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
        if callable(rows) or hasattr(rows, "expr"):
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


class At:
    """What ``frame.at`` is: takes ``[label, column]`` and runs the plan for one value.

    The label is that of the column marked as index, or a tuple of several columns'; the row's number without any.
    """

    __slots__ = ("_frame",)

    def __init__(self, frame: DataFrame) -> None:
        self._frame = frame

    def __getitem__(self, key: Any) -> Any:
        if not (isinstance(key, tuple) and len(key) == 2 and isinstance(key[1], str)):
            raise TypeMismatch("at takes the label of a row and the name of a column: frame.at['a', 'x']")
        label, column = key
        self._frame.schema.select([column])
        if not self._frame.index:
            return Places(self._frame, column)[whole(label, "at")]
        labels = label if isinstance(label, tuple) else (label,)
        found = self._frame.xs(labels, level=self._frame.index[: len(labels)], drop_level=False).limit(2)
        values = found.select(column).collect().column(0).to_pylist()
        if len(values) != 1:
            said = "several rows have" if values else "no row has"
            raise PlanError(f"{said} the label {label!r}; rows by a condition are frame[frame.key == 3]")
        return values[0]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise PlanError("frames are immutable; use frame = frame.assign(x=frame.x.mask(condition, value))")


class Places:
    """What ``frame.iloc`` is: takes ``[rows]`` or ``[rows, columns]`` by place, counted from 0.

    Rows are a slice (``iloc[:10]``, ``iloc[5:10]``, ``iloc[::2]``) or a list of numbers, lazy unless one is negative,
    which runs the plan (``iloc[-3:]``, ``iloc[1:-1]``), or one number, which runs it and gives a dictionary. Columns
    are a number (which gives a column), a list of numbers, or a slice.
    """

    __slots__ = ("_column", "_frame")

    def __init__(self, frame: DataFrame, column: str | None = None) -> None:
        self._frame, self._column = frame, column

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) and len(key) == 2 else (key, slice(None))
        frame, names = self._frame, self._frame.columns
        one = self._column
        if isinstance(columns, slice):
            frame = frame if columns == slice(None) else frame.select(*names[columns])
        elif isinstance(columns, int):
            one = self._name(columns)
        elif isinstance(columns, list | tuple):
            frame = frame.select(*(self._name(place) for place in columns))
        else:
            raise TypeMismatch("iloc takes columns as a number, a list of numbers, or a slice of numbers")
        if isinstance(rows, int):
            return self._row(frame, rows, one)
        chosen = self._sliced(frame, rows)
        return chosen if one is None else chosen[one]

    def _name(self, place: Any) -> str:
        names = self._frame.columns
        if not isinstance(place, int) or not -len(names) <= place < len(names):
            raise PlanError(f"there is no column number {place!r}; the frame has {len(names)}, counted from 0")
        return names[place]

    def _sliced(self, frame: DataFrame, rows: Any) -> DataFrame:
        if isinstance(rows, list | tuple) and all(isinstance(one, int) and not isinstance(one, bool) for one in rows):
            return _taken(frame, rows)
        if not isinstance(rows, slice):
            raise PlanError(
                "iloc takes rows as a number, a list of numbers or a slice such as 5:10; for rows by condition use loc"
            )
        step = 1 if rows.step is None else whole(rows.step, "a step of iloc")
        if step < 1:
            raise PlanError(f"iloc goes through rows in their order, not by {step}; sort_values turns them round")
        start, stop = rows.start or 0, rows.stop
        if start < 0 and stop is None and step == 1:
            return frame.tail(-start)
        if start < 0 or (stop is not None and stop < 0):
            start, stop, _ = rows.indices(len(frame))
        chosen = frame.limit(None if stop is None else max(0, stop - start), start)
        return chosen if step == 1 else chosen.filter(row_numbers(chosen) % step == 0)

    def _row(self, frame: DataFrame, place: int, one: str | None) -> Any:
        rows = (frame.limit(1, place).collect() if place >= 0 else frame.tail(-place).collect()).to_pylist()
        if len(rows) < (1 if place >= 0 else -place):
            raise PlanError(f"there is no row number {place}: the frame has fewer")
        return rows[0] if one is None else rows[0][one]


def _taken(frame: DataFrame, rows: Sequence[int]) -> DataFrame:
    """Return rows by their numbers, in the order of these; numbers beyond the last row, which only a run sees, none."""
    import pyarrow as pa

    count = len(frame) if any(row < 0 for row in rows) else 0
    if lost := [row for row in rows if row < -count]:
        raise PlanError(f"there is no row number {lost[0]}: the frame has {count:,}")
    wanted = pa.table(
        {_ROW: pa.array([row % count if row < 0 else row for row in rows], pa.int64()), _PLACE: range(len(rows))}
    )
    numbered = frame.assign(**{_ROW: row_numbers(frame)})
    made = numbered.merge(type(frame)(wanted, session=frame.session), on=_ROW).sort_values(_PLACE)
    return made.select(*frame.columns).set_index(frame.index) if frame.index else made.select(*frame.columns)


def row_numbers(frame: DataFrame) -> Series:
    """Return the number of each row, from 0."""
    from .series import Series

    return Series(frame, call("subtract", over(window_call("row_number")), literal(1)), "row")


def valid_label(known: Series, *, last: bool) -> Any:
    """Run a plan and return the label of the first or last row where a condition is true, None of none.

    Where no column is marked as index it is the row's number.
    """
    frame = known.frame
    number = row_numbers(frame).expr
    label = frame[only_index(frame.index)].expr if frame.index else number
    place = case([(known.expr, number)])
    return frame.reduce(value=aggregate("arg_max" if last else "arg_min", label, place))["value"]
