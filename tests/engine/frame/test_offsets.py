"""Moments and lengths of time: pandas' offsets, arithmetic of durations, and nulls as pandas leaves them in memory."""

from __future__ import annotations

import datetime as dt
import operator

import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch

ISO = "ISO8601"
TIMES = ["2024-01-31 10:00:05", "2024-02-29", "2023-12-31 23:59:59.5", "2024-03-01", None, "2024-04-30"]
GIVEN = pd.DataFrame(
    {
        "t": pd.to_datetime(TIMES, format=ISO).as_unit("us"),
        "u": pd.to_datetime(TIMES[::-1], format=ISO).as_unit("us"),
        "d": pd.to_timedelta(["3h", None, "-1 days 2h 3us", "400 days", "0s", "1us"]).as_unit("us"),
        "n": [1, 2, 3, -4, 5, 0],
        "x": [0.5, 1.0, 2.0, -0.25, 1.0, 3.0],
    }
)
FRAME = vl.from_pandas(GIVEN)
OFFSETS = [
    pd.DateOffset(3),
    pd.DateOffset(2, months=1),
    pd.DateOffset(months=1, days=2, hours=3),
    pd.DateOffset(years=-1, weeks=1, minutes=2, seconds=3, microseconds=5),
    *map(pd.offsets.MonthEnd, (-3, -1, 0, 1, 2, 13)),
    *map(pd.offsets.MonthBegin, (-2, -1, 0, 1, 2)),
    pd.offsets.MonthEnd(1, normalize=True),
    pd.offsets.Day(2),
    pd.offsets.Week(2),
    pd.offsets.Hour(3),
    pd.offsets.Minute(-5),
    pd.offsets.Second(7),
    pd.offsets.Milli(3),
    pd.offsets.Micro(2),
]


def values(column):
    """Return a column of pandas as plain values, None where one is missing."""
    return [None if value is pd.NaT or value != value else value for value in column.tolist()]


@pytest.mark.parametrize("move", [operator.add, operator.sub])
@pytest.mark.parametrize("offset", OFFSETS, ids=str)
def test_moments_are_moved_by_offsets(offset, move):
    assert move(FRAME.t, offset).to_list() == values(move(GIVEN.t, offset))


def test_dates_stay_dates_where_whole_days_are_added():
    days = vl.DataFrame({"d": [dt.date(2024, 1, 31), None]}).d
    assert (days + pd.DateOffset(months=1)).to_list() == [dt.date(2024, 2, 29), None]
    assert (days + pd.offsets.MonthBegin()).to_list() == [dt.date(2024, 2, 1), None]
    assert (pd.offsets.Hour(2) + days).to_list() == [dt.datetime(2024, 1, 31, 2), None]  # noqa: DTZ001


@pytest.mark.parametrize("offset", [pd.offsets.BDay(), pd.DateOffset(month=2), pd.offsets.YearEnd()], ids=str)
def test_other_offsets_are_refused(offset):
    with pytest.raises(PlanError, match=r"cannot be moved by .* here; there are DateOffset of"):
        FRAME.t + offset
    with pytest.raises(TypeMismatch, match="it is no moment"):
        FRAME.n + offset


HOUR = pd.Timedelta("1h")
EXPRESSIONS = {
    "sums": lambda f: f.d + f.d,
    "differences": lambda f: f.d - f.d * 2,
    "multiples": lambda f: 2 * f.d,
    "multiples by column": lambda f: f.d * f.n,
    "fractions by column": lambda f: f.d * f.x,
    "halves": lambda f: f.d / 2,
    "hours": lambda f: f.d / HOUR,
    "whole hours": lambda f: f.d // HOUR,
    "the rest": lambda f: f.d % HOUR,
    "hours between": lambda f: (f.t - f.u) / HOUR,
    "part of": lambda f: HOUR / (f.d + HOUR),
    "later": lambda f: f.t + f.d,
    "later, turned round": lambda f: f.d + f.t,
    "earlier": lambda f: f.t - f.d,
    "earlier by a constant": lambda f: f.t - dt.timedelta(days=400, hours=3),
    "negative": lambda f: -f.d,
    "constant added": lambda f: f.d + HOUR,
    "from a constant": lambda f: HOUR - f.d,
}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_arithmetic_of_durations(expression):
    theirs = values(expression(GIVEN))
    if isinstance(theirs[0], float):
        theirs = [value if value is None else pytest.approx(value, rel=1e-12) for value in theirs]
    assert expression(FRAME).to_list() == theirs


def test_what_durations_do_not_do():
    for wrong in (lambda: FRAME.d + 1, lambda: FRAME.d * FRAME.d, lambda: 2 / FRAME.d, lambda: FRAME.d - FRAME.t):
        with pytest.raises(TypeMismatch, match="does not accept"):
            wrong()


def test_times_that_pandas_lacks_are_moved_to_nothing():
    """Below its nulls stands the least number, which nothing can be taken from."""
    made = FRAME.sql(
        "select t - interval 3 hour as a, t - n * interval 1 day as b, t - n * interval 1 month as c,"
        " t at time zone 'Europe/Berlin' - interval 1 day as d, u - interval 1 microsecond as e from self where n = 5"
    )
    assert list(made.drop(columns="e").to_dict().values()) == [[None]] * 4
    assert (FRAME[FRAME.u.isna()].u - dt.timedelta(hours=3)).to_list() == [None]
