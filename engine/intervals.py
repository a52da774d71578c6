"""Lengths of time as text: ``1 year 2 months 3 days 04:05:06.5``, and the parts that such a text means.

A length has months, days and microseconds, which are added to a moment in turn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

MICROSECONDS = {
    "microsecond": 1,
    "millisecond": 1_000,
    "second": 1_000_000,
    "minute": 60_000_000,
    "hour": 3_600_000_000,
}
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1_200, "millennium": 12_000}
UNITS = (*MICROSECONDS, *DAYS, *MONTHS)
_SHORT_UNITS = {
    "us": "microsecond", "usec": "microsecond", "ms": "millisecond", "msec": "millisecond", "s": "second",
    "sec": "second", "m": "minute", "min": "minute", "h": "hour", "hr": "hour", "d": "day", "w": "week",
    "mon": "month", "q": "quarter", "y": "year", "yr": "year", "centurie": "century", "dec": "decade", "c": "century",
    "cent": "century", "millennia": "millennium", "mil": "millennium", "msecond": "millisecond",
    "usecond": "microsecond",
}  # fmt: skip
_MOST = 2**31
DAY = 86_400_000_000
"""Microseconds of a day."""
_PART = re.compile(r"\s*([+-]?\d*\.?\d+(?:e\d+)?)\s*([A-Za-z]+)", re.IGNORECASE)
_CLOCK = re.compile(r"\s*([+-]?)(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?(?=\s|$)")
_SECONDS = re.compile(r"\s*([+-]?\d*\.?\d+)\s*$")
_AGO = re.compile(r"\s+ago\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A length of time: months, then days, then microseconds, each added in turn."""

    months: int = 0
    days: int = 0
    microseconds: int = 0

    def __neg__(self) -> Interval:
        return self.scaled(-1)

    def __add__(self, other: Interval) -> Interval:
        return Interval(
            months=self.months + other.months,
            days=self.days + other.days,
            microseconds=self.microseconds + other.microseconds,
        )

    def __str__(self) -> str:
        return interval_text(self.months, self.days, self.microseconds)

    def scaled(self, factor: int) -> Interval:
        """Return this length so many times."""
        return Interval(months=self.months * factor, days=self.days * factor, microseconds=self.microseconds * factor)


def unit_of(written: str) -> str | None:
    """Return the plain name of a unit of time, e.g. ``month`` for ``Months`` or ``mon``; None where it is none."""
    name = written.strip("'\"").lower()
    candidates = (name, name.removesuffix("s"), _SHORT_UNITS.get(name), _SHORT_UNITS.get(name.removesuffix("s")))
    return next((candidate for candidate in candidates if candidate in UNITS), None)


def length_of(unit: str, amount: Decimal) -> Interval:
    """Return so many units; a fraction of a month becomes days of 30 a month, one of a day microseconds."""
    if unit in MONTHS:
        months = amount * MONTHS[unit]
        whole = int(months)
        rest = Interval() if months == whole else length_of("day", (months - whole) * 30)
        return Interval(months=whole) + rest
    if unit in DAYS:
        days = amount * DAYS[unit]
        return Interval(days=int(days), microseconds=round((days - int(days)) * DAY))
    return Interval(microseconds=round(amount * MICROSECONDS[unit]))


def parse_interval(text: str) -> Interval | None:
    """Return the length that a text means, such as ``1 day 2 hours``, ``04:05:06`` or ``3 mons ago``; None for none."""
    ago = _AGO.search(text)
    text = text[: ago.start()] if ago else text
    total, place, found = Interval(), 0, False
    while place < len(text.rstrip()):
        clock, part, seconds = (form.match(text, place) for form in (_CLOCK, _PART, _SECONDS))
        match = clock or part or seconds
        if match is None:
            return None
        if clock:
            total += _of_clock(clock)
        elif part:
            unit = unit_of(part[2])
            if unit is None:
                return None
            total += length_of(unit, Decimal(part[1]))
        else:
            total += length_of("second", Decimal(match[1]))
        place, found = match.end(), True
    fits = max(abs(total.months), abs(total.days)) < _MOST and abs(total.microseconds) < 2**63 // 1_000
    return (-total if ago else total) if found and fits else None


def _of_clock(match: re.Match[str]) -> Interval:
    sign, hours, minutes, seconds, fraction = match.groups()
    micros = int((fraction or "0")[:6].ljust(6, "0"))
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds or 0)
    micros += whole * 1_000_000
    return Interval(microseconds=-micros if sign == "-" else micros)


def interval_text(months: int, days: int, microseconds: int) -> str:
    """Return a length as SQL shows it, such as ``1 year 2 months 3 days 04:05:06.5``."""
    years, months = int(months / 12), months - 12 * int(months / 12)
    counted = ((years, "year"), (months, "month"), (days, "day"))
    parts = [f"{number} {unit}{'' if abs(number) == 1 else 's'}" for number, unit in counted if number]
    if microseconds or not parts:
        whole, micros = divmod(abs(microseconds), 1_000_000)
        fraction = f".{micros:06}".rstrip("0") if micros else ""
        sign = "-" if microseconds < 0 else ""
        parts.append(f"{sign}{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{fraction}")
    return " ".join(parts)
