"""``.str`` and ``.dt`` of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..dtypes import Kind, timestamp
from ..errors import PlanError, TypeMismatch
from ..expr import call, case, cast, literal
from ..expr.build import castable
from .types import parse_dtype

if TYPE_CHECKING:
    from .series import Series

Range: TypeAlias = slice
"""``slice`` itself is a method inside the class."""


class TextAccessor:
    """Functions of a text column; null gives null."""

    __slots__ = ("_column",)

    def __init__(self, column: Series) -> None:
        if column.dtype.kind not in (Kind.STRING, Kind.NULL):
            raise TypeMismatch(f".str needs text; {column.name!r} is {column.dtype} (astype('string') converts it)")
        self._column = column

    def _call(self, function: str, *args: Any, **options: Any) -> Series:
        operands = [self._column.operand(arg) for arg in args]
        return self._column.derive(call(function, self._column.expr, *operands, **options))

    def len(self) -> Series:
        """Length in code points."""
        return self._call("length")

    def lower(self) -> Series:
        """Lower case."""
        return self._call("lower")

    def upper(self) -> Series:
        """Upper case."""
        return self._call("upper")

    def strip(self, characters: str | None = None) -> Series:
        """Without spaces, or some characters, at both ends."""
        return self._call("trim", *([] if characters is None else [characters]))

    def lstrip(self, characters: str | None = None) -> Series:
        """Without spaces, or some characters, at the start."""
        return self._call("ltrim", *([] if characters is None else [characters]))

    def rstrip(self, characters: str | None = None) -> Series:
        """Without spaces, or some characters, at the end."""
        return self._call("rtrim", *([] if characters is None else [characters]))

    def slice(self, start: int = 0, stop: int | None = None) -> Series:
        """Code points from ``start`` (0-based) up to ``stop``, neither negative."""
        if start < 0 or (stop is not None and stop < 0):
            raise PlanError("str.slice counts from the start: start and stop must not be negative")
        length = [] if stop is None else [max(0, stop - start)]
        return self._call("substring", start + 1, *length)

    def contains(self, pattern: str, *, regex: bool = True, case: bool = True) -> Series:
        """Whether a regular expression (RE2), or with ``regex=False`` a text, occurs."""
        if not regex and case:
            return self._call("contains", pattern)
        if not regex:
            raise PlanError("str.contains(regex=False) is case-sensitive; lower both sides with str.lower() first")
        return self._call("regexp_matches", pattern=pattern if case else f"(?i){pattern}")

    def like(self, pattern: str, *, escape: str | None = None, case: bool = True) -> Series:
        """Whether a SQL pattern (``%`` any text, ``_`` any character) matches the whole text."""
        return self._call("like", pattern=pattern, escape=escape, fold=not case)

    def startswith(self, prefix: str) -> Series:
        """Whether the text starts so."""
        return self._call("starts_with", prefix)

    def endswith(self, suffix: str) -> Series:
        """Whether the text ends so."""
        return self._call("ends_with", suffix)

    def replace(self, old: str, new: str, *, regex: bool = False, n: int = -1) -> Series:
        r"""Replace each occurrence of a text, or each match (``n=1``: the first) of a regular expression (RE2).

        In the replacement of a regular expression ``\1`` stands for what its first group matched.
        """
        if not regex and n == -1:
            return self._call("replace", old, new)
        if n not in (-1, 1):
            raise PlanError("str.replace replaces every occurrence (n=-1) or the first (n=1)")
        pattern = old if regex else "".join(f"\\x{{{ord(c):x}}}" for c in old)
        return self._call(
            "regexp_replace", pattern=pattern, replacement=new if regex else new.replace("\\", "\\\\"), all=n == -1
        )

    def extract(self, pattern: str, group: int = 1) -> Series:
        """Return what a group (0: the whole) of the first match matched; empty without a match (pandas: missing)."""
        return self._call("regexp_extract", pattern=pattern, group=group)

    def fullmatch(self, pattern: str) -> Series:
        """Whether a regular expression (RE2) matches the whole text."""
        return self._call("regexp_matches", pattern=f"^(?:{pattern})$")

    def match(self, pattern: str) -> Series:
        """Whether a regular expression (RE2) matches at the start."""
        return self._call("regexp_matches", pattern=f"^(?:{pattern})")

    def count(self, pattern: str) -> Series:
        """Count the matches of a regular expression (RE2)."""
        return self._call("regexp_count", pattern=pattern)

    def find(self, part: str) -> Series:
        """0-based place of the first occurrence, -1 without."""
        return self._call("position", part) - 1

    def split(self, pat: str = " ", *, regex: bool = False) -> Series:
        """Return the list of pieces between separators, or between matches of a regular expression (RE2)."""
        return self._call("regexp_split", pattern=pat) if regex else self._call("split", pat)

    def pad(self, width: int, side: str = "left", fillchar: str = " ") -> Series:
        """Pad to so many code points on one side (``left``, ``right``); longer texts stay."""
        functions = {"left": "lpad", "right": "rpad"}
        if side not in functions:
            raise PlanError(f"str.pad takes side='left' or 'right', not {side!r}")
        padded = call(functions[side], self._column.expr, literal(width), literal(fillchar))
        long = call("greater", call("length", self._column.expr), literal(width))
        return self._column.derive(case([(long, self._column.expr)], padded))

    def rjust(self, width: int, fillchar: str = " ") -> Series:
        """Pad at the start to so many code points."""
        return self.pad(width, "left", fillchar)

    def ljust(self, width: int, fillchar: str = " ") -> Series:
        """Pad at the end to so many code points."""
        return self.pad(width, "right", fillchar)

    def repeat(self, repeats: int) -> Series:
        """So many times after itself."""
        return self._call("repeat", repeats)

    def reverse(self) -> Series:
        """Code points backwards."""
        return self._call("reverse")

    def title(self) -> Series:
        """Each word starts upper case and goes on lower case."""
        return self._call("title")

    def capitalize(self) -> Series:
        """First letter upper case, the rest lower case."""
        text = self._column.expr
        first = call("upper", call("left", text, literal(1)))
        return self._column.derive(call("concat", first, call("lower", call("substring", text, literal(2)))))

    def md5(self) -> Series:
        """MD5 digest in hexadecimal digits."""
        return self._call("md5")

    def sha256(self) -> Series:
        """SHA-256 digest in hexadecimal digits."""
        return self._call("sha256")

    def to_datetime(self, date_format: str, *, errors: str = "raise") -> Series:
        """Read timestamps by a format of ``strptime``; with ``errors="coerce"`` what does not follow it gives null."""
        if errors not in ("raise", "coerce"):
            raise PlanError(f"to_datetime takes errors='raise' or 'coerce', not {errors!r}")
        return self._call("strptime" if errors == "raise" else "try_strptime", format=date_format)

    def cat(self, other: Any, sep: str = "") -> Series:
        """Join with another text column or constant."""
        operand = self._column.operand(other)
        middle = [literal(sep)] if sep else []
        return self._column.derive(call("concat", self._column.expr, *middle, operand))

    def __getitem__(self, part: Range) -> Series:
        if part.step not in (None, 1):
            raise PlanError("only slices such as .str[2:5] are supported")
        return self.slice(part.start or 0, part.stop)


class DatetimeAccessor:
    """Functions of a date or timestamp column, in the column's own zone; null gives null."""

    __slots__ = ("_column",)

    def __init__(self, column: Series) -> None:
        if not column.dtype.is_temporal:
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

    def floor(self, unit: str) -> Series:
        """Start of the ``year``, ``quarter``, ``month``, ``week``, ``day``, ``hour``, ``minute`` or ``second``."""
        return self._column.derive(call("date_trunc", self._column.expr, unit=unit))

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
        """Take local times as those of a zone; None: instants as their zone's local times."""
        own = self._column.expr
        if zone is None:
            return self._column.derive(call("local_time", own, zone=own.dtype.tz) if own.dtype.tz else own)
        return self._column.derive(call("assume_timezone", own, zone=zone))

    def tz_convert(self, zone: str) -> Series:
        """Show the same instants in another zone."""
        own = self._column.expr
        if own.dtype.tz is None:
            raise TypeMismatch(f"{self._column.name!r} has no time zone to convert from; use dt.tz_localize first")
        return self._column.derive(cast(own, timestamp(own.dtype.unit, zone)))
