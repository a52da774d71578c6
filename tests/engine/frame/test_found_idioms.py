"""Idioms of pandas that once gave something else here, or an error: each as in pandas."""

from __future__ import annotations

import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError

MOMENTS = [
    "2024-03-31 00:47:29",
    "2024-03-31 02:20",
    "2024-10-27 00:40",
    "2024-10-27 01:40",
    None,
    "2024-07-01 23:59:59",
]
DATA = pd.DataFrame(
    {
        "k": [1, 1, 2, 3, 3, 2],
        "s": ["b-c", "A", None, "", "a-b", "C"],
        "g": ["x", None, "y", "x", None, "y"],
        "t": pd.to_datetime(pd.Series(MOMENTS), format="mixed").dt.as_unit("us").dt.tz_localize("UTC"),
    }
)
DATA["t"] = DATA.t.dt.tz_convert("Europe/Rome")
FRAME = vl.DataFrame(DATA)

CASES = {
    "sorted by what a function makes": lambda f: f.sort_values("s", key=lambda s: s.str.lower())[["s"]],
    "sorted by several of them": lambda f: f.sort_values(
        ["k", "s"], key=lambda c: -c if c.name == "k" else c.str.len()
    ),
    "sorted backwards, stably": lambda f: f.sort_values("k", ascending=False, kind="stable"),
    "sorted by merging": lambda f: f.sort_values("k", kind="mergesort"),
    "moments after a local time in a text": lambda f: f[f.t > "2024-03-31 03:00"][["k"]],
    "moments from a day on": lambda f: f[f.t >= "2024-10-27"][["k"]],
    "texts joined with what stands for nulls": lambda f: f.assign(z=f.s.str.cat(f.g, sep="/", na_rep="?"))[["z"]],
    "texts joined": lambda f: f.assign(z=f.s.str.cat(f.g))[["z"]],
    "parts of texts that match": lambda f: f.assign(z=f.s.str.extract(r"(\w)-", expand=False))[["z"]],
    "several parts": lambda f: f.s.str.extract(r"(\w)-(\w)").rename(columns=str),
    "groups by the index": lambda f: f[["k", "s"]].set_index("k").groupby(level=0).count(),
    "groups by the index's name": lambda f: f[["k", "s"]].set_index("k").groupby(level="k").s.count(),
    "groups by two levels": lambda f: f[["k", "g", "s"]].set_index(["k", "g"]).groupby(level=["g"]).s.count(),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_as_in_pandas(case):
    ours, theirs = case(FRAME).to_pandas(), case(DATA)
    theirs = theirs.to_frame() if theirs.ndim == 1 else theirs
    theirs = theirs if theirs.index.name else theirs.reset_index(drop=True)
    theirs = theirs.astype({name: object for name in theirs if ours[name].dtype == object})
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False)


@pytest.mark.parametrize("unit", ["h", "15min", "30min", "10s", "D", "6h", "2h"])
@pytest.mark.parametrize("method", ["floor", "ceil", "round"])
@pytest.mark.parametrize("zone", ["Europe/Rome", "Asia/Kolkata", "America/St_Johns"])
def test_moments_of_a_zone_are_rounded_by_its_clocks(zone, unit, method):
    data = DATA.dropna(subset="t").assign(t=lambda f: f.t.dt.tz_convert(zone))
    local = data.t.dt.tz_localize(None)
    clocks = getattr(local.dt, method)(unit)
    ours = getattr(vl.DataFrame(data).t.dt, method)(unit)
    assert ours.dtype.tz == zone
    if zone != "Europe/Rome" or method == "floor":  # elsewhere no clock is changed around these moments
        assert ours.dt.tz_localize(None).to_list() == clocks.dt.to_pydatetime().tolist()
    if unit in ("15min", "30min", "10s"):  # the hour that clocks show twice stays two
        away = [(pd.Timestamp(b) - a).total_seconds() for a, b in zip(data.t, ours.to_list(), strict=True)]
        assert away == [(b - a).total_seconds() for a, b in zip(local, clocks, strict=True)]


LATER = {
    "by nothing": lambda t: t + pd.Timedelta(0),
    "by an hour": lambda t: t + pd.Timedelta(hours=1),
    "by a day's length": lambda t: t + pd.Timedelta(days=1),
    "by an hour, as an offset": lambda t: t + pd.DateOffset(hours=1),
    "to the hour": lambda t: t.dt.tz_convert("UTC").dt.floor("h"),
}


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_an_hour_that_clocks_show_twice_is_two(later):
    ours, theirs = (later(f.t).dropna() for f in (FRAME, DATA))
    assert [pd.Timestamp(one).tz_convert("UTC") for one in ours.to_list()] == [one.tz_convert("UTC") for one in theirs]
    hours = FRAME.t.dt.floor("h").dropna().to_list()
    expected = DATA.t.dropna().dt.tz_convert("UTC").dt.floor("h")
    assert [pd.Timestamp(one).tz_convert("UTC") for one in hours] == expected.tolist()
    assert FRAME.t.dt.strftime("%H:%M:%S").to_list() == [
        None if text is pd.NaT or text != text else text for text in DATA.t.dt.strftime("%H:%M:%S")
    ]
    truncated = vl.sql("select date_trunc('hour', t) as t from f where t is not null", f=FRAME).to_dict()["t"]
    assert truncated == hours


def test_days_begin_where_their_first_time_is_shown():
    zone = "America/Havana"  # clocks are turned back, and forward, at midnight
    instants = ["2024-11-03 04:30", "2024-11-03 05:30", "2024-03-10 12:00"]
    moments = pd.Series(pd.to_datetime(instants)).dt.as_unit("us").dt.tz_localize("UTC").dt.tz_convert(zone)
    days = vl.DataFrame({"t": moments}).t.dt.floor("D").to_list()
    shown = [str(pd.Timestamp(day).tz_convert("UTC").tz_localize(None)) for day in days]
    assert shown == ["2024-11-03 04:00:00", "2024-11-03 04:00:00", "2024-03-10 05:00:00"]


def test_what_is_refused():
    with pytest.raises(PlanError, match="kind is 'stable' or 'quicksort', not 'bogo'"):
        FRAME.sort_values("k", kind="bogo")
    with pytest.raises(PlanError, match="groupby takes columns, or level= for columns marked as index, not both"):
        FRAME.set_index("k").groupby("k", level=0)
    with pytest.raises(PlanError, match="no column 'z' is marked as index"):
        FRAME.set_index("k").groupby(level="z")
