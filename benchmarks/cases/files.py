"""Reading Parquet: all of some columns, and few rows of others."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..case import Bench, Call, Case
from ..connect import polars_query, pyarrow_query, read_for_pandas, sql_engines

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

SUMS = ("l_quantity", "l_extendedprice", "l_discount", "l_tax")
LAST = ("l_returnflag", "l_linestatus", "l_shipdate")
"""With the sums, the columns that TPC-H's first query reads."""

SCAN = f"""
    select {", ".join(f"sum({name}) as {name}" for name in SUMS)},
           {", ".join(f"max({name}) as {name}" for name in LAST)}
    from lineitem"""

FILTER = """
    select sum(l_extendedprice * l_discount) as revenue
    from lineitem
    where l_shipdate >= date '1994-01-01' and l_shipdate < date '1995-01-01'
      and l_discount between 0.05 and 0.07 and l_quantity < 24"""

SINCE, UNTIL = dt.date(1994, 1, 1), dt.date(1995, 1, 1)
FILTER_COLUMNS = ("l_shipdate", "l_discount", "l_quantity", "l_extendedprice")


def scan_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    return frames["lineitem"].select(pl.col(SUMS).sum(), pl.col(LAST).max())


def scan_by_pyarrow(bench: Bench) -> pa.Table:
    import pyarrow.dataset as ds

    plan = [(name, "sum") for name in SUMS] + [(name, "max") for name in LAST]
    # The file's texts arrive as string views, which pyarrow cannot aggregate.
    texts = {name: pc.field(name).cast(pa.string()) for name in LAST if name != "l_shipdate"}
    columns = {name: texts.get(name, pc.field(name)) for name in (*SUMS, *LAST)}
    rows = ds.dataset(bench.files["lineitem"]).to_table(columns=columns)
    return rows.group_by([]).aggregate(plan).rename_columns([*SUMS, *LAST])


def scan_by_pandas(bench: Bench) -> Call:
    def answer() -> dict[str, list[object]]:
        rows = read_for_pandas(bench, "lineitem", [*SUMS, *LAST])
        sums = {name: [rows[name].sum()] for name in SUMS}
        return sums | {name: [max(rows[name].unique())] for name in LAST}

    return answer


def filter_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    kept = frames["lineitem"].filter(
        pl.col("l_shipdate") >= SINCE,
        pl.col("l_shipdate") < UNTIL,
        pl.col("l_discount").is_between(Decimal("0.05"), Decimal("0.07")),
        pl.col("l_quantity") < 24,
    )
    # Polars rounds a product of decimals to the digits of its factors.
    return kept.select(revenue=(pl.col("l_extendedprice").cast(pl.Float64) * pl.col("l_discount")).sum())


def filter_by_pyarrow(bench: Bench) -> pa.Table:
    import pyarrow.dataset as ds

    wanted = (
        (pc.field("l_shipdate") >= SINCE)
        & (pc.field("l_shipdate") < UNTIL)
        & (pc.field("l_discount") >= Decimal("0.05"))
        & (pc.field("l_discount") <= Decimal("0.07"))
        & (pc.field("l_quantity") < Decimal(24))
    )
    revenue = {"revenue": pc.field("l_extendedprice") * pc.field("l_discount")}
    rows = ds.dataset(bench.files["lineitem"]).to_table(columns=revenue, filter=wanted)
    return pa.table({"revenue": [pc.sum(rows["revenue"]).as_py()]})


def filter_by_pandas(bench: Bench) -> Call:
    def answer() -> dict[str, list[float]]:
        within = [("l_shipdate", ">=", SINCE), ("l_shipdate", "<", UNTIL)]
        rows: pd.DataFrame = read_for_pandas(bench, "lineitem", FILTER_COLUMNS, filters=within)
        kept = rows[rows.l_discount.between(0.05, 0.07) & (rows.l_quantity < 24)]
        return {"revenue": [float((kept.l_extendedprice * kept.l_discount).sum())]}

    return answer


CASES = (
    Case(
        name="scan",
        about="TPC-H lineitem from Parquet: sum or max of each of the seven columns of Q1",
        files=("lineitem",),
        engines={
            **sql_engines(SCAN),
            "polars": polars_query(scan_by_polars),
            "pyarrow": pyarrow_query(scan_by_pyarrow),
            "pandas": scan_by_pandas,
        },
    ),
    Case(
        name="filter",
        about="TPC-H Q6 from Parquet: a product summed over the 2 % of the rows that pass three conditions",
        files=("lineitem",),
        engines={
            **sql_engines(FILTER),
            "polars": polars_query(filter_by_polars),
            "pyarrow": pyarrow_query(filter_by_pyarrow),
            "pandas": filter_by_pandas,
        },
    ),
)
