"""Values as text: one line each, safe to print on a terminal."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Callable, Iterator

import pyarrow as pa

from ..engine.intervals import interval_text

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))} | {9: "\\t", 10: "\\n", 13: "\\r"}
"""Control characters, which could move the cursor or worse, are shown as escapes."""


def rows_of(table: pa.Table) -> Iterator[list[str]]:
    """Yield the rows of a table as texts."""
    columns = [_column(column) for column in table.columns]
    yield from (list(row) for row in zip(*columns, strict=True))


def value_text(value: object) -> str:
    """Return a value as text: NULL, true, ISO dates, plain decimals, ``[1, 2]``, ``{name: value}``."""
    if isinstance(value, str):
        return value.translate(_CONTROLS)
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {value_text(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(value_text, value)) + "]"
    for kind, said in _SAID.items():
        if isinstance(value, kind):
            return said(value)
    return str(value).translate(_CONTROLS)


def is_number(kind: pa.DataType) -> bool:
    """Return whether a column of the type is aligned right."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _column(column: pa.ChunkedArray) -> list[str]:
    if pa.types.is_float32(column.type):  # the shortest text of a float32 is not that of the float64 of its value
        numbers = column.to_numpy()
        return [
            value_text(None) if null else str(n) for n, null in zip(numbers, column.is_null().to_pylist(), strict=True)
        ]
    return [value_text(value) for value in column.to_pylist()]


def _interval(value: pa.MonthDayNano) -> str:
    months, days, nanoseconds = value
    return interval_text(months, days, nanoseconds // 1_000)


_SAID: dict[type, Callable[..., str]] = {
    type(None): lambda _: "NULL",
    bool: lambda value: "true" if value else "false",
    dt.datetime: lambda value: value.isoformat(sep=" "),
    dt.date: lambda value: value.isoformat(),
    dt.time: lambda value: value.isoformat(),
    bytes: lambda value: "0x" + value.hex(),
    decimal.Decimal: lambda value: format(value, "f"),
    pa.MonthDayNano: _interval,
}
