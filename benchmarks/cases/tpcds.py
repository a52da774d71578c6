"""The 99 queries of TPC-DS from Parquet files, as the SQL texts that the tests ask, to Volley and to DuckDB."""

from __future__ import annotations

import re
from pathlib import Path

from ..case import Case
from ..connect import duckdb_sql, volley_sql
from ..data import TPCDS

SUITE = "tpcds-"
TEXTS = Path(__file__).parents[2] / "tests" / "sql" / "tpcds"


def _case(path: Path) -> Case:
    text = path.read_text()
    return Case(
        name=f"{SUITE}{path.stem}",
        about=f"TPC-DS {path.stem.upper()} from Parquet",
        files=tuple(table for table in TPCDS if re.search(rf"\b{table}\b", text)),
        suite="tpcds",
        engines={"volley": volley_sql(text), "duckdb": duckdb_sql(text)},
        only_named=True,
    )


CASES = tuple(_case(path) for path in sorted(TEXTS.glob("q*.sql")))
