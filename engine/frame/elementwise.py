"""Methods of frames that compute with every column: arithmetic, comparison, functions, frames of rows that move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import SortKey, literal
from ..plan import Frame
from .arguments import explained
from .cells import Cells, alike
from .replacements import not_found
from .rolling import Moving, RowsSoFar
from .series import Series
from .udf import UserFunction, row_function

if TYPE_CHECKING:
    from .frame import DataFrame


class Elementwise(RowsSoFar, Cells):
    """Methods of `DataFrame` that compute with every column.

    The other operand of an operator is a constant, a dictionary of constants by column, or a column of the frame, whose
    value stands beside each row's (pandas: ``axis=0``). Arithmetic leaves columns that are no numbers as they are.
    """

    __slots__ = ()

    def _with_each(self, method: str, other: Any, *, compares: bool = False) -> DataFrame:
        if isinstance(other, Elementwise):
            raise PlanError(
                "frames as wholes have no arithmetic, since their rows have no labels to meet by; merge them, then "
                "compute with columns: frame.assign(total=frame.price * frame.count)"
            )
        names = self._unmarked if compares else self._numbers()
        chosen: dict[str, Any] = dict.fromkeys(names, other)
        if isinstance(other, Mapping):
            self.schema.select(other)
            chosen = dict(other)
        made = {n: getattr(self._own[n], method)(one) for n, one in chosen.items() if self._takes(n, method, one)}
        never = {n: self._own[n].derive(literal(method == "ne")) for n in chosen if n not in made}
        return self._replaced({**made, **never})

    def _takes(self, name: str, method: str, other: Any) -> bool:
        """Return whether a column can be compared with a constant; of another kind it equals no value, as in pandas."""
        if method not in ("eq", "ne") or isinstance(other, Series):
            return True
        own, given = self.schema[name].dtype, literal(other).dtype
        numbers = own.kind is Kind.BOOL or given.kind is Kind.BOOL
        return alike(own, given) or numbers or given.kind is Kind.NULL or (own.is_temporal and given.is_text)

    def apply(
        self, func: Callable[[Any], Any] | str, axis: int | str = 0, *, dtype: Any = None
    ) -> DataFrame | Series | Any:
        """Apply a function to each column, or with ``axis=1`` to each row.

        Parameters
        ----------
        func
            Of a column: gets it, lazy, and returns another, or one value; or the name of a method. Of a row: gets the
            row's values as attributes and items (``row.price * row["count"]``); runs in Python, one by one.
        axis
            0 (``"index"``) for columns, 1 (``"columns"``) for rows.
        dtype
            Type of what a function of rows returns; not needed where it is annotated.

        Returns
        -------
        DataFrame, Series or pandas.Series
            The columns; the column of the rows' results; or each column's value by its name.
        """
        if axis in (1, "columns"):
            if isinstance(func, str):
                raise PlanError(f"a row has no method {func!r}; give a function of rows, or use column arithmetic")
            return row_function(func, dtype, tuple(self.columns))(*(self._own[name] for name in self.columns))
        if axis not in (0, "index"):
            raise PlanError(f"axis is 0 for columns or 1 for rows, not {axis!r}")
        made = {
            name: getattr(self._own[name], func)() if isinstance(func, str) else func(self._own[name])
            for name in self._unmarked
        }
        if all(isinstance(one, Series) for one in made.values()):
            return self._chosen(made)
        import pandas as pd

        return pd.Series(made)

    def transform(self, func: Callable[[Series], Series] | str) -> DataFrame:
        """Return each column as a function, or a method by name, makes it: ``transform("cumsum")``."""
        made = self.apply(func)
        if not isinstance(made, Elementwise):
            raise TypeMismatch("transform needs a function that returns a column; agg computes single values")
        return made._own  # noqa: SLF001  # its own class

    def map(self, func: Callable[[Any], Any], dtype: Any = None) -> DataFrame:
        """Apply a function of values to every value; see `Series.apply`."""
        user = UserFunction(func, dtype=dtype)
        return self._each(lambda column: column.apply(user))

    def cumprod(self) -> DataFrame:
        """Return the running products of the numeric columns, as floats."""
        return self._chosen({name: self._own[name].cumprod() for name in self._numbers()})

    def interpolate(self) -> DataFrame:
        """Fill nulls in the numeric columns on the line between their neighbours; see `Series.interpolate`."""
        return self._each(lambda column: column.interpolate(), self._numbers())

    def rolling(
        self,
        window: int | str | timedelta,
        min_periods: int | None = None,
        *,
        center: bool = False,
        on: str | None = None,
    ) -> FrameRolling:
        """Return the rows up to each row, ``window`` in number or time, waiting for an aggregate; see `Series.rolling`.

        The column ``on`` stays as it is.
        """
        kept = (*self.index, *(() if on is None or on in self.index else (on,)))
        return FrameRolling(self._own, lambda column: column.rolling(window, min_periods, center=center, on=on), kept)

    def expanding(self, min_periods: int = 1) -> FrameRolling:
        """Return all rows up to each row, waiting for an aggregate; see `Series.expanding`."""
        return FrameRolling(self._own, lambda column: column.expanding(min_periods), self.index)

    def _rolled(
        self, function: str, frame: Frame, least: int, order: tuple[SortKey, ...] = (), **options: Any
    ) -> DataFrame:
        columns = {name: self._own[name] for name in self._numbers()}
        made = {name: one._rolled(function, frame, least, order, **options) for name, one in columns.items()}  # noqa: SLF001  # the same method
        return self._chosen(made)

    # arithmetic and comparison

    def add(self, other: Any) -> DataFrame:
        """Return ``frame + other`` for each numeric column."""
        return self._with_each("add", other)

    def sub(self, other: Any) -> DataFrame:
        """Return ``frame - other`` for each numeric column."""
        return self._with_each("sub", other)

    def mul(self, other: Any) -> DataFrame:
        """Return ``frame * other`` for each numeric column."""
        return self._with_each("mul", other)

    def div(self, other: Any) -> DataFrame:
        """Return ``frame / other`` for each numeric column."""
        return self._with_each("div", other)

    def floordiv(self, other: Any) -> DataFrame:
        """Return ``frame // other`` for each numeric column."""
        return self._with_each("floordiv", other)

    def mod(self, other: Any) -> DataFrame:
        """Return ``frame % other`` for each numeric column."""
        return self._with_each("mod", other)

    def __pow__(self, other: Any) -> DataFrame:
        """Return ``frame ** other`` for each numeric column."""
        return self._with_each("pow", other)

    subtract, multiply, divide, truediv = sub, mul, div, div

    def radd(self, other: Any) -> DataFrame:
        """Return ``other + frame`` for each numeric column."""
        return self._with_each("radd", other)

    def rsub(self, other: Any) -> DataFrame:
        """Return ``other - frame`` for each numeric column."""
        return self._with_each("rsub", other)

    def rmul(self, other: Any) -> DataFrame:
        """Return ``other * frame`` for each numeric column."""
        return self._with_each("rmul", other)

    def rdiv(self, other: Any) -> DataFrame:
        """Return ``other / frame`` for each numeric column."""
        return self._with_each("rdiv", other)

    rtruediv = rdiv

    def eq(self, other: Any) -> DataFrame:
        """Return whether each value ``== other``."""
        return self._with_each("eq", other, compares=True)

    def ne(self, other: Any) -> DataFrame:
        """Return whether each value ``!= other``."""
        return self._with_each("ne", other, compares=True)

    def lt(self, other: Any) -> DataFrame:
        """Return whether each value ``< other``."""
        return self._with_each("lt", other, compares=True)

    def le(self, other: Any) -> DataFrame:
        """Return whether each value ``<= other``."""
        return self._with_each("le", other, compares=True)

    def gt(self, other: Any) -> DataFrame:
        """Return whether each value ``> other``."""
        return self._with_each("gt", other, compares=True)

    def ge(self, other: Any) -> DataFrame:
        """Return whether each value ``>= other``."""
        return self._with_each("ge", other, compares=True)

    __add__, __radd__, __sub__, __rsub__, __mul__, __rmul__ = add, radd, sub, rsub, mul, rmul
    __truediv__, __rtruediv__, __floordiv__, __mod__ = div, rdiv, floordiv, mod
    __lt__, __le__, __gt__, __ge__ = lt, le, gt, ge
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> DataFrame:  # type: ignore[override]  # builds columns, as in pandas
        return self._with_each("eq", other, compares=True)

    def __ne__(self, other: object) -> DataFrame:  # type: ignore[override]  # builds columns, as in pandas
        return self._with_each("ne", other, compares=True)

    def __bool__(self) -> bool:
        raise TypeMismatch("a lazy frame has no truth value; frame.empty tells whether it has no rows")

    pow = __pow__

    def __neg__(self) -> DataFrame:
        return self._each(lambda column: -column, self._numbers())

    def __invert__(self) -> DataFrame:
        return self._each(lambda column: ~column)


@explained
class FrameRolling(Moving):
    """Frames of rows that move with each row, over every numeric column; results are float64, as in pandas.

    Parameters
    ----------
    frame
        The rows.
    make
        Gives the moving rows of one column.
    kept
        Columns that stay as they are, in front.
    """

    def __init__(self, frame: DataFrame, make: Callable[[Series], Moving], kept: tuple[str, ...] = ()) -> None:
        self._frame, self._make, self._kept = frame, make, kept

    def __getitem__(self, name: str | list[str]) -> Any:
        if isinstance(name, str):
            return self._make(self._frame[name])
        return FrameRolling(self._frame[list(dict.fromkeys([*self._kept, *name]))], self._make, self._kept)

    def __getattr__(self, name: str) -> Moving:
        if name.startswith("_") or name not in self._frame.schema:
            raise not_found("Rolling", name, [*self._frame.columns, *dir(type(self))])
        return self._make(self._frame[name])

    def _columns(self) -> list[str]:
        return [f.name for f in self._frame.schema if f.dtype.is_numeric and f.name not in self._kept]

    def _together(self, made: Mapping[str, Any]) -> DataFrame:
        return self._frame.select(*self._kept, **made)

    def _aggregate(self, function: str, **options: Any) -> DataFrame:
        return self._together({name: self[name]._aggregate(function, **options) for name in self._columns()})  # noqa: SLF001  # the same method
