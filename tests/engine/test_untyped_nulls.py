"""Columns of type null, as files have them where no row has a value: each operator gives what DuckDB gives."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

import volley as vl

ROWS = pa.table({"k": [1, 1, 2], "n": pa.nulls(3)})


@pytest.mark.parametrize(
    "query",
    [
        "select * from t order by n, k",
        "select n, count(*) as c from t group by n",
        "select k, max(n) as a, min(n) as b, count(n) as c, count(distinct n) as d from t group by k",
        "select sum(n) as a, avg(n) as b, first(n) as c, max(k) filter (where n is null) as d from t",
        "select k, n = n as a, n < n as b, n <> n as c, n >= n as d, least(n, n) as e, n in (n) as f from t",
        "select k, n is not distinct from n as a, n is distinct from k as b, coalesce(n, k) as c from t",
        "select distinct n from t",
        "select a.k from t a join t b on a.n = b.n",
        "select a.k, b.k as other from t a left join t b on a.n = b.n",
        "select a.k from t a join t b on a.n is not distinct from b.n",
        "select k from t where n in (select n from t)",
        "select k from t where n not in (select n from t)",
        "select k from t where n = n or n is null",
        "select k, max(n) over (order by k) as a, row_number() over (partition by n order by k) as b from t",
        "select k from t union select n from t",
        "select k from t except select n from t",
        "select n from t intersect select n from t",
        "select n from t order by n limit 2",
        "select list(n order by k) as l, last(n order by k) as m from t",
        "select k, list_sort([n, n]) as a, list_reverse([n, n]) as b from t",
    ],
)
def test_untyped_nulls_as_in_duckdb(query: str) -> None:
    with duckdb.connect() as connection:
        theirs = connection.register("t", ROWS).sql(query).fetchall()
    ours = [tuple(row.values()) for row in vl.sql(query, t=vl.from_arrow(ROWS)).to_arrow().to_pylist()]

    assert sorted(ours, key=repr) == sorted(theirs, key=repr)
