"""Methods of frames that treat the values of many columns alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType
from ..errors import TypeMismatch
from ..expr import literal
from .core import Core
from .reaching import reaching
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame


class Cells(Core):
    """Methods of `DataFrame` that treat the values of many columns alike."""

    __slots__ = ()

    def _each(self, function: Callable[[Series], Series], names: Iterable[str] | None = None) -> DataFrame:
        """Put a function of each of some columns (by default all but the index) in its place."""
        chosen = set(self._unmarked if names is None else names)
        return self._replaced({name: function(self._own[name]) for name in chosen})

    def _replaced(self, made: Mapping[str, Series]) -> DataFrame:
        """Put other columns in the places of some, all computed from this frame."""
        return self.select(**{name: made.get(name, self._own[name]) for name in self.columns})

    def _chosen(self, made: Mapping[str, Series]) -> DataFrame:
        """Return other columns alone, beside those marked as index."""
        return self.select(**{name: self._own[name] for name in self.index if name not in made}, **made)

    def _numbers(self) -> list[str]:
        return [name for name in self._unmarked if self.schema[name].dtype.is_numeric]

    def fillna(self, value: Any) -> DataFrame:
        """Fill nulls with a constant (in columns of its kind), or by a dictionary of columns or such as ``mean()``."""
        if isinstance(value, Mapping) or hasattr(value, "to_dict"):
            found = value if isinstance(value, Mapping) else value.to_dict()
            return self.assign(**{name: self._own[name].fillna(one) for name, one in found.items()})
        return self._each(lambda column: column.fillna(value), self._like(value))

    def _like(self, value: Any) -> list[str]:
        """Return the columns whose values can be compared with a constant without losing their type."""
        kind = literal(value).dtype
        return [name for name in self._unmarked if alike(self.schema[name].dtype, kind)]

    def isna(self) -> DataFrame:
        """Whether each value is null (NaN is a number here, not a null)."""
        return self._each(lambda column: column.isna())

    isnull = isna

    def notna(self) -> DataFrame:
        """Whether each value is not null."""
        return self._each(lambda column: column.notna())

    notnull = notna

    def isin(self, values: Iterable[Any] | Mapping[str, Iterable[Any]]) -> DataFrame:
        """Whether each value is one of some constants, or by a dictionary of columns (others: False)."""
        if isinstance(values, str):
            raise TypeMismatch(f"isin takes a list of values, not the text {values!r}")
        if isinstance(values, Mapping):
            self.schema.select(values)
            wanted = {name: list(values.get(name, ())) for name in self._unmarked}
        else:
            given = list(values)
            types = {name: self.schema[name].dtype for name in self._unmarked}
            wanted = {n: [v for v in given if alike(dtype, literal(v).dtype)] for n, dtype in types.items()}
        return self._replaced({name: self._own[name].isin(some) for name, some in wanted.items()})

    def where(self, condition: Series | Callable[[DataFrame], Series], other: Any = None) -> DataFrame:
        """Keep the rows' values where a condition is true, else take ``other`` (null by default) in every column."""
        return self._chosen_by("where", condition, other)

    def mask(self, condition: Series | Callable[[DataFrame], Series], other: Any = None) -> DataFrame:
        """Take ``other`` (null by default) in every column where a condition is true."""
        return self._chosen_by("mask", condition, other)

    def _chosen_by(self, method: str, condition: Series | Callable[[DataFrame], Series], other: Any) -> DataFrame:
        test = self._condition(condition)
        frame = reaching(self._own, [test, other])
        made = {name: getattr(frame[name], method)(test, other) for name in self._unmarked}
        return frame.select(**{name: made.get(name, frame[name]) for name in self.columns})

    def _condition(self, condition: Series | Callable[[DataFrame], Series]) -> Series:
        made = condition(self._own) if callable(condition) else condition
        if not isinstance(made, Series):
            raise TypeMismatch("give one condition for each row, such as frame.x > 1; for one column use frame.x.where")
        return made

    def replace(self, to_replace: Any, value: Any = None) -> DataFrame:
        """Replace values in every column that can hold them; others stay.

        Parameters
        ----------
        to_replace
            A value or a list of values (with ``value``), a dictionary of old and new values, or a dictionary of
            columns and such dictionaries.
        value
            What to put there.
        """
        if isinstance(to_replace, Mapping) and any(isinstance(one, Mapping) for one in to_replace.values()):
            return self.assign(**{name: self._own[name].replace(pairs) for name, pairs in to_replace.items()})
        if isinstance(to_replace, Mapping):
            pairs = dict(to_replace)
        else:
            pairs = dict.fromkeys(to_replace if isinstance(to_replace, list | tuple) else [to_replace], value)
        frame = self._own
        for name in self._unmarked:
            fits = {old: new for old, new in pairs.items() if alike(self.schema[name].dtype, literal(old).dtype)}
            if fits:
                frame = frame.assign(**{name: frame[name].replace(fits)})
        return frame

    def clip(self, lower: Any = None, upper: Any = None) -> DataFrame:
        """Limit the numbers of every numeric column to ``[lower, upper]``."""
        return self._each(lambda column: column.clip(lower, upper), self._numbers())

    def round(self, decimals: int | Mapping[str, int] = 0) -> DataFrame:
        """Round every numeric column, or some by a dictionary of digits; see `Series.round`."""
        if isinstance(decimals, Mapping):
            return self.assign(**{name: self._own[name].round(digits) for name, digits in decimals.items()})
        return self._each(lambda column: column.round(decimals), self._numbers())

    def abs(self) -> DataFrame:
        """Absolute values of every numeric column."""
        return self._each(lambda column: column.abs(), self._numbers())

    def shift(self, periods: int = 1, fill_value: Any = None) -> DataFrame:
        """Return each column's value so many rows before (negative: after), else ``fill_value``."""
        return self._each(lambda column: column.shift(periods, fill_value))

    def diff(self, periods: int = 1) -> DataFrame:
        """Return each numeric column's value less that so many rows before."""
        return self._chosen({name: self._own[name].diff(periods) for name in self._numbers()})

    def pct_change(self, periods: int = 1) -> DataFrame:
        """Return each numeric column's change since so many rows before, as a share of the value there."""
        return self._chosen({name: self._own[name].pct_change(periods) for name in self._numbers()})

    def cumsum(self) -> DataFrame:
        """Return the running sums of the numeric columns."""
        return self._chosen({name: self._own[name].cumsum() for name in self._numbers()})

    def cummin(self) -> DataFrame:
        """Return the running least values of the numeric columns."""
        return self._chosen({name: self._own[name].cummin() for name in self._numbers()})

    def cummax(self) -> DataFrame:
        """Return the running greatest values of the numeric columns."""
        return self._chosen({name: self._own[name].cummax() for name in self._numbers()})

    def ffill(self, *, limit: int | None = None) -> DataFrame:
        """Put each column's nearest value before, at most ``limit`` rows away, where it is null."""
        return self._each(lambda column: column.ffill(limit=limit))

    def bfill(self, *, limit: int | None = None) -> DataFrame:
        """Put each column's nearest value after, at most ``limit`` rows away, where it is null."""
        return self._each(lambda column: column.bfill(limit=limit))

    def rank(self, method: str = "average", *, ascending: bool = True, pct: bool = False) -> DataFrame:
        """Return each value's rank within its column; see `Series.rank`."""
        return self._each(lambda column: column.rank(method, ascending=ascending, pct=pct))


def alike(one: DataType, other: DataType) -> bool:
    """Return whether values of two types can be equal."""
    both = (one, other)
    return one == other or all(t.is_numeric for t in both) or all(t.is_temporal for t in both)
