"""Grouping rows in memory: keys in a dense range, many keys all over the 64 bits, and texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pyarrow as pa

from ..case import Bench, Case, Prepare
from ..connect import (
    datafusion_sql,
    duckdb_sql,
    pandas_query,
    polars_query,
    pyarrow_query,
    volley_query,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    import volley as vl


def engines(table: str, key: str) -> Mapping[str, Prepare]:
    """Return every engine's count and sum of ``value`` by a key."""
    text = f"select {key}, count(*) as n, sum(value) as total from {table} group by {key}"

    def by_volley(frames: dict[str, vl.DataFrame]) -> vl.DataFrame:
        return frames[table].groupby(key, sort=False).agg(n=("value", "size"), total=("value", "sum"))

    def by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
        import polars as pl

        return frames[table].group_by(key).agg(n=pl.len(), total=pl.col("value").sum())

    def by_pandas(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
        groups = frames[table].groupby(key, sort=False, as_index=False)
        return groups.agg(n=("value", "size"), total=("value", "sum"))

    def by_pyarrow(bench: Bench) -> pa.Table:
        made = bench.tables[table].group_by(key).aggregate([([], "count_all"), ("value", "sum")])
        return made.rename_columns([key, "n", "total"])

    return {
        "volley": volley_query(by_volley),
        "duckdb": duckdb_sql(text),
        "datafusion": datafusion_sql(text),
        "polars": polars_query(by_polars),
        "pandas": pandas_query(by_pandas),
        "pyarrow": pyarrow_query(by_pyarrow),
    }


CASES = (
    Case(
        name="group-dense",
        about="count and sum of 6M rows in memory by an int64 key from 0 to 999",
        memory=("dense",),
        keys=("key",),
        engines=engines("dense", "key"),
    ),
    Case(
        name="group-wide",
        about="count and sum of 6M rows in memory by 1.5M shuffled int64 keys spread over all 64 bits",
        memory=("wide",),
        keys=("key",),
        engines=engines("wide", "key"),
    ),
    Case(
        name="group-text",
        about="count and sum of 2M rows in memory by 50k texts of 18 characters",
        memory=("words",),
        keys=("word",),
        engines=engines("words", "word"),
    ),
)
