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
from ..bind.own_macros import OWN_MACROS

KEYWORDS = (
    "add", "all", "alter", "and", "anti", "any", "as", "asc", "asof", "begin", "between", "by", "case", "cast",
    "check", "column", "commit", "conflict", "constraint", "copy", "create", "cross", "cube", "current", "date",
    "deallocate", "default", "delete", "desc", "describe", "distinct", "do", "drop", "else", "end", "escape",
    "except", "exclude", "execute", "exists", "explain", "extract", "false", "filter", "first", "following",
    "foreign", "from", "full", "generated", "group", "grouping", "groups", "having", "ilike", "in", "inner",
    "insert", "intersect", "interval", "into", "is", "join", "key", "last", "lateral", "left", "like", "limit",
    "macro", "natural", "not", "nothing", "null", "nulls", "offset", "on", "or", "order", "outer", "over",
    "partition", "pivot", "preceding", "prepare", "primary", "qualify", "range", "recursive", "references",
    "rename", "replace", "returning", "right", "rollback", "rollup", "row", "rows", "schema", "select", "semi",
    "sequence", "set", "sets", "show", "similar", "summarize", "table", "tablesample", "temp", "then", "ties",
    "time", "timestamp", "to", "transaction", "true", "truncate", "try_cast", "type", "unbounded", "union",
    "unique", "unnest", "unpivot", "update", "using", "values", "view", "when", "where", "window", "with",
    "within",
)  # fmt: skip
STARTS = (
    "select", "with", "from", "values", "create", "drop", "insert", "copy", "describe", "summarize", "show",
    "explain", "update", "delete", "alter", "begin", "commit", "rollback", "truncate", "prepare", "execute",
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
    "read_orc": "ORC files",
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
    for line in OWN_MACROS.strip().splitlines():
        head, _, body = line.partition(" AS ")
        name = head.partition("(")[0]
        if not name.endswith("__"):
            named.setdefault(name, f"{head} means {body}")
    return dict(sorted((name, does) for name, does in named.items() if name not in KEYWORDS))
