"""What there is, as tables: ``information_schema``, ``duckdb_tables()`` and their like, PRAGMA, SHOW."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ..engine import dtypes
from ..engine.dtypes import DataType
from ..engine.frame import DataFrame, Session
from .bind.datatypes import type_name
from .rules import Rules
from .state import MAIN, state_of
from .tables import table

_TEXT, _NUMBER, _FLAG = dtypes.string, dtypes.int64, dtypes.bool_
CATALOGUE = "memory"


def split_name(name: str) -> tuple[str, str]:
    """Return the schema and the name in it of what a session knows by a key."""
    schema, _, own = name.rpartition(".")
    return schema or MAIN, own


def _relations(session: Session) -> Iterator[tuple[str, DataFrame, Rules, bool]]:
    """Yield the tables and the views that can be read, by key, with frame and rules, and whether it is a view."""
    from .frames import FrameCatalogue  # it reads this module's tables

    readable = FrameCatalogue({}, None, session).readable()
    for name in sorted(readable):
        yield name, readable[name], session.rules.get(name, Rules()), name in session.views


def _tables(session: Session) -> DataFrame:
    kinds = dict.fromkeys(("table_catalog", "table_schema", "table_name", "table_type"), _TEXT)
    rows = [(CATALOGUE, *split_name(n), "VIEW" if view else "BASE TABLE") for n, _, _, view in _relations(session)]
    return table(session, kinds, rows)


def _columns(session: Session) -> DataFrame:
    kinds: dict[str, DataType] = {
        "table_catalog": _TEXT, "table_schema": _TEXT, "table_name": _TEXT, "column_name": _TEXT,
        "ordinal_position": _NUMBER, "column_default": _TEXT, "is_nullable": _TEXT, "data_type": _TEXT,
        "numeric_precision": _NUMBER, "numeric_scale": _NUMBER, "is_primary": _FLAG,
    }  # fmt: skip
    rows: list[tuple[Any, ...]] = []
    for name, frame, rules, _ in _relations(session):
        required, primary = ({column.lower() for column in key} for key in (rules.required, rules.primary))
        for position, f in enumerate(frame.schema, start=1):
            default = rules.defaults.get(f.name.lower())
            shown = None if default is None else default.sql("duckdb")
            nullable = "NO" if f.name.lower() in required else "YES"
            digits = (f.dtype.precision, f.dtype.scale) if f.dtype.is_decimal else (None, None)
            described = (f.name, position, shown, nullable, type_name(f.dtype), *digits, f.name.lower() in primary)
            rows.append((CATALOGUE, *split_name(name), *described))
    return table(session, kinds, rows)


def _schemata(session: Session) -> DataFrame:
    kinds = dict.fromkeys(("catalog_name", "schema_name", "schema_owner"), _TEXT)
    return table(session, kinds, [(CATALOGUE, name, "volley") for name in state_of(session).schemas])


_SYSTEM: dict[str, Callable[[Session], DataFrame]] = {"tables": _tables, "columns": _columns, "schemata": _schemata}


def system_table(session: Session, parts: tuple[str, ...]) -> DataFrame | None:
    """Return a table of ``information_schema`` by its name's parts; None for others."""
    if parts[-2].lower() != "information_schema":
        return None
    made = _SYSTEM.get(parts[-1].lower())
    return None if made is None else made(session)


def table_info(session: Session, frame: DataFrame, rules: Rules) -> DataFrame:
    """Return the columns of a table as PRAGMA table_info does."""
    kinds: dict[str, DataType] = {
        "cid": dtypes.int32, "name": _TEXT, "type": _TEXT, "notnull": _FLAG, "dflt_value": _TEXT, "pk": _FLAG,
    }  # fmt: skip
    required, primary = ({name.lower() for name in names} for names in (rules.required, rules.primary))
    rows = []
    for place, f in enumerate(frame.schema):
        name, default = f.name.lower(), rules.defaults.get(f.name.lower())
        shown = None if default is None else default.sql("duckdb")
        rows.append((place, f.name, type_name(f.dtype), name in required, shown, name in primary))
    return table(session, kinds, rows)


def all_tables(session: Session) -> DataFrame:
    """Return each table and view with its columns, as SHOW ALL TABLES does."""
    lists = dtypes.list_(_TEXT)
    kinds: dict[str, DataType] = {
        "database": _TEXT, "schema": _TEXT, "name": _TEXT, "column_names": lists, "column_types": lists,
        "temporary": _FLAG,
    }  # fmt: skip
    rows = [
        (CATALOGUE, *split_name(n), list(f.columns), [type_name(c.dtype) for c in f.schema], False)
        for n, f, _, _ in _relations(session)
    ]
    return table(session, kinds, rows)
