"""``resample``: groups by equal lengths of time, with those that have no rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import NamedAggregate, aggregate
from .aggregating import Aggregates
from .arguments import explained
from .asof import merge_asof
from .groupby import OF_NOTHING, GroupBy
from .periods import Lengths
from .replacements import not_found

if TYPE_CHECKING:
    from .frame import DataFrame

MOST_PERIODS = 10_000_000
"""More are refused: a length of time that makes so many was hardly meant."""
_OF_NOTHING = {"count": 0, "size": 0, **OF_NOTHING}
"""Aggregates that are not null where there are no rows."""
_METHODS = {"ffill": "backward", "pad": "backward", "bfill": "forward", "backfill": "forward", None: ""}
_THERE = "__there"
_OHLC = {"open": "arg_min", "high": "max", "low": "min", "close": "arg_max"}
_NUMBER = "__number"


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
        A unit or several, as pandas calls them: ``D``, ``6h``, ``15min``, ``MS``, ``2QS-FEB``; or ``W``, ``W-SAT``,
        ``ME``, ``QE`` and ``YE``, whose rows are called by the last day of the week, month, quarter and year. Several
        are counted from the first row, for which the plan runs, but for those that divide a day.
    on
        Column of times; days and longer ones are those of its zone.
    by
        Columns whose values have lengths of time of their own, from the first to the last of their rows.
    """

    def __init__(self, frame: DataFrame, rule: str, on: str, by: tuple[str, ...] = ()) -> None:
        if frame.schema[on].dtype.kind not in (Kind.TIMESTAMP, Kind.DATE):
            raise TypeMismatch(f"resample needs times; {on!r} is {frame.schema[on].dtype}")
        lengths = Lengths.of(rule, frame.schema[on].dtype.tz)
        if by and lengths.origin is None and not lengths.divides_an_hour:
            raise PlanError(
                f"within groups lengths of time are single units, or divide a day; {rule!r} would begin at each "
                "group's first row"
            )
        self._lengths = lengths.placed(frame[on])
        self._on, self._by, self._rows = on, by, frame
        self._frame = frame.assign(**{on: self._lengths.start(frame[on])})
        self.selected: tuple[str, ...] | None = None
        self.of_column = False

    @property
    def started(self) -> DataFrame:
        """The rows, with the start of its length in the place of each time."""
        return self._frame

    def numbered(self) -> DataFrame:
        """Return the rows with starts of lengths, and with the number of each row in the order of time."""
        rows = self._rows.assign(**{_NUMBER: self._rows[self._on].rank("first")})
        return rows.assign(**{self._on: self._lengths.start(rows[self._on])})

    def groups(self, *, as_index: bool = True) -> _Periods:
        """Return the groups, waiting for aggregates."""
        made = _Periods(
            self._frame,
            (*self._by, self._on),
            sort=True,
            dropna=True,
            as_index=as_index,
            lengths=self,
        )
        return made if self.selected is None else made.choosing(self.selected, of_column=self.of_column)

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

    def sum(self, min_count: int = 0) -> DataFrame:
        """Return the sum of each numeric column; 0 of no values, null of fewer than ``min_count``."""
        return self.groups().sum(min_count)

    def prod(self, min_count: int = 0) -> DataFrame:
        """Return the product of each numeric column; 1 of no values, null of fewer than ``min_count``."""
        return self.groups().prod(min_count)

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

    def std(self, ddof: int = 1) -> DataFrame:
        """Return the standard deviation of each numeric column: of a sample, or with ``ddof=0`` of a population."""
        return self.groups().std(ddof)

    def var(self, ddof: int = 1) -> DataFrame:
        """Return the variance of each numeric column: of a sample, or with ``ddof=0`` of a population."""
        return self.groups().var(ddof)

    def sem(self) -> DataFrame:
        """Return the standard error of the mean of each numeric column."""
        return self.groups().sem()

    def quantile(self, q: float = 0.5) -> DataFrame:
        """Return the value at a share ``q`` of the sorted values of each numeric column."""
        return self.groups().quantile(q)

    def nunique(self) -> DataFrame:
        """Return the number of distinct values of each column."""
        return self.groups().nunique()

    def first(self) -> DataFrame:
        """Return the first value of each column that is not null, in the order of time."""
        return self.groups().first()

    def last(self) -> DataFrame:
        """Return the last value of each column that is not null, in the order of time."""
        return self.groups().last()

    def ohlc(self) -> DataFrame:
        """Return the first, greatest, least and last value of each numeric column: ``open``, ``high``, ``low``, …."""
        return self.groups().ohlc()

    # rows at the starts

    def asfreq(self, fill_value: Any = None) -> DataFrame:
        """Return the rows whose time is the start of a length, and rows of ``fill_value`` at the other starts."""
        return self._at_starts(None, fill_value)

    def ffill(self) -> DataFrame:
        """Return at the start of each length the last row until then; null before the first row."""
        return self._at_starts("ffill")

    pad = ffill

    def bfill(self) -> DataFrame:
        """Return at the start of each length the first row from then on."""
        return self._at_starts("bfill")

    def _at_starts(self, method: str | None, fill_value: Any = None) -> DataFrame:
        if self._lengths.by_end:
            raise PlanError("rows are found at starts of lengths of time; those of this rule are called by their ends")
        keys = (*self._by, self._on)
        rows = self._rows if self.selected is None else self._rows.select(*keys, *self.selected)
        return rows_at(self.every(), rows, keys, method, fill_value)

    # every length

    def every(self) -> DataFrame:
        """Run the plan for the first and the last time, and return the start of each length between them."""
        import pyarrow as pa

        if self._by:
            ends = self._frame.groupby(list(self._by), sort=True).agg(__low=(self._on, "min"), __high=(self._on, "max"))
            table = ends.to_arrow()
        else:
            column = self._frame[self._on].expr
            found = self._frame.reduce(__low=aggregate("min", column), __high=aggregate("max", column))
            table = pa.table({name: [end] for name, end in found.items()})
        lows, highs = (table[name].to_pylist() for name in ("__low", "__high"))
        starts: list[Any] = []
        groups: list[int] = []
        for group, (low, high) in enumerate(zip(lows, highs, strict=True)):
            for start in self._lengths.between(low, high) if low is not None else ():
                starts.append(start)
                groups.append(group)
                _refuse_more(len(starts), "resample", low)
        columns = {name: table[name].take(pa.array(groups, pa.int64())) for name in self._by}
        return moments(self._frame, self._on, self._lengths, starts, columns)

    def named(self, frame: DataFrame) -> DataFrame:
        """Return the lengths of time, called by their last day where the rule says so."""
        if not self._lengths.by_end:
            return frame
        return frame.assign(**{self._on: self._lengths.named(frame[self._on])})


class _Periods(GroupBy):
    """Groups by the starts of lengths of time, and beside them those without rows."""

    def __init__(
        self,
        *args: Any,
        lengths: Resampler,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self._lengths = lengths

    def choosing(self, names: tuple[str, ...], *, of_column: bool) -> _Periods:
        """Return the groups of some columns, or of one that was not named in a list."""
        made = self[names[0] if of_column else list(names)]
        assert isinstance(made, _Periods)  # a copy of itself
        return made

    def first(self) -> DataFrame:
        """Return the first value of each column that is not null, in the order of time."""
        return self._by_number({name: ("arg_min", name) for name in self._values()})

    def last(self) -> DataFrame:
        """Return the last value of each column that is not null, in the order of time."""
        return self._by_number({name: ("arg_max", name) for name in self._values()})

    def ohlc(self) -> DataFrame:
        """Return the first, greatest, least and last value of each numeric column."""
        calls: dict[str, tuple[str, str]] = {}
        for name in self._numbers():
            prefix = "" if self.of_column else f"{name}_"
            calls |= {f"{prefix}{out}": (how, name) for out, how in _OHLC.items()}
        return self._by_number(calls)

    def _by_number(self, calls: dict[str, tuple[str, str]]) -> DataFrame:
        """Return aggregates of columns, among them those of the least and the greatest number of a row."""
        made = copy(self)
        made.frame = self._lengths.numbered()
        number = made.frame[_NUMBER].expr
        native = tuple(
            NamedAggregate(
                name=out,
                call=aggregate(how, self._column(name), *((number,) if how.startswith("arg_") else ())),
            )
            for out, (how, name) in calls.items()
        )
        return made._aggregated(Aggregates(native, (), tuple(calls)))  # noqa: SLF001  # of the same class

    def _aggregated(self, made: Aggregates) -> DataFrame:
        found = super()._aggregated(made)
        rows = found.reset_index() if self.as_index else found
        whole = self._lengths.every().merge(rows, how="left", on=self.keys)
        found_of = {one.name: one.call.function for one in made.native if one.call.function in _OF_NOTHING}
        nothing = {
            name: dt.timedelta(0) if name in made.timed else _OF_NOTHING[function]
            for name, function in found_of.items()
        }
        whole = whole.assign(**{name: whole[name].fillna(zero) for name, zero in nothing.items()})
        ordered = self._lengths.named(whole.sort_values(self.keys))
        return ordered.set_index(self.keys) if self.as_index else ordered


def _refuse_more(rows: int, what: str, first: Any) -> None:
    if rows > MOST_PERIODS:
        raise PlanError(f"{what} would make more than {MOST_PERIODS:,} rows from {first}; choose longer times")


def moments(
    frame: DataFrame, on: str, lengths: Lengths, given: Sequence[Any], columns: Mapping[str, Any] | None = None
) -> DataFrame:
    """Return what lengths of time have given for a column of a frame as a frame, perhaps beside other columns."""
    import pyarrow as pa

    from ..arrow import to_arrow_type

    own = frame.schema[on].dtype
    kind = to_arrow_type(own)
    table = pa.table({**(columns or {}), on: pa.array(given, pa.timestamp(kind.unit) if own.tz else kind)})
    made = type(frame)(table, session=frame.session)
    return made.assign(**{on: lengths.instants(made[on], own.tz)})


def rows_at(
    wanted: DataFrame, rows: DataFrame, keys: tuple[str, ...], method: str | None, fill_value: Any
) -> DataFrame:
    """Return the rows at some moments, the last of the keys, in their order; where there are none as a method says."""
    if method not in _METHODS:
        raise PlanError(f"there is no method {method!r} to find rows; use 'ffill' or 'bfill'")
    *by, on = keys
    plain = rows.set_index([]).assign(**{_THERE: True})
    direction = _METHODS[method]
    if direction:
        made = merge_asof(wanted, plain, on, by=by, direction=direction)
    else:
        made = wanted.merge(plain, how="left", on=keys)
    if fill_value is not None:
        missing = made[_THERE].isna()
        made = made.assign(
            **{name: made[name].mask(missing, fill_value) for name in made.columns if name not in (*keys, _THERE)}
        )
    return made.drop(columns=_THERE).sort_values(keys).set_index(keys)


def at_intervals(frame: DataFrame, freq: str, on: str, method: str | None, fill_value: Any) -> DataFrame:
    """Return the rows at equal lengths of time from the first moment on; see `DataFrame.asfreq`."""
    own = frame.schema[on].dtype
    if own.kind not in (Kind.TIMESTAMP, Kind.DATE):
        raise TypeMismatch(f"asfreq needs times; {on!r} is {own}")
    lengths = Lengths.of(freq, own.tz)
    column = frame[on].expr
    ends = frame.reduce(low=aggregate("min", column), high=aggregate("max", column))
    given: list[Any] = []
    for moment in lengths.since(ends["low"], ends["high"]) if ends["low"] is not None else ():
        given.append(moment)
        _refuse_more(len(given), "asfreq", ends["low"])
    return rows_at(moments(frame, on, lengths, given), frame, (on,), method, fill_value)
