"""SQL type names to data types, and back."""

from __future__ import annotations

import re

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.errors import suggestion
from ..parse import SqlText

_DECIMAL_DEFAULT = (18, 3)
INSTEAD_OF_ENUM = (
    "declare text with check (x in ('a', 'b')), and sort by list_position(['a', 'b'], x) where the order matters"
)

_PLAIN: dict[str, DataType] = {
    "BOOLEAN": dtypes.bool_,
    "TINYINT": dtypes.int8,
    "SMALLINT": dtypes.int16,
    "INT": dtypes.int32,
    "MEDIUMINT": dtypes.int32,
    "BIGINT": dtypes.int64,
    "INT128": dtypes.decimal(38, 0),
    "UTINYINT": dtypes.uint8,
    "USMALLINT": dtypes.uint16,
    "UINT": dtypes.uint32,
    "UBIGINT": dtypes.uint64,
    "FLOAT": dtypes.float32,
    "DOUBLE": dtypes.float64,
    "TEXT": dtypes.string,
    "CHAR": dtypes.string,
    "NCHAR": dtypes.string,
    "BPCHAR": dtypes.string,
    "VARCHAR": dtypes.string,
    "NVARCHAR": dtypes.string,
    "NAME": dtypes.string,
    "BINARY": dtypes.binary,
    "VARBINARY": dtypes.binary,
    "BLOB": dtypes.binary,
    "DATE": dtypes.date,
    "TIME": dtypes.time("us"),
    "JSON": dtypes.string,
    "UUID": dtypes.string,
    "UINT128": dtypes.decimal(38, 0),
    "INTERVAL": dtypes.interval,
    "TIMESTAMP": dtypes.timestamp("us"),
    "TIMESTAMPNTZ": dtypes.timestamp("us"),
    "DATETIME": dtypes.timestamp("us"),
    "TIMESTAMPTZ": dtypes.timestamp("us", "UTC"),
    "TIMESTAMPLTZ": dtypes.timestamp("us", "UTC"),
    "TIMESTAMP_S": dtypes.timestamp("s"),
    "TIMESTAMP_MS": dtypes.timestamp("ms"),
    "TIMESTAMP_NS": dtypes.timestamp("ns"),
}

_NAMES: dict[Kind, str] = {
    Kind.NULL: '"NULL"',
    Kind.BOOL: "BOOLEAN",
    Kind.INT8: "TINYINT",
    Kind.INT16: "SMALLINT",
    Kind.INT32: "INTEGER",
    Kind.INT64: "BIGINT",
    Kind.UINT8: "UTINYINT",
    Kind.UINT16: "USMALLINT",
    Kind.UINT32: "UINTEGER",
    Kind.UINT64: "UBIGINT",
    Kind.FLOAT32: "FLOAT",
    Kind.FLOAT64: "DOUBLE",
    Kind.STRING: "VARCHAR",
    Kind.BINARY: "BLOB",
    Kind.DATE: "DATE",
    Kind.TIME: "TIME",
    Kind.DURATION: "INTERVAL",
    Kind.INTERVAL: "INTERVAL",
}


def type_name(dtype: DataType) -> str:
    """Return what DuckDB calls a type."""
    if dtype.value is not None:
        return f"{type_name(dtype.value)}[]"
    if dtype.kind is Kind.STRUCT:
        return f"STRUCT({', '.join(f'{_quoted(name)} {type_name(field)}' for name, field in dtype.fields)})"
    if dtype.kind is Kind.DECIMAL:
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    if dtype.kind is Kind.TIMESTAMP:
        unit = "" if dtype.unit == "us" else f"_{dtype.unit.upper()}"
        return "TIMESTAMP WITH TIME ZONE" if dtype.tz else f"TIMESTAMP{unit}"
    return _NAMES[dtype.kind]


def _quoted(name: str) -> str:
    return name if re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def data_type(source: SqlText, node: exp.Expr) -> DataType:
    """Return the type that a type name in the text means."""
    assert isinstance(node, exp.DataType)
    kind = node.this.name if hasattr(node.this, "name") else str(node.this)
    if kind == "DECIMAL":
        return _decimal(source, node)
    if kind in ("ARRAY", "LIST") and node.expressions:
        return dtypes.list_(data_type(source, node.expressions[0]))
    if kind == "STRUCT" and node.expressions and all(isinstance(f, exp.ColumnDef) for f in node.expressions):
        return dtypes.struct((str(f.name), data_type(source, f.args["kind"])) for f in node.expressions)
    if kind == "MAP" and len(node.expressions) == 2:
        return dtypes.map_(*(data_type(source, part) for part in node.expressions))
    plain = _PLAIN.get(kind)
    if plain is not None:
        return plain
    if kind == "USERDEFINED":
        written = str(node.args.get("kind") or "")
        raise source.error(node, f"unknown type {written!r}{suggestion(written, (k.lower() for k in _PLAIN))}")
    instead = INSTEAD_OF_ENUM if kind.startswith("ENUM") else ""
    raise source.unsupported(node, f"the type {node.sql(dialect=source.dialect)}", instead)


def _decimal(source: SqlText, node: exp.DataType) -> DataType:
    if not all(param.name.isdecimal() for param in node.expressions) or len(node.expressions) > 2:
        raise source.error(node, "DECIMAL takes a precision and a scale, as in decimal(18, 3)")
    numbers = [int(param.name) for param in node.expressions]
    precision, scale = (*numbers, 0)[:2] if numbers else _DECIMAL_DEFAULT
    try:
        return dtypes.decimal(precision, scale)
    except ValueError as error:
        raise source.error(node, str(error)) from None
