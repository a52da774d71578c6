"""Types as users say them: ours, names, and Python's, numpy's and pyarrow's types."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Any

from .. import dtypes
from ..dtypes import DataType, Kind
from ..errors import TypeMismatch, suggestion

_NUMBERS = re.compile(r"u?int\d+|float\d+|bool")
_NAMES = {kind.value: DataType(kind) for kind in Kind if _NUMBERS.fullmatch(kind.value)}
_NAMES |= {
    "string": dtypes.string,
    "str": dtypes.string,
    "object": dtypes.string,
    "category": dtypes.string,
    "binary": dtypes.binary,
    "date": dtypes.date,
    "date32": dtypes.date,
    "timestamp": dtypes.timestamp("us"),
    "int": dtypes.int64,
    "float": dtypes.float64,
    "double": dtypes.float64,
    "boolean": dtypes.bool_,
    "time": dtypes.time("us"),
}
_PYTHON: dict[Any, DataType] = {
    int: dtypes.int64,
    float: dtypes.float64,
    bool: dtypes.bool_,
    str: dtypes.string,
    bytes: dtypes.binary,
    dt.date: dtypes.date,
    dt.datetime: dtypes.timestamp("us"),
    dt.time: dtypes.time("us"),
    Decimal: dtypes.decimal(38, 9),
}


def parse_dtype(given: Any) -> DataType:
    """Return the type that a user means.

    Raises
    ------
    TypeMismatch
        If it is none that Volley knows; the message offers the nearest names.
    """
    if isinstance(given, DataType):
        return given
    if isinstance(given, str):
        return _named(given)
    if isinstance(given, type) and given in _PYTHON:
        return _PYTHON[given]
    if type(given).__module__.startswith("pyarrow"):
        from ..arrow import from_arrow_type

        return from_arrow_type(given)
    name = getattr(given, "name", getattr(given, "__name__", None))
    if isinstance(name, str):
        return _named(name)
    raise TypeMismatch(f"{given!r} is not a type; write it like 'int64', 'string' or 'decimal(15,2)'")


def _named(text: str) -> DataType:
    name = text.strip().lower()
    if name in _NAMES:
        return _NAMES[name]
    sized = re.fullmatch(r"decimal(?:128)?\((\d+),\s*(\d+)\)", name)
    if sized is not None:
        return dtypes.decimal(int(sized[1]), int(sized[2]))
    stamped = re.fullmatch(r"(?:timestamp|datetime64)[\[(](s|ms|us|ns)(?:,\s*([^\])]+))?[\])]", name)
    if stamped is not None:
        zone = re.search(r",\s*([^\])]+)", text)
        return dtypes.timestamp(stamped[1], zone[1].strip() if zone else None)
    raise TypeMismatch(f"unknown type {text!r}{suggestion(name, _NAMES)}")
