"""Whole TPC-H queries from Parquet files: Q1, Q3 and Q9, with the standard's example parameters."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from ..case import Bench, Call, Case
from ..connect import datafusion_sql, polars_query, read_for_pandas, sql_engines

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl

PRICING = """
    select l_returnflag, l_linestatus,
           sum(l_quantity) as sum_qty,
           sum(l_extendedprice) as sum_base_price,
           sum(l_extendedprice * (1 - l_discount)) as sum_disc_price,
           sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
           avg(l_quantity) as avg_qty,
           avg(l_extendedprice) as avg_price,
           avg(l_discount) as avg_disc,
           count(*) as count_order
    from lineitem
    where l_shipdate <= date '1998-09-02'
    group by l_returnflag, l_linestatus
    order by l_returnflag, l_linestatus"""

# DataFusion rounds the average of a decimal to six digits.
PRICING_IN_FLOATS = PRICING.replace("avg(l_", "avg(1e0 * l_")

SHIPPING = """
    select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
    from customer
    join orders on c_custkey = o_custkey
    join lineitem on l_orderkey = o_orderkey
    where c_mktsegment = 'BUILDING' and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
    group by l_orderkey, o_orderdate, o_shippriority
    order by revenue desc, o_orderdate
    limit 10"""

PROFIT = """
    select nation, o_year, sum(amount) as sum_profit
    from (
        select n_name as nation,
               extract(year from o_orderdate) as o_year,
               l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount
        from lineitem
        join part on p_partkey = l_partkey
        join supplier on s_suppkey = l_suppkey
        join partsupp on ps_suppkey = l_suppkey and ps_partkey = l_partkey
        join orders on o_orderkey = l_orderkey
        join nation on s_nationkey = n_nationkey
        where p_name like '%green%'
    ) as profit
    group by nation, o_year
    order by nation, o_year desc"""

SHIPPED_BY, ORDERED_BEFORE = dt.date(1998, 9, 2), dt.date(1995, 3, 15)


def _floats(*names: str) -> list[pl.Expr]:
    """Return decimal columns as floats: Polars rounds a product of decimals to the digits of its factors."""
    import polars as pl

    return [pl.col(name).cast(pl.Float64) for name in names]


def pricing_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    price, discount, tax, quantity = _floats("l_extendedprice", "l_discount", "l_tax", "l_quantity")
    rows = frames["lineitem"].filter(pl.col("l_shipdate") <= SHIPPED_BY)
    groups = rows.group_by("l_returnflag", "l_linestatus").agg(
        sum_qty=quantity.sum(),
        sum_base_price=price.sum(),
        sum_disc_price=(price * (1 - discount)).sum(),
        sum_charge=(price * (1 - discount) * (1 + tax)).sum(),
        avg_qty=quantity.mean(),
        avg_price=price.mean(),
        avg_disc=discount.mean(),
        count_order=pl.len(),
    )
    return groups.sort("l_returnflag", "l_linestatus")


def pricing_by_pandas(bench: Bench) -> Call:
    columns = ["returnflag", "linestatus", "quantity", "extendedprice", "discount", "tax", "shipdate"]

    def answer() -> pd.DataFrame:
        rows = read_for_pandas(
            bench, "lineitem", [f"l_{n}" for n in columns], filters=[("l_shipdate", "<=", SHIPPED_BY)]
        )
        rows["net"] = rows.l_extendedprice * (1 - rows.l_discount)
        rows["charge"] = rows.net * (1 + rows.l_tax)
        groups = rows.groupby(["l_returnflag", "l_linestatus"], observed=True, as_index=False)
        made = groups.agg(
            sum_qty=("l_quantity", "sum"),
            sum_base_price=("l_extendedprice", "sum"),
            sum_disc_price=("net", "sum"),
            sum_charge=("charge", "sum"),
            avg_qty=("l_quantity", "mean"),
            avg_price=("l_extendedprice", "mean"),
            avg_disc=("l_discount", "mean"),
            count_order=("net", "size"),
        )
        return made.astype({"l_returnflag": str, "l_linestatus": str}).sort_values(["l_returnflag", "l_linestatus"])

    return answer


def shipping_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    buyers = frames["customer"].filter(pl.col("c_mktsegment") == "BUILDING")
    orders = frames["orders"].filter(pl.col("o_orderdate") < ORDERED_BEFORE)
    lines = frames["lineitem"].filter(pl.col("l_shipdate") > ORDERED_BEFORE)
    rows = buyers.join(orders, left_on="c_custkey", right_on="o_custkey").join(
        lines, left_on="o_orderkey", right_on="l_orderkey"
    )
    price, discount = _floats("l_extendedprice", "l_discount")
    revenue = (price * (1 - discount)).sum()
    groups = rows.group_by("o_orderkey", "o_orderdate", "o_shippriority").agg(revenue=revenue)
    top = groups.sort("revenue", "o_orderdate", descending=[True, False]).head(10)
    return top.select(pl.col("o_orderkey").alias("l_orderkey"), "revenue", "o_orderdate", "o_shippriority")


def shipping_by_pandas(bench: Bench) -> Call:
    lines = ["l_orderkey", "l_extendedprice", "l_discount", "l_shipdate"]
    order_columns = ["o_orderkey", "o_custkey", "o_orderdate", "o_shippriority"]

    def answer() -> pd.DataFrame:
        buyers = read_for_pandas(
            bench, "customer", ["c_custkey", "c_mktsegment"], filters=[("c_mktsegment", "=", "BUILDING")]
        )
        orders = read_for_pandas(bench, "orders", order_columns, filters=[("o_orderdate", "<", ORDERED_BEFORE)])
        shipped = read_for_pandas(bench, "lineitem", lines, filters=[("l_shipdate", ">", ORDERED_BEFORE)])
        rows = orders.merge(buyers, left_on="o_custkey", right_on="c_custkey")
        rows = shipped.merge(rows, left_on="l_orderkey", right_on="o_orderkey")
        rows["revenue"] = rows.l_extendedprice * (1 - rows.l_discount)
        groups = rows.groupby(["l_orderkey", "o_orderdate", "o_shippriority"], as_index=False).agg(
            revenue=("revenue", "sum")
        )
        top = groups.sort_values(["revenue", "o_orderdate"], ascending=[False, True]).head(10)
        return top[["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]]

    return answer


def profit_by_polars(frames: dict[str, pl.LazyFrame]) -> pl.LazyFrame:
    import polars as pl

    parts = frames["part"].filter(pl.col("p_name").str.contains("green", literal=True)).select("p_partkey")
    suppliers = frames["supplier"].join(frames["nation"], left_on="s_nationkey", right_on="n_nationkey")
    rows = (
        parts.join(frames["partsupp"], left_on="p_partkey", right_on="ps_partkey")
        .join(suppliers, left_on="ps_suppkey", right_on="s_suppkey")
        .join(frames["lineitem"], left_on=["p_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .join(frames["orders"], left_on="l_orderkey", right_on="o_orderkey")
    )
    price, discount, cost, quantity = _floats("l_extendedprice", "l_discount", "ps_supplycost", "l_quantity")
    made = rows.select(
        nation=pl.col("n_name"),
        o_year=pl.col("o_orderdate").dt.year(),
        amount=price * (1 - discount) - cost * quantity,
    )
    groups = made.group_by("nation", "o_year").agg(sum_profit=pl.col("amount").sum())
    return groups.sort("nation", "o_year", descending=[False, True])


def profit_by_pandas(bench: Bench) -> Call:
    lines = ["l_orderkey", "l_partkey", "l_suppkey", "l_quantity", "l_extendedprice", "l_discount"]

    def answer() -> pd.DataFrame:
        part = read_for_pandas(bench, "part", ["p_partkey", "p_name"])
        part = part[part.p_name.str.contains("green", regex=False)]
        nation = read_for_pandas(bench, "nation", ["n_nationkey", "n_name"])
        supplier = read_for_pandas(bench, "supplier", ["s_suppkey", "s_nationkey"])
        supplier = supplier.merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        offers = read_for_pandas(bench, "partsupp", ["ps_partkey", "ps_suppkey", "ps_supplycost"])
        offers = offers.merge(part[["p_partkey"]], left_on="ps_partkey", right_on="p_partkey")
        offers = offers.merge(supplier, left_on="ps_suppkey", right_on="s_suppkey")
        rows = read_for_pandas(bench, "lineitem", lines).merge(
            offers, left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"]
        )
        orders = read_for_pandas(bench, "orders", ["o_orderkey", "o_orderdate"])
        rows = rows.merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        rows["sum_profit"] = rows.l_extendedprice * (1 - rows.l_discount) - rows.ps_supplycost * rows.l_quantity
        rows["nation"], rows["o_year"] = rows.n_name, rows.o_orderdate.dt.year
        groups = rows.groupby(["nation", "o_year"], as_index=False).agg(sum_profit=("sum_profit", "sum"))
        return groups.sort_values(["nation", "o_year"], ascending=[True, False])

    return answer


CASES = (
    Case(
        name="tpch-q1",
        about="TPC-H Q1 from Parquet: eight aggregates of almost all of lineitem in four groups",
        files=("lineitem",),
        engines={
            **sql_engines(PRICING),
            "datafusion": datafusion_sql(PRICING_IN_FLOATS),
            "polars": polars_query(pricing_by_polars),
            "pandas": pricing_by_pandas,
        },
    ),
    Case(
        name="tpch-q3",
        about="TPC-H Q3 from Parquet: three tables joined, many groups, the ten greatest",
        files=("customer", "orders", "lineitem"),
        engines={**sql_engines(SHIPPING), "polars": polars_query(shipping_by_polars), "pandas": shipping_by_pandas},
    ),
    Case(
        name="tpch-q9",
        about="TPC-H Q9 from Parquet: six tables joined, a text pattern, groups by nation and year",
        files=("lineitem", "part", "supplier", "partsupp", "orders", "nation"),
        engines={**sql_engines(PROFIT), "polars": polars_query(profit_by_polars), "pandas": profit_by_pandas},
    ),
)
