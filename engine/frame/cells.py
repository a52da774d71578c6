"""Methods of frames that treat the values of many columns alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..dtypes import DataType
from ..errors import TypeMismatch
from ..expr import literal
from .core import Core
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame


class Cells(Core):
    """Methods of `DataFrame` that treat the values of many columns alike."""

    __slots__ = ()

    def _each(self, function: Callable[[Series], Series], names: Iterable[str] | None = None) -> DataFrame:
        """Put a function of each of some columns (by default all) in its place."""
        chosen = set(self.columns if names is None else names)
        return self._replaced({name: function(self._own[name]) for name in chosen})

    def _replaced(self, made: Mapping[str, Series]) -> DataFrame:
        """Put other columns in the places of some, all computed from this frame."""
        return self.select(**{name: made.get(name, self._own[name]) for name in self.columns})

    def _numbers(self) -> list[str]:
        return [field.name for field in self.schema if field.dtype.is_numeric]

    def fillna(self, value: Any) -> DataFrame:
        """Fill nulls with a constant (in columns of its kind) or by a dictionary of columns."""
        if isinstance(value, Mapping):
            return self.assign(**{name: self._own[name].fillna(one) for name, one in value.items()})
        return self._each(lambda column: column.fillna(value), self._like(value))

    def _like(self, value: Any) -> list[str]:
        """Return the columns whose values can be compared with a constant without losing their type."""
        kind = literal(value).dtype
        return [f.name for f in self.schema if _alike(f.dtype, kind)]

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
            wanted = {name: list(values.get(name, ())) for name in self.columns}
        else:
            given = list(values)
            wanted = {f.name: [v for v in given if _alike(f.dtype, literal(v).dtype)] for f in self.schema}
        return self._replaced({name: self._own[name].isin(some) for name, some in wanted.items()})

    def where(self, condition: Series | Callable[[DataFrame], Series], other: Any = None) -> DataFrame:
        """Keep the rows' values where a condition is true, else take ``other`` (null by default) in every column."""
        test = self._condition(condition)
        return self._each(lambda column: column.where(test, other))

    def mask(self, condition: Series | Callable[[DataFrame], Series], other: Any = None) -> DataFrame:
        """Take ``other`` (null by default) in every column where a condition is true."""
        test = self._condition(condition)
        return self._each(lambda column: column.mask(test, other))

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
        for field in self.schema:
            fits = {old: new for old, new in pairs.items() if _alike(field.dtype, literal(old).dtype)}
            if fits:
                frame = frame.assign(**{field.name: frame[field.name].replace(fits)})
        return frame

    def clip(self, lower: Any = None, upper: Any = None) -> DataFrame:
        """Limit the numbers of every numeric column to ``[lower, upper]``."""
        return self._each(lambda column: column.clip(lower, upper), self._numbers())

    def round(self, decimals: int | Mapping[str, int] = 0) -> DataFrame:
        """Round every numeric column, or some by a dictionary of digits; halves go away from zero."""
        if isinstance(decimals, Mapping):
            return self.assign(**{name: self._own[name].round(digits) for name, digits in decimals.items()})
        return self._each(lambda column: column.round(decimals), self._numbers())

    def abs(self) -> DataFrame:
        """Absolute values of every numeric column."""
        return self._each(lambda column: column.abs(), self._numbers())

    def shift(self, periods: int = 1, fill_value: Any = None) -> DataFrame:
        """Return each column's value so many rows before (negative: after), else ``fill_value``."""
        return self.select(**{name: self._own[name].shift(periods, fill_value) for name in self.columns})

    def diff(self, periods: int = 1) -> DataFrame:
        """Return each numeric column's value less that so many rows before."""
        return self.select(**{name: self._own[name].diff(periods) for name in self._numbers()})

    def pct_change(self, periods: int = 1) -> DataFrame:
        """Return each numeric column's change since so many rows before, as a share of the value there."""
        return self.select(**{name: self._own[name].pct_change(periods) for name in self._numbers()})

    def cumsum(self) -> DataFrame:
        """Return the running sums of the numeric columns."""
        return self.select(**{name: self._own[name].cumsum() for name in self._numbers()})

    def cummin(self) -> DataFrame:
        """Return the running least values of the numeric columns."""
        return self.select(**{name: self._own[name].cummin() for name in self._numbers()})

    def cummax(self) -> DataFrame:
        """Return the running greatest values of the numeric columns."""
        return self.select(**{name: self._own[name].cummax() for name in self._numbers()})

    def ffill(self) -> DataFrame:
        """Put each column's nearest value before where it is null."""
        return self.select(**{name: self._own[name].ffill() for name in self.columns})

    def bfill(self) -> DataFrame:
        """Put each column's nearest value after where it is null."""
        return self.select(**{name: self._own[name].bfill() for name in self.columns})

    def rank(self, method: str = "average", *, ascending: bool = True, pct: bool = False) -> DataFrame:
        """Return each value's rank within its column; see `Series.rank`."""
        return self.select(
            **{name: self._own[name].rank(method, ascending=ascending, pct=pct) for name in self.columns}
        )


def _alike(one: DataType, other: DataType) -> bool:
    """Return whether values of two types can be equal."""
    both = (one, other)
    return one == other or all(t.is_numeric for t in both) or all(t.is_temporal for t in both)
