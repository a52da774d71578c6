"""Lengths of time by which rows are grouped: what a rule says, where each begins, which come one after the other."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..dtypes import Kind
from ..errors import PlanError
from ..expr import Expr, aggregate, call, cast, literal
from ..intervals import DAY
from ..moments import EPOCH
from .datetimes import EVEN_ZONES, HOUR, LENGTHS, split_unit

if TYPE_CHECKING:
    from .series import Series

_DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_OF_MONTHS = {"MS": 1, "ME": 1, "QS": 3, "QE": 3, "YS": 12, "YE": 12}
_THURSDAY = 3
"""The day of the week on which 1970 began."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """What a rule of ``resample`` says; one of the three lengths is not 0.

    Attributes
    ----------
    months, days, microseconds
        How long each is.
    by_end
        Whether it is called by its last day, not by its start.
    unit
        What it is several of, in the same measure.
    phase
        Where a unit begins: months since the year 0, days or microseconds since 1970.
    origin
        Where a length begins, in the same measure; None: where the first row tells, which lies in the first unit of its
        length, or with ``by_end`` in the last.
    """

    months: int = 0
    days: int = 0
    microseconds: int = 0
    by_end: bool = False
    unit: int = 1
    phase: int = 0
    origin: int | None = 0

    @classmethod
    def of(cls, rule: str, zone: str | None) -> Lengths:
        """Return what a rule says of times in a zone; `PlanError` where there is no such rule."""
        found = re.fullmatch(r"(\d*)(W|[MQY][SE])(?:-([A-Z]{3}))?", rule)
        if found is not None:
            number = _positive(found[1], rule)
            return _weeks(number, found[3], rule) if found[2] == "W" else _months(number, found[2], found[3], rule)
        number, name = split_unit(rule)
        length = LENGTHS[name]
        origin = None if number > 1 else 0
        if length.months:
            return cls(months=number * length.months, unit=length.months, origin=origin)
        if name == "week":
            raise PlanError(f"resample has no rule {rule!r}; 'W' ends weeks on Sunday, 'W-SAT' on Saturday")
        if length.days:
            return cls(days=number * length.days, origin=origin)
        micros = number * length.microseconds
        even = DAY % micros == 0 and zone in EVEN_ZONES
        return cls(microseconds=micros, origin=0 if even else None)

    def placed(self, column: Series) -> Lengths:
        """Return the same with the origin known: where it follows from the first row, the plan runs for that."""
        if self.origin is not None:
            return self
        found = column.frame.reduce(low=aggregate("min", column.expr))["low"]
        if found is None:
            return self._at(0)
        if not isinstance(found, dt.datetime):
            found = dt.datetime(found.year, found.month, found.day)  # noqa: DTZ001  # dates have no zone
        if self.microseconds:
            midnight = found.replace(hour=0, minute=0, second=0, microsecond=0)
            if midnight.tzinfo is not None:
                midnight = midnight.astimezone(dt.UTC).replace(tzinfo=None)
            return self._at((midnight - EPOCH) // dt.timedelta(microseconds=1))
        days = (found.replace(tzinfo=None) - EPOCH).days
        place = found.year * 12 + found.month - 1 if self.months else days
        place -= (place - self.phase) % self.unit
        step = self.months or self.days
        return self._at(place - (step - self.unit if self.by_end else 0))

    def start(self, column: Series) -> Series:
        """Return the start of the length of time in which each moment of a column lies; the origin is known."""
        zone = column.dtype.tz
        if self.microseconds:
            if self.origin == 0 and zone in EVEN_ZONES and column.dtype.kind is not Kind.DATE:
                return column.derive(self._counted(column.expr, self.microseconds, 0))
            plain = column.dt.tz_convert(None) if zone else column
            made = plain.derive(self._counted(plain.expr, self.microseconds, self.origin or 0))
            return made.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else made
        return _by_clocks(column, lambda local: self._of_days(local.expr) if self.days else self._of_months(local))

    def between(self, low: Any, high: Any) -> Iterator[Any]:
        """Yield the starts from one to another: local times, but for lengths in microseconds instants."""
        if isinstance(low, dt.datetime):
            low, high = (self._bare(one) for one in (low, high))
        while low <= high:
            yield low
            low = self._next(low)

    def since(self, low: Any, high: Any) -> Iterator[Any]:
        """Yield moments a length apart, from one that is what a unit is called by, to another; as `between` does."""
        dated = not isinstance(low, dt.datetime)
        if dated:
            low, high = (dt.datetime(one.year, one.month, one.day) for one in (low, high))  # noqa: DTZ001
        low, high = (self._bare(one) for one in (low, high))
        at, turn = low, 0
        if self.months or self.by_end:
            at = self._called(low, 0)
            turn = int(at < low)
            at = self._called(low, turn)
        while at <= high:
            yield at.date() if dated else at
            if self.months or self.by_end:
                turn += (self.months or self.days) // self.unit
                at = self._called(low, turn)
            else:
                at += dt.timedelta(days=self.days, microseconds=self.microseconds)

    def _called(self, moment: dt.datetime, turn: int) -> dt.datetime:
        """Return what so many units after that of a moment are called by, at its time of day."""
        if self.days:
            place = (moment - EPOCH).days
            start = place - (place - self.phase) % self.unit + turn * self.unit
            return moment + dt.timedelta(days=start + self.unit - 1 - place)
        place = moment.year * 12 + moment.month - 1
        start = place - (place - self.phase) % self.unit + turn * self.unit
        if not self.by_end:
            return moment.replace(year=start // 12, month=start % 12 + 1, day=1)
        after = start + self.unit
        return moment.replace(year=after // 12, month=after % 12 + 1, day=1) - dt.timedelta(days=1)

    @property
    def divides_an_hour(self) -> bool:
        """Whether it begins at the same moments in whichever hour it is counted from."""
        return bool(self.microseconds) and HOUR % self.microseconds == 0

    def instants(self, column: Series, zone: str | None) -> Series:
        """Return what `between` has given as moments in the zone that it was given them in."""
        if zone is None:
            return column
        return column.dt.tz_localize("UTC").dt.tz_convert(zone) if self.microseconds else column.dt.tz_localize(zone)

    def named(self, column: Series) -> Series:
        """Return starts as what their lengths of time are called by."""
        if not self.by_end:
            return column
        moved = {"months": self.months, "days": self.days - 1, "microseconds": 0}
        return _by_clocks(column, lambda local: call("add_interval", local.expr, **moved))

    def _at(self, origin: int) -> Lengths:
        return replace(self, origin=origin)

    def _bare(self, moment: dt.datetime) -> dt.datetime:
        zoned = self.microseconds and moment.tzinfo is not None
        return (moment.astimezone(dt.UTC) if zoned else moment).replace(tzinfo=None)

    def _next(self, at: Any) -> Any:
        if not self.months:
            return at + dt.timedelta(days=self.days, microseconds=self.microseconds)
        month = at.month - 1 + self.months
        return at.replace(year=at.year + month // 12, month=month % 12 + 1)

    def _of_days(self, moment: Expr) -> Expr:
        if self.days == 1:
            return call("date_trunc", moment, unit="day")
        return self._counted(moment, self.days * DAY, (self.origin or 0) * DAY)

    def _counted(self, moment: Expr, step: int, origin: int) -> Expr:
        """Return the start of the step of microseconds in which a moment lies."""
        dtype = moment.dtype
        timed = cast(moment, dtypes.timestamp("us")) if dtype.kind is Kind.DATE else moment
        ticks = call("subtract", call("epoch_count", timed, unit="us"), literal(origin))
        start = call("multiply", call("floor_divide", ticks, literal(step)), literal(step))
        made = call("later_by", literal(EPOCH), literal(0), literal(0), call("add", start, literal(origin)))
        if dtype.kind is Kind.DATE:
            return cast(made, dtype) if self.days else made
        return cast(made, dtype)

    def _of_months(self, local: Series) -> Expr:
        first = call("date_trunc", local.expr, unit="month")
        if self.months == 1:
            return first
        place = local.dt.year * 12 + local.dt.month - 1 - (self.origin or 0)
        back = call("negate", cast((place % self.months).expr, dtypes.int64))
        return cast(call("later_by", first, back, literal(0), literal(0)), first.dtype)


def _by_clocks(column: Series, change: Callable[[Series], Expr]) -> Series:
    """Return the moments whose clocks show what is made of local times."""
    zone = column.dtype.tz
    if zone in EVEN_ZONES:
        return column.derive(change(column))
    local = column.dt.tz_localize(None)
    return local.derive(change(local)).dt.tz_localize(zone)


def _positive(digits: str, rule: str) -> int:
    number = int(digits or 1)
    if number < 1:
        raise PlanError(f"{rule!r} is no length of time")
    return number


def _weeks(number: int, last: str | None, rule: str) -> Lengths:
    if last is not None and last not in _DAYS:
        raise PlanError(f"resample has no rule {rule!r}; weeks end on one of {', '.join(_DAYS)}")
    phase = (_DAYS.index(last or "SUN") + 1 - _THURSDAY) % 7
    return Lengths(days=7 * number, by_end=True, unit=7, phase=phase, origin=phase if number == 1 else None)


def _months(number: int, kind: str, named: str | None, rule: str) -> Lengths:
    unit, by_end = _OF_MONTHS[kind], kind.endswith("E")
    if named is not None and (named not in _MONTHS or unit == 1):
        raise PlanError(f"resample has no rule {rule!r}; quarters and years go by one of {', '.join(_MONTHS)}")
    phase = (_MONTHS.index(named) + by_end if named is not None else 0) % unit
    return Lengths(months=unit * number, by_end=by_end, unit=unit, phase=phase, origin=phase if number == 1 else None)
