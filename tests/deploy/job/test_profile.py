"""The profile says what pandas says, and its bars count every row."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.deploy.job.profile import profile_table
from volley.deploy.report.contents import ColumnProfile


def profiled(column: pa.Array) -> ColumnProfile:
    found = profile_table("t", vl.DataFrame(pa.table({"x": column})), {"x": "numeric"})
    assert found.rows == found.profiled == len(column)
    assert found.columns[0].role == "numeric"
    return found.columns[0]


@pytest.mark.parametrize("kind", ["int64", "float64", "int16"])
def test_numbers_agree_with_pandas(kind: str) -> None:
    random = np.random.default_rng(3)
    values = pd.Series(random.integers(-400, 900, 10_001)).astype(kind)
    found = profiled(pa.array(values))
    assert (found.type, found.nulls, found.distinct) == ({"float64": "double"}.get(kind, kind), 0, values.nunique())
    assert [float(x) for x in (found.low, found.middle, found.high)] == [values.min(), values.median(), values.max()]
    assert found.distribution is not None
    assert sum(found.distribution.counts) == len(values)
    assert len(found.distribution.counts) == len(found.distribution.labels) <= 24


def test_few_whole_numbers_get_a_bar_each() -> None:
    found = profiled(pa.array([3, 5, 5, None, 4, 5]))
    assert found.nulls == 1
    assert found.distribution is not None
    assert found.distribution.labels == ("3", "4", "5")
    assert found.distribution.counts == (1, 1, 3)


def test_many_whole_numbers_get_bars_of_whole_width() -> None:
    found = profiled(pa.array(range(48)))
    assert found.distribution is not None
    assert found.distribution.labels[:2] == ("0 – 1", "2 – 3")
    assert set(found.distribution.counts) == {2}


def test_text_shows_its_most_frequent_values() -> None:
    values = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + ["e", "f", "g", None]
    found = profiled(pa.array(values))
    assert (found.distinct, found.nulls, found.low) == (7, 1, "")
    assert found.distribution is not None
    assert found.distribution.labels[:4] == ("a", "b", "c", "d")
    assert found.distribution.counts == (5, 4, 3, 2, 1)
    assert found.distribution.other == 2


def test_dates_and_times_have_a_range() -> None:
    days = [dt.date(2013, 1, 1) + dt.timedelta(days=i) for i in range(365)]
    found = profiled(pa.array(days))
    assert (found.low, found.middle, found.high) == ("2013-01-01", "2013-07-02", "2013-12-31")
    assert found.distribution is not None
    assert found.distribution.labels[0] == "2013-01-01 – 2013-01-16"
    assert sum(found.distribution.counts) == 365
    instants = pa.array([dt.datetime(2013, 1, 1, tzinfo=dt.UTC), None], pa.timestamp("us", "UTC"))
    assert profiled(instants).low.startswith("2013-01-01 00:00:00")


def test_decimals_and_booleans() -> None:
    assert profiled(pa.array([Decimal("1.50"), Decimal("-2.25")])).low == "-2.25"
    flags = profiled(pa.array([True, False, True]))
    assert flags.distribution is not None
    assert flags.distribution.labels == ("True", "False")


@pytest.mark.parametrize("values", [[], [None, None]])
@pytest.mark.parametrize("kind", [pa.int64(), pa.float64(), pa.string(), pa.date32()])
def test_columns_without_values(values: list[None], kind: pa.DataType) -> None:
    found = profiled(pa.array(values, kind))
    assert (found.nulls, found.distinct, found.distribution) == (len(values), 0, None)


def test_nan_and_infinity_are_values_without_a_bar() -> None:
    found = profiled(pa.array([1.0, float("nan"), float("inf"), 2.0]))
    assert found.distinct == 4
    assert found.distribution is not None
    assert sum(found.distribution.counts) == 2


def test_dictionary_columns_show_their_values() -> None:
    found = profiled(pa.array(["x", "y", "x"]).dictionary_encode())
    assert found.type == "string"
    assert found.distribution is not None
    assert found.distribution.labels == ("x", "y")
