"""Types as users say them: ours, names, and Python's, numpy's and pyarrow's types."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from .. import dtypes
from ..dtypes import DataType
from ..errors import TypeMismatch
from ..typenames import named_type

_PYTHON: dict[Any, DataType] = {
    int: dtypes.int64,
    float: dtypes.float64,
    bool: dtypes.bool_,
    str: dtypes.string,
    bytes: dtypes.binary,
    dt.date: dtypes.date,
    dt.datetime: dtypes.timestamp("us"),
    dt.time: dtypes.time("us"),
    dt.timedelta: dtypes.duration("us"),
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
        return named_type(given)
    if isinstance(given, type) and given in _PYTHON:
        return _PYTHON[given]
    if type(given).__module__.startswith("pyarrow"):
        from ..arrow import from_arrow_type

        return from_arrow_type(given)
    name = getattr(given, "name", getattr(given, "__name__", None))
    if isinstance(name, str):
        return named_type(name)
    raise TypeMismatch(f"{given!r} is not a type; write it like 'int64', 'string' or 'decimal(15,2)'")
