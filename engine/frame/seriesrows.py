"""Methods of a column that change its rows, or run the plan and look at all of them."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from ..dtypes import DataType
from ..errors import PlanError, TypeMismatch
from .loc import Loc, Places
from .numpys import of_columns, of_elements
from .replacements import not_found
from .throughpandas import ThroughPandas
from .udf import UserFunction

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd
    import pyarrow as pa

    from .frame import DataFrame
    from .groupby import GroupBy
    from .series import Series


class DistinctValues(list[Any]):
    """A list, which has numpy's ``tolist`` too: pandas' ``unique`` returns arrays."""

    def tolist(self) -> list[Any]:
        """Return the values as a plain list."""
        return list(self)


class SeriesRows(ThroughPandas):
    """Methods of `Series` over its rows; what has other rows than the frame is a column of a new frame."""

    __slots__ = ()

    @property
    def _own(self) -> Series:
        return typing.cast("Series", self)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise not_found("Series", name, dir(type(self)))

    def __len__(self) -> int:
        return len(self._own.frame)

    def __iter__(self) -> Iterator[Any]:
        raise PlanError("a lazy column is not iterated; to_list() runs the plan and returns its values")

    def __getitem__(self, rows: Any) -> Series:
        if isinstance(rows, slice):
            made: Series = self.iloc[rows]
            return made
        if hasattr(rows, "expr"):
            return self._of(self.loc[rows].frame)
        raise TypeMismatch(
            "index a column with a condition such as frame.x > 1, or a slice of rows; iat[3] is one value"
        )

    def _of(self, frame: DataFrame) -> Series:
        column: Series = frame[self._own.name]
        return column

    def head(self, n: int = 5) -> Series:
        """Run the plan for its first ``n`` rows and return a column in memory; see `DataFrame.head`."""
        return self._of(self._own.to_frame().head(n))

    def tail(self, n: int = 5) -> Series:
        """Run the plan for its last ``n`` rows and return a column in memory."""
        return self._of(self._own.to_frame().tail(n))

    def sample(self, n: int | None = None, *, frac: float | None = None, random_state: int | None = None) -> Series:
        """Return some values by chance; see `DataFrame.sample`."""
        return self._of(self._own.to_frame().sample(n, frac=frac, random_state=random_state))

    def sort_values(self, *, ascending: bool = True, na_position: str = "last") -> Series:
        """Return the values in order."""
        return self._of(self._own.to_frame().sort_values(self._own.name, ascending=ascending, na_position=na_position))

    def nlargest(self, n: int = 5) -> Series:
        """Return the ``n`` greatest values, greatest first."""
        return self._of(self._own.to_frame().nlargest(n, self._own.name))

    def nsmallest(self, n: int = 5) -> Series:
        """Return the ``n`` least values, least first."""
        return self._of(self._own.to_frame().nsmallest(n, self._own.name))

    def explode(self) -> Series:
        """Return the values of a column of lists, one a row; an empty list gives a null."""
        return self._of(self._own.to_frame().explode(self._own.name))

    def dropna(self) -> Series:
        """Return the values that are not null."""
        return self._of(self._own.to_frame().dropna())

    def drop_duplicates(self, *, keep: str | bool = "first") -> Series:
        """Return each distinct value once; see `DataFrame.drop_duplicates`."""
        return self._of(self._own.to_frame().drop_duplicates(keep=keep))

    def value_counts(
        self,
        normalize: bool = False,  # noqa: FBT001, FBT002  # as in pandas
        *,
        sort: bool = True,
        ascending: bool = False,
        dropna: bool = True,
    ) -> DataFrame:
        """Return a lazy frame with each distinct value and its ``count``, most frequent first.

        With ``normalize`` it has its share of all values, called ``proportion``.
        """
        return self._own.to_frame().value_counts(normalize=normalize, sort=sort, ascending=ascending, dropna=dropna)

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], options: Mapping[str, Any]
    ) -> Any:
        """Make ``np.where`` and ``np.select`` of columns a column; other functions of numpy get the values."""
        return of_columns(function, args, options)

    def __array_ufunc__(self, function: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """Make functions of numpy such as ``np.log`` and ``np.maximum``, and operators of its numbers, a column."""
        return of_elements(function, method, inputs, options)

    def duplicated(self, *, keep: str | bool = "first") -> Series:
        """Return whether an equal value comes before (``keep="last"``: after; False: either) each value."""
        return self._own.to_frame().duplicated(keep=keep)

    def apply(self, function: Callable[[Any], Any] | str, dtype: Any = None) -> Any:
        """Apply a Python function to each value; null stays null. See `volley.udf`.

        Parameters
        ----------
        function
            Takes a value; compiled where it can be. Or the name of a method.
        dtype
            Type of what it returns, such as ``"float64"``; not needed where it is annotated or compiled.

        Raises
        ------
        PlanError
            If the type is not known.
        UserFunctionError
            While running, if the function raises.
        """
        if isinstance(function, str):
            return self.transform(function)
        user = function if isinstance(function, UserFunction) and dtype is None else UserFunction(function, dtype=dtype)
        made: Series = user(self)
        return made.rename(self._own.name)

    def transform(self, function: Callable[[Any], Any] | str, dtype: Any = None) -> Series:
        """Return what a method by name, or a function of values, makes; see `Series.apply`."""
        if isinstance(function, str):
            made: Series = getattr(self._own, function)()
            return made
        applied: Series = self.apply(function, dtype)
        return applied

    def groupby(self, by: str | Series | Sequence[str | Series], *, sort: bool = True, dropna: bool = True) -> GroupBy:
        """Group the values by columns of the frame; see `DataFrame.groupby`."""
        frame, name = self._own.frame, self._own.name
        if name not in frame.schema or frame[name].expr is not self._own.expr:
            frame = frame.assign(**{name: self._own})
        return frame.groupby(by, sort=sort, dropna=dropna)[name]

    @property
    def loc(self) -> Loc:
        """Values by condition: ``x.loc[y > 1]``."""
        return Loc(self._own.frame, self._own)

    @property
    def iloc(self) -> Places:
        """Values by place: ``x.iloc[:10]``; see `DataFrame.iloc`."""
        return Places(self._own.to_frame(), column=self._own.name)

    @property
    def iat(self) -> Places:
        """One value by its row's number: ``x.iat[3]``; runs the plan."""
        return self.iloc

    @property
    def dtypes(self) -> DataType:
        """Return the type of the values."""
        return self._own.dtype

    def info(self, buf: TextIO | None = None) -> None:
        """Run the plan and print the column, its values that are not null, and its type."""
        self._own.to_frame().info(buf)

    def items(self) -> Iterator[tuple[int, Any]]:
        """Run the plan and yield each row's number and value, batch by batch."""
        yield from enumerate(v for batch in self._own.to_frame().iter_batches() for v in batch.column(0).to_pylist())

    def squeeze(self) -> Any:
        """Run the plan for two rows and return the only value, or the column if there is not exactly one."""
        rows = self._own.to_frame().limit(2).collect().column(0)
        return rows[0].as_py() if len(rows) == 1 else self._own

    @property
    def T(self) -> Series:  # noqa: N802  # as pandas calls it
        """Return the column itself, as pandas does."""
        return self._own

    def transpose(self) -> Series:
        """Return the column itself, as pandas does."""
        return self._own

    def to_csv(self, path: Any, **options: Any) -> pa.Table:
        """Write CSV with this one column; see `DataFrame.to_csv`."""
        return self._own.to_frame().to_csv(path, **options)

    def to_parquet(self, path: Any, **options: Any) -> pa.Table:
        """Write Parquet with this one column; see `DataFrame.to_parquet`."""
        return self._own.to_frame().to_parquet(path, **options)

    def to_json(self, path: Any, **options: Any) -> pa.Table:
        """Write JSON, one object with this one field per line."""
        return self._own.to_frame().to_json(path, **options)

    def describe(self) -> pd.Series[Any]:
        """Run the plan and return a summary; see `DataFrame.describe`."""
        return self._own.to_frame().describe()[self._own.name]

    def to_numpy(self) -> npt.NDArray[Any]:
        """Run the plan and return the values as an array; null is NaN."""
        made: npt.NDArray[Any] = self._own.to_pandas().to_numpy()
        return made

    @property
    def values(self) -> npt.NDArray[Any]:
        """Run the plan and return the same as `to_numpy`."""
        return self.to_numpy()

    def item(self) -> Any:
        """Run the plan and return the only value.

        Raises
        ------
        PlanError
            If there is not exactly one.
        """
        rows = self._own.to_frame().limit(2).collect().column(0)
        if len(rows) != 1:
            raise PlanError(f"item() needs exactly one value; the column has {'more' if len(rows) else 'none'}")
        return rows[0].as_py()

    def copy(self) -> Series:
        """Return the same column: columns are immutable, so that nobody needs a copy."""
        return self._own.rename(self._own.name)

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this column first."""
        return function(self, *args, **kwargs)

    def equals(self, other: object) -> bool:
        """Run both plans and return whether types and values (in order) are equal; NaN equals NaN."""
        if not isinstance(other, SeriesRows):
            return False
        return self._own.to_frame("value").equals(other._own.to_frame("value"))  # noqa: SLF001  # its own class

    @property
    def size(self) -> int:
        """Run the plan and return the number of rows."""
        return len(self)

    @property
    def shape(self) -> tuple[int]:
        """Run the plan and return the number of rows, as a tuple."""
        return (len(self),)

    @property
    def ndim(self) -> int:
        """Return 1, the number of dimensions."""
        return 1

    @property
    def empty(self) -> bool:
        """Run the plan for one row and return whether there is none."""
        return self._own.to_frame().empty

    @property
    def hasnans(self) -> bool:
        """Run the plan and return whether any value is null."""
        return self._own.isna().any()

    @property
    def is_unique(self) -> bool:
        """Run the plan and return whether no value occurs twice."""
        return not self.duplicated().any()
