"""``.dt`` of a column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING

from .. import dtypes
from ..dtypes import Kind, timestamp
from ..errors import PlanError, TypeMismatch
from ..expr import Expr, any_of, call, case, cast, literal
from ..expr.build import castable
from ..intervals import DAY, length_of
from ..moments import EPOCH
from .accessor import Accessor
from .arguments import explained
from .types import parse_dtype

if TYPE_CHECKING:
    from .frame import DataFrame
    from .series import Series

_ALIASES = {
    **dict.fromkeys(("YS", "Y"), "year"),
    **dict.fromkeys(("QS", "Q"), "quarter"),
    **dict.fromkeys(("MS", "M"), "month"),
    "W": "week",
    **dict.fromkeys(("D", "d"), "day"),
    **dict.fromkeys(("h", "H"), "hour"),
    **dict.fromkeys(("min", "T"), "minute"),
    **dict.fromkeys(("s", "S"), "second"),
    **dict.fromkeys(("ms", "L"), "millisecond"),
    **dict.fromkeys(("us", "U"), "microsecond"),
}
"""pandas' names of units."""
_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond")
LENGTHS = {unit: length_of(unit, Decimal(1)) for unit in _UNITS}
EVEN_ZONES = (None, "UTC")
"""Zones in which all days are equally long."""
HOUR = DAY // 24
"""Microseconds."""


@explained
class DatetimeAccessor(Accessor):
    """Functions of a date or timestamp column, in the column's own zone, or of durations; null gives null."""

    __slots__ = ()

    def __init__(self, column: Series) -> None:
        if not column.dtype.is_temporal and column.dtype.kind is not Kind.DURATION:
            if column.dtype.is_integer:
                raise TypeMismatch(
                    f".dt needs a date or timestamp; {column.name!r} is {column.dtype}, as is the difference "
                    "of two dates: their number of days already"
                )
            hint = " (astype('timestamp') converts it)" if castable(column.dtype, parse_dtype("timestamp")) else ""
            raise TypeMismatch(f".dt needs a date or timestamp; {column.name!r} is {column.dtype}{hint}")
        self._column = column

    def _part(self, function: str) -> Series:
        return self._column.derive(call(function, self._column.expr))

    @property
    def year(self) -> Series:
        """Year."""
        return self._part("year")

    @property
    def quarter(self) -> Series:
        """Quarter, 1 to 4."""
        return self._part("quarter")

    @property
    def month(self) -> Series:
        """Month, 1 to 12."""
        return self._part("month")

    @property
    def day(self) -> Series:
        """Day of the month."""
        return self._part("day")

    @property
    def hour(self) -> Series:
        """Hour, 0 to 23."""
        return self._part("hour")

    @property
    def minute(self) -> Series:
        """Minute, 0 to 59."""
        return self._part("minute")

    @property
    def second(self) -> Series:
        """Whole second, 0 to 59."""
        return self._part("second")

    @property
    def day_of_week(self) -> Series:
        """Day of the week, Monday 0 to Sunday 6, as in pandas."""
        iso = call("iso_day_of_week", self._column.expr)
        return self._column.derive(call("subtract", iso, literal(1)))

    dayofweek = weekday = day_of_week

    @property
    def day_of_year(self) -> Series:
        """Day of the year, 1 to 366."""
        return self._part("day_of_year")

    dayofyear = day_of_year

    @property
    def week(self) -> Series:
        """ISO week, 1 to 53."""
        return self._part("week")

    @property
    def date(self) -> Series:
        """The date, without the time of day."""
        return self._column.derive(cast(self._column.expr, parse_dtype("date")))

    @property
    def time(self) -> Series:
        """The time of day, without the date."""
        return self._column.derive(cast(self._column.expr, dtypes.time("us")))

    @property
    def tz(self) -> str | None:
        """Name of the time zone, or None."""
        return self._column.dtype.tz

    @property
    def unit(self) -> str:
        """Unit in which values are kept: ``s``, ``ms``, ``us`` or ``ns``."""
        return self._column.dtype.unit

    def as_unit(self, unit: str) -> Series:
        """Keep the same moments in another unit."""
        return self._column.derive(cast(self._column.expr, timestamp(unit, self._column.dtype.tz)))

    def floor(self, unit: str) -> Series:
        """Start of the unit, by its name or pandas': ``year``, ``month``, ``day`` or ``D``, ``hour`` or ``h``, ….

        Also of several days or shorter units, counted from 1970 on, such as ``15min``.
        """
        step, several = self._steps(unit)
        if several and self._is_odd:
            return self._moved(step, lambda local: local.floor(unit))
        if several:
            return self._column.derive(self._at(call("multiply", self._count(step), literal(step))))
        return self._column.derive(self._start(split_unit(unit)[1]))

    def normalize(self) -> Series:
        """Start of the day."""
        return self.floor("day")

    def ceil(self, unit: str) -> Series:
        """Start of the next unit; a moment that starts one stays. See `floor`."""
        step, several = self._steps(unit)
        if several and self._is_odd:
            return self._moved(step, lambda local: local.ceil(unit))
        if several:
            before = call("floor_divide", call("negate", self._ticks), literal(step))
            return self._column.derive(self._at(call("multiply", call("negate", before), literal(step))))
        start, end = self._around(split_unit(unit)[1])
        return self._column.derive(case([(call("equal", start, self._column.expr), start)], end))

    def round(self, unit: str) -> Series:
        """Start of the unit that is nearest, half-way the one with the even number since 1970; see `floor`.

        The unit is a week, a day or shorter, or several of these.
        """
        step, _ = self._steps(unit)
        if not step:
            raise PlanError(f"times cannot be rounded to {unit!r}, which has no fixed length; use floor or ceil")
        if self._is_odd:
            return self._moved(step, lambda local: local.round(unit))
        below, ticks = self._count(step), self._ticks
        rest = call("multiply", call("subtract", ticks, call("multiply", below, literal(step))), literal(2))
        odd = call("not_equal", call("remainder", below, literal(2)), literal(0))
        up = any_of((call("greater", rest, literal(step)), call("and", call("equal", rest, literal(step)), odd)))
        assert up is not None
        count = case([(up, call("add", below, literal(1)))], below)
        return self._column.derive(self._at(call("multiply", count, literal(step))))

    @property
    def _is_odd(self) -> bool:
        return self._column.dtype.tz not in EVEN_ZONES

    def _moved(self, step: int, change: Callable[[DatetimeAccessor], Series]) -> Series:
        """Return the moments whose clocks show what a function makes of local times.

        Within an hour they are as far away as clocks say, also where these show a time twice.
        """
        local = self.tz_localize(None)
        changed = change(local.dt)
        if HOUR % step:
            return changed.dt.tz_localize(self._column.dtype.tz)
        ticks = call("subtract", changed.dt._ticks, local.dt._ticks)  # noqa: SLF001  # of the same class
        moved = call("later_by", self._column.expr, literal(0), literal(0), ticks)
        return self._column.derive(cast(moved, self._column.dtype))

    def _steps(self, given: str) -> tuple[int, bool]:
        """Return the microseconds of a unit, 0 of one without fixed length, and whether it is several of one."""
        number, unit = split_unit(given)
        length = LENGTHS[unit]
        step = 0 if length.months else number * (length.days * DAY + length.microseconds)
        if number > 1 and length.months:
            raise PlanError(f"{given!r}: only units of fixed length can be taken several at a time")
        if unit == "week" and number > 1:
            raise PlanError(f"{given!r}: write several weeks as days")
        return step, number > 1

    @property
    def _ticks(self) -> Expr:
        """Microseconds since 1970."""
        moment = self._column.expr
        if moment.dtype.kind is Kind.DATE:
            moment = cast(moment, timestamp("us"))
        return call("epoch_count", moment, unit="us")

    def _count(self, step: int) -> Expr:
        """Return how many steps of so many microseconds there are since 1970."""
        return call("floor_divide", self._ticks, literal(step))

    def _at(self, ticks: Expr) -> Expr:
        """Return the moment so many microseconds after 1970, in the column's unit."""
        dtype = self._column.dtype
        made = call("later_by", literal(EPOCH), literal(0), literal(0), ticks)
        return made if dtype.kind is Kind.DATE else cast(made, dtype)

    def _start(self, unit: str) -> Expr:
        return call("date_trunc", self._column.expr, unit=unit)

    def _around(self, unit: str) -> tuple[Expr, Expr]:
        """Return the start of the unit and that of the next."""
        start = self._start(unit)
        length = LENGTHS[unit]
        if length.microseconds and start.dtype.kind is Kind.DATE:
            start = cast(start, timestamp("us"))
        return start, call("add_interval", start, **asdict(length))

    @property
    def microsecond(self) -> Series:
        """Microseconds within the second, 0 to 999999, as in pandas."""
        within = call("modulo", call("microsecond", self._column.expr), literal(1_000_000))
        return self._column.derive(within)

    @property
    def days_in_month(self) -> Series:
        """Number of days of the month."""
        return self._column.derive(call("day", call("last_day", self._column.expr)))

    daysinmonth = days_in_month

    @property
    def is_month_start(self) -> Series:
        """Whether it is the first day of the month."""
        return self._part("day") == 1

    @property
    def is_month_end(self) -> Series:
        """Whether it is the last day of the month."""
        last = call("day", call("last_day", self._column.expr))
        return self._column.derive(call("equal", call("day", self._column.expr), last))

    @property
    def is_quarter_start(self) -> Series:
        """Whether it is the first day of the quarter."""
        return (self._part("month") % 3 == 1) & self.is_month_start

    @property
    def is_quarter_end(self) -> Series:
        """Whether it is the last day of the quarter."""
        return (self._part("month") % 3 == 0) & self.is_month_end

    @property
    def is_year_start(self) -> Series:
        """Whether it is the first day of the year."""
        return self._part("day_of_year") == 1

    @property
    def is_year_end(self) -> Series:
        """Whether it is the last day of the year."""
        return (self._part("month") == 12) & (self._part("day") == 31)

    @property
    def is_leap_year(self) -> Series:
        """Whether the year has a 29th of February."""
        year = self._part("year")
        return ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)

    def isocalendar(self) -> DataFrame:
        """Return a frame of the year that the ISO week belongs to, the week, and the day, Monday 1 to Sunday 7."""
        parts = {"year": "iso_year", "week": "week", "day": "iso_day_of_week"}
        return self._column.frame.select(**{name: self._part(function) for name, function in parts.items()})

    def total_seconds(self) -> Series:
        """Return the length of a duration in seconds, as a float."""
        return self._length()

    @property
    def days(self) -> Series:
        """Whole days of a duration, rounded down."""
        return (self._length() / 86_400).floor().astype("int64")

    @property
    def seconds(self) -> Series:
        """Whole seconds of a duration beside its days, 0 to 86399."""
        return (self._length().floor() % 86_400).astype("int64")

    def _length(self) -> Series:
        if self._column.dtype.kind is not Kind.DURATION:
            raise TypeMismatch(
                f"{self._column.name!r} is {self._column.dtype}; only differences of times have a length"
            )
        return self._part("epoch")

    def day_name(self) -> Series:
        """English name of the day of the week."""
        return self._part("day_name")

    def month_name(self) -> Series:
        """English name of the month."""
        return self._part("month_name")

    def timestamp(self) -> Series:
        """Seconds since 1970-01-01 00:00 UTC, as a float."""
        return self._part("epoch")

    def strftime(self, date_format: str) -> Series:
        """Text by a format of ``strftime``; ``%f`` for microseconds."""
        return self._column.derive(call("strftime", self._column.expr, format=date_format))

    def tz_localize(self, zone: str | None) -> Series:
        """Take local times as those of a zone; None: instants as their zone's local times.

        Of a time that clocks show twice it is the later instant; one that they pass over is moved on by as much.
        """
        own = self._column.expr
        if zone is None:
            return self._column.derive(call("local_time", own, zone=own.dtype.tz) if own.dtype.tz else own)
        return self._column.derive(call("assume_timezone", own, zone=zone))

    def tz_convert(self, zone: str | None) -> Series:
        """Show the same instants in another zone; None: as the times that clocks show in UTC."""
        own = self._column.expr
        if own.dtype.tz is None:
            raise TypeMismatch(f"{self._column.name!r} has no time zone to convert from; use dt.tz_localize first")
        if zone is None:
            return self._column.derive(call("local_time", own, zone="UTC"))
        return self._column.derive(cast(own, timestamp(own.dtype.unit, zone)))


def split_unit(given: str) -> tuple[int, str]:
    """Return the number and the name of a unit such as ``15min``; one of it where there is no number.

    Raises
    ------
    PlanError
        If there is no such unit.
    """
    digits = given[: len(given) - len(given.lstrip("0123456789"))]
    unit = _unit(given[len(digits) :].strip())
    if digits and int(digits) < 1:
        raise PlanError(f"{given!r} is no length of time")
    return int(digits or 1), unit


def _unit(given: str) -> str:
    unit = _ALIASES.get(given, given)
    if unit not in LENGTHS:
        raise PlanError(
            f"times have no unit {given!r}; use one of {', '.join(LENGTHS)}, or pandas' {', '.join(_ALIASES)}"
        )
    return unit
