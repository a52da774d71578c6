"""Sorting rows in memory."""

from __future__ import annotations

from ..case import Case
from ..connect import (
    datafusion_sql,
    duckdb_sql,
    pandas_query,
    polars_query,
    pyarrow_query,
    volley_query,
)

SORTED = "select key, value from unsorted order by key"

CASES = (
    Case(
        name="sort",
        about="6M rows of two columns in memory, by a shuffled int64 key",
        memory=("unsorted",),
        engines={
            "volley": volley_query(lambda frames: frames["unsorted"].sort_values("key")),
            "duckdb": duckdb_sql(SORTED),
            "datafusion": datafusion_sql(SORTED),
            "polars": polars_query(lambda frames: frames["unsorted"].sort("key")),
            "pandas": pandas_query(lambda frames: frames["unsorted"].sort_values("key")),
            "pyarrow": pyarrow_query(lambda bench: bench.tables["unsorted"].sort_by("key")),
        },
    ),
)
