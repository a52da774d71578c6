"""Texts nested hundreds of levels deep, which need more stack than Python has by default."""

from __future__ import annotations

import sys
import threading

import pytest

import volley as vl
from volley.engine.errors import SqlError
from volley.sql.deep import with_enough_stack

T = {"x": [1.0, -2.0], "s": ["a", "b"]}
DEEP = 400
NESTED = [
    ("abs(" * DEEP + "x" + ")" * DEEP, [1.0, 2.0]),
    ("(" * DEEP + "x" + ")" * DEEP, [1.0, -2.0]),
    ("replace(" * DEEP + "s" + ", 'a', 'b')" * DEEP, ["b", "b"]),
    ("x + " * DEEP + "x", [DEEP + 1.0, -2.0 * (DEEP + 1)]),
    ("not (" * DEEP + "x > 0" + ")" * DEEP, [True, False]),
    ("case when x > 0 then " * 150 + "x" + " end" * 150, [1.0, None]),
]


@pytest.mark.parametrize(("expression", "wanted"), NESTED, ids=["calls", "parens", "texts", "sums", "nots", "cases"])
def test_deep_expressions(expression: str, wanted: list[object]) -> None:
    limit, size = sys.getrecursionlimit(), threading.stack_size()
    assert vl.sql(f"select {expression} as y from t", t=vl.DataFrame(T)).to_dict() == {"y": wanted}
    assert (sys.getrecursionlimit(), threading.stack_size()) == (limit, size)


def test_deep_queries_change_tables_once() -> None:
    with vl.Session():
        vl.sql("create sequence s")
        vl.sql("create table t as select 1 as x")
        inner = "select * from (" * 150 + "select * from t" + ")" * 150
        vl.sql(f"insert into t {inner}")
        assert vl.sql("select count(*) as n from t").to_dict() == {"n": [2]}
        deep = "abs(" * 150 + "nextval('s')" + ")" * 150
        assert vl.sql(f"select {deep} as n").to_dict() == {"n": [1]}


def test_what_is_wrong_deep_inside_is_said() -> None:
    with pytest.raises(SqlError, match="unknown column 'y'; available: x, s"):
        vl.sql("select " + "abs(" * 200 + "y" + ")" * 200 + " from t", t=vl.DataFrame(T))
    with pytest.raises(SqlError, match="nested too deeply; name parts of it in a WITH clause"):
        vl.sql("select " + "abs(" * 30_000 + "1" + ")" * 30_000)


def test_errors_of_the_other_thread_are_raised_here() -> None:
    from volley.sql.parse import TooDeep

    calls: list[str] = []

    def fails() -> None:
        calls.append(threading.current_thread().name)
        if len(calls) == 1:
            raise TooDeep
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        with_enough_stack(fails)
    assert len(set(calls)) == 2
