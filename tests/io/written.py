"""A table with every kind of cell, and what to look at once it is written."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

NOON = dt.datetime.fromisoformat("2024-01-31T12:00:00")


def all_kinds() -> pa.Table:
    return pa.table(
        {
            "id": [1, 2, 3, None],
            "x": [0.5, None, float("inf"), -0.0],
            "city": pa.array(["Łódź", None, "a\nb", ""]).dictionary_encode(),
            "day": [NOON.date(), None, NOON.date(), NOON.date()],
            "at": pa.array([NOON, None, NOON, NOON], pa.timestamp("us")),
            "ok": [True, None, False, True],
            "exact": pa.array([Decimal("1.50"), None, Decimal("2.25"), Decimal("-3.00")], pa.decimal128(9, 2)),
        }
    )


def plain(table: pa.Table) -> pa.Table:
    return pa.table(
        {
            name: column.cast(pa.string()) if name == "city" else column
            for name, column in zip(table.column_names, table.columns, strict=True)
        }
    )


def entries(folder: Path) -> list[str]:
    """Return every file and directory below, temporary ones included."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*"))
