"""Functions of columns in pandas' spellings, compared with pandas."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import CastError, PlanError, TypeMismatch

PANDAS = pd.DataFrame(
    {
        "k": [1, 1, 2, 2, 2, 3],
        "x": [1.5, -2.5, 3.0, 8.0, 3.0, None],
        "y": [2.0, 1.0, 4.0, 9.0, 5.0, 1.0],
        "i": [5, 6, 7, 8, 9, -10],
        "s": ["one two", "TWO", "été là", "", "a1b22", "dot."],
        "t": pd.to_datetime(
            [
                "2024-02-29 23:59:59.123456",
                "2023-12-31",
                "1969-07-20 20:17:40",
                "2000-02-28",
                "2024-03-01",
                "2021-11-30",
            ],
            format="ISO8601",
        ),
    }
)
FRAME = vl.from_pandas(PANDAS)

SAME: list[Callable[[Any], Any]] = [
    lambda f: f.s.str.replace("[0-9]+", "#", regex=True),
    lambda f: f.s.str.replace("(.)o", r"<\1>", regex=True),
    lambda f: f.s.str.replace(".", r"\1", n=1, regex=False),
    lambda f: f.s.str.fullmatch("[a-z0-9]+"),
    lambda f: f.s.str.match("o|d"),
    lambda f: f.s.str.count("[aeo]"),
    lambda f: f.s.str.find("t"),
    lambda f: f.s.str.pad(5, "left", "*"),
    lambda f: f.s.str.rjust(4),
    lambda f: f.s.str.ljust(6, "-"),
    lambda f: f.s.str.repeat(2),
    lambda f: f.s.str.title(),
    lambda f: f.s.str.capitalize(),
    lambda f: f.t.dt.microsecond,
    lambda f: f.t.dt.days_in_month,
    lambda f: f.t.dt.is_month_start,
    lambda f: f.t.dt.is_month_end,
    lambda f: f.t.dt.day_name(),
    lambda f: f.t.dt.month_name(),
    lambda f: f.t.dt.strftime("%d/%m/%Y %H:%M:%S.%f"),
    lambda f: f.t.dt.tz_localize("Europe/Paris").dt.tz_convert("Asia/Tokyo").dt.hour,
    lambda f: f.t.dt.tz_localize("Europe/Paris").dt.tz_convert("Asia/Tokyo").dt.tz_localize(None),
]


@pytest.mark.parametrize("function", SAME)
def test_functions_are_those_of_pandas(function: Callable[[Any], Any]) -> None:
    ours, theirs = function(FRAME).to_list(), function(PANDAS).tolist()
    assert ours == theirs


@pytest.mark.parametrize(
    ("name", "function"),
    [
        *((name, getattr(np, name)) for name in ("sin", "cos", "tan", "sinh", "tanh", "cbrt", "degrees", "radians")),
        *(("asin", np.arcsin), ("acos", np.arccos), ("atan", np.arctan), ("trunc", np.trunc), ("cosh", np.cosh)),
        ("is_infinite", np.isinf),
    ],
)
def test_functions_of_numbers_are_those_of_numpy(name: str, function: Callable[[Any], Any]) -> None:
    with np.errstate(invalid="ignore"):
        expected = function(PANDAS.y / 9)
    assert getattr(FRAME.y / 9, name)().to_list() == pytest.approx(expected.tolist(), nan_ok=True)


def test_integers_have_bits() -> None:
    assert FRAME.i.bitwise_and(6).to_list() == (PANDAS.i & 6).tolist()
    assert FRAME.i.bitwise_or(FRAME.k).to_list() == (PANDAS.i | PANDAS.k).tolist()
    assert FRAME.i.bitwise_xor(3).to_list() == (PANDAS.i ^ 3).tolist()
    assert FRAME.i.bitwise_not().to_list() == (~PANDAS.i).tolist()
    assert FRAME.y.arctan2(FRAME.k).to_list() == pytest.approx(np.arctan2(PANDAS.y, PANDAS.k).tolist())
    assert len(set(FRAME.k.hash().to_list())) == 3


def test_text_is_taken_apart_into_lists() -> None:
    parts = FRAME.s.str.split(" ")
    assert parts.to_list() == PANDAS.s.str.split(" ").tolist()
    assert parts.list.len().to_list() == PANDAS.s.str.split(" ").str.len().tolist()
    assert parts.list.get(1).to_list() == ["two", None, "là", None, None, None]
    assert parts.list[-1].to_list() == ["two", "TWO", "là", "", "a1b22", "dot."]
    assert parts.list.contains("two").to_list() == [True, False, False, False, False, False]
    assert parts.list.join("+").to_list() == ["one+two", "TWO", "été+là", "", "a1b22", "dot."]
    assert FRAME.s.str.split("[0-9]+", regex=True).to_list()[4] == ["a", "b", ""]
    assert FRAME.s.str.extract("([a-z])([0-9])", group=2).to_list() == [None, None, None, None, "1", None]
    assert FRAME.s.str.reverse().to_list()[2] == "àl été"
    assert len(FRAME.s.str.md5().to_list()[0]) == 32
    assert len(FRAME.s.str.sha256().to_list()[0]) == 64
    assert FRAME.s.str.encode().to_list()[2] == "été là".encode()
    assert FRAME.s.str.encode().str.decode("UTF8").to_list() == FRAME.s.to_list()
    with pytest.raises(vl.VolleyError, match="knows UTF-8 alone, not 'latin-1'"):
        FRAME.s.str.encode("latin-1")


def test_fields_and_lists() -> None:
    frame = vl.DataFrame({"p": [{"a": 1, "b": "x"}, None], "v": [[3.0, 1.0, 3.0, None], []]})
    assert frame.p.struct.field("a").to_list() == [1, None]
    assert frame.p.struct["b"].to_list() == ["x", None]
    assert frame.v.list.quantile(0.25).to_list() == [2.0, None]
    assert frame.v.list.mode().to_list() == [3.0, None]
    with pytest.raises(PlanError, match="no field 'c'"):
        frame.p.struct.field("c")
    with pytest.raises(TypeMismatch, match=r"\.list needs lists"):
        frame.p.list  # noqa: B018 - the access itself is refused
    with pytest.raises(TypeMismatch, match=r"\.struct needs structs"):
        frame.v.struct  # noqa: B018 - the access itself is refused


def test_times_are_read_and_counted() -> None:
    frame = vl.DataFrame({"s": ["01.02.2024", "31.04.2024"], "t": [dt.datetime.fromisoformat("1970-01-02"), None]})
    assert frame.s.str.to_datetime("%d.%m.%Y", errors="coerce").to_list() == [
        dt.datetime.fromisoformat("2024-02-01"),
        None,
    ]
    with pytest.raises(CastError, match=r"'31\.04\.2024' does not follow"):
        frame.s.str.to_datetime("%d.%m.%Y").to_list()
    assert frame.t.dt.timestamp().to_list() == [86_400.0, None]
    with pytest.raises(TypeMismatch, match="no time zone to convert from"):
        frame.t.dt.tz_convert("UTC")


def test_one_value_of_a_column() -> None:
    assert FRAME.x.median() == PANDAS.x.median()
    assert FRAME.x.quantile(0.3) == pytest.approx(PANDAS.x.quantile(0.3))
    assert FRAME.x.mode() == PANDAS.x.mode()[0]
    assert FRAME.x.prod() == PANDAS.x.prod()
    assert FRAME[FRAME.k > 9].x.prod() == 1.0
    assert FRAME.x.corr(FRAME.y) == pytest.approx(PANDAS.x.corr(PANDAS.y))
    assert FRAME.x.cov(FRAME.y) == pytest.approx(PANDAS.x.cov(PANDAS.y))
    assert math.isnan(FRAME.x.corr(FRAME.x * 0))
    with pytest.raises(PlanError, match="Pearson"):
        FRAME.x.corr(FRAME.y, method="kendall")


@pytest.mark.parametrize("function", ["median", "quantile", "last", "prod"])
def test_groups_are_those_of_pandas(function: str) -> None:
    ours = FRAME[["k", "x", "y"]].groupby("k").agg(function).to_pandas()
    theirs = PANDAS[["k", "x", "y"]].groupby("k").agg(function)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False)
    assert getattr(FRAME.groupby("k"), function)().columns[0] == "k"


def test_groups_keep_values() -> None:
    groups = FRAME.groupby("k").agg(all=("i", "list"), often=("x", "mode"), text=("s", "string_agg")).to_pandas()
    assert [sorted(values) for values in groups["all"]] == [[5, 6], [7, 8, 9], [-10]]
    assert groups["often"].tolist()[:2] == [-2.5, 3.0]
    assert groups["text"].tolist()[2] == "dot."
    assert FRAME.groupby("k").y.quantile(1.0).to_pandas().y.tolist() == [2.0, 9.0, 1.0]
