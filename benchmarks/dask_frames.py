"""The 22 queries of TPC-H as a user of Dask DataFrame writes them; their parameters are the tables that each reads.

Each returns a collection that is not computed yet, with the columns of the query's text in their order. Decimals are
floats, for pandas over Arrow has no products of them that do not overflow; keys that are only looked up are made unique
first, where SQL says IN or EXISTS. What follows an aggregation is small, but for the sorts of q11 and q18.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Frame = Any
"""A Dask DataFrame, or a column or number of one."""


def read(paths: Mapping[str, Path]) -> dict[str, Frame]:
    """Return the tables, text and dates as Arrow has them, numbers as floats."""
    import dask.dataframe as dd
    import pyarrow.parquet as pq

    tables = {}
    for name, path in paths.items():
        frame = dd.read_parquet(path, dtype_backend="pyarrow", split_row_groups="adaptive", blocksize="32MiB")
        kinds = {f.name: str(f.type).partition("(")[0] for f in pq.read_schema(path)}
        as_numbers = {column: "float64" for column, kind in kinds.items() if kind == "decimal128"}
        tables[name] = frame.astype(as_numbers)
    return tables


def day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def revenue(lines: Frame) -> Frame:
    return lines.l_extendedprice * (1 - lines.l_discount)


def within(dates: Frame, first: str, end: str) -> Frame:
    return (dates >= day(first)) & (dates < day(end))


def q01(lineitem: Frame) -> Frame:
    lines = lineitem[lineitem.l_shipdate <= day("1998-09-02")]
    lines = lines.assign(disc_price=revenue(lines))
    lines = lines.assign(charge=lines.disc_price * (1 + lines.l_tax))
    groups = lines.groupby(["l_returnflag", "l_linestatus"]).agg(
        sum_qty=("l_quantity", "sum"),
        sum_base_price=("l_extendedprice", "sum"),
        sum_disc_price=("disc_price", "sum"),
        sum_charge=("charge", "sum"),
        avg_qty=("l_quantity", "mean"),
        avg_price=("l_extendedprice", "mean"),
        avg_disc=("l_discount", "mean"),
        count_order=("l_quantity", "size"),
    )
    return groups.reset_index()


def q02(part: Frame, supplier: Frame, partsupp: Frame, nation: Frame, region: Frame) -> Frame:
    offers = (
        part[(part.p_size == 15) & part.p_type.str.endswith("BRASS")]
        .merge(partsupp, left_on="p_partkey", right_on="ps_partkey")
        .merge(supplier, left_on="ps_suppkey", right_on="s_suppkey")
        .merge(nation, left_on="s_nationkey", right_on="n_nationkey")
        .merge(region[region.r_name == "EUROPE"], left_on="n_regionkey", right_on="r_regionkey")
    )
    cheapest = offers.groupby("p_partkey").agg(ps_supplycost=("ps_supplycost", "min")).reset_index()
    columns = ["s_acctbal", "s_name", "n_name", "p_partkey", "p_mfgr", "s_address", "s_phone", "s_comment"]
    best = offers.merge(cheapest, on=["p_partkey", "ps_supplycost"])[columns]
    return best.sort_values(["s_acctbal", "n_name", "s_name", "p_partkey"], ascending=[False, True, True, True]).head(
        100, npartitions=-1, compute=False
    )


def q03(customer: Frame, orders: Frame, lineitem: Frame) -> Frame:
    lines = (
        customer[customer.c_mktsegment == "BUILDING"]
        .merge(orders[orders.o_orderdate < day("1995-03-15")], left_on="c_custkey", right_on="o_custkey")
        .merge(lineitem[lineitem.l_shipdate > day("1995-03-15")], left_on="o_orderkey", right_on="l_orderkey")
    )
    lines = lines.assign(revenue=revenue(lines))
    groups = lines.groupby(["l_orderkey", "o_orderdate", "o_shippriority"]).agg({"revenue": "sum"}).reset_index()
    return groups.nlargest(10, "revenue")[["l_orderkey", "revenue", "o_orderdate", "o_shippriority"]]


def q04(orders: Frame, lineitem: Frame) -> Frame:
    late = lineitem[lineitem.l_commitdate < lineitem.l_receiptdate][["l_orderkey"]].drop_duplicates()
    quarter = orders[within(orders.o_orderdate, "1993-07-01", "1993-10-01")]
    found = quarter.merge(late, left_on="o_orderkey", right_on="l_orderkey")
    return found.groupby("o_orderpriority").agg(order_count=("o_orderkey", "size")).reset_index()


def q05(customer: Frame, orders: Frame, lineitem: Frame, supplier: Frame, nation: Frame, region: Frame) -> Frame:
    lines = (
        region[region.r_name == "ASIA"]
        .merge(nation, left_on="r_regionkey", right_on="n_regionkey")
        .merge(customer, left_on="n_nationkey", right_on="c_nationkey")
        .merge(
            orders[within(orders.o_orderdate, "1994-01-01", "1995-01-01")], left_on="c_custkey", right_on="o_custkey"
        )
        .merge(lineitem, left_on="o_orderkey", right_on="l_orderkey")
        .merge(supplier, left_on=["l_suppkey", "n_nationkey"], right_on=["s_suppkey", "s_nationkey"])
    )
    return lines.assign(revenue=revenue(lines)).groupby("n_name").agg(revenue=("revenue", "sum")).reset_index()


def q06(lineitem: Frame) -> Frame:
    lines = lineitem[
        within(lineitem.l_shipdate, "1994-01-01", "1995-01-01")
        & lineitem.l_discount.between(0.05 - 1e-9, 0.07 + 1e-9)
        & (lineitem.l_quantity < 24)
    ]
    return (lines.l_extendedprice * lines.l_discount).sum()


def q07(supplier: Frame, lineitem: Frame, orders: Frame, customer: Frame, nation: Frame) -> Frame:
    names = nation[nation.n_name.isin(["FRANCE", "GERMANY"])][["n_nationkey", "n_name"]]
    sellers = supplier.merge(
        names.rename(columns={"n_name": "supp_nation"}), left_on="s_nationkey", right_on="n_nationkey"
    )[["s_suppkey", "supp_nation"]]
    buyers = customer.merge(
        names.rename(columns={"n_name": "cust_nation"}), left_on="c_nationkey", right_on="n_nationkey"
    )[["c_custkey", "cust_nation"]]
    trade = (
        lineitem[within(lineitem.l_shipdate, "1995-01-01", "1997-01-01")]
        .merge(sellers, left_on="l_suppkey", right_on="s_suppkey")
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(buyers, left_on="o_custkey", right_on="c_custkey")
    )
    trade = trade[trade.supp_nation != trade.cust_nation]
    trade = trade.assign(l_year=trade.l_shipdate.dt.year, revenue=revenue(trade))
    return trade.groupby(["supp_nation", "cust_nation", "l_year"]).agg({"revenue": "sum"}).reset_index()


def q08(
    part: Frame, supplier: Frame, lineitem: Frame, orders: Frame, customer: Frame, nation: Frame, region: Frame
) -> Frame:
    america = nation.merge(region[region.r_name == "AMERICA"], left_on="n_regionkey", right_on="r_regionkey")
    buyers = customer.merge(america[["n_nationkey"]], left_on="c_nationkey", right_on="n_nationkey")[["c_custkey"]]
    lines = (
        part[part.p_type == "ECONOMY ANODIZED STEEL"]
        .merge(lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(
            orders[within(orders.o_orderdate, "1995-01-01", "1997-01-01")], left_on="l_orderkey", right_on="o_orderkey"
        )
        .merge(buyers, left_on="o_custkey", right_on="c_custkey")
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(nation, left_on="s_nationkey", right_on="n_nationkey")
    )
    lines = lines.assign(o_year=lines.o_orderdate.dt.year, volume=revenue(lines))
    lines = lines.assign(brazil=lines.volume.where(lines.n_name == "BRAZIL", 0.0))
    years = lines.groupby("o_year").agg({"brazil": "sum", "volume": "sum"}).reset_index()
    return years.assign(mkt_share=years.brazil / years.volume)[["o_year", "mkt_share"]]


def q09(part: Frame, supplier: Frame, lineitem: Frame, partsupp: Frame, orders: Frame, nation: Frame) -> Frame:
    lines = (
        part[part.p_name.str.contains("green", regex=False)]
        .merge(lineitem, left_on="p_partkey", right_on="l_partkey")
        .merge(partsupp, left_on=["l_partkey", "l_suppkey"], right_on=["ps_partkey", "ps_suppkey"])
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(supplier, left_on="l_suppkey", right_on="s_suppkey")
        .merge(nation.rename(columns={"n_name": "nation"}), left_on="s_nationkey", right_on="n_nationkey")
    )
    lines = lines.assign(
        o_year=lines.o_orderdate.dt.year, sum_profit=revenue(lines) - lines.ps_supplycost * lines.l_quantity
    )
    return lines.groupby(["nation", "o_year"]).agg({"sum_profit": "sum"}).reset_index()


def q10(customer: Frame, orders: Frame, lineitem: Frame, nation: Frame) -> Frame:
    keys = ["c_custkey", "c_name", "c_acctbal", "n_name", "c_address", "c_phone", "c_comment"]
    lines = (
        orders[within(orders.o_orderdate, "1993-10-01", "1994-01-01")]
        .merge(lineitem[lineitem.l_returnflag == "R"], left_on="o_orderkey", right_on="l_orderkey")
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
        .merge(nation, left_on="c_nationkey", right_on="n_nationkey")
    )
    groups = lines.assign(revenue=revenue(lines)).groupby(keys).agg(revenue=("revenue", "sum")).reset_index()
    return groups.nlargest(20, "revenue")[[*keys[:2], "revenue", *keys[2:]]]


def q11(partsupp: Frame, supplier: Frame, nation: Frame) -> Frame:
    german = supplier.merge(nation[nation.n_name == "GERMANY"], left_on="s_nationkey", right_on="n_nationkey")
    stock = partsupp.merge(german[["s_suppkey"]], left_on="ps_suppkey", right_on="s_suppkey")
    stock = stock.assign(value=stock.ps_supplycost * stock.ps_availqty)
    parts = stock.groupby("ps_partkey").agg({"value": "sum"}).reset_index()
    return parts[parts.value > stock.value.sum() * 0.0001].sort_values("value", ascending=False)


def q12(orders: Frame, lineitem: Frame) -> Frame:
    received = lineitem[
        lineitem.l_shipmode.isin(["MAIL", "SHIP"])
        & (lineitem.l_shipdate < lineitem.l_commitdate)
        & (lineitem.l_commitdate < lineitem.l_receiptdate)
        & within(lineitem.l_receiptdate, "1994-01-01", "1995-01-01")
    ]
    lines = orders.merge(received, left_on="o_orderkey", right_on="l_orderkey")
    high = lines.o_orderpriority.isin(["1-URGENT", "2-HIGH"])
    lines = lines.assign(high_line_count=high.astype("int64"), low_line_count=(~high).astype("int64"))
    return lines.groupby("l_shipmode").agg({"high_line_count": "sum", "low_line_count": "sum"}).reset_index()


def q13(customer: Frame, orders: Frame) -> Frame:
    plain = orders[~orders.o_comment.str.contains("special.*requests")]
    joined = customer[["c_custkey"]].merge(plain, how="left", left_on="c_custkey", right_on="o_custkey")
    counts = joined.groupby("c_custkey").agg(c_count=("o_orderkey", "count")).reset_index()
    return counts.groupby("c_count").agg(custdist=("c_custkey", "size")).reset_index()


def q14(lineitem: Frame, part: Frame) -> Frame:
    lines = lineitem[within(lineitem.l_shipdate, "1995-09-01", "1995-10-01")]
    lines = lines.merge(part, left_on="l_partkey", right_on="p_partkey")
    lines = lines.assign(revenue=revenue(lines))
    promo = lines[lines.p_type.str.startswith("PROMO")]
    return 100 * promo.revenue.sum() / lines.revenue.sum()


def q15(lineitem: Frame, supplier: Frame) -> Frame:
    lines = lineitem[within(lineitem.l_shipdate, "1996-01-01", "1996-04-01")]
    totals = lines.assign(revenue=revenue(lines)).groupby("l_suppkey").agg(total_revenue=("revenue", "sum"))
    totals = totals.reset_index()
    best = totals[totals.total_revenue == totals.total_revenue.max()]
    found = supplier.merge(best, left_on="s_suppkey", right_on="l_suppkey")
    return found[["s_suppkey", "s_name", "s_address", "s_phone", "total_revenue"]]


def q16(partsupp: Frame, part: Frame, supplier: Frame) -> Frame:
    keys = ["p_brand", "p_type", "p_size"]
    wanted = part[
        (part.p_brand != "Brand#45")
        & ~part.p_type.str.startswith("MEDIUM POLISHED")
        & part.p_size.isin([49, 14, 23, 45, 19, 3, 36, 9])
    ]
    plain = supplier[~supplier.s_comment.str.contains("Customer.*Complaints")][["s_suppkey"]]
    offers = wanted.merge(partsupp, left_on="p_partkey", right_on="ps_partkey").merge(
        plain, left_on="ps_suppkey", right_on="s_suppkey"
    )
    distinct = offers[[*keys, "ps_suppkey"]].drop_duplicates()
    groups = distinct.groupby(keys).agg(supplier_cnt=("ps_suppkey", "size")).reset_index()
    return groups.sort_values(["supplier_cnt", *keys], ascending=[False, True, True, True])


def q17(lineitem: Frame, part: Frame) -> Frame:
    boxes = part[(part.p_brand == "Brand#23") & (part.p_container == "MED BOX")][["p_partkey"]]
    lines = lineitem.merge(boxes, left_on="l_partkey", right_on="p_partkey")
    usual = lines.groupby("l_partkey").agg(usual=("l_quantity", "mean")).reset_index()
    lines = lines.merge(usual, on="l_partkey")
    return lines[lines.l_quantity < 0.2 * lines.usual].l_extendedprice.sum() / 7.0


def q18(customer: Frame, orders: Frame, lineitem: Frame) -> Frame:
    totals = lineitem.groupby("l_orderkey").agg({"l_quantity": "sum"}, split_out=4).reset_index()
    keys = ["c_name", "c_custkey", "o_orderkey", "o_orderdate", "o_totalprice"]
    found = (
        totals[totals.l_quantity > 300]
        .merge(orders, left_on="l_orderkey", right_on="o_orderkey")
        .merge(customer, left_on="o_custkey", right_on="c_custkey")
    )
    return found.nlargest(100, "o_totalprice")[[*keys, "l_quantity"]]


def q19(lineitem: Frame, part: Frame) -> Frame:
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


def q20(supplier: Frame, nation: Frame, partsupp: Frame, part: Frame, lineitem: Frame) -> Frame:
    lines = lineitem[within(lineitem.l_shipdate, "1994-01-01", "1995-01-01")]
    sold = lines.groupby(["l_partkey", "l_suppkey"]).agg(sold=("l_quantity", "sum")).reset_index()
    forest = part[part.p_name.str.startswith("forest")][["p_partkey"]]
    stock = partsupp.merge(forest, left_on="ps_partkey", right_on="p_partkey").merge(
        sold, left_on=["ps_partkey", "ps_suppkey"], right_on=["l_partkey", "l_suppkey"]
    )
    surplus = stock[stock.ps_availqty > 0.5 * stock.sold][["ps_suppkey"]].drop_duplicates()
    found = supplier.merge(surplus, left_on="s_suppkey", right_on="ps_suppkey").merge(
        nation[nation.n_name == "CANADA"], left_on="s_nationkey", right_on="n_nationkey"
    )
    return found[["s_name", "s_address"]]


def q21(supplier: Frame, lineitem: Frame, orders: Frame, nation: Frame) -> Frame:
    late = lineitem[lineitem.l_receiptdate > lineitem.l_commitdate][["l_orderkey", "l_suppkey"]]
    pairs = lineitem[["l_orderkey", "l_suppkey"]].drop_duplicates()
    suppliers = pairs.groupby("l_orderkey").agg(suppliers=("l_suppkey", "size")).reset_index()
    tardy = late.drop_duplicates().groupby("l_orderkey").agg(tardy=("l_suppkey", "size")).reset_index()
    saudi = supplier.merge(nation[nation.n_name == "SAUDI ARABIA"], left_on="s_nationkey", right_on="n_nationkey")
    found = (
        late.merge(saudi[["s_suppkey", "s_name"]], left_on="l_suppkey", right_on="s_suppkey")
        .merge(suppliers[suppliers.suppliers > 1], on="l_orderkey")
        .merge(tardy[tardy.tardy == 1], on="l_orderkey")
        .merge(orders[orders.o_orderstatus == "F"][["o_orderkey"]], left_on="l_orderkey", right_on="o_orderkey")
    )
    groups = found.groupby("s_name").agg(numwait=("s_suppkey", "size")).reset_index()
    return groups.sort_values(["numwait", "s_name"], ascending=[False, True]).head(100, npartitions=-1, compute=False)


def q22(customer: Frame, orders: Frame) -> Frame:
    callers = customer.assign(cntrycode=customer.c_phone.str.slice(0, 2))
    callers = callers[callers.cntrycode.isin(["13", "31", "23", "29", "30", "18", "17"])]
    usual = callers[callers.c_acctbal > 0].c_acctbal.mean()
    buyers = orders[["o_custkey"]].drop_duplicates()
    rich = callers[callers.c_acctbal > usual].merge(buyers, how="left", left_on="c_custkey", right_on="o_custkey")
    idle = rich[rich.o_custkey.isna()]
    groups = idle.groupby("cntrycode").agg(numcust=("c_custkey", "size"), totacctbal=("c_acctbal", "sum"))
    return groups.reset_index()


QUERIES = {name: made for name, made in sorted(vars().items()) if name.startswith("q") and name[1:].isdigit()}
