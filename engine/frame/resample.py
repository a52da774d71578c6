"""``resample``: groups by equal lengths of time, with those that have no rows."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import aggregate
from .datetimes import LENGTHS, split_unit

if TYPE_CHECKING:
    from .frame import DataFrame
    from .groupby import GroupBy

MOST_PERIODS = 10_000_000
"""More are refused: a length of time that makes so many was hardly meant."""
_DAY_TICKS = 86_400_000_000
_COUNTED = ("count", "size", "nunique")


class Resampler:
    """Rows grouped by the lengths of time that they lie in, waiting for aggregates.

    An aggregate runs the plan once for the first and the last time, and gives one row for each length between them, in
    order: with null where there are no rows, or 0 of what is counted or summed.

    Parameters
    ----------
    frame
        The rows.
    rule
        A unit or several shorter ones that divide a day: ``MS``, ``D``, ``6h``, ``15min``.
    on
        Column of times.
    """

    def __init__(self, frame: DataFrame, rule: str, on: str) -> None:
        number, unit = split_unit(rule)
        months, days, ticks = LENGTHS[unit]
        if unit == "week" or (number > 1 and (months or days or _DAY_TICKS % (number * ticks))):
            raise PlanError(
                f"resample has no rule {rule!r}; use D, MS, QS, YS, or hours and shorter units that divide a day"
            )
        if frame.schema[on].dtype.kind not in (Kind.TIMESTAMP, Kind.DATE):
            raise TypeMismatch(f"resample needs times; {on!r} is {frame.schema[on].dtype}")
        if frame.schema[on].dtype.tz not in (None, "UTC"):
            raise PlanError(
                f"{on!r} has a zone, whose days differ in length; convert it with dt.tz_convert('UTC') first"
            )
        self._step = (number * months, dt.timedelta(days=days, microseconds=number * ticks))
        self._on = on
        start = frame[on].dt.floor(rule)
        self._frame = frame.assign(**{on: start})

    def _groups(self) -> GroupBy:
        return self._frame.groupby(self._on)

    def agg(self, spec: Any = None, **named: Any) -> DataFrame:
        """Return one row for each length of time; see `GroupBy.agg`."""
        return self._filled(self._groups().agg(spec, **named), spec, named)

    aggregate = agg

    def sum(self) -> DataFrame:
        """Return the sum of each numeric column; 0 of no values."""
        return self._filled(self._groups().sum(), "sum", {})

    def count(self) -> DataFrame:
        """Return the number of values that are not null in each column."""
        return self._filled(self._groups().count(), "count", {})

    def size(self) -> DataFrame:
        """Return the number of rows, as ``size``."""
        return self._filled(self._groups().size(), "size", {})

    def mean(self) -> DataFrame:
        """Return the mean of each numeric column."""
        return self._filled(self._groups().mean(), "mean", {})

    def min(self) -> DataFrame:
        """Return the least value of each column."""
        return self._filled(self._groups().min(), "min", {})

    def max(self) -> DataFrame:
        """Return the greatest value of each column."""
        return self._filled(self._groups().max(), "max", {})

    def median(self) -> DataFrame:
        """Return the median of each numeric column."""
        return self._filled(self._groups().median(), "median", {})

    def std(self) -> DataFrame:
        """Return the sample standard deviation of each numeric column."""
        return self._filled(self._groups().std(), "std", {})

    def _filled(self, made: DataFrame, spec: Any, named: dict[str, Any]) -> DataFrame:
        """Return the groups and, between the first and the last of them, those that have no rows."""
        every = self._every()
        zeros = _zeros(made, self._on, spec, named)
        whole = every.merge(made.reset_index(), how="left", on=self._on) if made.index else every
        whole = whole.assign(**{name: whole[name].fillna(0) for name in zeros})
        return whole.sort_values(self._on).set_index(self._on)

    def _every(self) -> DataFrame:
        """Run the plan for the first and the last time, and return the start of each length between them."""
        import pyarrow as pa

        from ..arrow import to_arrow_type

        own = self._frame[self._on]
        ends = self._frame.reduce(low=aggregate("min", own.expr), high=aggregate("max", own.expr))
        starts: list[Any] = []
        at = ends["low"]
        while at is not None and at <= ends["high"]:
            starts.append(at)
            if len(starts) > MOST_PERIODS:
                raise PlanError(
                    f"resample would make more than {MOST_PERIODS:,} rows from {ends['low']}; choose longer times"
                )
            at = self._next(at)
        column = pa.array(starts, to_arrow_type(own.dtype))
        return type(self._frame)(pa.table({self._on: column}), session=self._frame.session)

    def _next(self, at: Any) -> Any:
        months, length = self._step
        if not months:
            return at + length
        month = at.month - 1 + months
        return at.replace(year=at.year + month // 12, month=month % 12 + 1)


def _zeros(made: DataFrame, on: str, spec: Any, named: dict[str, Any]) -> list[str]:
    """Return the columns of counts and sums, which are 0 where there are no rows."""
    kinds: dict[str, Any] = {name: pair[1] for name, pair in named.items()}
    if isinstance(spec, str):
        kinds |= dict.fromkeys((name for name in made.columns if name != on), spec)
    elif isinstance(spec, dict):
        for column, how in spec.items():
            several = [how] if isinstance(how, str) else how
            kinds |= {column if isinstance(how, str) else f"{column}_{one}": one for one in several}
    elif spec is not None:
        kinds |= {name: one for one in spec for name in made.columns if name == one or name.endswith(f"_{one}")}
    return [name for name, how in kinds.items() if how in (*_COUNTED, "sum") and name in made.columns]
