"""Options of functions that read files, in Volley's words or DuckDB's, as the options that the files' formats take."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from ...engine.dtypes import DataType
from ...engine.errors import SqlError, TypeMismatch, UnsupportedOperation
from ...engine.typenames import named_type
from ..parse import SqlText
from .datatypes import data_type
from .operands import unwrapped

_TRUE = ("hive_partitioning", "union_by_name", "auto_detect")
"""What is always so here: keys of directories are columns, and columns go by name."""
_IDLE = (
    "parallel", "buffer_size", "new_line", "max_line_size", "maximum_line_size", "maximum_object_size", "strict_mode",
)  # fmt: skip
"""What changes no row that is read."""
_NAMES = {
    "delim": "delimiter",
    "sep": "delimiter",
    "nullstr": "null_values",
    "column_names": "names",
    "skip": "skip_rows",
    "decimal_separator": "decimal",
    "dateformat": "date_format",
    "timestampformat": "timestamp_format",
    "allow_quoted_nulls": "quoted_nulls",
    "types": "dtypes",
    "column_types": "dtypes",
}
_SEVERAL = ("names", "null_values")
_JSON_FORMATS = ("auto", "newline_delimited", "array", "unstructured", "nd")
_INSTEAD = {
    "escape": "quotes in quoted values are written twice",
}
_ALL = 1 << 60
_ROW_BYTES = 256
_LEAST_SAMPLED = 1024 * 1024


def file_options(source: SqlText, form: str, nodes: Iterable[exp.Expr]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the options that a call gives, and the columns that it names as all there are.

    Raises
    ------
    SqlError
        If an argument is no option.
    UnsupportedOperation
        If the value is of a kind, or the option one of DuckDB, that is not offered.
    """
    options: dict[str, Any] = {}
    only: tuple[str, ...] = ()
    for node in nodes:
        if not isinstance(node, exp.EQ | exp.PropertyEQ | exp.Kwarg):
            raise source.error(node, "after the path come options, as in: header = true")
        name, value = str(node.this.name).lower(), _value(source, node.expression)
        if name == "columns" and isinstance(value, dict):
            only = tuple(value)
            options["dtypes"] = _types(source, node, value)
            if form == "csv":
                options["names"] = only
        else:
            options |= file_option(source, node, form, name, value)
    return options, only


def file_option(source: SqlText, node: exp.Expr, form: str, name: str, value: Any) -> dict[str, Any]:
    """Return what one option says, in the words of the format; of any, where ``form`` is not known."""
    if name in _IDLE:
        return {}
    if name in _TRUE:
        if value is not True:
            raise source.unsupported(node, f"{name} = false")
        return {}
    if form == "json" and name == "format" and str(value).lower() in _JSON_FORMATS:
        return {}  # which it is shows in the file
    if name in _INSTEAD and not (name == "escape" and value == '"'):
        raise source.unsupported(node, f"the option {name}", _INSTEAD[name])
    if name == "escape":
        return {}
    if name in ("ignore_errors", "all_varchar") and isinstance(value, bool) and form != "json":
        return {"on_bad_rows": "skip" if value else "raise"} if name == "ignore_errors" else {"infer": not value}
    if name == "null_padding" and isinstance(value, bool) and form != "json":
        return {"on_bad_rows": "pad"} if value else {}
    if name == "sample_size" and isinstance(value, int):
        return {"sample_bytes": _ALL if value < 0 else max(_LEAST_SAMPLED, value * _ROW_BYTES)}
    known = _NAMES.get(name, name)
    if known == "dtypes" and isinstance(value, dict):
        return {known: _types(source, node, value, ours=name == "dtypes")}
    if known == "dtypes":
        raise source.unsupported(node, f"{name} other than by column", "write types = {'a': 'varchar'}")
    return {known: (value,) if known in _SEVERAL and isinstance(value, str) else value}


def _types(source: SqlText, node: exp.Expr, names: dict[str, Any], *, ours: bool = False) -> dict[str, DataType]:
    """Return types by column; a name means what SQL calls so, or ``ours`` what Volley does, where both know it."""
    return {column: _type(source, node, str(name), ours=ours) for column, name in names.items()}


def _type(source: SqlText, node: exp.Expr, name: str, *, ours: bool) -> DataType:
    def sql() -> DataType:
        return data_type(source, exp.DataType.build(name, dialect=source.dialect, udt=True))

    def own() -> DataType:
        return named_type(name)

    for way in (own, sql) if ours else (sql, own):
        with suppress(TypeMismatch, SqlglotError, SqlError, UnsupportedOperation):
            return way()
    raise source.error(node, f"{name!r} is not a type; write it like 'varchar' or 'decimal(15,2)'")


def _value(source: SqlText, node: exp.Expr) -> Any:
    node = unwrapped(node)
    if isinstance(node, exp.Array | exp.Tuple):
        return [_value(source, item) for item in node.expressions]
    if isinstance(node, exp.ToMap):
        return _value(source, node.this)
    if isinstance(node, exp.Struct):
        pairs = [item for item in node.expressions if isinstance(item, exp.PropertyEQ)]
        return {str(item.this.name): _value(source, item.expression) for item in pairs}
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg):
        value = _value(source, node.this)
        return -value if isinstance(value, int) else value
    if isinstance(node, exp.Literal):
        return str(node.this) if node.is_string else int(str(node.this))
    what = "an option that is not a text, a whole number, true, false, or a list or struct of them"
    raise source.unsupported(node, what)
