"""``.str`` and ``.dt`` of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import call, cast, literal
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

    def replace(self, old: str, new: str, *, regex: bool = False) -> Series:
        """Replace each occurrence of a plain text."""
        if regex:
            raise PlanError("str.replace takes plain text in this version; leave out regex=True")
        return self._call("replace", old, new)

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
