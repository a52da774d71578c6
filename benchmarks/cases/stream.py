"""A scan of every column of a large file, filtered and aggregated: what counts is how little memory it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..case import Case
from ..connect import polars_query, sql_engines

if TYPE_CHECKING:
    import polars as pl

KEYS = ("l_shipmode", "l_returnflag", "l_linestatus")
SUMS = ("l_quantity", "l_extendedprice", "l_discount", "l_tax")
DATES = ("l_shipdate", "l_commitdate", "l_receiptdate")
EXTREMES = ("l_orderkey", "l_partkey", "l_suppkey", "l_linenumber", *DATES, "l_shipinstruct")

STREAM = f"""
    select {", ".join(KEYS)}, count(*) as n,
           {", ".join(f"sum({name}) as {name}" for name in SUMS)},
           {", ".join(f"max({name}) as {name}" for name in EXTREMES)},
           max(l_comment) as l_comment
    from lineitem
    where l_comment like '%special%' or l_quantity < 25
    group by {", ".join(KEYS)}"""


def by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    kept = frames["lineitem"].filter(
        pl.col("l_comment").str.contains("special", literal=True) | (pl.col("l_quantity") < 25)
    )
    return kept.group_by(KEYS).agg(
        pl.len().alias("n"), pl.col(SUMS).sum(), pl.col(EXTREMES).max(), pl.col("l_comment").max()
    )


CASES = (
    Case(
        name="stream",
        about="TPC-H lineitem from Parquet, all 16 columns: half the rows pass a filter, 14 aggregates by 3 texts",
        files=("lineitem",),
        engines={**sql_engines(STREAM), "polars": polars_query(by_polars)},
        keys=KEYS,
    ),
)
