"""The one function catalogue: every scalar function and aggregate, once.

An entry says what a function is called in SQL and on frames, which types it takes and returns, and what it makes of
nulls. Binder, frame API, optimiser, kernels and the generated documentation all read this table; a device provides one
kernel per entry under the entry's name (a test compares the two sets).
"""

from __future__ import annotations

from .functions import (
    aggregates,
    arithmetic,
    codings,
    documents,
    intervals,
    lists,
    logic,
    nested,
    temporal,
    text,
    windows,
)
from .functions.entry import Aggregate, Function, Nulls, WindowFunction

__all__ = [
    "AGGREGATES",
    "FUNCTIONS",
    "SQL_AGGREGATES",
    "SQL_FUNCTIONS",
    "SQL_WINDOW_FUNCTIONS",
    "WINDOW_FUNCTIONS",
    "Aggregate",
    "Function",
    "Nulls",
    "WindowFunction",
]

_SCALARS = (
    *arithmetic.ARITHMETIC,
    *logic.LOGIC,
    *text.TEXT,
    *codings.CODINGS,
    *documents.DOCUMENTS,
    *temporal.TEMPORAL,
    *intervals.INTERVALS,
    *nested.NESTED,
    *lists.LISTS,
)

FUNCTIONS: dict[str, Function] = {entry.name: entry for entry in _SCALARS}
AGGREGATES: dict[str, Aggregate] = {entry.name: entry for entry in aggregates.AGGREGATES}
SQL_FUNCTIONS: dict[str, str] = {
    spelling: entry.name for entry in reversed(FUNCTIONS.values()) for spelling in entry.sql if spelling.isidentifier()
}
SQL_AGGREGATES: dict[str, str] = {spelling: entry.name for entry in AGGREGATES.values() for spelling in entry.sql}
WINDOW_FUNCTIONS: dict[str, WindowFunction] = {entry.name: entry for entry in windows.WINDOWS}
SQL_WINDOW_FUNCTIONS: dict[str, str] = {
    spelling: entry.name for entry in WINDOW_FUNCTIONS.values() for spelling in entry.sql
}
