"""Types by the names that Volley prints, for options that people write as text."""

from __future__ import annotations

import re

from ..engine import dtypes
from ..engine.dtypes import DataType, Kind
from ..engine.errors import ConfigError, suggestion

_PARAMETRIC = re.compile(r"(decimal|timestamp|time|duration)\((.*)\)")


def named_type(name: str) -> DataType:
    """Return the type that a name as printed by Volley stands for, e.g. ``decimal(15,2)``.

    Raises
    ------
    ConfigError
        If there is no such type.
    """
    text = name.strip().lower()
    if (match := _PARAMETRIC.fullmatch(text)) is not None:
        family, arguments = match[1], [part.strip() for part in match[2].split(",")]
        try:
            if family == "decimal":
                return dtypes.decimal(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0)
            if family == "timestamp":
                zone = name.strip()[len("timestamp(") : -1].partition(",")[2].strip()
                return dtypes.timestamp(arguments[0], zone or None)
            return dtypes.time(arguments[0]) if family == "time" else dtypes.duration(arguments[0])
        except ValueError as error:
            raise ConfigError(f"{name!r} is not a type: {error}") from error
    if text in ("timestamp", "time", "duration"):
        return {"timestamp": dtypes.timestamp, "time": dtypes.time, "duration": dtypes.duration}[text]("us")
    simple = {
        kind.value: DataType(kind)
        for kind in Kind
        if kind not in (Kind.DECIMAL, Kind.LIST, Kind.STRUCT, Kind.TIMESTAMP, Kind.TIME, Kind.DURATION)
    }
    if text not in simple:
        raise ConfigError(f"{name!r} is not a type{suggestion(text, [*simple, 'decimal(15,2)', 'timestamp'])}")
    return simple[text]
