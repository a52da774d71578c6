"""Grouping in pandas' spellings; every one becomes an aggregate node of the plan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from ..dtypes import Kind
from ..errors import PlanError
from ..expr import Column, Expr, NamedAggregate, NamedExpr, SortKey, aggregate, all_of, call, literal
from ..plan import WHOLE_PARTITION, Aggregate, MapBatches, Plan, Project, Sort, filtered, over, window_call
from ..schema import Field
from .aggregating import Aggregates, Pairs, aggregates, is_how, of_freedom, returned, spelled
from .applied import InPandas, OfGroupFrames
from .arguments import explained, whole
from .grouprows import GroupRows
from .measures import QUARTILES, only_index
from .replacements import not_found
from .sample import with_chances
from .series import Series
from .timed import apart, reduced
from .types import parse_dtype
from .udf import UserFunction
from .window import GroupWindows, present_keys

if TYPE_CHECKING:
    from .frame import DataFrame

OF_NOTHING = {"sum": 0, "product": 1.0}
"""Aggregates that no values have one of, and which."""
_NUMERIC = ("sum", "mean", "std", "std_pop", "var", "var_pop", "median", "quantile", "product")


@explained
class GroupBy(GroupRows, GroupWindows):
    """Groups of a frame's rows, waiting for aggregates.

    Parameters
    ----------
    frame
        The rows.
    keys
        Names of the key columns.
    sort
        Order the result by the keys.
    dropna
        Leave out rows with a null or NaN key, as pandas does by default.
    as_index
        Mark the keys as index for ``to_pandas``.
    by_itself
        Whether one key was named, not in a list: groups are then called by its value, not by a tuple.

    Attributes
    ----------
    selected
        Columns to aggregate, or None for all others.
    of_column
        Whether they are one column, not in a list: functions then get its values, not rows.
    """

    def __init__(
        self,
        frame: DataFrame,
        keys: tuple[str, ...],
        *,
        sort: bool,
        dropna: bool,
        as_index: bool,
        by_itself: bool = False,
    ) -> None:
        self.frame, self.keys = frame, keys
        self.sort, self.dropna, self.as_index, self.by_itself = sort, dropna, as_index, by_itself
        self.selected: tuple[str, ...] | None = None
        self.of_column = False

    def __getitem__(self, columns: str | Sequence[str]) -> GroupBy:
        names = (columns,) if isinstance(columns, str) else tuple(columns)
        self.frame.schema.select(names)
        made = copy(self)
        made.selected, made.of_column = names, isinstance(columns, str)
        return made

    def agg(self, spec: Any = None, **named: Any) -> DataFrame:
        """Return one row per group.

        Accepts ``agg(total=("price", "sum"))``, ``agg({"price": "sum"})``, ``agg({"price": ["min", "max"]})`` (columns
        ``price_min``, ``price_max``), ``agg("sum")`` and ``agg(["min", "max"])``; of one
        column also ``agg(total="sum")``. Instead of a name there may be a function, which gets the group's values as a
        pandas Series, in no promised order, and returns one value: a float, unless it is annotated or
        ``vl.udf(function, dtype=…)``. ``sum``, ``len``, ``np.mean`` and the like run as aggregates.

        Raises
        ------
        PlanError
            If nothing or an unknown aggregate is asked for.
        UserFunctionError
            While running, if a function raises: names the group.
        """
        if self.of_column and self.selected is not None:
            (column,) = self.selected
            named = {name: (column, how) if is_how(how) else how for name, how in named.items()}
        wanted = {**spelled(spec, self._values(), single=self.of_column), **named}
        if not wanted:
            raise PlanError('agg needs something to compute, e.g. agg(total=("price", "sum"))')
        return self._result(wanted)

    aggregate = agg

    def _values(self) -> tuple[str, ...]:
        if self.selected is not None:
            return self.selected
        left_out = (*self.keys, *self.frame.index)
        return tuple(name for name in self.frame.columns if name not in left_out)

    def _result(self, pairs: Pairs) -> DataFrame:
        return self._aggregated(aggregates(pairs, self.frame.schema))

    def _aggregated(self, made: Aggregates) -> DataFrame:
        keys = tuple(NamedExpr(name=k, expr=Column(name=k, dtype=self.frame.schema[k].dtype)) for k in self.keys)
        plan: Plan = Aggregate(input=self._rows(), keys=keys, aggregates=made.native)
        nothing = {one.name: OF_NOTHING[one.call.function] for one in made.native if one.call.function in OF_NOTHING}
        if nothing:
            plan = _of_nothing(plan, nothing)
        plan = made.finished(plan, self.keys)
        if self.sort:
            plan = Sort(input=plan, keys=tuple(SortKey(expr=key.expr) for key in keys))
        return self.frame.with_plan(plan, index=self.keys if self.as_index else ())

    def _rows(self) -> Plan:
        if not self.dropna:
            return self.frame.plan
        return filtered(self.frame.plan, present_keys(self._partition()))

    def size(self) -> DataFrame:
        """Return the number of rows of each group, as ``size``."""
        return self._result({"size": (self.keys[0], "size")})

    def nunique(self) -> DataFrame:
        """Return the number of distinct values of each column."""
        return self.agg("nunique")

    def _each(self, function: str) -> DataFrame:
        return self._result({name: (name, function) for name in self._taken_by(function)})

    def _taken_by(self, function: str) -> tuple[str, ...]:
        """Return the columns that an aggregate is of; `PlanError` where there are none."""
        names = self._values()
        if self.selected is None and function in _NUMERIC:
            numeric = [n for n in names if self.frame.schema[n].dtype.is_numeric or _is_bool(self.frame, n)]
            names = tuple(numeric)
        if self.selected is None and function in ("any", "all"):
            names = tuple(n for n in names if _is_bool(self.frame, n) or self.frame.schema[n].dtype.is_numeric)
        if not names:
            raise PlanError(
                f"no column to apply {function} to; choose columns, e.g. groupby(...)[['price']].{function}()"
            )
        return names

    def _of_enough(self, function: str, min_count: int) -> DataFrame:
        """Return an aggregate of each numeric column; null of fewer values than ``min_count``."""
        if min_count < 1:
            return self._each(function)
        names = self._taken_by(function)
        counts = {f"__count_{name}": (name, "count") for name in names}
        made = self._result({**{name: (name, function) for name in names}, **counts})
        enough = {name: made[name].where(made[f"__count_{name}"] >= min_count) for name in names}
        return made.select(*self.keys, **enough)

    def sum(self, min_count: int = 0) -> DataFrame:
        """Return the sum of each numeric column; 0 of no values, as in pandas, null of fewer than ``min_count``."""
        return self._of_enough("sum", min_count)

    def mean(self) -> DataFrame:
        """Return the mean of each numeric column."""
        return self._each("mean")

    def min(self) -> DataFrame:
        """Return the least value of each column."""
        return self._each("min")

    def max(self) -> DataFrame:
        """Return the greatest value of each column."""
        return self._each("max")

    def count(self) -> DataFrame:
        """Return the number of values that are not null in each column."""
        return self._each("count")

    def std(self, ddof: int = 1) -> DataFrame:
        """Return the standard deviation of each numeric column: of a sample, or with ``ddof=0`` of a population."""
        return self._each(of_freedom("std", ddof))

    def var(self, ddof: int = 1) -> DataFrame:
        """Return the variance of each numeric column: of a sample, or with ``ddof=0`` of a population."""
        return self._each(of_freedom("var", ddof))

    def first(self) -> DataFrame:
        """Return a value that is not null of each column."""
        return self._each("first")

    def last(self) -> DataFrame:
        """Return the last value met that is not null of each column."""
        return self._each("last")

    def median(self) -> DataFrame:
        """Return the median of each numeric column."""
        return self._each("median")

    def quantile(self, q: float | Sequence[float] = 0.5) -> DataFrame:
        """Return the value at a share ``q`` of the sorted values of each numeric column, linear between neighbours.

        Of a list of shares there is a row of each group for each of them, which is called by an index column
        ``quantile``.
        """
        names = self._numbers()
        shares = [float(q)] if isinstance(q, int | float) else [float(one) for one in q]
        if isinstance(q, int | float):
            calls, timed = apart({name: reduced("quantile", self._column(name), q=q) for name in names})
            return self._aggregated(Aggregates(calls, (), names, timed))
        return self._for_rows(
            "quantile", {one: {n: reduced("quantile", self._column(n), q=one) for n in names} for one in shares}
        )

    def prod(self, min_count: int = 0) -> DataFrame:
        """Return the product of each numeric column, as a float; 1 of no values, null of fewer than ``min_count``."""
        return self._of_enough("product", min_count)

    def sem(self) -> DataFrame:
        """Return the standard error of the mean of each numeric column."""
        names = self._numbers()
        calls = {name: aggregate("std", self._column(name)) for name in names}
        calls |= {f"__count_{name}": aggregate("count", self._column(name)) for name in names}
        native = tuple(NamedAggregate(name=name, call=made) for name, made in calls.items())
        made = self._aggregated(Aggregates(native, (), tuple(calls)))
        errors = {name: made[name] / made[f"__count_{name}"].sqrt() for name in names}
        return made.select(*self.keys, **errors)

    def skew(self) -> DataFrame:
        """Return the skewness of each numeric column, computed by pandas group by group."""
        return self._in_python("skew")

    def kurt(self) -> DataFrame:
        """Return the excess kurtosis of each numeric column, computed by pandas group by group."""
        return self._in_python("kurt")

    def _in_python(self, method: str) -> DataFrame:
        return self._result({name: (name, InPandas(method)) for name in self._numbers()})

    def _numbers(self) -> tuple[str, ...]:
        names = self._values()
        if self.selected is None:
            names = tuple(name for name in names if self.frame.schema[name].dtype.is_numeric)
        return names

    def idxmax(self) -> DataFrame:
        """Return where each numeric column is greatest, as the value of the frame's index column; see `set_index`."""
        return self._labels("arg_max")

    def idxmin(self) -> DataFrame:
        """Return where each numeric column is least, as the value of the frame's index column; see `set_index`."""
        return self._labels("arg_min")

    def _labels(self, function: str) -> DataFrame:
        label = self._column(only_index(self.frame.index))
        names = tuple(name for name in self._numbers() if name != label.name)
        calls = (NamedAggregate(name=n, call=aggregate(function, label, self._column(n))) for n in names)
        return self._aggregated(Aggregates(tuple(calls), (), names))

    def describe(self) -> DataFrame:
        """Return count, mean, deviation, extremes and quartiles of each numeric column, as ``column_statistic``."""
        made = []
        for name in self._numbers():
            column = self._column(name)
            calls = {one: aggregate(one, column) for one in ("count", "mean", "std", "min")}
            calls |= {f"{q:.0%}": aggregate("quantile", column, q=q) for q in QUARTILES}
            calls["max"] = aggregate("max", column)
            made += [NamedAggregate(name=f"{name}_{one}", call=call) for one, call in calls.items()]
        if not made:
            raise PlanError("describe needs numeric columns; this group-by has none")
        return self._aggregated(Aggregates(tuple(made), (), tuple(one.name for one in made)))

    def value_counts(self, *, dropna: bool = True) -> DataFrame:
        """Return each group's distinct values, or rows, and their ``count``, most frequent first within each group."""
        names = [*self.keys, *self._values()]
        counted = self.frame.groupby(names, dropna=self.dropna and dropna, sort=False).agg(count=(names[0], "size"))
        order = [*self.keys, "count", *self._values()]
        flags = [name != "count" for name in order]
        return self.frame.with_plan(counted.sort_values(order, ascending=flags).plan, index=tuple(names))

    def sample(self, n: int = 1, *, random_state: int | None = None) -> DataFrame:
        """Return ``n`` rows of each group by chance (all, if it has fewer), in the frame's order.

        See `DataFrame.sample`.
        """
        frame, chance = with_chances(self.frame, random_state)
        order = (SortKey(expr=chance),)
        place = over(window_call("row_number"), self._partition(), order)
        present = all_of(present_keys(self._partition())) if self.dropna else None
        test = call("less_equal", place, literal(n))
        chosen = frame.filter(Series(frame, test if present is None else call("and", present, test)))
        return chosen.select(*(self.frame.columns if self.selected is None else self.selected))

    @property
    def ndim(self) -> int:
        """Return 1 for the groups of one column, else 2."""
        return 1 if self.selected is not None and len(self.selected) == 1 else 2

    def any(self) -> DataFrame:
        """Return whether any value of each column of booleans or numbers is true, or not 0."""
        return self._each("any")

    def all(self) -> DataFrame:
        """Return whether all values of each column of booleans or numbers are true, or not 0."""
        return self._each("all")

    def apply(self, function: Callable[[Any], Any], adds: Any = None) -> DataFrame:
        """Apply a function to each group's rows, a pandas DataFrame without the keys, in no promised order.

        Of one column's groups, ``groupby("k").x``, the function gets the values as in `agg`.

        Parameters
        ----------
        function
            Returns a value, a mapping or Series (one row), or a DataFrame (any number of rows).
        adds
            Names and types of the columns that it returns, or the type of its value, which is then called as the
            function is; by default what it is annotated with, or a float.

        Raises
        ------
        UserFunctionError
            While running, if the function raises or does not return those columns; names the group.
        """
        if self.of_column and not isinstance(adds, Mapping):
            return self.agg(function if adds is None else UserFunction(function, dtype=adds))
        user = UserFunction(function)
        if not isinstance(adds, Mapping):
            adds = {user.label: returned(user) if adds is None else adds}
        fields = tuple(Field(name, parse_dtype(dtype)) for name, dtype in adds.items())
        lists = {name: f"__{name}_values" for name in self._values()}
        collected = Aggregate(
            input=self._rows(),
            keys=tuple(NamedExpr(name=key, expr=self._column(key)) for key in self.keys),
            aggregates=tuple(
                NamedAggregate(name=made, call=aggregate("list", self._column(name))) for name, made in lists.items()
            ),
        )
        keys = tuple(Field(key, self.frame.schema[key].dtype) for key in self.keys)
        plan: Plan = MapBatches(
            input=collected,
            label=user.label,
            function=OfGroupFrames(function, user.label, self.keys, tuple(lists.items()), fields),
            adds=(*keys, *fields),
        )
        if self.sort:
            plan = Sort(input=plan, keys=tuple(SortKey(expr=self._column(key)) for key in self.keys), stable=True)
        return self.frame.with_plan(plan, index=self.keys if self.as_index else ())

    def pipe(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function with this group-by first."""
        return function(self, *args, **kwargs)

    # rows of groups

    def head(self, n: int = 5) -> DataFrame:
        """Return each group's first ``n`` rows, in the frame's order."""
        count = whole(n, "head")
        return self._placed(lambda place, _: call("less_equal", place, literal(count)))

    def tail(self, n: int = 5) -> DataFrame:
        """Return each group's last ``n`` rows, in the frame's order."""
        count = whole(n, "tail")
        return self._placed(lambda place, size: call("less", call("subtract", size, place), literal(count)))

    def nth(self, n: Any) -> DataFrame:
        """Return each group's row number ``n``, or rows of several numbers, from 0, or from the end if negative."""
        numbers = [whole(one, "nth") for one in (n if isinstance(n, Sequence) and not isinstance(n, str) else [n])]
        if not numbers:
            raise PlanError("nth needs a number of a row, such as nth(0)")

        def chosen(place: Expr, size: Expr) -> Expr:
            from_end = call("subtract", place, size)
            tests = [call("equal", place if one >= 0 else from_end, literal(one + 1)) for one in numbers]
            return functools.reduce(functools.partial(call, "or"), tests)

        return self._placed(chosen)

    def _placed(self, test: Callable[[Expr, Expr], Expr]) -> DataFrame:
        """Return the rows for which a test of their place in the group, from 1, and the group's size is true."""
        by = self._partition()
        place, size = (over(window_call(name, frame=WHOLE_PARTITION), by) for name in ("row_number", "size"))
        rows = self.frame.filter(self._series(test(place, size), "placed"))
        return rows if self.selected is None else rows.select(*self.selected)

    def get_group(self, name: Any) -> DataFrame:
        """Return the rows of one group, by its key or tuple of keys."""
        values = name if isinstance(name, tuple) else (name,)
        if len(values) != len(self.keys):
            raise PlanError(f"a group has {len(self.keys)} keys ({', '.join(self.keys)}), not {len(values)}")
        rows = self.frame
        for key, value in zip(self.keys, values, strict=True):
            rows = rows[rows[key].isna() if value is None else rows[key] == value]
        return rows if self.selected is None else rows.select(*self.selected)

    @property
    def ngroups(self) -> int:
        """Run the plan and return the number of groups."""
        return len(self.size())

    def __iter__(self) -> Iterator[tuple[Any, DataFrame]]:
        """Run the plan for the keys and yield each group's key and its lazy rows.

        The key is a value where one was named by itself, a tuple where a list was, as in pandas.
        """
        for row in self.size().select(*self.keys).collect().to_pylist():
            key = tuple(row.values())
            yield key[0] if self.by_itself else key, self.get_group(key)

    def __getattr__(self, name: str) -> GroupBy:
        if name.startswith("__") or "frame" not in vars(self):
            raise AttributeError(name)
        if name in self.frame.schema:
            return self[name]
        raise not_found("GroupBy", name, [*self.frame.columns, *dir(type(self))])


def _is_bool(frame: DataFrame, name: str) -> bool:
    return frame.schema[name].dtype.kind is Kind.BOOL


def _of_nothing(plan: Plan, given: Mapping[str, Any]) -> Plan:
    """Make the sum of no values 0 and the product 1, as pandas has them."""
    exprs = []
    for field in plan.schema:
        column = Column(name=field.name, dtype=field.dtype)
        expr = call("coalesce", column, literal(given[field.name])) if field.name in given else column
        exprs.append(NamedExpr(name=field.name, expr=expr))
    return Project(input=plan, exprs=tuple(exprs))
