"""Grouping rows in memory by integers, texts, several columns, with nulls; numbers of different values."""

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
    volley_sql,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    import volley as vl


def engines(table: str, *keys: str) -> Mapping[str, Prepare]:
    """Return every engine's count and sum of ``value`` by keys; a null is a key like others."""
    named = ", ".join(keys)
    text = f"select {named}, count(*) as n, sum(value) as total from {table} group by {named}"

    def by_volley(frames: dict[str, vl.DataFrame]) -> vl.DataFrame:
        groups = frames[table].groupby(list(keys), sort=False, dropna=False)
        return groups.agg(n=("value", "size"), total=("value", "sum"))

    def by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
        import polars as pl

        return frames[table].group_by(*keys).agg(n=pl.len(), total=pl.col("value").sum())

    def by_pandas(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
        groups = frames[table].groupby(list(keys), sort=False, as_index=False)
        return groups.agg(n=("value", "size"), total=("value", "sum"))

    def by_pyarrow(bench: Bench) -> pa.Table:
        made = bench.tables[table].group_by(list(keys)).aggregate([([], "count_all"), ("value", "sum")])
        return made.rename_columns([*keys, "n", "total"])

    answers = {
        "volley": volley_query(by_volley),
        "duckdb": duckdb_sql(text),
        "datafusion": datafusion_sql(text),
        "polars": polars_query(by_polars),
        "pyarrow": pyarrow_query(by_pyarrow),
    }
    # pandas would make floats of integers that may be null.
    return answers if table.endswith("_nulls") else answers | {"pandas": pandas_query(by_pandas)}


def distinct(*keys: str) -> Mapping[str, Prepare]:
    """Return every engine's number of different visitors, by keys or of all rows."""
    by = f" group by {', '.join(keys)}" if keys else ""
    text = f"select {''.join(f'{key}, ' for key in keys)}count(distinct visitor) as visitors from visits{by}"

    def by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
        import polars as pl

        visitors = pl.col("visitor").n_unique().alias("visitors")
        return frames["visits"].group_by(*keys).agg(visitors) if keys else frames["visits"].select(visitors)

    return {
        "volley": volley_sql(text),
        "duckdb": duckdb_sql(text),
        "datafusion": datafusion_sql(text),
        "polars": polars_query(by_polars),
    }


def grouped(name: str, about: str, table: str, *keys: str) -> Case:
    """Return the case of counting and summing by keys."""
    return Case(name=name, about=about, memory=(table,), keys=keys, engines=engines(table, *keys))


CASES = (
    grouped("group-dense", "count and sum of 6M rows in memory by an int64 key from 0 to 999", "dense", "key"),
    grouped(
        "group-wide",
        "count and sum of 6M rows in memory by 1.5M shuffled int64 keys spread over all 64 bits",
        "wide",
        "key",
    ),
    grouped("group-wide-nulls", "the same where every twentieth key is null", "wide_nulls", "key"),
    grouped("group-text", "count and sum of 2M rows in memory by 50k texts of 18 characters", "words", "word"),
    grouped(
        "group-two",
        "count and sum of 4M rows in memory by an integer of 100 values and a text of 100",
        "mixed",
        *("region", "word"),
    ),
    grouped(
        "group-three",
        "the same by one more integer of 10 values: 100k groups",
        "mixed",
        *("region", "kind", "word"),
    ),
    grouped("group-two-nulls", "by two, each null in every twentieth row", "mixed_nulls", *("region", "word")),
    grouped(
        "group-three-nulls", "by three, each null in every twentieth row", "mixed_nulls", *("region", "kind", "word")
    ),
    Case(
        name="distinct-all",
        about="number of different int64 visitors, about 500k, in 4M rows in memory",
        memory=("visits",),
        engines=distinct(),
    ),
    Case(
        name="distinct-few",
        about="number of different visitors on each of 30 days, 4M rows in memory",
        memory=("visits",),
        keys=("day",),
        engines=distinct("day"),
    ),
    Case(
        name="distinct-many",
        about="number of different visitors in each of 100k shops, 4M rows in memory",
        memory=("visits",),
        keys=("shop",),
        engines=distinct("shop"),
    ),
)
