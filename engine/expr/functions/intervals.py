"""Functions of lengths of time and of times of day.

What else is done with them is made of these and of arithmetic: the hour of a time is a division of its microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ... import dtypes
from ...dtypes import DataType, Kind
from .. import rules as r
from ..rules import Rule, Types
from .entry import Function, function

PARTS = ("months", "days", "microseconds")
"""What a length of time is made of."""


def _from(kind: Kind, result: DataType, *more: DataType) -> Rule:
    """Return a rule from one value of a kind, and perhaps numbers, to a type."""

    def rule(types: Types) -> tuple[Types, DataType] | None:
        fits = len(types) == 1 + len(more) and types[0].kind in (kind, Kind.NULL)
        numbers = all(t.is_numeric or t.kind is Kind.NULL for t in types[1:])
        first = dtypes.time("us") if kind is Kind.TIME else DataType(kind)
        return ((first, *more), result) if fits and numbers else None

    return rule


def _part_type(_: Types, options: Mapping[str, Any]) -> DataType | None:
    return dtypes.int64 if options["part"] in PARTS else None


def _two_timestamps(types: Types) -> tuple[Types, DataType] | None:
    found = r.two_moments(types)
    if found is None:
        return None
    (have, _), _ = found
    return ((dtypes.timestamp("us", have.tz),) * 2, dtypes.interval)


INTERVALS: tuple[Function, ...] = (
    function(
        "interval_value",
        r.all_as(dtypes.int64, 3, dtypes.interval),
        "interval to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_microseconds",
        "",
        "length of so many months, days and microseconds",
        raises=True,
    ),
    function(
        "interval_part",
        _from(Kind.INTERVAL, dtypes.int64),
        "",
        "",
        f"{PARTS[0]}, {PARTS[1]} or {PARTS[2]} of a length",
        options=("part",),
        typed=_part_type,
    ),
    function(
        "interval_scaled",
        _from(Kind.INTERVAL, dtypes.interval, dtypes.float64),
        "",
        "",
        "length so many times, or divided; fractions of a month become days of 30, fractions of a day microseconds",
        options=("divide",),
        raises=True,
    ),
    function("age", _two_timestamps, "age", "", "years, months, days and time from the second moment to the first"),
    function(
        "time_value",
        r.all_as(dtypes.int64, 1, dtypes.time("us")),
        "",
        "",
        "time of day so many microseconds after midnight, whole days left out",
    ),
    function("time_ticks", _from(Kind.TIME, dtypes.int64), "", "", "microseconds since midnight"),
)
