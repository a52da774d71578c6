"""Data types of Volley: Arrow's type system as small, hashable, picklable values.

Plans and expressions are typed with these, so that planning needs no Arrow library and every device reads the same
definition. A text column is ``string`` whatever its encoding: whether a device holds it as dictionary codes is that
device's own affair. Conversion to and from pyarrow is in ``volley.engine.arrow``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from operator import attrgetter


class Kind(Enum):
    """The family of a data type, without its parameters."""

    NULL = "null"
    BOOL = "bool"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    FLOAT32 = "float32"
    FLOAT64 = "float64"
    DECIMAL = "decimal"
    STRING = "string"
    BINARY = "binary"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    DURATION = "duration"
    INTERVAL = "interval"
    LIST = "list"
    STRUCT = "struct"

    __hash__ = object.__hash__  # Enum's own is written in Python, and types are looked up by their kinds all the time


@dataclass(frozen=True, slots=True)
class DataType:
    """One data type. Use the constants and factories of this module rather than this class.

    Attributes
    ----------
    kind
        The family.
    precision, scale
        Of a decimal: total digits (1..38) and digits after the point.
    unit, tz
        Of a timestamp, time or duration: ``s``, ``ms``, ``us`` or ``ns``; time zone name or None for local time.
    value
        Element type of a list.
    fields
        ``(name, type)`` pairs of a struct.
    """

    kind: Kind
    precision: int = 0
    scale: int = 0
    unit: str = ""
    tz: str | None = None
    value: DataType | None = None
    fields: tuple[tuple[str, DataType], ...] = ()

    def __str__(self) -> str:
        match self.kind:
            case Kind.DECIMAL:
                return f"decimal({self.precision},{self.scale})"
            case Kind.TIMESTAMP:
                return f"timestamp({self.unit}{', ' + self.tz if self.tz else ''})"
            case Kind.TIME | Kind.DURATION:
                return f"{self.kind.value}({self.unit})"
            case Kind.LIST:
                return f"list({self.value})"
            case Kind.STRUCT:
                return "struct(" + ", ".join(f"{name}: {dtype}" for name, dtype in self.fields) + ")"
            case _:
                return str(self.kind.value)

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        if self is other:  # as nearly always: most types are the constants of this module
            return True
        return isinstance(other, DataType) and _parameters(self) == _parameters(other)

    def __hash__(self) -> int:
        return hash((self.kind, self.precision, self.scale, self.unit))  # which tell nearly all types apart

    @property
    def is_integer(self) -> bool:
        """Whether this is a signed or unsigned integer type."""
        return self.kind in _INTEGER_BITS

    @property
    def is_signed(self) -> bool:
        """Whether this is a signed integer type."""
        return self.kind in _SIGNED

    @property
    def is_float(self) -> bool:
        """Whether this is a binary floating-point type."""
        return self.kind in (Kind.FLOAT32, Kind.FLOAT64)

    @property
    def is_decimal(self) -> bool:
        """Whether this is a decimal type."""
        return self.kind is Kind.DECIMAL

    @property
    def is_numeric(self) -> bool:
        """Whether arithmetic is defined: integers, floats and decimals."""
        return self.kind in _NUMERIC

    @property
    def is_text(self) -> bool:
        """Whether this is ``string``."""
        return self.kind is Kind.STRING

    @property
    def is_temporal(self) -> bool:
        """Whether this is a date or a timestamp."""
        return self.kind in (Kind.DATE, Kind.TIMESTAMP)

    @property
    def is_nested(self) -> bool:
        """Whether values hold other values: lists and structs."""
        return self.kind in (Kind.LIST, Kind.STRUCT)

    @property
    def is_map(self) -> bool:
        """Whether this is how maps are held: lists of structs of ``key`` and ``value``."""
        return self.value is not None and [name for name, _ in self.value.fields] == ["key", "value"]

    @property
    def bits(self) -> int:
        """Width of an integer or float type in bits (0 for others)."""
        return _BITS.get(self.kind, 0)

    @property
    def byte_width(self) -> int:
        """Estimated bytes per value, for planning; text and nested types count a typical length."""
        return _BYTE_WIDTHS.get(self.kind, 8)


_parameters = attrgetter("kind", "precision", "scale", "unit", "tz", "value", "fields")
_INTEGER_BITS = {
    Kind.INT8: 8,
    Kind.INT16: 16,
    Kind.INT32: 32,
    Kind.INT64: 64,
    Kind.UINT8: 8,
    Kind.UINT16: 16,
    Kind.UINT32: 32,
    Kind.UINT64: 64,
}
_BITS = {**_INTEGER_BITS, Kind.FLOAT32: 32, Kind.FLOAT64: 64}
_BYTE_WIDTHS = {
    **{kind: bits // 8 for kind, bits in _BITS.items()},
    **dict.fromkeys((Kind.NULL, Kind.BOOL), 1),
    Kind.DATE: 4,
    **dict.fromkeys((Kind.DECIMAL, Kind.INTERVAL, Kind.STRING, Kind.BINARY), 16),
    **dict.fromkeys((Kind.LIST, Kind.STRUCT), 32),
}
_SIGNED = frozenset({Kind.INT8, Kind.INT16, Kind.INT32, Kind.INT64})
_NUMERIC = frozenset({*_BITS, Kind.DECIMAL})

null = DataType(Kind.NULL)
bool_ = DataType(Kind.BOOL)
int8, int16, int32, int64 = (DataType(k) for k in (Kind.INT8, Kind.INT16, Kind.INT32, Kind.INT64))
uint8, uint16, uint32, uint64 = (DataType(k) for k in (Kind.UINT8, Kind.UINT16, Kind.UINT32, Kind.UINT64))
float32, float64 = DataType(Kind.FLOAT32), DataType(Kind.FLOAT64)
string, binary = DataType(Kind.STRING), DataType(Kind.BINARY)
date = DataType(Kind.DATE)
interval = DataType(Kind.INTERVAL)

TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Units of time, from the coarsest on, and how many a second has."""
MAX_DECIMAL_PRECISION = 38
INT64_DIGITS = 18
"""Digits of which 64-bit integers hold all."""


def decimal(precision: int, scale: int) -> DataType:
    """Return ``decimal(precision, scale)``; ``1 <= precision <= 38`` and ``0 <= scale <= precision``."""
    if not 1 <= precision <= MAX_DECIMAL_PRECISION or not 0 <= scale <= precision:
        raise ValueError(f"decimal({precision},{scale}) is not a type: 1 <= precision <= 38, 0 <= scale <= precision")
    return DataType(Kind.DECIMAL, precision=precision, scale=scale)


def timestamp(unit: str = "us", tz: str | None = None) -> DataType:
    """Return a timestamp type; with ``tz`` values are instants, without they are local times."""
    return DataType(Kind.TIMESTAMP, unit=_checked(unit), tz=tz)


def time(unit: str = "us") -> DataType:
    """Return the type of a time of day."""
    return DataType(Kind.TIME, unit=_checked(unit))


def duration(unit: str = "us") -> DataType:
    """Return the type of an exact length of time."""
    return DataType(Kind.DURATION, unit=_checked(unit))


def list_(value: DataType) -> DataType:
    """Return the type of lists of ``value``."""
    return DataType(Kind.LIST, value=value)


def map_(key: DataType, value: DataType) -> DataType:
    """Return the type of maps, which are lists of structs of ``key`` and ``value``."""
    return list_(struct([("key", key), ("value", value)]))


def struct(fields: Iterable[tuple[str, DataType]]) -> DataType:
    """Return the type of structs with the given ``(name, type)`` fields."""
    return DataType(Kind.STRUCT, fields=tuple(fields))


def _checked(unit: str) -> str:
    if unit not in TICKS:
        raise ValueError(f"time unit must be one of {', '.join(TICKS)}, not {unit!r}")
    return unit


def common_type(left: DataType, right: DataType) -> DataType | None:
    """Return the narrowest type both convert to without loss, or None where there is none.

    Integers widen (mixed signs to a signed type of the next width; ``uint64`` with a signed type to ``float64`` as in
    Arrow and pandas); an integer or a decimal with a float is ``float64`` (``float32`` only with at most 16-bit
    integers); an integer with a decimal is the decimal that holds both; ``date`` with ``timestamp`` is the timestamp.
    """
    if left == right:
        return left
    if left.kind is Kind.NULL:
        return right
    if right.kind is Kind.NULL:
        return left
    if left.is_numeric and right.is_numeric:
        return _common_numeric(left, right)
    if left.is_temporal and right.is_temporal:
        return _common_temporal(left, right)
    if left.kind is right.kind and left.kind in (Kind.TIME, Kind.DURATION):
        return DataType(left.kind, unit=_finer(left.unit, right.unit))
    if {left.kind, right.kind} == {Kind.DURATION, Kind.INTERVAL}:
        return interval
    if left.kind is Kind.LIST and right.kind is Kind.LIST and left.value and right.value:
        value = common_type(left.value, right.value)
        return None if value is None else list_(value)
    return _common_struct(left, right) if left.kind is right.kind is Kind.STRUCT else None


def _common_struct(left: DataType, right: DataType) -> DataType | None:
    """Return the struct of common types of fields in the same places; names that are only numbered give way."""
    if len(left.fields) != len(right.fields):
        return None
    names, others = ([name.lower() for name, _ in side.fields] for side in (left, right))
    numbered = [f"element{number}" for number in range(1, len(names) + 1)]
    if names != others and numbered not in (names, others):
        return None
    values = [common_type(a, b) for (_, a), (_, b) in zip(left.fields, right.fields, strict=True)]
    named = right if names == numbered else left
    pairs = [(name, value) for (name, _), value in zip(named.fields, values, strict=True) if value is not None]
    return struct(pairs) if len(pairs) == len(values) else None


def _common_numeric(left: DataType, right: DataType) -> DataType:
    if left.is_float or right.is_float:
        narrow = [t for t in (left, right) if t.kind is Kind.FLOAT32 or (t.is_integer and t.bits <= 16)]
        return float32 if len(narrow) == 2 else float64
    if left.is_decimal or right.is_decimal:
        a, b = as_decimal(left), as_decimal(right)
        scale = max(a.scale, b.scale)
        whole = max(a.precision - a.scale, b.precision - b.scale)
        return decimal(min(MAX_DECIMAL_PRECISION, whole + scale), scale)
    if left.is_signed == right.is_signed:
        return left if left.bits >= right.bits else right
    signed, unsigned = (left, right) if left.is_signed else (right, left)
    bits = max(signed.bits, 2 * unsigned.bits)
    return float64 if bits > 64 else {16: int16, 32: int32, 64: int64}[bits]


def as_decimal(dtype: DataType) -> DataType:
    """Return the decimal type that holds every value of an integer (or decimal) type."""
    if dtype.is_decimal:
        return dtype
    return decimal({8: 3, 16: 5, 32: 10, 64: 19 if dtype.is_signed else 20}[dtype.bits], 0)


def _common_temporal(left: DataType, right: DataType) -> DataType | None:
    if left.kind is Kind.DATE:
        return right
    if right.kind is Kind.DATE:
        return left
    if (left.tz is None) != (right.tz is None):
        return None
    return timestamp(_finer(left.unit, right.unit), left.tz)


def _finer(left: str, right: str) -> str:
    return left if TICKS[left] >= TICKS[right] else right
