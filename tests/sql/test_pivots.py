# one case is one line
"""PIVOT and UNPIVOT in both syntaxes, compared with DuckDB."""

from __future__ import annotations

import pyarrow as pa
import pytest

import volley as vl
from tests.sql.oracle import assert_same, small_tables
from volley.engine.errors import SqlError

QUERIES = """
select * from sales pivot (sum(amt) for month in ('jan','feb'))
select * from sales pivot (sum(amt) as s, count(*) as c for month in ('jan','feb') group by emp)
pivot sales on month using sum(amt)
pivot sales on month using sum(amt) group by emp
pivot sales on month in ('jan','feb') using sum(amt) as s, max(amt) as m group by emp
select * from (pivot sales on month using sum(amt) group by emp) p
pivot sales on emp, month using sum(amt)
pivot sales on emp || '_' || month using sum(amt)
unpivot wide on q1, q2 into name q value v
unpivot wide on columns(* exclude id) into name q value v
select * from wide unpivot (v for q in (q1, q2))
select * from wide unpivot include nulls (v for q in (q1, q2))
unpivot wide on q1, q2
pivot sales on month in ('jan','feb') using sum(amt) as s, max(amt)
pivot sales on month in ('jan','feb') using sum(amt), max(amt) group by emp
select * from sales pivot (sum(amt) for month in ('jan' as j,'feb') emp in ('x','y'))
select * from sales pivot (sum(amt) for (emp,month) in (('x','jan'), ('y','feb')))
pivot sales using sum(amt) group by emp
pivot sales using sum(amt)
pivot sales on month
pivot t on k using count(*) group by b
pivot t on d using sum(id) group by b
pivot (select id % 12 as j, id from t) on j using sum(id)
pivot (select id, k, b from t) on k, b using sum(id)
select p.jan from (pivot sales on month using sum(amt) group by emp) p where p.emp = 'x'
with a as (select * from sales where amt > 1) pivot a on month using sum(amt)
unpivot wide on (q1, q2) into name q value v, w
select * from wide unpivot ((v,w) for q in ((q1,q2) as 'a'))
unpivot wide on q1 as x, q2
select id, q, v from wide unpivot (v for q in (q1, q2)) as x where v > 10
unpivot (select id, k from t) on *
unpivot (select id, x, k from t) on k, x
select * from sales pivot (sum(amt) for month in ('jan')) join u on true
pivot sales on month using sum(amt) group by emp order by emp desc limit 1
pivot sales on month using sum(amt) group by emp order by all limit 1 offset 1
select * from (pivot sales on month using sum(amt) group by emp order by jan limit 1) p
with a as (pivot sales on month using sum(amt) group by emp order by emp limit 1) select * from a
with a as (select * from sales where amt > 1) pivot a on month using sum(amt) group by emp order by emp limit 1
with a as (select * from wide) unpivot a on q1, q2 into name q value v order by v desc limit 2
unpivot wide on columns(* exclude id) into name q value v order by id, q limit 3
from sales pivot (sum(amt) for month in ('jan','feb')) order by emp limit 1
"""


def tables() -> dict[str, pa.Table]:
    sales = pa.table(
        {"emp": ["x", "x", "y", "y", "y"], "month": ["jan", "feb", "jan", "jan", None], "amt": [1, 2, 3, 4, 5]}
    )
    wide = pa.table({"id": [1, 2], "q1": [10, 20], "q2": [None, 40]})
    return {**small_tables(), "sales": sales, "wide": wide}


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_pivots(query: str) -> None:
    assert_same(query, tables())


def test_a_pivoted_table_can_be_kept() -> None:
    with vl.Session():
        vl.register("sales", tables()["sales"])
        vl.sql("create view months as select * from (pivot sales on month using sum(amt) group by emp)")
        assert vl.sql("select jan from months order by emp").to_dict() == {"jan": [1, 7]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unpivot wide on q9", r"column 'q9' of UNPIVOT does not exist; available: id, q1, q2 \(line 1, column 17\)"),
        ("unpivot (select id, s, k from t) on k, s", "the columns of UNPIVOT are int32 and string; cast them"),
        ("unpivot wide on (q1, q2) into name n value v", "UNPIVOT of 2 columns at a time into 1 columns"),
        ("pivot sales on mont using sum(amt)", "unknown column 'mont'; did you mean 'month'"),
        ("pivot sales on month using sum(amount)", "unknown column 'amount'"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(SqlError, match=message):
        vl.sql(text, **tables())


def test_pivots_are_tables() -> None:
    with vl.Session():
        vl.sql("create table turned as pivot sales on month using sum(amt) group by emp", **tables())
        assert vl.sql("select emp, jan from turned order by emp").to_dict() == {"emp": ["x", "y"], "jan": [1, 7]}
