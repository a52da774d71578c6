"""What groups decide of rows, and how their columns go together: ``filter``, ``corr``, ``cov``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..errors import PlanError, VolleyError
from ..expr import AggregateCall, Column, Expr, NamedAggregate, SortKey, aggregate, all_of, call, literal
from ..plan import Union, over, window_call
from .aggregating import Aggregates
from .arguments import whole
from .grouped import GroupedSeries
from .series import Series
from .timed import Timed, apart
from .window import present_keys

if TYPE_CHECKING:
    from .frame import DataFrame
    from .resample import Resampler

_KEPT, _PLACE = "__kept", "__place"


class LazyGroup:
    """A group as a function given to ``filter`` sees it first: its columns' aggregates are those of each row's group.

    Parameters
    ----------
    frame
        The rows.
    keys
        The group's keys.
    """

    def __init__(self, frame: DataFrame, keys: tuple[Expr, ...]) -> None:
        self._frame, self._keys = frame, keys

    def __getitem__(self, name: str) -> GroupedSeries:
        return GroupedSeries(self._frame, self._frame[name].expr, name, self._keys)

    def __getattr__(self, name: str) -> GroupedSeries:
        if name.startswith("_") or name not in self._frame.schema:
            raise AttributeError(name)
        return self[name]


class GroupRows:
    """Methods of `GroupBy` that keep or lose whole groups, or compare columns within them."""

    if TYPE_CHECKING:
        frame: DataFrame
        keys: tuple[str, ...]
        dropna: bool
        selected: tuple[str, ...] | None
        of_column: bool

        def _aggregated(self, made: Aggregates) -> DataFrame: ...
        def _column(self, name: str) -> Column: ...
        def _numbers(self) -> tuple[str, ...]: ...
        def _partition(self) -> tuple[Expr, ...]: ...
        def apply(self, function: Callable[[Any], Any], adds: Any = None) -> DataFrame:
            """Apply a function to each group's rows."""

    def filter(self, function: Callable[[Any], Any]) -> DataFrame:
        """Return the rows of the groups for which a function of the group is true, in the frame's order.

        A function of aggregates, such as ``lambda g: g.x.mean() > 3``, becomes part of the plan. Any other, such as
        ``lambda g: len(g) > 2``, is called for each group with a pandas DataFrame of its rows without the keys; rows
        then come in no promised order.
        """
        by = self._partition()
        try:
            made = function(LazyGroup(self.frame, by))
        except (VolleyError, TypeError, ValueError, AttributeError, KeyError):
            made = None
        if not isinstance(made, Series) or made.dtype.kind is not dtypes.bool_.kind:
            return self._filtered_in_python(function)
        tests = [*(present_keys(by) if self.dropna else []), call("coalesce", made.expr, literal(value=False))]
        test = all_of(tests)
        assert test is not None
        rows = self.frame.filter(Series(self.frame, test))
        return rows if self.selected is None else rows.select(*self.selected)

    def _filtered_in_python(self, function: Callable[[Any], Any]) -> DataFrame:
        def kept(rows: Any) -> bool:
            return bool(function(rows))

        chosen = self.apply(kept, {_KEPT: "bool"}).reset_index()
        names = {key: f"__{key}" for key in self.keys}
        chosen = chosen[chosen[_KEPT]].select(*self.keys).rename(columns=names)
        if not self.dropna:
            raise PlanError("filter by a Python function leaves out rows with null keys; group with dropna=True")
        rows = self.frame.merge(chosen, how="semi", left_on=list(names), right_on=list(names.values()))
        return rows if self.selected is None else rows.select(*self.selected)

    def corr(self) -> DataFrame:
        """Return the correlation of each pair of numeric columns within each group, with a row for each column.

        Rows where either is null are left out. The column that a row is for is called ``column``.
        """
        return self._pairwise("corr")

    def cov(self) -> DataFrame:
        """Return the sample covariance of each pair of numeric columns within each group; see `corr`."""
        return self._pairwise("covar_samp")

    def nlargest(self, n: int = 5) -> DataFrame:
        """Return the ``n`` greatest values of each group, greatest first, of one column; the first ones of equals."""
        return self._extremes(whole(n, "nlargest"), least=False)

    def nsmallest(self, n: int = 5) -> DataFrame:
        """Return the ``n`` least values of each group, least first, of one column; the first ones of equals."""
        return self._extremes(whole(n, "nsmallest"), least=True)

    def _extremes(self, n: int, *, least: bool) -> DataFrame:
        value, by = self._column(self._one("nsmallest" if least else "nlargest")), self._partition()
        place = over(window_call("row_number"), by, (SortKey(expr=value, descending=not least),))
        test = all_of([*(present_keys(by) if self.dropna else []), call("less_equal", place, literal(n))])
        assert test is not None
        keys = [*self.keys, value.name]
        rows = self.frame.filter(Series(self.frame, test)).select(*keys)
        return rows.sort_values(keys, ascending=[*[True] * len(self.keys), least], stable=True).set_index(self.keys)

    def unique(self) -> DataFrame:
        """Return the list of each group's distinct values of one column, in no promised order."""
        name = self._one("unique")
        rows = self.frame.drop_duplicates([*self.keys, name])
        return rows.groupby(list(self.keys), dropna=self.dropna)[name].agg("list")

    def _one(self, method: str) -> str:
        """Return the one column that is chosen."""
        if self.selected is None or len(self.selected) != 1:
            raise PlanError(f"{method} is about one column of the groups: groupby('k').x.{method}()")
        return self.selected[0]

    def corrwith(self, other: Series) -> DataFrame:
        """Return the correlation of each numeric column with a column of the frame within each group."""
        if not isinstance(other, Series):
            raise PlanError("corrwith takes a column of the frame that is grouped, such as frame.x; merge frames first")
        names = self._numbers()
        if not names:
            raise PlanError("corrwith needs numeric columns besides the keys")
        operand = self.frame[self.keys[0]].operand(other)
        calls = tuple(NamedAggregate(name=n, call=aggregate("corr", self._column(n), operand)) for n in names)
        return self._aggregated(Aggregates(calls, (), tuple(names)))

    def _pairwise(self, function: str) -> DataFrame:
        names = self._numbers()
        if not names or "column" in self.keys:
            raise PlanError(f"{function} needs numeric columns, and no key called 'column'")
        order = {name: place for place, name in enumerate(names)}

        def of(own: str, other: str) -> AggregateCall:
            first, second = sorted((own, other), key=order.__getitem__)
            return aggregate(function, self._column(first), self._column(second))

        return self._for_rows("column", {own: {other: of(own, other) for other in names} for own in names})

    def _for_rows(self, label: str, wanted: Mapping[Any, Mapping[str, AggregateCall | Timed]]) -> DataFrame:
        """Return several rows of aggregates for each group, called by an index column; equal ones are computed once."""
        if label in self.keys:
            raise PlanError(f"a key called {label!r} cannot stand beside the rows' own {label!r}; rename it")
        places: dict[AggregateCall | Timed, str] = {}
        for calls in wanted.values():
            for one in calls.values():
                places.setdefault(one, f"__{len(places)}")
        native, timed = apart({name: one for one, name in places.items()})
        wide = self._aggregated(Aggregates(native, (), tuple(places.values()), timed))
        rows = []
        for place, (name, calls) in enumerate(wanted.items()):
            columns = {out: wide[places[one]] for out, one in calls.items()}
            rows.append(
                wide.assign(**{_PLACE: place, label: name, **columns}).select(*self.keys, _PLACE, label, *calls)
            )
        if not rows:
            raise PlanError(f"there is no {label} to compute")
        made = self.frame.with_plan(Union(inputs=tuple(one.plan for one in rows))).sort_values([*self.keys, _PLACE])
        return made.drop(columns=_PLACE).set_index([*self.keys, label])

    # lengths of time

    def resample(self, rule: str, *, on: str | None = None) -> Resampler:
        """Group each group's rows by equal lengths of time, from its first to its last; see `DataFrame.resample`.

        The lengths are single units, or divide a day.
        """
        from .resample import Resampler

        if on is None and len(self.frame.index) != 1:
            raise PlanError("resample needs its column of times: groupby('k').resample('D', on='t')")
        if not self.dropna:
            raise PlanError("resample leaves out rows with null keys; group with dropna=True")
        made = Resampler(self.frame, rule, self.frame.index[0] if on is None else on, self.keys)
        made.selected, made.of_column = self.selected, self.of_column
        return made
