"""Sorting rows in memory, the first few of an order, and windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from ..case import Case, Prepare
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
    import polars as pl

SORTED = "select key, value from unsorted order by key"

RANK = "select moment, rank() over (partition by shop order by spent) as place from visits"
RUNNING = "select moment, sum(spent) over (partition by {} order by moment) as total from visits"

LAG = "select moment, lag(spent) over (partition by shop order by moment) as earlier from visits"
SEVEN = "rows between 6 preceding and current row"
MOVING = f"select moment, avg(spent) over (partition by shop order by moment {SEVEN}) as mean from visits"
MEDIAN = "select moment, median(spent) over (partition by shop) as middle from visits"


def ordered(text: str, question: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Mapping[str, Prepare]:
    """Return every engine's answer to a query of the one table that the SQL text names."""
    table = text.partition(" from ")[2].split()[0]
    return {
        "volley": volley_sql(text),
        "duckdb": duckdb_sql(text),
        "datafusion": datafusion_sql(text),
        "polars": polars_query(lambda frames: question(frames[table])),
    }


def ranked(frame: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    return frame.select("moment", place=pl.col("spent").rank("min").over("shop"))


def running(partition: str) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    def question(frame: pl.LazyFrame) -> pl.LazyFrame:
        import polars as pl

        return frame.select("moment", total=pl.col("spent").cum_sum().over(partition, order_by="moment"))

    return question


def lagging(frame: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    return frame.select("moment", earlier=pl.col("spent").shift(1).over("shop", order_by="moment"))


def moving(frame: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    return frame.select("moment", mean=pl.col("spent").rolling_mean(7, min_samples=1).over("shop", order_by="moment"))


def middle(frame: pl.LazyFrame) -> pl.LazyFrame:
    import polars as pl

    return frame.select("moment", middle=pl.col("spent").median().over("shop"))


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
    Case(
        name="sort-two",
        about="3M rows of two columns in memory, by an integer of 1,000 values downwards and a text of 18 characters",
        memory=("readings",),
        engines=ordered(
            "select level, word from readings order by level desc, word",
            lambda frame: frame.select("level", "word").sort("level", "word", descending=[True, False]),
        ),
    ),
    Case(
        name="sort-float",
        about="3M rows of two columns in memory, by a float with NaN and nulls (last) and an integer",
        memory=("readings",),
        engines=ordered(
            "select value, number from readings order by value nulls last, number",
            lambda frame: frame.select("value", "number").sort("value", "number", nulls_last=True),
        ),
    ),
    Case(
        name="sort-text",
        about="2M rows of two columns in memory, by 50k texts of 18 characters and a float",
        memory=("words",),
        engines=ordered(
            "select word, value from words order by word, value",
            lambda frame: frame.sort("word", "value"),
        ),
    ),
    Case(
        name="top",
        about="the 100 greatest of 6M floats in memory, with their key",
        memory=("unsorted",),
        engines=ordered(
            "select key, value from unsorted order by value desc limit 100",
            lambda frame: frame.sort("value", descending=True).head(100),
        ),
    ),
    Case(
        name="top-two",
        about="the first 100 of 3M rows in memory, by an integer downwards and a text of 18 characters",
        memory=("readings",),
        engines=ordered(
            "select level, word from readings order by level desc, word limit 100",
            lambda frame: frame.select("level", "word").sort("level", "word", descending=[True, False]).head(100),
        ),
    ),
    Case(
        name="window-rank",
        about="rank of 4M rows in memory by a float within 100k int64 partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(RANK, ranked),
    ),
    Case(
        name="window-sum",
        about="running sum of 4M rows in memory in the order of an integer within 100k int64 partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(RUNNING.format("shop"), running("shop")),
    ),
    Case(
        name="window-sum-few",
        about="the same within 30 partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(RUNNING.format("day"), running("day")),
    ),
    Case(
        name="window-lag",
        about="the value before of 4M rows in memory in the order of an integer within 100k int64 partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(LAG, lagging),
    ),
    Case(
        name="window-moving",
        about="the mean of seven rows up to each of 4M in memory, in the same order and partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(MOVING, moving),
    ),
    Case(
        name="window-median",
        about="the median of the partition of each of 4M rows in memory, 100k int64 partitions",
        memory=("visits",),
        keys=("moment",),
        engines=ordered(MEDIAN, middle),
    ),
)
