"""Single values as texts: spelled and read one at a time, where no library does it our way.

What a text does not say is None. Knows nothing of arrays.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import numpy as np

from ....dtypes import DataType
from ....intervals import DAY
from ....intervals import parse_interval as read_interval

_WIDE = Context(prec=90, rounding=ROUND_HALF_UP)
_TRUE = frozenset({"true", "t", "yes", "y", "on", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "off", "0"})
_UNWRITTEN = re.compile(rb"[^ -~]|[\\'\"]")
_ESCAPED = re.compile(r"\\x([0-9a-fA-F]{2})")
_FINER = re.compile(r"\.\d{6}(\d{1,3})")
_MOMENT = re.compile(
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})"
    r"(?:[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")


def float32_text(value: float) -> str:
    """Return the fewest digits that give the value back, as Python writes wider floats."""
    return repr(float(str(np.float32(value))))


def days_and_rest(span: dt.timedelta) -> tuple[int, int]:
    """Return whole days and the microseconds left, both of the sign of the length."""
    micros = span // dt.timedelta(microseconds=1)
    days = abs(micros) // DAY * (-1 if micros < 0 else 1)
    return days, micros - days * DAY


def bytes_text(value: bytes) -> str:
    """Return bytes as DuckDB writes them: what is no plain ASCII sign in two hexadecimal digits behind an escape."""
    return _UNWRITTEN.sub(lambda found: b"\\x%02X" % found[0][0], value).decode("ascii")


def parse_bytes(text: str) -> bytes | None:
    """Read what `bytes_text` writes; None where a backslash or a sign beyond ASCII stands for itself."""
    if not text.isascii() or "\\" in _ESCAPED.sub("", text):
        return None
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1")


def parse_bool(text: str) -> bool | None:
    """Read true and false as SQL spells them, in any case."""
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else None


def quantized(number: Decimal, target: DataType) -> Decimal | None:
    """Round to the target's scale, or None where the value is not finite or has too many digits."""
    if not number.is_finite():
        return None
    try:
        rounded = number.quantize(Decimal(1).scaleb(-target.scale), context=_WIDE)
    except InvalidOperation:
        return None
    return rounded if abs(rounded) < Decimal(10) ** (target.precision - target.scale) else None


def parse_decimal(text: str, target: DataType) -> Decimal | None:
    """Read a decimal, rounded to the type's digits behind the point."""
    try:
        return quantized(Decimal(text), target)
    except InvalidOperation:
        return None


def parse_integer(text: str, target: DataType) -> int | None:
    """Read a whole number, rounding halves away from zero; None for what the type does not hold."""
    try:
        number = int(Decimal(text).to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, OverflowError, ValueError):
        return None
    low = -(2 ** (target.bits - 1)) if target.is_signed else 0
    return number if low <= number < low + 2**target.bits else None


def parse_float(text: str) -> float | None:
    """Read a float, inf and nan too."""
    try:
        return float(text)
    except ValueError:
        return None


def parse_interval(text: str) -> tuple[int, int, int] | None:
    """Read an interval as months, days and nanoseconds."""
    length = read_interval(text)
    return None if length is None else (length.months, length.days, length.microseconds * 1_000)


def parse_time(text: str) -> dt.time | None:
    """Read a time of day, or a timestamp's."""
    found = _TIME.fullmatch(text)
    if found is None:
        moment = _parse_moment(text)  # a timestamp's clock
        return None if moment is None or ":" not in text else moment.time()
    hour, minute, second, fraction = found.groups()
    try:
        return dt.time(int(hour), int(minute), int(second or 0), int((fraction or "0")[:6].ljust(6, "0")))
    except ValueError:
        return None


def parse_date(text: str) -> dt.date | None:
    """Read a date, or a timestamp's."""
    moment = _parse_moment(text)
    return None if moment is None else moment.date()


def parse_timestamp(text: str, target: DataType) -> dt.datetime | None:
    """Read local time in the target's zone where the text names none; where the target has none, drop the text's."""
    moment = _parse_moment(text)
    if moment is None:
        return None
    if target.tz is None:
        return moment.replace(tzinfo=None)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zoneinfo.ZoneInfo(target.tz))


def parse_nanoseconds(text: str, target: DataType) -> int | None:
    """Return nanoseconds since 1970; None for what is no moment, or does not fit 64 bits."""
    moment = parse_timestamp(text, target)
    if moment is None:
        return None
    since = moment.replace(tzinfo=moment.tzinfo or dt.UTC) - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    finer = _FINER.search(text)
    whole = since // dt.timedelta(microseconds=1) * 1_000 + (int(finer[1].ljust(3, "0")) if finer else 0)
    return whole if -(2**63) <= whole < 2**63 else None


def _parse_moment(text: str) -> dt.datetime | None:
    """Parse a date with an optional time and zone offset; None where it is none."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = dt.datetime(  # noqa: DTZ001 - local time, unless the text names a zone
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0")[:6].ljust(6, "0")),
        )  # fmt: skip
    except ValueError:
        return None
    if zone is None:
        return moment
    if zone in ("Z", "UTC"):
        return moment.replace(tzinfo=dt.UTC)
    digits = zone[1:].replace(":", "").ljust(4, "0")
    shift = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment.replace(tzinfo=dt.timezone(-shift if zone[0] == "-" else shift))
