"""Functions of dates and timestamps."""

from __future__ import annotations

from ... import dtypes
from .. import rules as r
from .entry import Function, function

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
        "difference",
        r.temporal_difference,
        "",
        "a - b",
        "days between dates; duration between timestamps",
    ),
)
