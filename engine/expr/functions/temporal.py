"""Functions of dates and timestamps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ... import dtypes
from ...dtypes import DataType
from ...errors import PlanError, suggestion
from .. import rules as r
from ..rules import Types
from .entry import Function, function

_ZONED = re.compile(r"(?<!%)(?:%%)*%[zZ]")

_INSTANT = dtypes.timestamp("us", "UTC")
DIFFERENCE_UNITS = (
    *("millennium", "century", "decade", "year", "quarter", "month", "week", "day"),
    *("hour", "minute", "second", "millisecond", "microsecond"),
)


def _counted(_: Types, options: Mapping[str, Any]) -> DataType:
    if options["unit"] not in DIFFERENCE_UNITS:
        raise PlanError(f"date_diff knows no unit {options['unit']!r}; use one of {', '.join(DIFFERENCE_UNITS)}")
    return dtypes.int64


def _written(types: Types, options: Mapping[str, Any]) -> DataType:
    if types[0].tz is None and _ZONED.search(options["format"]):
        raise PlanError(f"the format {options['format']!r} writes a time zone, and the column has none")
    return dtypes.string


def _read(_: Types, options: Mapping[str, Any]) -> DataType:
    if _ZONED.search(options["format"]):
        raise PlanError(f"the format {options['format']!r} reads a time zone; cast the text to a timestamp with a zone")
    return dtypes.timestamp("us")


def _zoned(types: Types, options: Mapping[str, Any]) -> DataType | None:
    zone = _known_zone(options["zone"])
    return None if types[0].tz else dtypes.timestamp(types[0].unit, zone)


def _unzoned(types: Types, options: Mapping[str, Any]) -> DataType | None:
    _known_zone(options["zone"])
    return dtypes.timestamp(types[0].unit) if types[0].tz else None


def _known_zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PlanError(f"unknown time zone {name!r}{suggestion(name, available_timezones())}") from None


TEMPORAL: tuple[Function, ...] = (
    *(
        function(
            part,
            r.temporal_to(dtypes.int64),
            part,
            f"a.dt.{part}",
            f"{part.replace('_', ' ')} in the column's zone",
        )
        for part in ("year", "quarter", "month", "day")
    ),
    function("day_of_week", r.temporal_to(dtypes.int64), "dayofweek", "a.dt.day_of_week", "Sunday 0 .. Saturday 6"),
    function("iso_day_of_week", r.temporal_to(dtypes.int64), "isodow", "", "Monday 1 .. Sunday 7"),
    function("day_of_year", r.temporal_to(dtypes.int64), "dayofyear", "a.dt.day_of_year", "1 .. 366"),
    function("week", r.temporal_to(dtypes.int64), "week weekofyear", "a.dt.week", "ISO week, 1 .. 53"),
    *(
        function(part, r.temporal_to(dtypes.int64, clock=True), part, f"a.dt.{part}", f"{part} in the column's zone")
        for part in ("hour", "minute", "second")
    ),
    function(
        "date_trunc",
        r.temporal_to(None),
        "date_trunc",
        "a.dt.floor(unit)",
        "start of the unit",
        options=("unit",),
    ),
    function(
        "add_interval",
        r.temporal_to(None),
        "",
        "a + interval",
        "later by months, then days, then microseconds; clips to the month's end",
        options=("months", "days", "microseconds"),
    ),
    function(
        "later_by",
        r.moment_and_counts,
        "",
        "",
        "later by computed months, then days, then microseconds; clips to the month's end",
    ),
    function(
        "difference",
        r.temporal_difference,
        "",
        "a - b",
        "days between dates; duration between timestamps",
    ),
    *(
        function(name, r.temporal_to(dtypes.int64), sql, frame, summary)
        for name, sql, frame, summary in (
            ("iso_year", "isoyear", "a.dt.isocalendar year", "year that the ISO week belongs to"),
            ("decade", "decade", "", "year / 10, rounded down"),
            ("century", "century", "", "2000 is in the 20th, 2001 in the 21st"),
            ("millennium", "millennium", "", "2000 is in the 2nd, 2001 in the 3rd"),
        )
    ),
    function(
        "millisecond",
        r.temporal_to(dtypes.int64, clock=True),
        "millisecond milliseconds",
        "",
        "milliseconds within the minute",
    ),
    function(
        "microsecond",
        r.temporal_to(dtypes.int64, clock=True),
        "microsecond microseconds",
        "",
        "microseconds within the minute",
    ),
    function(
        "epoch",
        r.moment_or_length,
        "epoch",
        "a.dt.timestamp()",
        "seconds since 1970-01-01 00:00 UTC; of a duration its length",
    ),
    function(
        "epoch_count",
        r.temporal_to(dtypes.int64),
        "epoch_ms epoch_us epoch_ns",
        "",
        "whole milli-, micro- or nanoseconds since 1970-01-01 00:00 UTC",
        options=("unit",),
    ),
    function("day_name", r.temporal_to(dtypes.string), "dayname", "a.dt.day_name()", "English name of the day"),
    function("month_name", r.temporal_to(dtypes.string), "monthname", "a.dt.month_name()", "English name of the month"),
    function("last_day", r.temporal_to(dtypes.date), "last_day", "a.dt.days_in_month", "last date of the month"),
    function(
        "date_diff",
        r.two_moments,
        "date_diff datediff",
        "",
        "number of starts of the unit from the first to the second",
        options=("unit",),
        typed=_counted,
    ),
    function("make_date", r.all_as(dtypes.int64, 3, dtypes.date), "make_date", "", "date of its parts", raises=True),
    function("make_timestamp", r.clock_parts, "make_timestamp", "", "timestamp of its parts", raises=True),
    function("from_epoch", r.all_as(dtypes.float64, 1, _INSTANT), "to_timestamp", "", "instant of seconds since 1970"),
    function(
        "strftime",
        r.temporal_to(dtypes.string),
        "strftime",
        "a.dt.strftime(format)",
        "text by a format; %f microseconds, %g milliseconds, %-d without zeros",
        options=("format",),
        typed=_written,
    ),
    *(
        function(
            name,
            r.text_to(dtypes.timestamp("us")),
            name,
            frame,
            f"timestamp of a text by a format; {otherwise} where it does not follow it",
            options=("format",),
            typed=_read,
            raises=name == "strptime",
        )
        for name, frame, otherwise in (
            ("strptime", "a.str.to_datetime(format)", "raises"),
            ("try_strptime", "", "null"),
        )
    ),
    function(
        "assume_timezone",
        r.temporal_to(None, clock=True),
        "",
        "a.dt.tz_localize(zone)",
        "instant at which clocks of a zone show the time",
        options=("zone",),
        typed=_zoned,
    ),
    function(
        "local_time",
        r.temporal_to(None),
        "",
        "a.dt.tz_convert(zone).dt.tz_localize(None)",
        "time that clocks of a zone show at an instant",
        options=("zone",),
        typed=_unzoned,
    ),
)
