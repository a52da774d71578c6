"""The 22 queries of TPC-H as chains of frames; their parameters are the tables that each reads.

They ask what the texts in ``tests/sql/tpch`` ask, as a user of pandas would: a subquery that gives one value is a
reduction, one that gives keys is a semi or an anti join, and one that is correlated is a group-by and a merge.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from volley import DataFrame


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def revenue(lines: DataFrame) -> Any:
    return lines.l_extendedprice * (1 - lines.l_discount)


def q01(lineitem: DataFrame) -> DataFrame:
    """What was billed, shipped and returned."""
    lines = lineitem[lineitem.l_shipdate <= day("1998-09-02")]
    return (
        lines.assign(disc_price=revenue, charge=lambda f: f.disc_price * (1 + f.l_tax))
        .groupby(["l_returnflag", "l_linestatus"])
        .agg(
            sum_qty=("l_quantity", "sum"),
            sum_base_price=("l_extendedprice", "sum"),
            sum_disc_price=("disc_price", "sum"),
            sum_charge=("charge", "sum"),
            avg_qty=("l_quantity", "mean"),
            avg_price=("l_extendedprice", "mean"),
            avg_disc=("l_discount", "mean"),
            count_order=("l_quantity", "size"),
        )
    )


def q02(part: DataFrame, supplier: DataFrame, partsupp: DataFrame, nation: DataFrame, region: DataFrame) -> DataFrame:
    """The cheapest European suppliers of some brass parts."""
    offers = (
        part[(part.p_size == 15) & part.p_type.str.endswith("BRASS")]
        .merge(partsupp, left_on="p_partkey", right_on="ps_partkey")
        .merge(supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(region[region.r_name == "EUROPE"], left_on="n_regionkey", right_on="r_regionkey")
    )
    cheapest = offers.groupby("p_partkey").agg(ps_supplycost=("ps_supplycost", "min"))
    columns = ["s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment"]
    return (
        offers.merge(cheapest, on=["p_partkey", "ps_supplycost"])[columns]
        .sort_values(["s_acctbal", "n_name", "s_name", "p_partkey"], ascending=[False, True, True, True])
        .head(100)
    )


def q03(customer: DataFrame, orders: DataFrame, lineitem: DataFrame) -> DataFrame:
    """Unshipped orders of the greatest revenue."""
    date = day("1995-03-15")
    return (
        customer.query("c_mktsegment == 'BUILDING'")
        .merge(orders[orders.o_orderdate < date], left_on="c_custkey", right_on="o_custkey")
        .merge(lineitem[lineitem.l_shipdate > date], left_on="o_orderkey", right_on="l_orderkey")
        .assign(revenue=revenue)
        .groupby(["l_orderkey", "o_orderdate", "o_shippriority"], as_index=False)
        .agg({"revenue": "sum"})
        .sort_values(["revenue", "o_orderdate"], ascending=[False, True])
        .head(10)[["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]]
    )


def q04(orders: DataFrame, lineitem: DataFrame) -> DataFrame:
    """Orders of a quarter with a line that came late, by priority."""
    late = lineitem[lineitem.l_commitdate < lineitem.l_receiptdate]
    return (
        orders[(orders.o_orderdate >= day("1993-07-01")) & (orders.o_orderdate < day("1993-10-01"))]
        .merge(late, how="semi", left_on="o_orderkey", right_on="l_orderkey")
        .groupby("o_orderpriority")
        .agg(order_count=("o_orderkey", "size"))
    )


def q05(
    customer: DataFrame,
    orders: DataFrame,
    lineitem: DataFrame,
    supplier: DataFrame,
    nation: DataFrame,
    region: DataFrame,
) -> DataFrame:
    """Revenue between customers and suppliers of one Asian nation."""
    return (
        region[region.r_name == "ASIA"]
        .merge(nation, left_on="r_regionkey", right_on="n_regionkey")
        .merge(customer, left_on="n_nationkey", right_on="c_nationkey")
        .merge(
            orders[(orders.o_orderdate >= day("1994-01-01")) & (orders.o_orderdate < day("1995-01-01"))],
            left_on="c_custkey",
            right_on="o_custkey",
        )
        .merge(lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .merge(supplier, left_on=["l_suppkey", "n_nationkey"], right_on=["s_suppkey", "s_nationkey"])
        .assign(revenue=revenue)
        .groupby("n_name")[["revenue"]]
        .sum()
        .sort_values("revenue", ascending=False)
    )


def q06(lineitem: DataFrame) -> Any:
    """Revenue had there been no discount on small orders."""
    lines = lineitem[
        (lineitem.l_shipdate >= day("1994-01-01"))
        & (lineitem.l_shipdate < day("1995-01-01"))
        & lineitem.l_discount.between(Decimal("0.05"), Decimal("0.07"))
        & (lineitem.l_quantity < 24)
    ]
    return (lines.l_extendedprice * lines.l_discount).sum()


def q07(
    supplier: DataFrame, lineitem: DataFrame, orders: DataFrame, customer: DataFrame, nation: DataFrame
) -> DataFrame:
    """Trade between two nations by year."""
    names = nation[["n_nationkey", "n_name"]]
    trade = (
        lineitem[lineitem.l_shipdate.between(day("1995-01-01"), day("1996-12-31"))]
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
        .merge(names.rename(columns={"n_name": "supp_nation"}), left_on="s_nationkey", right_on="n_nationkey")
        .merge(names.rename(columns={"n_name": "cust_nation"}), left_on="c_nationkey", right_on="n_nationkey")
    )
    return (
        trade.query(
            "(supp_nation == 'FRANCE' and cust_nation == 'GERMANY')"
            " or (supp_nation == 'GERMANY' and cust_nation == 'FRANCE')"
        )
        .assign(l_year=lambda f: f.l_shipdate.dt.year, revenue=revenue)
        .groupby(["supp_nation", "cust_nation", "l_year"])
        .agg({"revenue": "sum"})
    )


def q08(
    part: DataFrame,
    supplier: DataFrame,
    lineitem: DataFrame,
    orders: DataFrame,
    customer: DataFrame,
    nation: DataFrame,
    region: DataFrame,
) -> DataFrame:
    """Brazil's share of a market by year."""
    america = nation.merge(region[region.r_name == "AMERICA"], left_on="n_regionkey", right_on="r_regionkey")
    return (
        part[part.p_type == "ECONOMY ANODIZED STEEL"]
        .merge(lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(
            orders[orders.o_orderdate.between(day("1995-01-01"), day("1996-12-31"))],
            left_on="l_orderkey",
            right_on="o_orderkey",
        )
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
        .merge(america, how="semi", left_on="c_nationkey", right_on="n_nationkey")
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        .assign(
            o_year=lambda f: f.o_orderdate.dt.year,
            volume=revenue,
            brazil=lambda f: f.volume.where(f.n_name == "BRAZIL", 0),
        )
        .groupby("o_year", as_index=False)[["brazil", "volume"]]
        .sum()
        .select("o_year", mkt_share=lambda f: f.brazil / f.volume)
    )


def q09(
    part: DataFrame,
    supplier: DataFrame,
    lineitem: DataFrame,
    partsupp: DataFrame,
    orders: DataFrame,
    nation: DataFrame,
) -> DataFrame:
    """Profit on green parts by nation and year."""
    return (
        part[part.p_name.str.contains("green", regex=False)]
        .merge(lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(partsupp, left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(nation.rename(columns={"n_name": "nation"}), left_on="s_nationkey", right_on="n_nationkey")
        .assign(
            o_year=lambda f: f.o_orderdate.dt.year,
            sum_profit=lambda f: revenue(f) - f.ps_supplycost * f.l_quantity,
        )
        .groupby(["nation", "o_year"], sort=False)[["sum_profit"]]
        .sum()
        .sort_values(["nation", "o_year"], ascending=[True, False])
    )


def q10(customer: DataFrame, orders: DataFrame, lineitem: DataFrame, nation: DataFrame) -> DataFrame:
    """Customers who returned most."""
    keys = ["c_custkey", "c_name", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"]
    return (
        orders[(orders.o_orderdate >= day("1993-10-01")) & (orders.o_orderdate < day("1994-01-01"))]
        .merge(lineitem[lineitem.l_returnflag == "R"], left_on="o_orderkey", right_on="l_orderkey")
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
        .merge(nation, left_on="c_nationkey", right_on="n_nationkey")
        .assign(revenue=revenue)
        .groupby(keys, sort=False)
        .agg(revenue=("revenue", "sum"))
        .nlargest(20, "revenue")[[*keys[:2], "revenue", *keys[2:]]]
    )


def q11(partsupp: DataFrame, supplier: DataFrame, nation: DataFrame) -> DataFrame:
    """The stock that matters most in Germany."""
    german = nation[nation.n_name == "GERMANY"].merge(supplier, left_on="n_nationkey", right_on="s_nationkey")
    stock = partsupp.merge(german, how="semi", left_on="ps_suppkey", right_on="s_suppkey").assign(
        value=lambda f: f.ps_supplycost * f.ps_availqty
    )
    least = stock.value.sum() * Decimal("0.0001")
    parts = stock.groupby("ps_partkey").agg({"value": "sum"})
    return parts[parts.value > least].sort_values("value", ascending=False)


def q12(orders: DataFrame, lineitem: DataFrame) -> DataFrame:
    """Late lines of two ways of shipping, by how urgent their orders were."""
    received = lineitem.query(
        "l_shipmode in ['MAIL', 'SHIP'] and l_shipdate < l_commitdate < l_receiptdate"
        " and '1994-01-01' <= l_receiptdate < '1995-01-01'"
    )
    return (
        orders.merge(received, left_on="o_orderkey", right_on="l_orderkey")
        .assign(
            high_line_count=lambda f: f.o_orderpriority.isin(["1-URGENT", "2-HIGH"]),
            low_line_count=lambda f: ~f.high_line_count,
        )
        .groupby("l_shipmode")[["high_line_count", "low_line_count"]]
        .sum()
    )


def q13(customer: DataFrame, orders: DataFrame) -> DataFrame:
    """How many customers have so many orders."""
    plain = orders[~orders.o_comment.str.contains("special.*requests")]
    return (
        customer.merge(plain, how="left", left_on="c_custkey", right_on="o_custkey")
        .groupby("c_custkey", sort=False)
        .agg(c_count=("o_orderkey", "count"))
        .groupby("c_count", as_index=False)
        .agg(custdist=("c_custkey", "size"))
        .sort_values(["custdist", "c_count"], ascending=False)
    )


def q14(lineitem: DataFrame, part: DataFrame) -> float:
    """The share of revenue from promotions, in percent."""
    month = (lineitem.l_shipdate >= day("1995-09-01")) & (lineitem.l_shipdate < day("1995-10-01"))
    lines = (
        lineitem[month]
        .merge(part, left_on="l_partkey", right_on="p_partkey")
        .assign(revenue=revenue, promo=lambda f: f.revenue.where(f.p_type.str.startswith("PROMO"), 0))
    )
    sums = lines[["promo", "revenue"]].sum()
    return 100 * float(sums["promo"]) / float(sums["revenue"])


def q15(lineitem: DataFrame, supplier: DataFrame) -> DataFrame:
    """The supplier of the greatest revenue in a quarter."""
    quarter = (lineitem.l_shipdate >= day("1996-01-01")) & (lineitem.l_shipdate < day("1996-04-01"))
    totals = (
        lineitem[quarter].assign(revenue=revenue).groupby("l_suppkey").agg(total_revenue=("revenue", "sum")).cache()
    )
    best = totals[totals.total_revenue == totals.total_revenue.max()]
    return supplier.merge(best, left_on="s_suppkey", right_on="l_suppkey").sort_values("s_suppkey")[
        ["s_suppkey", "s_name", "s_address", "s_phone", "total_revenue"]
    ]


def q16(partsupp: DataFrame, part: DataFrame, supplier: DataFrame) -> DataFrame:
    """Suppliers without complaints for parts of some sizes."""
    complaints = supplier[supplier.s_comment.str.like("%Customer%Complaints%")]
    keys = ["p_brand", "p_type", "p_size"]
    wanted = part[
        (part.p_brand != "Brand#45")
        & ~part.p_type.str.startswith("MEDIUM POLISHED")
        & part.p_size.isin([49, 14, 23, 45, 19, 3, 36, 9])
    ]
    return (
        wanted.merge(partsupp, left_on="p_partkey", right_on="ps_partkey")
        .merge(complaints, how="anti", left_on="ps_suppkey", right_on="s_suppkey")
        .groupby(keys, sort=False)
        .agg(supplier_cnt=("ps_suppkey", "nunique"))
        .sort_values(["supplier_cnt", *keys], ascending=[False, True, True, True])
    )


def q17(lineitem: DataFrame, part: DataFrame) -> float:
    """Yearly revenue lost without small orders of one kind of box."""
    boxes = part[(part.p_brand == "Brand#23") & (part.p_container == "MED BOX")]
    lines = lineitem.merge(boxes, left_on="l_partkey", right_on="p_partkey")
    usual = lines.groupby("l_partkey").agg(usual=("l_quantity", "mean"))
    small = lines.merge(usual, on="l_partkey").query("l_quantity < 0.2 * usual")
    return float(small.l_extendedprice.sum()) / 7.0


def q18(customer: DataFrame, orders: DataFrame, lineitem: DataFrame) -> DataFrame:
    """Customers of the largest orders."""
    totals = lineitem.groupby("l_orderkey", sort=False).agg(total=("l_quantity", "sum"))
    keys = ["c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice"]
    return (
        totals[totals.total > 300]
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
        .sort_values(["o_totalprice", "o_orderdate"], ascending=[False, True])
        .head(100)[[*keys, "total"]]
        .rename(columns={"total": "sum(l_quantity)"})
    )


def q19(lineitem: DataFrame, part: DataFrame) -> Any:
    """Revenue of three kinds of parts delivered in person by air."""
    kinds = (
        ("Brand#12", ["SM CASE", "SM BOX", "SM PACK", "SM PKG"], 1, 5),
        ("Brand#23", ["MED BAG", "MED BOX", "MED PKG", "MED PACK"], 10, 10),
        ("Brand#34", ["LG CASE", "LG BOX", "LG PACK", "LG PKG"], 20, 15),
    )
    lines = lineitem[lineitem.l_shipmode.isin(["AIR", "AIR REG"]) & (lineitem.l_shipinstruct == "DELIVER IN PERSON")]
    lines = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    one, two, three = (
        (lines.p_brand == brand)
        & lines.p_container.isin(boxes)
        & lines.l_quantity.between(least, least + 10)
        & lines.p_size.between(1, largest)
        for brand, boxes, least, largest in kinds
    )
    return revenue(lines[one | two | three]).sum()


def q20(supplier: DataFrame, nation: DataFrame, partsupp: DataFrame, part: DataFrame, lineitem: DataFrame) -> DataFrame:
    """Canadian suppliers with far more forest parts than they sell in a year."""
    year = (lineitem.l_shipdate >= day("1994-01-01")) & (lineitem.l_shipdate < day("1995-01-01"))
    sold = lineitem[year].groupby(["l_partkey", "l_suppkey"], sort=False).agg(sold=("l_quantity", "sum"))
    surplus = (
        partsupp.merge(
            part[part.p_name.str.startswith("forest")], how="semi", left_on="ps_partkey", right_on="p_partkey"
        )
        .merge(sold, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"])
        .query("ps_availqty > 0.5 * sold")
    )
    return (
        supplier.merge(surplus, how="semi", left_on="s_suppkey", right_on="ps_suppkey")
        .merge(nation[nation.n_name == "CANADA"], how="semi", left_on="s_nationkey", right_on="n_nationkey")
        .sort_values("s_name")[["s_name", "s_address"]]
    )


def q21(supplier: DataFrame, lineitem: DataFrame, orders: DataFrame, nation: DataFrame) -> DataFrame:
    """Saudi suppliers who alone kept an order waiting."""
    suppliers = lineitem.groupby("l_orderkey", sort=False).agg(suppliers=("l_suppkey", "nunique"))
    late = lineitem[lineitem.l_receiptdate > lineitem.l_commitdate]
    tardy = late.groupby("l_orderkey", sort=False).agg(tardy=("l_suppkey", "nunique"))
    return (
        late.merge(suppliers[suppliers.suppliers > 1], how="semi", on="l_orderkey")
        .merge(tardy[tardy.tardy == 1], how="semi", on="l_orderkey")
        .merge(orders[orders.o_orderstatus == "F"], how="semi", left_on="l_orderkey", right_on="o_orderkey")
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(nation[nation.n_name == "SAUDI ARABIA"], how="semi", left_on="s_nationkey", right_on="n_nationkey")
        .groupby("s_name", as_index=False)
        .agg(numwait=("s_suppkey", "size"))
        .sort_values(["numwait", "s_name"], ascending=[False, True])
        .head(100)
    )


def q22(customer: DataFrame, orders: DataFrame) -> DataFrame:
    """Customers of some countries with money and without orders."""
    callers = customer.assign(cntrycode=customer.c_phone.str[:2])
    callers = callers[callers.cntrycode.isin(["13", "31", "23", "29", "30", "18", "17"])]
    usual = callers[callers.c_acctbal > 0].c_acctbal.mean()
    return (
        callers[callers.c_acctbal > usual]
        .merge(orders, how="anti", left_on="c_custkey", right_on="o_custkey")
        .groupby("cntrycode")
        .agg(numcust=("c_custkey", "size"), totacctbal=("c_acctbal", "sum"))
    )


QUERIES = {name: made for name, made in sorted(vars().items()) if name.startswith("q") and name[1:].isdigit()}
