"""``query`` and ``eval`` against pandas, and where their errors point."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import ColumnNotFound, PlanError, TypeMismatch


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    rows = 200
    return pd.DataFrame(
        {
            "a": rng.integers(-5, 6, rows),
            "b": rng.normal(size=rows),
            "city": rng.choice(["Rome", "Oslo", "São Paulo", "it's"], rows),
            "two words": rng.integers(0, 9, rows),
            "t": pd.to_datetime("2024-01-30") + pd.to_timedelta(rng.integers(0, 90, rows), unit="D"),
        }
    )


@pytest.fixture(scope="module")
def frame(data):
    return vl.from_pandas(data)


def same(ours, theirs):
    pd.testing.assert_frame_equal(ours.to_pandas(), theirs.reset_index(drop=True), check_dtype=False)


limit = 3
QUERIES = [
    "a > 1",
    "a == 1 and b < 0",
    "a > 1 & b < 0 | a == -5",
    "not a > 1",
    "~(a > 1) & (b > 0)",
    "0 < a <= 3",
    "-2 <= a < b < 1",
    "a in [1, 2, 3]",
    "a not in (1, 2)",
    "a == [1, 2]",
    "a != [1, 2]",
    "city in ['Rome', 'São Paulo']",
    'city == "it\'s"',
    "city == 'a & b' or city > 'P'",
    "`two words` > 4 and a < `two words`",
    "a + b * 2 - 1 > `two words` / 2",
    "a ** 2 > 4",
    "a // 2 == 1",
    "a % 3 == 1",
    "-a > +2",
    "a > @limit",
    "city in @cities and a != @limit",
    "abs(a) > 3 and sqrt(`two words`) < 2",
    "city.str.startswith('R') and b.abs() > 0.5",
    "t > '2024-03-01'",
    "t >= @start",
    "b > b.mean()",
]


@pytest.mark.parametrize("text", QUERIES)
def test_queries_choose_the_rows_that_pandas_chooses(frame, data, text):
    cities, start = ["Rome", "Oslo"], dt.datetime(2024, 3, 3)  # noqa: DTZ001  # the column has no zone
    variables = {"cities": cities, "start": start, "limit": limit}
    assert 0 < len(data.query(text, local_dict=variables)) < len(data)
    same(frame.query(text), data.query(text, local_dict=variables))
    same(frame.query(text, local_dict=variables), data.query(text, local_dict=variables))


def test_a_query_may_have_several_lines_in_parentheses(frame, data):
    same(frame.query("  (a > 1 and (\n b < 0\n or b > 1))"), data.query("a > 1 and (b < 0 or b > 1)"))


def test_eval_makes_columns(frame, data):
    ours, theirs = frame.eval("a * 2 + b"), data.eval("a * 2 + b")
    np.testing.assert_allclose(ours.to_pandas(), theirs)
    same(frame.eval("c = a + b"), data.eval("c = a + b"))
    text = """
    c = a + 1
    d = c * @limit
    """
    same(frame.eval(text), data.eval(text))
    assert frame.eval("1 + 2").to_list()[:2] == [3, 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a > 1 and", r"cannot read the expression.*character \d+ of"),
        ("a > 1 & `two words` = 3", "character"),
        ("", "the expression is empty"),
        ("c = a", "a query is one condition"),
        ("a > @unknown", r"no variable 'unknown' for @unknown \(character 5 of"),
        ("a[0] > 1", r"square brackets behind a value.*\(character 1 of"),
        ("a > 1 and b is None", r"'is' compares no columns.*\(character 11 of"),
        ("`two words` > 1 and (lambda: 1)", r"cannot have a function.*\(character 22 of"),
        ("a ^ 1", "the operator BitXor"),
        ("1 in a", "need a column on the left"),
        ("len(city) > 3", r"calls methods of columns, or abs, ceil.*\(character 1 of"),
        ("'x'.upper() == city", r"only columns have methods.*\.upper"),
        ("a._expr > 1", r"only columns have methods"),
        ("(a > 1 and\n  lower(city) == 'x')", r"\(character 14 of"),
    ],
)
def test_errors_point_at_the_place(frame, text, message):
    with pytest.raises(PlanError, match=message):
        frame.query(text)


def test_unknown_columns_and_wrong_types(frame):
    with pytest.raises(ColumnNotFound, match=r"unknown column 'citty'.*character 11 of.*did you mean 'city'"):
        frame.query("a > 1 and citty == 'Rome'")
    with pytest.raises(TypeMismatch, match="does not accept"):
        frame.query("city > 1")
    with pytest.raises(TypeMismatch, match="must be boolean"):
        frame.query("a + 1")
    with pytest.raises(PlanError, match="eval takes one expression, or lines"):
        frame.eval("a = 1\nb")
