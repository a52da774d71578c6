"""COLLATE in comparisons and orders, beside DuckDB; elsewhere it is refused."""

from __future__ import annotations

import pyarrow as pa
import pytest

from tests.sql.oracle import assert_same
from volley.engine.errors import UnsupportedOperation
from volley.sql import sql

TEXTS = pa.table({"s": ["b", "A", "a", None, "É", "e", "E", "é", "B"], "n": [1, 2, 3, 4, 5, 6, 7, 8, 9]})
QUERIES = """
select n, s collate nocase = 'a' as x, 'É' = s collate nocase as y, s <> 'e' collate noaccent as z from t
select n from t where s collate nocase between 'a' and 'B' or s collate nocase.noaccent = 'e'
select n from t where s collate nocase in ('A', 'é') or (s collate noaccent) is not distinct from 'e'
select n, s collate nocase like 'A%' as x, s collate nocase < 'b' as y, s collate "C" < 'b' as z from t
select a.n, b.n as m from t a join t b on a.s collate nocase = b.s and a.n < b.n
select n from t order by s collate nocase desc, n
select n, s collate "C" as s from t order by s collate posix, n
select n, row_number() over (order by s collate nocase, n) as r from t order by n
select string_agg(s, ',' order by s collate nocase, n) as x from t
"""


@pytest.mark.parametrize("query", QUERIES.strip().splitlines())
def test_same_as_in_duckdb(query: str) -> None:
    assert_same(query, {"t": TEXTS}, ordered="t order by" in query)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("select s collate nocase from t", "COLLATE outside a comparison .* write lower"),
        ("select count(*) from t group by s collate nocase", "COLLATE outside a comparison"),
        ("select s from t order by 1 collate nocase", "COLLATE outside a comparison"),
        ("select s from t where s collate nocase in (select s from t)", "COLLATE outside a comparison"),
        ("select s from t order by s collate de", "the collation 'de' is not supported in SQL; known are nocase"),
    ],
)
def test_other_collations_are_refused(query: str, message: str) -> None:
    with pytest.raises(UnsupportedOperation, match=message):
        sql(query, t=TEXTS)
