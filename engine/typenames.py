"""Types by name: as Volley prints them, and as people write them in options, casts and job files."""

from __future__ import annotations

import re

from . import dtypes
from .dtypes import DataType, Kind
from .errors import TypeMismatch, suggestion

_PARAMETRIC = re.compile(r"(decimal|decimal128|timestamp|datetime64|time|duration)[(\[](.*)[)\]]")
_NESTED = (Kind.DECIMAL, Kind.LIST, Kind.STRUCT, Kind.TIMESTAMP, Kind.TIME, Kind.DURATION)
_NAMES = {kind.value: DataType(kind) for kind in Kind if kind not in _NESTED}
_NAMES |= {
    "timestamp": dtypes.timestamp("us"),
    "time": dtypes.time("us"),
    "duration": dtypes.duration("us"),
    "str": dtypes.string,
    "object": dtypes.string,
    "category": dtypes.string,
    "date32": dtypes.date,
    "int": dtypes.int64,
    "float": dtypes.float64,
    "double": dtypes.float64,
    "boolean": dtypes.bool_,
}


def named_type(name: str) -> DataType:
    """Return the type that a name stands for, e.g. ``int64``, ``decimal(15,2)`` or ``timestamp(us, Europe/Berlin)``.

    Raises
    ------
    TypeMismatch
        If there is no such type; the message offers the nearest names.
    """
    text = name.strip().lower()
    match = _PARAMETRIC.fullmatch(text)
    if match is not None:
        arguments = name.strip()[match.start(2) : match.end(2)].split(",")  # zone names keep their case
        try:
            return _parametric(match[1], [part.strip() for part in arguments])
        except ValueError as error:
            raise TypeMismatch(f"{name!r} is not a type: {error}") from error
    if text not in _NAMES:
        raise TypeMismatch(f"{name!r} is not a type{suggestion(text, [*_NAMES, 'decimal(15,2)'])}")
    return _NAMES[text]


def _parametric(family: str, arguments: list[str]) -> DataType:
    if family.startswith("decimal"):
        return dtypes.decimal(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0)
    unit = arguments[0].lower()
    if family in ("timestamp", "datetime64"):
        return dtypes.timestamp(unit, arguments[1] if len(arguments) > 1 and arguments[1] else None)
    return dtypes.time(unit) if family == "time" else dtypes.duration(unit)
