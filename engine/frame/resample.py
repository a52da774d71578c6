"""``resample``: groups by equal lengths of time, with those that have no rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import aggregate, call
from ..intervals import DAY
from .aggregating import Aggregates
from .arguments import explained
from .datetimes import EVEN_ZONES, LENGTHS, split_unit
from .groupby import GroupBy
from .replacements import not_found

if TYPE_CHECKING:
    from .frame import DataFrame

_BY_END = {"W": "W", "W-SUN": "W", "ME": "MS", "QE": "QS", "YE": "YS"}
"""Rules whose rows are called by the last day, and those by the first day."""
MOST_PERIODS = 10_000_000
"""More are refused: a length of time that makes so many was hardly meant."""
_ZERO_OF_NOTHING = ("count", "size", "sum")
"""Aggregates that are 0, not null, where there are no rows."""


def ends_its_lengths(rule: str) -> bool:
    """Return whether a rule calls lengths of time by their ends."""
    return rule in _BY_END


@explained
class Resampler:
    """Rows grouped by the lengths of time that they lie in, waiting for aggregates.

    An aggregate runs the plan once for the first and the last time, and gives one row for each length between them, in
    order: with null where there are no rows, or 0 of what is counted or summed.

    Parameters
    ----------
    frame
        The rows.
    rule
        A unit or several shorter ones that divide a day: ``MS``, ``D``, ``6h``, ``15min``; or ``W``, ``ME``, ``QE`` and
        ``YE``, whose rows are called by the last day of the week (Sunday), month, quarter and year.
    on
        Column of times.
    """

    def __init__(self, frame: DataFrame, rule: str, on: str) -> None:
        by_end = rule in _BY_END
        rule = _BY_END.get(rule, rule)
        number, unit = split_unit(rule)
        length = LENGTHS[unit]
        uneven = length.months or length.days or DAY % (number * length.microseconds)
        if (unit == "week" and not by_end) or (number > 1 and uneven):
            raise PlanError(
                f"resample has no rule {rule!r}; use D, W, MS, ME and their like, or hours and shorter units that "
                "divide a day"
            )
        if frame.schema[on].dtype.kind not in (Kind.TIMESTAMP, Kind.DATE):
            raise TypeMismatch(f"resample needs times; {on!r} is {frame.schema[on].dtype}")
        if frame.schema[on].dtype.tz not in EVEN_ZONES:
            raise PlanError(
                f"{on!r} has a zone, whose days differ in length; convert it with dt.tz_convert('UTC') first"
            )
        self._step = (number * length.months, dt.timedelta(days=length.days, microseconds=number * length.microseconds))
        self._on, self._by_end = on, by_end
        start = frame[on].dt.floor(rule)
        self._frame = frame.assign(**{on: start})

    @property
    def started(self) -> DataFrame:
        """The rows, with the start of its length in the place of each time."""
        return self._frame

    def groups(self, *, as_index: bool = True) -> _Periods:
        """Return the groups, waiting for aggregates."""
        return _Periods(
            self._frame, (self._on,), sort=True, dropna=True, as_index=as_index, every=self._every, named=self._named
        )

    def agg(self, spec: Any = None, **named: Any) -> DataFrame:
        """Return one row for each length of time; see `GroupBy.agg`."""
        return self.groups().agg(spec, **named)

    aggregate = agg

    def __getitem__(self, columns: str | Sequence[str]) -> GroupBy:
        return self.groups()[columns]

    def __getattr__(self, name: str) -> GroupBy:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._frame.schema:
            return self[name]
        raise not_found("Resampler", name, [*self._frame.columns, *dir(type(self))])

    def sum(self) -> DataFrame:
        """Return the sum of each numeric column; 0 of no values."""
        return self.groups().sum()

    def count(self) -> DataFrame:
        """Return the number of values that are not null in each column."""
        return self.groups().count()

    def size(self) -> DataFrame:
        """Return the number of rows, as ``size``."""
        return self.groups().size()

    def mean(self) -> DataFrame:
        """Return the mean of each numeric column."""
        return self.groups().mean()

    def min(self) -> DataFrame:
        """Return the least value of each column."""
        return self.groups().min()

    def max(self) -> DataFrame:
        """Return the greatest value of each column."""
        return self.groups().max()

    def median(self) -> DataFrame:
        """Return the median of each numeric column."""
        return self.groups().median()

    def std(self) -> DataFrame:
        """Return the sample standard deviation of each numeric column."""
        return self.groups().std()

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

    def _named(self, frame: DataFrame) -> DataFrame:
        """Return the lengths of time, called by their last day where the rule says so."""
        if not self._by_end:
            return frame
        months, length = self._step
        start = frame[self._on]
        last = call("add_interval", start.expr, months=months, days=length.days - 1, microseconds=0)
        return frame.assign(**{self._on: start.derive(last)})

    def _next(self, at: Any) -> Any:
        months, length = self._step
        if not months:
            return at + length
        month = at.month - 1 + months
        return at.replace(year=at.year + month // 12, month=month % 12 + 1)


class _Periods(GroupBy):
    """Groups by the starts of lengths of time, and beside them those without rows."""

    def __init__(
        self,
        *args: Any,
        every: Callable[[], DataFrame],
        named: Callable[[DataFrame], DataFrame],
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._every, self._named = every, named

    def _aggregated(self, made: Aggregates) -> DataFrame:
        found = super()._aggregated(made)
        rows = found.reset_index() if self.as_index else found
        whole = self._every().merge(rows, how="left", on=self.keys)
        zeros = [one.name for one in made.native if one.call.function in _ZERO_OF_NOTHING]
        nothing = {name: dt.timedelta(0) if name in made.timed else 0 for name in zeros}
        whole = whole.assign(**{name: whole[name].fillna(zero) for name, zero in nothing.items()})
        ordered = self._named(whole.sort_values(self.keys))
        return ordered.set_index(self.keys) if self.as_index else ordered
