"""Further parts of dates and timestamps, their differences, making and writing them, and time zones."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....dtypes import TICKS
from ....errors import ArithmeticOverflow, CastError
from ....expr import Call
from ...failures import out_of_range
from ..buffers import array_from, validity, values_of
from .arithmetic import full
from .registry import Value, elementwise, scalar

_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_YEARS = {"year": 1, "decade": 10, "century": 100, "millennium": 1000}
_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTH_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LARGEST_YEAR = 290_000


def _from_year(name: str, function: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    def run(value: pa.Array) -> pa.Array:
        years = pc.year(value).cast(pa.int64())
        return array_from(function(values_of(years)), pa.int64(), validity(years))

    elementwise(name)(run)


_from_year("decade", lambda year: year // 10)
_from_year("century", lambda year: (year - 1) // 100 + 1)
_from_year("millennium", lambda year: (year - 1) // 1000 + 1)


@elementwise("iso_year")
def iso_year(value: pa.Array) -> pa.Array:
    """Year that the ISO week belongs to."""
    return pc.iso_year(value)


@elementwise("millisecond")
def millisecond(value: pa.Array) -> pa.Array:
    """Milliseconds within the minute."""
    return pc.add(pc.multiply(pc.second(value), 1_000), pc.millisecond(value))


@elementwise("microsecond")
def microsecond(value: pa.Array) -> pa.Array:
    """Microseconds within the minute."""
    return pc.add(pc.multiply(millisecond(value), 1_000), pc.microsecond(value))


@elementwise("epoch")
def epoch(value: pa.Array) -> pa.Array:
    """Seconds since 1970-01-01 00:00 UTC, local times being taken as UTC, or of a duration."""
    numbers = values_of(value)
    seconds = numbers * 86_400.0 if pa.types.is_date(value.type) else numbers / TICKS[value.type.unit]
    return array_from(seconds, pa.float64(), validity(value))


@scalar("epoch_count")
def epoch_count(call: Call, args: list[Value]) -> pa.Array:
    """Whole milli-, micro- or nanoseconds since 1970-01-01 00:00 UTC, local times being taken as UTC."""
    (value,) = args
    numbers, per_second = values_of(value).astype(np.int64), 1
    if pa.types.is_date(value.type):
        numbers = numbers * 86_400
    else:
        per_second = TICKS[value.type.unit]
    wanted = TICKS[call.option("unit")]
    if wanted >= per_second:
        factor = wanted // per_second
        if np.abs(numbers[value.is_valid().to_numpy(zero_copy_only=False)]).max(initial=0) > 2**63 // factor:
            raise ArithmeticOverflow(f"{call} does not fit {call.dtype}")
        return array_from(numbers * factor, pa.int64(), validity(value))
    return array_from(numbers // (per_second // wanted), pa.int64(), validity(value))


@elementwise("day_name")
def day_name(value: pa.Array) -> pa.Array:
    """English name of the day of the week."""
    return pa.array(_DAY_NAMES).take(pc.day_of_week(value))


@elementwise("month_name")
def month_name(value: pa.Array) -> pa.Array:
    """English name of the month."""
    return pa.array(_MONTH_NAMES).take(pc.subtract(pc.month(value), 1))


@elementwise("last_day")
def last_day(value: pa.Array) -> pa.Array:
    """Last date of the month."""
    local = _local(value)
    following = (_dates(local).astype("datetime64[M]") + 1).astype("datetime64[D]") - 1
    return array_from(following.astype(np.int64).astype(np.int32), pa.date32(), validity(value))


def _local(value: pa.Array) -> pa.Array:
    return pc.local_timestamp(value) if pa.types.is_timestamp(value.type) and value.type.tz else value


def _dates(value: pa.Array) -> NDArray[np.datetime64]:
    """Return a date or local timestamp as numpy days, rounded down."""
    if pa.types.is_date(value.type):
        return values_of(value).astype("datetime64[D]")
    days: NDArray[np.datetime64] = values_of(value).view(f"datetime64[{value.type.unit}]").astype("datetime64[D]")
    return days


@scalar("date_diff")
def date_diff(call: Call, args: list[Value]) -> pa.Array:
    """Count the starts of the unit from one moment to another, for weeks seven days each; negative backwards."""
    unit = call.option("unit")
    start, end = full(args)
    if unit in TICKS or unit in _SECONDS or unit.endswith("second"):
        counts = [_ticks(moment, unit) for moment in (start, end)]
    else:
        counts = [_counted(_dates(_local(moment)), unit) for moment in (start, end)]
    distance = counts[1] - counts[0]
    if unit == "week":
        distance = np.sign(distance) * (np.abs(distance) // 7)
    return array_from(distance, pa.int64(), validity(start, end))


def _counted(days: NDArray[np.datetime64], unit: str) -> NDArray[np.int64]:
    """Return the number of whole units (of days for weeks) from a fixed start to each day."""
    if unit in ("day", "week"):
        return days.astype(np.int64)
    if unit in _YEARS:
        return (days.astype("datetime64[Y]").astype(np.int64) + 1970) // _YEARS[unit]
    months = days.astype("datetime64[M]").astype(np.int64)
    return months if unit == "month" else months // 3


def _ticks(moment: pa.Array, unit: str) -> NDArray[np.int64]:
    """Return a moment as a whole number of units of at most an hour."""
    if pa.types.is_date(moment.type):
        moment = moment.cast(pa.timestamp("us"))
    per_second, values = TICKS[moment.type.unit], values_of(moment)
    if unit in _SECONDS:
        return values // (per_second * _SECONDS[unit])
    wanted = 1_000 if unit == "millisecond" else 1_000_000
    return values * (wanted // per_second) if wanted >= per_second else values // (per_second // wanted)


@scalar("make_date")
def make_date(call: Call, args: list[Value]) -> pa.Array:
    """Date of a year, a month and a day."""
    year, month, day = full(args)
    days, bad = _days(*(values_of(part) for part in (year, month, day)))
    _refuse(call, [year, month, day], bad)
    return array_from(days.astype(np.int32), pa.date32(), validity(year, month, day))


@scalar("make_timestamp")
def make_timestamp(call: Call, args: list[Value]) -> pa.Array:
    """Timestamp of a year, a month, a day, an hour, a minute and seconds with a fraction."""
    parts = full(args)
    year, month, day, hour, minute, seconds = (values_of(part) for part in parts)
    days, bad = _days(year, month, day)
    bad |= (hour < 0) | (hour > 23) | (minute < 0) | (minute > 59) | ~((seconds >= 0) & (seconds < 60))
    _refuse(call, parts, bad)
    micros = np.round(np.where(bad, 0.0, seconds) * 1e6).astype(np.int64)
    moment = ((days * 24 + hour) * 60 + minute) * 60_000_000 + micros
    return array_from(moment, pa.timestamp("us"), validity(*parts))


def _days(year: Any, month: Any, day: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return days since 1970-01-01, and which are none."""
    bad = (np.abs(year) > _LARGEST_YEAR) | (month < 1) | (month > 12) | (day < 1) | (day > 31)
    months = np.where(bad, 0, (year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(bad, 0, day - 1)
    return days.astype(np.int64), bad | (days.astype("datetime64[M]") != months)


def _refuse(call: Call, parts: list[pa.Array], bad: NDArray[np.bool_]) -> None:
    for part in parts:
        bad = bad & part.is_valid().to_numpy(zero_copy_only=False)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        given = ", ".join(str(part[row].as_py()) for part in parts)
        raise CastError(f"{call.function}({given}) is not a {call.dtype}, in {call}")


@scalar("from_epoch")
def from_epoch(call: Call, args: list[Value]) -> pa.Array:
    """Instant so many seconds after 1970-01-01 00:00 UTC."""
    seconds = values_of(args[0])
    valid = args[0].is_valid().to_numpy(zero_copy_only=False)
    if (~(np.abs(seconds[valid]) < 9.2e12)).any():
        raise out_of_range(call)
    micros = np.round(np.where(valid, seconds, 0.0) * 1e6).astype(np.int64)
    return array_from(micros, to_arrow_type(call.dtype), validity(args[0]))


@scalar("assume_timezone")
def assume_timezone(call: Call, args: list[Value]) -> pa.Array:
    """Instant at which clocks of a zone show a time: the later of two; a time they skip counts as before the skip."""
    local, zone, arrow = args[0], call.option("zone"), to_arrow_type(call.dtype)
    zoned = pc.assume_timezone(local, zone, ambiguous="latest", nonexistent="latest").cast(arrow)
    skipped = pc.fill_null(pc.not_equal(pc.local_timestamp(zoned), local), fill_value=False)
    if not pc.any(skipped).as_py():
        return zoned
    day = pa.scalar(86_400 * TICKS[local.type.unit], pa.duration(local.type.unit))
    before = pc.assume_timezone(pc.subtract(local, day), zone, ambiguous="latest", nonexistent="latest")
    return pc.if_else(skipped, pc.add(before, day).cast(arrow), zoned)


@scalar("local_time")
def local_time(call: Call, args: list[Value]) -> pa.Array:
    """Time that clocks of a zone show at an instant."""
    return pc.local_timestamp(args[0].cast(pa.timestamp(args[0].type.unit, call.option("zone"))))


_SPECIAL = re.compile(r"%(-[a-zA-Z]|f|g|x|X|c|%)")
_UNPADDED = {"d": "%d", "m": "%m", "H": "%H", "I": "%I", "M": "%M", "S": "%S", "y": "%y", "j": "%j"}
_WRITTEN = {"x": "%Y-%m-%d", "X": "%H:%M:%S", "c": "%Y-%m-%d %H:%M:%S"}


@scalar("strftime")
def strftime(call: Call, args: list[Value]) -> pa.Array:
    """Text of a moment by a format of C, with %f for microseconds, %g for milliseconds and %-d without zeros."""
    value = args[0]
    if pa.types.is_date(value.type):
        value = value.cast(pa.timestamp("us"))
    # Arrow rounds by the clocks of a zone, and refuses times that these show twice.
    seconds = np.floor_divide(values_of(value), TICKS[value.type.unit])
    whole = array_from(seconds, pa.timestamp("s", value.type.tz), validity(value))
    pieces = _SPECIAL.split(call.option("format"))
    texts = [
        _piece(value, whole, piece) if odd else pc.strftime(whole, format=piece)
        for position, piece in enumerate(pieces)
        if piece
        for odd in (position % 2 == 1,)
    ]
    if not texts:
        return pc.if_else(pc.is_valid(value), "", None)
    return pc.binary_join_element_wise(*texts, "") if len(texts) > 1 else texts[0]


def _piece(value: pa.Array, whole: pa.Array, piece: str) -> pa.Array:
    if piece == "%":
        return pc.if_else(pc.is_valid(value), "%", None)
    if piece in _WRITTEN:
        return pc.strftime(whole, format=_WRITTEN[piece])
    if piece.startswith("-"):
        padded = pc.strftime(whole, format=_UNPADDED.get(piece[1:], f"%{piece[1:]}"))
        return pc.replace_substring_regex(padded, pattern="^0+([0-9])", replacement=r"\1")
    micros = pc.add(pc.multiply(pc.millisecond(value), 1_000), pc.microsecond(value))
    number, width = (micros, 6) if piece == "f" else (pc.millisecond(value), 3)
    return pc.utf8_lpad(number.cast(pa.string()), width=width, padding="0")


@scalar("strptime")
def strptime(call: Call, args: list[Value]) -> pa.Array:
    """Timestamp that a text means by a format; raises where it does not follow it."""
    moments = _parsed(call, args)
    failed = pc.and_(pc.is_null(moments), pc.is_valid(args[0]))
    if pc.any(failed).as_py():
        text = args[0].filter(failed)[0].as_py()
        raise CastError(f"{text!r} does not follow the format {call.option('format')!r}; try_strptime gives null")
    return moments


@scalar("try_strptime", per_value=True, costly=True)
def try_strptime(call: Call, args: list[Value]) -> pa.Array:
    """Timestamp that a text means by a format; null where it does not follow it."""
    return _parsed(call, args)


def _parsed(call: Call, args: list[Value]) -> pa.Array:
    form = str(call.option("format")).replace("%-", "%")
    known = pc.dictionary_encode(args[0])

    def parsed(text: str) -> dt.datetime | None:
        try:
            return dt.datetime.strptime(text, form).replace(tzinfo=None)  # noqa: DTZ007 - zones are refused earlier
        except ValueError:
            return None

    moments = [None if text is None else parsed(text) for text in known.dictionary.to_pylist()]
    return pa.array(moments, pa.timestamp("us")).take(known.indices)
