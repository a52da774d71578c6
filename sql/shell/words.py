"""The words of SQL that the prompt colours and completes."""

from __future__ import annotations

from ...engine.expr.catalogue import (
    AGGREGATES,
    FUNCTIONS,
    SQL_AGGREGATES,
    SQL_FUNCTIONS,
    SQL_WINDOW_FUNCTIONS,
    WINDOW_FUNCTIONS,
)

KEYWORDS = (
    "all", "and", "any", "anti", "as", "asc", "asof", "between", "by", "case", "cast", "copy", "create", "cross",
    "cube", "current", "date", "desc", "describe", "distinct", "drop", "else", "end", "escape", "except", "exclude",
    "exists", "explain", "extract", "false", "filter", "first", "following", "from", "full", "group", "grouping",
    "groups", "having", "ilike", "in", "inner", "insert", "intersect", "interval", "into", "is", "join", "last",
    "lateral", "left", "like", "limit", "natural", "not", "null", "nulls", "offset", "on", "or", "order", "outer",
    "over", "partition", "pivot", "preceding", "qualify", "range", "recursive", "rename", "replace", "right",
    "rollup", "row", "rows", "select", "semi", "set", "sets", "show", "similar", "summarize", "table",
    "tablesample", "temp", "then", "ties", "time", "timestamp", "to", "true", "try_cast", "unbounded", "union",
    "unnest", "unpivot", "using", "values", "view", "when", "where", "window", "with", "within",
)  # fmt: skip
STARTS = (
    "select", "with", "from", "values", "create", "drop", "insert", "copy", "describe", "summarize", "show",
    "explain",
)  # fmt: skip
"""What a statement may begin with, the usual first."""

TYPES = (
    "bigint", "blob", "boolean", "char", "date", "decimal", "double", "float", "integer", "interval", "smallint",
    "text", "time", "timestamp", "timestamptz", "tinyint", "ubigint", "uinteger", "usmallint", "utinyint",
    "varchar",
)  # fmt: skip
TABLE_FUNCTIONS = {
    "read_parquet": "Parquet files",
    "read_csv": "CSV files, with options",
    "read_json": "JSON lines",
    "read_ipc": "Arrow IPC files",
    "range": "whole numbers up to an end",
    "generate_series": "whole numbers up to and with an end",
    "unnest": "a row for each element of a list",
}


def functions() -> dict[str, str]:
    """Return what each function of the catalogue does, by its names in SQL."""
    named: dict[str, str] = {}
    for spellings, entries in (
        (SQL_FUNCTIONS, FUNCTIONS),
        (SQL_AGGREGATES, AGGREGATES),
        (SQL_WINDOW_FUNCTIONS, WINDOW_FUNCTIONS),
    ):
        named |= {name: entries[entry].summary for name, entry in spellings.items()}
    return dict(sorted((name, does) for name, does in named.items() if name not in KEYWORDS))
