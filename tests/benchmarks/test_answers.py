"""What counts as the same answer."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from benchmarks.answers import as_table, difference
from benchmarks.case import Case

BY_KEY = Case(name="by-key", about="", engines={}, keys=("k",))
IN_ORDER = Case(name="in-order", about="", engines={})


def test_types_of_engines_meet() -> None:
    day = dt.date(2020, 1, 2)
    arrow = pa.table(
        {
            "K": pa.array([1], pa.int16()),
            "text": pa.array(["a"]).dictionary_encode(),
            "amount": pa.array([Decimal("1.50")]),
            "day": pa.array([day]),
        }
    )
    polars = pl.DataFrame({"k": [1], "text": ["a"], "amount": [1.5], "day": [day]})
    pandas = pd.DataFrame({"k": [1], "text": ["a"], "amount": [1.5], "day": pd.to_datetime([day])})
    tables = [as_table(answer) for answer in (arrow, arrow.to_batches(), polars, pandas)]
    assert all(table.equals(tables[0]) for table in tables)
    assert tables[0].schema.types == [pa.int64(), pa.large_string(), pa.float64(), pa.date32()]


def test_sums_of_integers_are_integers() -> None:
    ours, theirs = (as_table(pa.table({"n": [total]})) for total in (10, Decimal(10)))
    assert ours.equals(theirs)
    assert as_table(pa.table({"n": [Decimal("10.0")]})).schema.types == [pa.float64()]


def test_rows_with_keys_may_come_in_any_order() -> None:
    one, other = pa.table({"k": [1, 2], "v": [0.5, 1.5]}), pa.table({"k": [2, 1], "v": [1.5, 0.5]})
    assert difference(one, other, BY_KEY) is None
    assert "k differs in 2 of 2 rows" in str(difference(one, other, IN_ORDER))


@pytest.mark.parametrize(
    ("value", "same"), [(1 + 1e-10, True), (1 + 1e-8, False), (None, False), (float("nan"), False)]
)
def test_floats_may_differ_by_rounding_only(value: float | None, same: bool) -> None:
    expected, answer = pa.table({"v": pa.array([1.0])}), pa.table({"v": pa.array([value], pa.float64())})
    assert (difference(expected, answer, IN_ORDER) is None) is same


def test_nulls_and_nans_equal_themselves() -> None:
    rows = pa.table({"v": pa.array([None, float("nan"), 0.0]), "t": pa.array([None, "", "a"], pa.large_string())})
    assert difference(rows, rows, IN_ORDER) is None


def test_a_null_is_not_an_empty_text() -> None:
    expected, answer = (pa.table({"t": pa.array([text], pa.large_string())}) for text in ("", None))
    assert "t differs in 1 of 1 rows, first in row 0: None instead of ''" in str(difference(expected, answer, IN_ORDER))


def test_shapes_are_compared() -> None:
    rows = pa.table({"v": [1]})
    assert "columns w instead of v" in str(difference(rows, pa.table({"w": [1]}), IN_ORDER))
    assert "0 rows instead of 1" in str(difference(rows, rows.slice(1), IN_ORDER))
    assert "v differs" in str(difference(rows, pa.table({"v": [1.0]}), IN_ORDER))


def test_a_case_may_allow_more() -> None:
    lenient = Case(name="lenient", about="", engines={}, tolerances={"auc": 1e-3})
    expected, answer = pa.table({"auc": [0.9], "n": [1.0]}), pa.table({"auc": [0.9005], "n": [1.0]})
    assert difference(expected, answer, lenient) is None
    assert difference(expected, answer, IN_ORDER) is not None
