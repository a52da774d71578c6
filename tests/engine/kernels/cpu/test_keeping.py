"""Rows that pass the first phase as partial states of their own: each accumulator's state of one row."""

from __future__ import annotations

import pyarrow as pa
import pytest

import volley as vl
from tests.engine.kernels.conformance.cases import duck, random_table, unordered
from volley.engine.kernels.cpu import aggregate

QUERY = """
select i, median(t), arg_max(m, m) filter (j > 0), corr(j, i), product(j) filter (j <> 0), len(list(s)),
    len(list(s) filter (j > 0)), last(t) filter (false), mode(d), count(w) filter (j > 0), covar_pop(j, d)
from data group by i
"""


def test_states_of_single_rows_merge_like_any(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "_JUDGED_ROWS", 20)
    monkeypatch.setattr(aggregate, "_WORTHWHILE", -1.0)
    data = random_table("ijdwstm", 600, seed=9)
    modes = "mode(d order by d)"  # DuckDB takes the first of several, ours the least
    answer = vl.sql(QUERY, data=data).to_arrow()
    expected = duck(QUERY.replace("mode(d)", modes), data=pa.table(data))
    assert unordered(zip(*(column.to_pylist() for column in answer.columns), strict=True)) == unordered(expected)
