"""CREATE MACRO and DROP MACRO; what they give is compared with DuckDB in ``tests/slt/cases/macros.test``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import volley as vl
from volley.engine.errors import SqlError


@pytest.fixture(autouse=True)
def session() -> Iterator[vl.Session]:
    with vl.Session() as made:
        yield made


def test_a_macro_meets_frames_and_its_column_is_called_as_it_is_written() -> None:
    vl.sql("create macro half(x) as x / 2")
    assert vl.sql("select half(v) from t", t=vl.DataFrame({"v": [4]})).to_dict() == {"half(v)": [2.0]}


def test_a_macro_reads_tables_that_are_there_when_it_is_called() -> None:
    vl.sql("create macro rows_of(least) as table select * from later where v >= least")
    vl.register("later", vl.DataFrame({"v": [1, 2, 3]}))
    assert vl.sql("select count(*) as n from rows_of(2)").to_dict() == {"n": [2]}


def test_functions_said_by_others_are_found_where_the_parser_has_another_name_for_them() -> None:
    assert vl.sql("select version()").to_dict() == {"version()": ["volley"]}


def test_views_keep_to_the_macros_of_the_session() -> None:
    vl.sql("create macro f(x) as x + 1")
    vl.sql("create view v as select f(1) as a")
    vl.sql("create or replace macro f(x) as x + 10")
    assert vl.sql("select a from v").to_dict() == {"a": [11]}


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("create macro f(a, a) as a", "parameter 'a' is given twice", (1, 19)),
        ("create macro f as 1", "the parameters of a macro stand in parentheses", (1, 16)),
        ("create macro f(a)", "AS and a body are missing", (1, 17)),
        ("create macro f(a) as a +", "syntax error", (1, 24)),
        ("create macro g(a) as a", "'g' exists already", (1, 14)),
        ("select g(1, 2)", r"g takes other arguments: g\(a\)", (1, 8)),
        ("select g(b := 1)", "the macro 'g' has no parameter 'b'|needs a value", (1, 8)),
        ("select * from g(1)", "the macro 'g' stands in an expression", (1, 15)),
        ("select rows_up_to(1)", "the macro 'rows_up_to' stands in FROM", (1, 8)),
        ("select loop(1)", "the macro 'loop' calls itself", None),
        ("drop macro nope", "unknown macro 'nope'", (1, 12)),
        ("select g(nope)", "unknown column 'nope'", (1, 10)),
    ],
)
def test_mistakes(text: str, message: str, place: tuple[int, int] | None) -> None:
    vl.sql("create macro g(a) as a")
    vl.sql("create macro rows_up_to(n) as table select * from range(n)")
    vl.sql("create macro loop(a) as loop(a)")
    with pytest.raises(SqlError, match=message) as caught:
        vl.sql(text)
    if place is not None:
        assert (caught.value.line, caught.value.column) == place
