"""``resample`` and ``asfreq``: equal lengths of time, in zones, within groups and of several units, as in pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch

ZONES = (None, "UTC", "Europe/Rome", "America/New_York")
RULES = (
    "D", "2D", "W", "W-WED", "2W", "MS", "ME", "3MS", "2ME", "QS", "QE", "QS-FEB", "QE-NOV", "2QE", "YS", "YE-JUN",
    "h", "6h", "7h", "36h", "90min",
)  # fmt: skip
_COUNT = 60


def rows(zone):
    """Return moments over two changes of clocks, not in order, with values some of which are null."""
    rng = np.random.default_rng(3)
    times = pd.to_datetime("2024-03-08 13:30") + pd.to_timedelta(rng.integers(0, 40 * 1440, _COUNT), unit="min")
    made = pd.DataFrame(
        {
            "k": rng.integers(0, 3, _COUNT),
            "g": rng.choice(["a", "b", None], _COUNT),
            "t": times.as_unit("us"),
            "x": np.where(rng.random(_COUNT) < 0.2, np.nan, rng.normal(size=_COUNT)),
            "n": rng.integers(0, 9, _COUNT),
        }
    )
    return made if zone is None else made.assign(t=made.t.dt.tz_localize("UTC").dt.tz_convert(zone))


def assert_same(ours, theirs):
    ours = ours.to_pandas()
    theirs = theirs.to_frame("size" if theirs.name is None else theirs.name) if theirs.ndim == 1 else theirs
    theirs = theirs.set_axis(["_".join(c) if isinstance(c, tuple) else c for c in theirs.columns], axis=1)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_freq=False, check_index_type=False)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("rule", RULES)
def test_lengths_of_time(zone, rule):
    theirs = rows(zone)
    ours = vl.DataFrame(theirs)
    for spec in ({"x": ["sum", "count"], "n": ["max"]}, {"x": ["mean", "size"]}):
        assert_same(*(f.resample(rule, on="t").agg(spec) for f in (ours, theirs)))
    assert_same(*(f[["t", "x", "g"]].resample(rule, on="t").first() for f in (ours, theirs)))
    assert_same(*(f.set_index("t").x.resample(rule).last() for f in (ours, theirs)))


METHODS = {
    "ohlc": lambda made: made.x.ohlc(),
    "ohlc of columns": lambda made: made[["x", "n"]].ohlc(),
    "var": lambda made: made[["x", "n"]].var(),
    "std of populations": lambda made: made[["x"]].std(ddof=0),
    "sem": lambda made: made[["x"]].sem(),
    "nunique": lambda made: made[["x", "n"]].nunique(),
    "quantile": lambda made: made[["x", "n"]].quantile(0.3),
    "sums of enough": lambda made: made[["x", "n"]].sum(min_count=1),
    "products": lambda made: made[["x"]].prod(),
    "products of enough": lambda made: made[["x"]].prod(min_count=3),
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome"])
def test_aggregates(zone, method):
    theirs = rows(zone)
    assert_same(*(method(f.resample("D", on="t")) for f in (vl.DataFrame(theirs), theirs)))


GROUPED = {
    "days": lambda f: f[["k", "t", "x", "n"]].groupby("k").resample("D", on="t").sum(),
    "months of one column": lambda f: f.groupby("k").resample("MS", on="t").x.mean(),
    "ends of weeks by two keys": lambda f: f.groupby(["k", "g"]).resample("W", on="t")[["x"]].max(),
    "hours of a column, by the index": lambda f: f.set_index("t").groupby("k").x.resample("h").last(),
    "sizes": lambda f: f.groupby("g").resample("QE", on="t").size(),
    "sums of enough": lambda f: f.groupby("g").resample("D", on="t").x.sum(min_count=2),
    "rows at starts": lambda f: (
        f.drop_duplicates("t").sort_values("t").set_index("t").groupby("k").x.resample("D").ffill()
    ),
}


@pytest.mark.parametrize("zone", ["UTC", "Europe/Rome"])
@pytest.mark.parametrize("grouped", GROUPED.values(), ids=GROUPED)
def test_within_groups(zone, grouped):
    theirs = rows(zone)
    ours, expected = grouped(vl.DataFrame(theirs)), grouped(theirs)
    if expected.index.nlevels == 1:  # where all groups have the same lengths, pandas makes a column of each
        expected = expected.stack().rename(ours.columns[-1])
    assert_same(ours, expected)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("rule", ["D", "h", "6h", "MS", "2D", "7h"])
@pytest.mark.parametrize("method", ["asfreq", "ffill", "bfill"])
def test_rows_at_starts(zone, rule, method):
    theirs = rows(zone).drop_duplicates("t").sort_values("t")[["t", "x", "n"]].set_index("t")
    ours = vl.DataFrame(theirs.reset_index()).set_index("t")
    assert_same(*(getattr(f.resample(rule), method)() for f in (ours, theirs)))
    if method == "asfreq":
        assert_same(*(f.drop(columns="x").resample(rule).asfreq(fill_value=7) for f in (ours, theirs)))


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("rule", ["D", "2D", "h", "7h", "W", "2W", "W-WED", "MS", "ME", "2MS", "QS-FEB", "QE", "2ME"])
@pytest.mark.parametrize("method", [None, "ffill", "bfill"])
def test_rows_at_equal_lengths(zone, rule, method):
    theirs = rows(zone).drop_duplicates("t").sort_values("t")[["t", "x", "g"]].set_index("t")
    ours = vl.DataFrame(theirs.reset_index()).set_index("t")
    assert_same(*(f.asfreq(rule, method=method) for f in (ours, theirs)))
    if method is None:
        made, wanted = (f.x.asfreq(rule, fill_value=1.5) for f in (ours, theirs))
        assert made.fillna(-1).to_list() == wanted.fillna(-1).tolist()


def test_dates():
    days = pd.DataFrame({"d": pd.to_datetime(["2024-01-05", "2024-02-03"]).date, "x": [1, 2]})
    ours, theirs = vl.DataFrame(days), days.assign(d=pd.to_datetime(days.d))
    for rule in ("MS", "2W", "12h", "10D"):
        made = ours.resample(rule, on="d").sum().to_pandas()
        wanted = theirs.resample(rule, on="d").sum()
        assert [pd.Timestamp(at) for at in made.index] == list(wanted.index)
        assert made.x.tolist() == wanted.x.tolist()
    assert [str(at) for at in ours.set_index("d").asfreq("W").to_dict()["d"]][:2] == ["2024-01-07", "2024-01-14"]


def test_no_rows():
    empty = vl.DataFrame(rows("Europe/Rome"))
    empty = empty[empty.n > 10]
    assert empty.resample("3D", on="t").x.sum().to_dict() == {"t": [], "x": []}
    assert empty.groupby("k").resample("D", on="t").x.max().to_dict() == {"k": [], "t": [], "x": []}
    assert empty[["t", "x"]].set_index("t").asfreq("D").to_dict() == {"t": [], "x": []}


REFUSED = {
    "within groups lengths of time are single units": lambda f: f.groupby("k").resample("2D", on="t"),
    "resample needs its column of times: groupby": lambda f: f.groupby("k").resample("D"),
    "group with dropna=True": lambda f: f.groupby("k", dropna=False).resample("D", on="t"),
    "weeks end on one of MON": lambda f: f.resample("W-FOO", on="t"),
    "quarters and years go by one of JAN": lambda f: f.resample("MS-FEB", on="t"),
    "'0D' is no length of time": lambda f: f.resample("0D", on="t"),
    "those of this rule are called by their ends": lambda f: f.resample("ME", on="t").ffill(),
    "there is no method 'nearest'": lambda f: f[["t", "x"]].set_index("t").asfreq("D", method="nearest"),
    "asfreq would make more than": lambda f: f[["t", "x"]].set_index("t").asfreq("10us"),
    "labels of rows are the values of one column": lambda f: f.asfreq("D"),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_is_refused(message):
    with pytest.raises(PlanError, match=message):
        REFUSED[message](vl.DataFrame(rows(None)))
    with pytest.raises(TypeMismatch, match="asfreq needs times; 'x' is float64"):
        vl.DataFrame(rows(None)).set_index("x").asfreq("D")


def test_labels():
    frame = vl.DataFrame({"k": ["a", "b", "c", "b"], "x": [1, 2, 3, 4]})
    marked = frame.set_index("k")
    assert marked.at["a", "x"] == 1
    assert frame.at[2, "x"] == 3
    assert marked.drop(index="b").to_dict() == {"k": ["a", "c"], "x": [1, 3]}
    assert marked.drop(index=["a", "z"], columns="x").to_dict() == {"k": ["b", "c", "b"]}
    assert marked.x.drop(["a", "c"]).to_list() == [2, 4]
    with pytest.raises(PlanError, match="several rows have the label 'b'"):
        marked.at["b", "x"]
    with pytest.raises(PlanError, match="no row has the label 'z'"):
        marked.at["z", "x"]
    with pytest.raises(TypeMismatch, match="at takes the label of a row and the name of a column"):
        marked.at["a"]
    with pytest.raises(PlanError, match="frames are immutable"):
        marked.at["a", "x"] = 3


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_sums_of_enough_values(count):
    data = pd.DataFrame({"k": [1, 1, 1, 2, 2, 3], "x": [1.5, None, 2.0, None, None, 4.0], "n": [1, 2, 3, 4, 5, 6]})
    ours = vl.DataFrame(data)
    for method in ("sum", "prod"):
        pd.testing.assert_series_equal(*(getattr(f[["x", "n"]], method)(min_count=count) for f in (ours, data)),
                                       check_dtype=False)  # fmt: skip
        across, theirs = (getattr(f[["x", "n"]], method)(axis=1, min_count=count) for f in (ours, data))
        assert across.to_pandas().fillna(-1).tolist() == theirs.fillna(-1).tolist()
        found, wanted = (getattr(f.x, method)(min_count=count) for f in (ours, data))
        assert found == wanted or (found is None and np.isnan(wanted))
        assert_same(*(getattr(f.groupby("k"), method)(min_count=count) for f in (ours, data)))
