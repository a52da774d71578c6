"""Joining rows in memory on 64-bit keys, texts and two columns, with one partner, several, or asking for any."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from ..case import Bench, Case, Prepare
from ..connect import (
    datafusion_sql,
    duckdb_sql,
    pandas_query,
    polars_query,
    pyarrow_query,
    sql_engines,
    volley_query,
    volley_sql,
)

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

    import volley as vl

ROWS = "select wide.key, value, price from wide join items on wide.key = items.key"
SUMS = "select count(*) as n, sum(value) as value, sum(price) as price from wide join items on wide.key = items.key"

FULL = (
    "select coalesce(lefts.key, rights.key) as key, value, price from lefts full join rights on lefts.key = rights.key"
)
BETWEEN = "select tick, span from ticks join spans on tick >= begin_tick and tick < end_tick"
BETWEEN_KEYS = f"{BETWEEN} and ticks.shop = spans.shop"
NEAREST = "select tick, spent, begin_tick from ticks asof join spans on tick >= begin_tick"
NEAREST_KEYS = f"{NEAREST} and ticks.shop = spans.shop"
BAND = "select tick, begin_tick from ticks join spans on abs(tick - begin_tick) <= 100"
BAND_OF_ENDS = "select tick, begin_tick from ticks join spans on begin_tick between tick - 100 and tick + 100"
BINS = "select key, value, bin from wide join bins on value >= least and value < below"


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


def joined(
    left: str, right: str, *keys: str, columns: str, how: Literal["inner", "semi", "anti"] = "inner"
) -> dict[str, Prepare]:
    """Return every engine's join of two tables with all columns, or of the left rows that have a partner, or none."""
    text = f"select {columns} from {left} {{}}join {right} using ({', '.join(keys)})"
    one_sided = how != "inner"
    return {
        "volley": volley_query(lambda frames: frames[left].merge(frames[right], on=list(keys), how=how)),
        "duckdb": duckdb_sql(text.format(f"{how} " if one_sided else "")),
        "datafusion": datafusion_sql(text.format(f"left {how} " if one_sided else "")),
        "polars": polars_query(lambda frames: frames[left].join(frames[right], on=list(keys), how=how)),
    }


def full_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    return frames["lefts"].join(frames["rights"], on="key", how="full", coalesce=True)


def between_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    within = pl.col("tick") >= pl.col("begin_tick"), pl.col("tick") < pl.col("end_tick")
    return frames["ticks"].join_where(frames["spans"].drop("shop"), *within).select("tick", "span")


def between_keys_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    pairs = frames["ticks"].join(frames["spans"], on="shop")
    return pairs.filter(pl.col("tick").is_between("begin_tick", "end_tick", closed="left")).select("tick", "span")


def band_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    ends = pl.col("begin_tick") - 100, pl.col("begin_tick") + 100
    spans = frames["spans"].select("begin_tick", least=ends[0], most=ends[1])
    within = pl.col("tick") >= pl.col("least"), pl.col("tick") <= pl.col("most")
    return frames["ticks"].join_where(spans, *within).select("tick", "begin_tick")


def bins_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    within = pl.col("value") >= pl.col("least"), pl.col("value") < pl.col("below")
    return frames["wide"].join_where(frames["bins"], *within).select("key", "value", "bin")


def nearest_by_polars(*by: str) -> Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]:
    def question(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
        import polars as pl

        ticks, spans = frames["ticks"].sort("tick"), frames["spans"].sort("begin_tick")
        how: dict[str, Any] = {"by": list(by)} if by else {}
        rows = ticks.join_asof(spans, left_on="tick", right_on="begin_tick", coalesce=False, **how)
        return rows.filter(pl.col("begin_tick").is_not_null()).select("tick", "spent", "begin_tick")

    return question


def compared(text: str, polars: Callable[[dict[str, pl.LazyFrame]], pl.LazyFrame]) -> dict[str, Prepare]:
    """Return the answers to a SQL text of engines that can join by inequalities without trying all pairs."""
    return {"volley": volley_sql(text), "duckdb": duckdb_sql(text), "polars": polars_query(polars)}


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
    Case(
        name="join-nulls",
        about="the join of 6M rows x 1.5M rows where every twentieth of the 6M keys is null and finds nobody",
        memory=("wide_nulls", "items"),
        keys=("key", "value"),
        engines=joined("wide_nulls", "items", "key", columns="key, value, price"),
    ),
    Case(
        name="join-many",
        about="2M rows x 1M rows in memory on int64 keys, of which every one occurs four times and twice: 4M rows",
        memory=("lefts", "rights"),
        keys=("key", "value", "price"),
        engines=joined("lefts", "rights", "key", columns="key, value, price"),
    ),
    Case(
        name="join-semi",
        about="those of 6M rows in memory whose int64 key is among 1M others: a third of them",
        memory=("wide", "rights"),
        keys=("key", "value"),
        engines=joined("wide", "rights", "key", columns="key, value", how="semi"),
    ),
    Case(
        name="join-text",
        about="2M rows x 50k rows in memory on texts of 18 characters, one partner each",
        memory=("words", "labels"),
        keys=("word", "value"),
        engines=joined("words", "labels", "word", columns="word, value, label"),
    ),
    Case(
        name="join-two",
        about="4M rows x 10k rows in memory on an integer and a text, each null in every twentieth row",
        memory=("mixed_nulls", "rates"),
        keys=("region", "word", "value"),
        engines=joined("mixed_nulls", "rates", "region", "word", columns="region, kind, word, value, rate"),
    ),
    Case(
        name="join-anti",
        about="those of 6M rows in memory whose int64 key is not among 1M others: two thirds of them",
        memory=("wide", "rights"),
        keys=("key", "value"),
        engines=joined("wide", "rights", "key", columns="key, value", how="anti"),
    ),
    Case(
        name="join-full",
        about="all of 2M rows x 1M rows in memory on int64 keys, with a partner or without: 4M rows",
        memory=("lefts", "rights"),
        keys=("key", "value", "price"),
        engines=sql_engines(FULL) | {"polars": polars_query(full_by_polars)},
    ),
    Case(
        name="join-between",
        about="1.5M moments in memory, each with those of 100k stretches of time that it lies in, one on average",
        memory=("ticks", "spans"),
        keys=("tick", "span"),
        engines=compared(BETWEEN, between_by_polars),
    ),
    Case(
        name="join-between-keys",
        about="the same, where a key of 1,000 values must be equal, too: as few as one in a thousand has a partner",
        memory=("ticks", "spans"),
        keys=("tick", "span"),
        engines=compared(BETWEEN_KEYS, between_keys_by_polars),
    ),
    Case(
        name="join-asof",
        about="1.5M moments in memory, unsorted, each with the last beginning of 100k stretches of time before it",
        memory=("ticks", "spans"),
        keys=("tick",),
        engines=compared(NEAREST, nearest_by_polars()),
    ),
    Case(
        name="join-asof-keys",
        about="the same, where a key of 1,000 values must be equal, too",
        memory=("ticks", "spans"),
        keys=("tick",),
        engines=compared(NEAREST_KEYS, nearest_by_polars("shop")),
    ),
    Case(
        name="join-band",
        about="the 1.5M moments, each with those beginnings of the 100k stretches that lie at most 100 ticks off",
        memory=("ticks", "spans"),
        keys=("tick", "begin_tick"),
        engines=compared(BAND, band_by_polars) | {"duckdb": duckdb_sql(BAND_OF_ENDS)},  # which tries all pairs else
    ),
    Case(
        name="join-bins",
        about="6M rows in memory, each with the one of 1,000 bins whose bounds its float lies between",
        memory=("wide", "bins"),
        keys=("key", "value"),
        engines=compared(BINS, bins_by_polars),
    ),
)
