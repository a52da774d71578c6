"""Methods of frames that run the plan and come to a few values.

What has a value for each column is a pandas object, labelled by column: frames here have no row labels. With ``axis=1``
they have a value for each row, which is a column, and lazy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING, Any, TextIO

from ..dtypes import Kind
from ..errors import PlanError
from ..expr import AggregateCall, NamedAggregate, aggregate
from ..plan import WHOLE_PARTITION, Aggregate, over, window_call
from .across import across
from .aggregating import known, known_names, of_freedom
from .core import Core
from .describing import described, is_described
from .reducing import SPELLINGS, reduction
from .timed import Timed, apart, reduced, with_times
from .window import aggregated

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from .frame import DataFrame
    from .series import Series

_NUMERIC = ("sum", "mean", "std", "std_pop", "var", "var_pop", "median", "quantile", "product")


class Reductions(Core):
    """Methods of `DataFrame` that run the plan and come to a few values."""

    __slots__ = ()

    def reduce(self, **aggregates: AggregateCall | Timed) -> dict[str, Any]:
        """Run the plan and return aggregates over all rows as Python values."""
        asked, timed = apart(aggregates)
        plan, calls = aggregated(self.plan, (one.call for one in asked))
        named = tuple(NamedAggregate(name=name, call=one) for name, one in zip(aggregates, calls, strict=True))
        (row,) = self.session.collect(with_times(Aggregate(input=plan, aggregates=named), timed)).to_pylist()
        return dict(row)

    def __len__(self) -> int:
        return int(self.reduce(rows=aggregate("size"))["rows"])

    @property
    def shape(self) -> tuple[int, int]:
        """Run the plan and return the number of rows and of columns."""
        return len(self), len(self.schema)

    @property
    def size(self) -> int:
        """Run the plan and return the number of values, nulls included."""
        return len(self) * len(self.schema)

    @property
    def empty(self) -> bool:
        """Run the plan for one row and return whether there is no value."""
        return not self.columns or self._own.limit(1).collect().num_rows == 0

    @property
    def ndim(self) -> int:
        """Return 2, the number of dimensions."""
        return 2

    def agg(self, func: Any = None, **rows: tuple[str, Any]) -> Any:
        """Run the plan once and return aggregates of columns.

        Parameters
        ----------
        func
            The name of an aggregate, or a dictionary of columns and names: a pandas Series with a value per column.
            A list of names, or a dictionary of columns and lists: a pandas DataFrame with a row per name.
            Names alone apply to all columns, ``sum``, ``mean`` and the like to those of numbers. Functions that are
            aggregates, such as ``np.mean``, count as their names; any other gets each column.
        rows
            Names of rows and pairs of a column and an aggregate: ``agg(most=("price", "max"))``.
        """
        import pandas as pd

        if rows:
            return self._named_rows(func, rows)
        func = _known(func)
        if callable(func):
            return self._own.apply(func)
        if isinstance(func, Mapping):
            self.schema.select(func)
            asked = {c: [names] if isinstance(names, str) else list(names) for c, names in func.items()}
        else:
            given = [func] if isinstance(func, str) else list(func)
            takes = {one: frozenset(self._taken_by(one)) for one in given}
            asked = {c: [one for one in given if c in takes[one]] for c in self._unmarked}
        pairs = [(column, one) for column, names in asked.items() for one in names]
        if not pairs:
            raise PlanError("agg needs something to compute, such as agg('mean') or agg({'price': 'sum'})")
        values = self._computed(pairs)
        if isinstance(func, str) or (isinstance(func, Mapping) and all(isinstance(f, str) for f in func.values())):
            return pd.Series({column: values[column, one] for column, one in pairs})
        labels = dict.fromkeys(one for _, one in pairs)
        made = {column: [values.get((column, one)) for one in labels] for column, names in asked.items() if names}
        return pd.DataFrame(made, index=list(labels))

    aggregate = agg

    def _named_rows(self, func: Any, pairs: Mapping[str, Any]) -> pd.DataFrame:
        """Return aggregates as rows of their own names, with a column for each that they are of."""
        import pandas as pd

        if func is not None or any(not (isinstance(one, tuple) and len(one) == 2) for one in pairs.values()):
            raise PlanError("agg takes one argument, or rows by pairs: agg(total=('price', 'sum'))")
        asked: dict[str, tuple[str, str]] = {row: (one[0], _known(one[1])) for row, one in pairs.items()}
        values = self._computed(list(dict.fromkeys(asked.values())))
        columns = dict.fromkeys(column for column, _ in asked.values())
        made = {c: [values[pair] if pair[0] == c else None for pair in asked.values()] for c in columns}
        return pd.DataFrame(made, index=list(asked))

    def _taken_by(self, function: str) -> list[str]:
        if SPELLINGS.get(function, function) not in _NUMERIC:
            return self._unmarked
        types = {name: self.schema[name].dtype for name in self._unmarked}
        return [name for name, dtype in types.items() if dtype.is_numeric or dtype.kind is Kind.BOOL]

    def _computed(self, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Any]:
        calls = [reduction(function, self._column(column)) for column, function in pairs]
        found = self.reduce(**{f"value_{number}": one for number, one in enumerate(calls)}).values()
        return {
            pair: 0 if value is None and pair[1] == "sum" else value for pair, value in zip(pairs, found, strict=True)
        }

    def sum(self, axis: int | str = 0, *, min_count: int = 0) -> Any:
        """Run the plan and return the sums of the numeric columns; 0 of no values, null of fewer than ``min_count``."""
        return self._of_enough("sum", self._for_each("sum", axis), axis, min_count)

    def mean(self, axis: int | str = 0) -> Any:
        """Run the plan and return the means of the numeric columns."""
        return self._for_each("mean", axis)

    def std(self, axis: int | str = 0, *, ddof: int = 1) -> Any:
        """Run the plan and return the standard deviations of the numeric columns, of populations with ``ddof=0``."""
        return self._for_each(of_freedom("std", ddof), axis)

    def var(self, axis: int | str = 0, *, ddof: int = 1) -> Any:
        """Run the plan and return the variances of the numeric columns, of populations with ``ddof=0``."""
        return self._for_each(of_freedom("var", ddof), axis)

    def median(self, axis: int | str = 0) -> Any:
        """Run the plan and return the medians of the numeric columns."""
        return self._for_each("median", axis)

    def quantile(self, q: float | Sequence[float] = 0.5) -> Any:
        """Run the plan and return a quantile, between values linearly, of each numeric column; of a list a frame."""
        import pandas as pd

        if not isinstance(q, int | float):
            return pd.DataFrame({one: self.quantile(one) for one in q}).T
        names = self._taken_by("quantile")
        if not names:
            raise PlanError("quantile needs numeric columns; this frame has none")
        calls = {f"value_{n}": reduced("quantile", self._column(name), q=q) for n, name in enumerate(names)}
        return pd.Series(dict(zip(names, self.reduce(**calls).values(), strict=True)))

    def prod(self, axis: int | str = 0, *, min_count: int = 0) -> Any:
        """Run the plan and return the products of the numeric columns; 1 of no values; see `sum`."""
        return self._of_enough("product", self._for_each("product", axis).fillna(1.0), axis, min_count)

    def _of_enough(self, function: str, made: Any, axis: int | str, min_count: int) -> Any:
        """Return aggregates with null in the place of those of fewer values than asked for."""
        if min_count < 1:
            return made
        counts = self._own[self._taken_by(function)]._for_each("count", axis)  # noqa: SLF001  # its own class
        return made.where(counts >= min_count)

    product = prod

    def sem(self) -> pd.Series[Any]:
        """Run the plan once a column and return the standard errors of the means of the numeric columns."""
        return self._of_columns("sem")

    def skew(self) -> pd.Series[Any]:
        """Run the plan twice a column and return the skewness of the numeric columns; see `Series.skew`."""
        return self._of_columns("skew")

    def kurt(self) -> pd.Series[Any]:
        """Run the plan twice a column and return the excess kurtosis of the numeric columns; see `Series.kurt`."""
        return self._of_columns("kurt")

    kurtosis = kurt

    def idxmax(self) -> pd.Series[Any]:
        """Run the plan once a column and return where each numeric column is greatest; see `Series.idxmax`."""
        return self._of_columns("idxmax")

    def idxmin(self) -> pd.Series[Any]:
        """Run the plan once a column and return where each numeric column is least; see `Series.idxmax`."""
        return self._of_columns("idxmin")

    def _of_columns(self, method: str) -> pd.Series[Any]:
        import pandas as pd

        names = self._taken_by("mean")
        numbers = {
            name: self._own[name].astype("int8") if self.schema[name].dtype.kind is Kind.BOOL else self._own[name]
            for name in names
        }
        return pd.Series({name: getattr(column, method)() for name, column in numbers.items()})

    def corrwith(self, other: Series) -> pd.Series[Any]:
        """Run the plan once and return the correlation of each numeric column with a column of the frame."""
        import pandas as pd

        names = self._taken_by("mean")
        operand = self._operand(other)
        calls = {f"value_{n}": aggregate("corr", self._column(name), operand) for n, name in enumerate(names)}
        return pd.Series(dict(zip(names, self.reduce(**calls).values(), strict=True)))

    def mode(self) -> pd.DataFrame:
        """Run the plan once a column and return each column's most frequent values, least first, as pandas does."""
        import pandas as pd

        made = {name: _most(self.value_counts(name).collect(), name) for name in self._unmarked}
        rows = max(map(len, made.values()), default=0)
        return pd.DataFrame({name: values + [None] * (rows - len(values)) for name, values in made.items()})

    def corr(self) -> pd.DataFrame:
        """Run the plan and return the correlation of each pair of numeric columns, over rows where neither is null."""
        return self._pairwise("corr")

    def cov(self) -> pd.DataFrame:
        """Run the plan and return the sample covariance of each pair of numeric columns; see `corr`."""
        return self._pairwise("covar_samp")

    def _pairwise(self, function: str) -> pd.DataFrame:
        import pandas as pd

        names = self._taken_by("mean")
        if not names:
            raise PlanError(f"{function} needs numeric columns; this frame has none")
        pairs = list(combinations_with_replacement(names, 2))
        calls = {f"value_{n}": aggregate(function, self._column(a), self._column(b)) for n, (a, b) in enumerate(pairs)}
        values = dict(zip(pairs, self.reduce(**calls).values(), strict=True))
        rows = [[values[min(a, b, key=names.index), max(a, b, key=names.index)] for b in names] for a in names]
        return pd.DataFrame(rows, index=names, columns=names, dtype="float64")

    def min(self, axis: int | str = 0, *, numeric_only: bool = False) -> Any:
        """Run the plan and return the least value of each column, or of each numeric one."""
        return self._least_or_greatest("min", axis, numeric_only=numeric_only)

    def max(self, axis: int | str = 0, *, numeric_only: bool = False) -> Any:
        """Run the plan and return the greatest value of each column, or of each numeric one."""
        return self._least_or_greatest("max", axis, numeric_only=numeric_only)

    def _least_or_greatest(self, function: str, axis: int | str, *, numeric_only: bool) -> Any:
        chosen = self._own[self._taken_by("mean")] if numeric_only else self
        return chosen._for_each(function, axis)  # noqa: SLF001  # its own class

    def count(self, axis: int | str = 0) -> Any:
        """Run the plan and return the number of values that are not null in each column."""
        return self._for_each("count", axis)

    def nunique(self) -> pd.Series[Any]:
        """Run the plan and return the number of distinct values that are not null in each column."""
        made: pd.Series[Any] = self.agg("nunique")
        return made

    def _for_each(self, function: str, axis: int | str = 0) -> Any:
        """Return an aggregate of each column; with ``axis=1`` that of each row, lazily."""
        if _is_across(axis):
            return across(self._own, self._taken_by(function), function)
        return self.agg(function)

    def any(self, axis: int | str = 0) -> Any:
        """Run the plan and return whether any value of each column of booleans or numbers is true, or not 0."""
        return self._of_booleans("any", axis, none=False)

    def all(self, axis: int | str = 0) -> Any:
        """Run the plan and return whether all values of each column of booleans or numbers are true, or not 0."""
        return self._of_booleans("all", axis, none=True)

    def _of_booleans(self, function: str, axis: int | str, *, none: bool) -> Any:
        import pandas as pd

        names = [name for name in self._unmarked if self.schema[name].dtype.kind is Kind.BOOL]
        if names and _is_across(axis):
            return across(self._own, names, function)
        if not _is_across(axis):
            names = self._taken_by("mean")
        if not names:
            raise PlanError(f"{function} needs boolean columns; compare first, such as (frame.x > 0).{function}()")
        values = self._computed([(name, function) for name in names])
        return pd.Series({name: none if value is None else value for (name, _), value in values.items()}, dtype=bool)

    def value_counts(
        self,
        subset: str | Sequence[str] | None = None,
        normalize: bool = False,  # noqa: FBT001, FBT002  # as in pandas
        *,
        sort: bool = True,
        ascending: bool = False,
        dropna: bool = True,
    ) -> DataFrame:
        """Return a lazy frame with each distinct row and its ``count``, most frequent first.

        With ``normalize`` it has its share of all rows, called ``proportion``.
        """
        names = self._compared(subset)
        total = "__count" if normalize else "count"
        counted = self._own.groupby(names, dropna=dropna, sort=False).agg(**{total: (names[0], "size")})
        if sort:
            counted = counted.sort_values([total, *names], ascending=[ascending, *[True] * len(names)])
        if not normalize:
            return counted
        whole = over(window_call("sum", counted[total].expr, frame=WHOLE_PARTITION))
        shares = counted.assign(proportion=counted[total] / counted[total].derive(whole))
        return shares.drop(columns=total).set_index(names)

    def describe(self) -> pd.DataFrame:
        """Run the plan and return count, mean, deviation, extremes and quartiles of columns of numbers and times.

        Without such columns: count, distinct values, the most frequent value and its frequency of every column.
        """
        names = [name for name in self._unmarked if is_described(self.schema[name].dtype)]
        return described(self, names) if names else self._described()

    def _described(self) -> pd.DataFrame:
        import pandas as pd

        if not self._unmarked:
            raise PlanError("describe needs columns; this frame has none")
        values = self._computed([(name, one) for name in self._unmarked for one in ("count", "nunique")])
        made = {}
        for name in self._unmarked:
            top = self.value_counts(name).limit(1).collect().to_pylist()
            most = [top[0][name], top[0]["count"]] if top else [None, None]
            made[name] = [values[name, "count"], values[name, "nunique"], *most]
        return pd.DataFrame(made, index=["count", "unique", "top", "freq"])

    def info(self, buf: TextIO | None = None) -> None:
        """Run the plan and print columns, values that are not null, and types."""
        rows = {name: aggregate("count", self._column(name)) for name in self.columns}
        found = self.reduce(rows=aggregate("size"), **{f"column_{n}": one for n, one in enumerate(rows.values())})
        total, *counts = found.values()
        lines = [("column", "not null", "type")]
        lines += [(n, f"{c:,}", str(self.schema[n].dtype)) for n, c in zip(rows, counts, strict=True)]
        widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
        out = sys.stdout if buf is None else buf
        out.write(f"DataFrame: {total:,} rows x {len(rows)} columns\n")
        for line in lines:
            out.write(_padded(line, widths))

    def equals(self, other: object) -> bool:
        """Run both plans and return whether names, types and rows (in order) are equal; NaN equals NaN."""
        if not isinstance(other, Reductions) or [(f.name, f.dtype) for f in self.schema] != [
            (f.name, f.dtype) for f in other.schema
        ]:
            return False
        one, two = self._own.collect(), other._own.collect()  # noqa: SLF001  # its own class
        return all(_same(a.to_pylist(), b.to_pylist()) for a, b in zip(one.columns, two.columns, strict=True))


def _known(func: Any) -> Any:
    """Return aggregates by their names where functions were given that are some: of one, a list or a dictionary."""
    if func is None or isinstance(func, str) or callable(func):
        return known(func)
    if not isinstance(func, Iterable):
        raise PlanError(f"agg takes names of aggregates, or lists and dictionaries of them, not {func!r}")
    if isinstance(func, Mapping):
        return {column: _known(one) for column, one in func.items()}
    return known_names(func)


def _is_across(axis: int | str) -> bool:
    if axis not in (0, 1, "index", "rows", "columns"):
        raise PlanError(f"axis is 0 for a value of each column or 1 for one of each row, not {axis!r}")
    return axis in (1, "columns")


def _most(counted: pa.Table, name: str) -> list[Any]:
    """Return the values of the greatest count, of a table in the order of counts and then of values."""
    counts = counted["count"].to_pylist()
    return [value for value, n in zip(counted[name].to_pylist(), counts, strict=True) if n == counts[0]]


def _padded(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _same(one: list[Any], two: list[Any]) -> bool:
    return len(one) == len(two) and all(a == b or (a != a and b != b) for a, b in zip(one, two, strict=True))  # noqa: PLR0124  # NaN alone differs from itself
