"""Joining rows in memory on 64-bit keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from ..case import Bench, Case
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

ROWS = "select wide.key, value, price from wide join items on wide.key = items.key"
SUMS = "select count(*) as n, sum(value) as value, sum(price) as price from wide join items on wide.key = items.key"


def rows_by_volley(frames: dict[str, vl.DataFrame]) -> vl.DataFrame:
    return frames["wide"].merge(frames["items"], on="key")


def rows_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return frames["wide"].join(frames["items"], on="key")


def rows_by_pandas(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return frames["wide"].merge(frames["items"], on="key")


def rows_by_pyarrow(bench: Bench) -> pa.Table:
    return bench.tables["wide"].join(bench.tables["items"], keys="key", join_type="inner")


def sums_by_volley(frames: dict[str, vl.DataFrame]) -> vl.DataFrame:
    import volley as vl

    named: dict[str, Any] = frames
    return vl.sql(SUMS, **named)


def sums_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    return rows_by_polars(frames).select(n=pl.len(), value=pl.col("value").sum(), price=pl.col("price").sum())


def sums_by_pandas(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    import pandas as pd

    rows = rows_by_pandas(frames)
    return pd.DataFrame({"n": [len(rows)], "value": [rows.value.sum()], "price": [rows.price.sum()]})


def sums_by_pyarrow(bench: Bench) -> pa.Table:
    rows = rows_by_pyarrow(bench)
    sums = {name: [pc.sum(rows[name]).as_py()] for name in ("value", "price")}
    return pa.table({"n": [rows.num_rows], **sums})


CASES = (
    Case(
        name="join",
        about="6M rows x 1.5M rows in memory on int64 keys, one partner each; all 6M rows with three columns come back",
        memory=("wide", "items"),
        keys=("key", "value"),
        engines={
            "volley": volley_query(rows_by_volley),
            "duckdb": duckdb_sql(ROWS),
            "datafusion": datafusion_sql(ROWS),
            "polars": polars_query(rows_by_polars),
            "pandas": pandas_query(rows_by_pandas),
            "pyarrow": pyarrow_query(rows_by_pyarrow),
        },
    ),
    Case(
        name="join-sum",
        about="the same join, of which only the number of rows and the sum of a column of each side are asked",
        memory=("wide", "items"),
        engines={
            "volley": volley_query(sums_by_volley),
            "duckdb": duckdb_sql(SUMS),
            "datafusion": datafusion_sql(SUMS),
            "polars": polars_query(sums_by_polars),
            "pandas": pandas_query(sums_by_pandas),
            "pyarrow": pyarrow_query(sums_by_pyarrow),
        },
    ),
)
