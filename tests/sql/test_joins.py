# one case is one line
"""Joins by order and by place, subqueries in ON, and set operations by name, compared with DuckDB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import SqlError

QUERIES = """
select * from trades asof join quotes on trades.sym = quotes.sym and trades.moment >= quotes.moment
select * from trades asof left join quotes on trades.sym = quotes.sym and trades.moment >= quotes.moment
select * from trades asof join quotes using (sym, moment)
select * from trades asof left join quotes using (sym, moment)
select * from trades asof join quotes on trades.moment > quotes.moment
select * from trades a asof join quotes b on a.sym = b.sym and a.moment <= b.moment
select * from trades a asof join quotes b on a.sym = b.sym and b.moment < a.moment
select * from trades a asof left join quotes b on a.sym = b.sym and a.moment < b.moment
select * from trades a asof left join (select * from quotes where false) b on a.sym = b.sym and a.moment < b.moment
select t.id, w.z from t asof left join w on t.x >= w.z
select t.id, u.v from t asof left join u on t.k >= u.k and t.id * 10 = u.v
select t.id, w.z from t asof join w on t.x > w.z where t.k > 0 and w.z > 0
select count(*) as n, count(w.z) as m from t asof left join w on t.x >= w.z
select a.sym, b.bid from trades a asof left join (select sym, max(bid) bid from quotes group by sym) b on a.sym >= b.sym
select a.price, b.sym, b.bid from trades a asof join quotes b on a.sym >= b.sym and a.moment = b.moment
select * from t positional join u
select * from u positional join t
select * from u positional join e
select * from t join u on t.k = u.k and t.id in (select k from w)
select * from t join u on exists (select 1 from w where w.k = t.k)
select * from t left join u on t.k = u.k and u.v > (select avg(v) from u)
select t.id, u.v from t left join u on t.k = u.k and t.id > (select min(k) from u)
select t.id, u.v from t left join u on t.k = u.k and exists (select 1 from w where w.k = t.k)
select t.id, u.v from t full join u on t.k = u.k and u.v in (select v from u where v > 10)
select t.id, u.v from t join u on (select count(*) from w where w.k = t.k and u.v > 15) = 1
select t.id, w.z from t semi join w on t.k = w.k join w on true
select id as a, k as b from t union by name select k as b, v as c from u
select id as a, k as b from t union all by name select k as b, v as c from u
select id, k from t union all by name select k, id from t
select 1 as a union all by name select 2 as b union all by name select 3 as a, 4 as b
select 1 as a union by name (select 2 as b union all select 3) order by all
select id as A, x from t union all by name select k as a, 1.5 as z from u
select 1 as a, 2 as b union by name select 2 as b, 1 as a
"""


def tables() -> dict[str, pa.Table]:
    trades = pa.table(
        {
            "sym": ["a", "a", "b", "b", "a", None, "b"],
            "moment": pa.array([1, 5, 2, 9, 7, 3, None]),
            "price": [10.0, 11.0, 20.0, 21.0, 12.0, 1.0, 2.0],
        }
    )
    quotes = pa.table(
        {
            "sym": ["a", "b", "a", "c", None, "b", "a"],
            "moment": pa.array([2, 9, 6, 1, 0, None, 7]),
            "bid": [1, 2, 3, 4, 5, 6, None],
        }
    )
    return {**small_tables(), "trades": trades, "quotes": quotes}


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_joins(query: str) -> None:
    assert_same(query, tables())


def test_a_positional_join_keeps_the_order_of_both_sides() -> None:
    left, right = pa.table({"a": [3, 1, 2]}), pa.table({"b": ["x", "y"]})
    joined = vl.sql("select * from l positional join r", l=left, r=right)
    assert joined.to_dict() == {"a": [3, 1, 2], "b": ["x", "y", None]}


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("a.sym = b.sym", "an ASOF JOIN needs one inequality; there are 0"),
        ("a.moment > b.moment and a.price > b.bid", "needs one inequality; there are 2"),
        ("a.moment <> b.moment", "needs one inequality; there are 0"),
    ],
)
def test_an_asof_join_needs_one_inequality(condition: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        vl.sql(f"select * from trades a asof join quotes b on {condition}", **tables())


@pytest.mark.parametrize("kind", ["join", "left join", "full join", "semi join", "anti join"])
@pytest.mark.parametrize("condition", ["tick >= start and tick < stop", "start between tick - 3 and tick + 3"])
@pytest.mark.parametrize("key", ["", " and events.shop = spans.shop"])
def test_bounds_are_looked_up_where_all_pairs_are_too_many(kind: str, condition: str, key: str) -> None:
    numbers = np.random.default_rng(1)
    begins = numbers.integers(0, 3_000_000, 15_000)
    given = {
        "events": pa.table({"tick": numbers.integers(0, 3_000_000, 20_000), "shop": numbers.integers(0, 5, 20_000)}),
        "spans": pa.table({"start": begins, "stop": begins + numbers.integers(0, 90, 15_000), "shop": begins % 5}),
    }
    asked = "tick" if kind in ("semi join", "anti join") else "tick, start, stop"
    text = f"select {asked} from events {kind} spans on {condition}{key} order by all"
    assert_same(text, given)


def test_a_later_join_leaves_out_no_row_that_is_the_nearest(tmp_path: Path) -> None:
    """What the last join knows of the quotes that it wants says nothing about which of them are the nearest."""
    quotes = pa.table({"moment": pa.array(range(0, 4_000, 2)), "maker": pa.array(n // 500 for n in range(2_000))})
    vl.from_arrow(quotes).to_parquet(tmp_path / "quotes.parquet", row_group_rows=500)
    given = {
        "trades": pa.table({"moment": [10, 1_500, 2_500, 9_000]}),
        "makers": pa.table({"maker": [1], "name": ["m"]}),
    }
    text = (
        "select trades.moment, name from trades asof join {} q on trades.moment >= q.moment join makers using (maker)"
    )
    found = vl.sql(text.format(f"read_parquet('{tmp_path / 'quotes.parquet'}')"), **given).to_arrow().to_pydict()
    assert found == {"moment": [1_500], "name": ["m"]}
