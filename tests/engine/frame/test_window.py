"""Window methods of frames, against pandas."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch
from volley.engine.plan import Window
from volley.engine.traversal import walk


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    rows = 300
    return pd.DataFrame(
        {
            "k": rng.choice(["x", "y", "z", None], rows),
            "h": rng.integers(0, 3, rows),
            "i": rng.integers(-20, 20, rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 9, rows) / 4),
            "t": pd.to_datetime("2024-01-30") + pd.to_timedelta(rng.integers(0, 90, rows), unit="D"),
        }
    )


@pytest.fixture(scope="module", params=[1, 4])
def frame(data, request):
    """The rows in one piece, or in many with several threads."""
    table = pa.Table.from_pandas(data, preserve_index=False).replace_schema_metadata(None)
    session = vl.Session(threads=request.param)
    pieces = [vl.DataFrame(table.slice(at, 80), session=session) for at in range(0, len(data), 80)]
    return vl.DataFrame(table, session=session) if request.param == 1 else vl.concat(pieces)


def same(ours, theirs):
    made = ours.to_pandas()
    if isinstance(theirs, pd.Series):
        pd.testing.assert_series_equal(made, theirs, check_dtype=False, check_names=False)
    else:
        pd.testing.assert_frame_equal(made, theirs, check_dtype=False)


SERIES = {
    "shift": lambda s: s.shift(),
    "shift back": lambda s: s.shift(-2),
    "shift far": lambda s: s.shift(1000),
    "shift not": lambda s: s.shift(0),
    "shift filled": lambda s: s.shift(2, fill_value=7),
    "diff": lambda s: s.diff(),
    "diff back": lambda s: s.diff(-3),
    "cumsum": lambda s: s.cumsum(),
    "cummin": lambda s: s.cummin(),
    "cummax": lambda s: s.cummax(),
    "ffill": lambda s: s.ffill(),
    "bfill": lambda s: s.bfill(),
    "rolling sum": lambda s: s.rolling(3).sum(),
    "rolling mean": lambda s: s.rolling(7, min_periods=2).mean(),
    "rolling min": lambda s: s.rolling(20, min_periods=1).min(),
    "rolling max": lambda s: s.rolling(5).max(),
    "rolling std": lambda s: s.rolling(6, min_periods=3).std(),
    "rolling var": lambda s: s.rolling(4, min_periods=2).var(),
    "rolling count": lambda s: s.rolling(4).count(),
    "rolling count of some": lambda s: s.rolling(4, min_periods=2).count(),
    "rolling median": lambda s: s.rolling(5, min_periods=2, center=True).median(),
    "rolling quantile": lambda s: s.rolling(7, min_periods=3).quantile(0.3),
    "expanding median": lambda s: s.expanding(2).median(),
    "weighted mean": lambda s: s.ewm(alpha=0.3).mean(),
    "weighted mean of some": lambda s: s.ewm(halflife=3, min_periods=4, ignore_na=True).mean(),
    "weighted mean, recursive": lambda s: s.ewm(span=5, adjust=False).mean(),
    "weighted mean, recursive, of values": lambda s: s.ewm(com=0, adjust=False, ignore_na=True).mean(),
    "rolling sum of none": lambda s: s.rolling(2, min_periods=0).sum(),
    "expanding sum": lambda s: s.expanding().sum(),
    "expanding mean": lambda s: s.expanding(5).mean(),
    "expanding std": lambda s: s.expanding().std(),
    "expanding count": lambda s: s.expanding().count(),
    "a window over a window": lambda s: s.shift().cumsum().rank(),
    "arithmetic of windows": lambda s: (s - s.shift()) / s.rolling(3).mean() + s,
}


@pytest.mark.parametrize("column", ["i", "v"])
@pytest.mark.parametrize("name", SERIES)
def test_series_methods_match_pandas(frame, data, name, column):
    same(SERIES[name](frame[column]), SERIES[name](data[column]))


@pytest.mark.parametrize("pct", [False, True])
@pytest.mark.parametrize("ascending", [False, True])
@pytest.mark.parametrize("method", ["average", "min", "max", "first", "dense"])
@pytest.mark.parametrize("column", ["i", "v", "t"])
def test_ranks_match_pandas(frame, data, column, method, ascending, pct):
    options = {"method": method, "ascending": ascending, "pct": pct}
    same(frame[column].rank(**options), data[column].rank(**options))
    same(frame.groupby(["k", "h"])[column].rank(**options), data.groupby(["k", "h"])[column].rank(**options))


def test_text_is_ranked_and_shifted(frame, data):
    same(frame.k.rank("dense"), data.k.rank(method="dense"))
    assert frame.k.shift(2).to_list() == [None, None, *frame.k.to_list()[:-2]]


def test_change_in_shares(frame, data):
    same(frame.i.abs().pct_change(3), data.i.abs().pct_change(3))


def test_differences_of_times_are_durations(frame, data):
    same(frame.t.diff(), data.t.diff())


TRANSFORMS = ["sum", "mean", "min", "max", "count", "size", "std", "var", "first", "last"]


@pytest.mark.parametrize("dropna", [True, False])
@pytest.mark.parametrize("name", TRANSFORMS)
def test_transform_matches_pandas(frame, data, name, dropna):
    for keys, column in [("k", "v"), (["h", "k"], "i")]:
        ours = frame.groupby(keys, dropna=dropna)[column].transform(name)
        same(ours, data.groupby(keys, dropna=dropna)[column].transform(name))


GROUPED = {
    "shift": lambda g: g.shift(),
    "shift back filled": lambda g: g.shift(-1, fill_value=0),
    "diff": lambda g: g.diff(2),
    "cumsum": lambda g: g.cumsum(),
    "cummin": lambda g: g.cummin(),
    "cummax": lambda g: g.cummax(),
    "ffill": lambda g: g.ffill(),
    "bfill": lambda g: g.bfill(),
}


@pytest.mark.parametrize("column", ["i", "v"])
@pytest.mark.parametrize("name", GROUPED)
def test_group_methods_match_pandas(frame, data, name, column):
    same(GROUPED[name](frame.groupby("k")[column]), GROUPED[name](data.groupby("k")[column]))


def test_several_columns_of_groups_make_a_frame(frame, data):
    same(frame.groupby("h")[["i", "v"]].cumsum(), data.groupby("h")[["i", "v"]].cumsum())


def test_numbers_within_groups(frame, data):
    same(frame.groupby("h").cumcount(), data.groupby("h").cumcount())


def test_windows_in_assign_filter_and_reductions(frame, data):
    ours = frame.assign(before=frame.i.shift(), share=lambda f: f.v / f.groupby("h")["v"].transform("sum"))
    theirs = data.assign(before=data.i.shift(), share=lambda d: d.v / d.groupby("h")["v"].transform("sum"))
    same(ours[["before", "share"]], theirs[["before", "share"]])
    best = frame[frame.groupby("k")["i"].rank("first", ascending=False) <= 2]
    expected = data[data.groupby("k")["i"].rank("first", ascending=False) <= 2]
    assert best.columns == list(data.columns)
    same(best[["i", "h"]], expected[["i", "h"]].reset_index(drop=True))
    assert frame.i.diff().max() == data.i.diff().max()
    assert sorted(frame.i.diff().unique(), key=str) == sorted(
        [None if np.isnan(v) else int(v) for v in data.i.diff().unique()], key=str
    )


def test_windows_of_one_partitioning_and_order_share_a_node(frame):
    wide = frame.assign(s=frame.groupby("k")["i"].cumsum(), m=frame.groupby("k")["v"].cummax(), p=frame.v.shift())
    windows = [node for node in walk(wide.plan) if isinstance(node, Window)]
    assert len(windows) == 3
    once = frame.select(
        a=frame.groupby("k", dropna=False)["i"].cumsum(), b=frame.groupby("k", dropna=False)["v"].transform("max")
    )
    assert sum(isinstance(node, Window) for node in walk(once.plan)) == 1


def test_a_window_of_rows_that_were_dropped_since_is_refused(frame):
    late = frame[frame.i > 0]
    with pytest.raises(PlanError, match="assign it to its own frame first"):
        late.assign(before=frame.i.shift())
    assert late.assign(before=late.i.shift()).to_arrow().num_rows == len(late)
    wide = frame.assign(one=1)
    assert wide.assign(before=frame.i.shift()).before.to_list() == frame.i.shift().to_list()


def test_empty_frames(data):
    empty = vl.from_pandas(data.iloc[:0])
    made = empty.assign(
        a=empty.i.cumsum(), b=empty.v.rank(), c=empty.groupby("k")["i"].transform("sum"), d=empty.i.rolling(3).mean()
    )
    assert made.to_arrow().num_rows == 0
    assert {name: str(made.dtypes[name]) for name in "abcd"} == {
        "a": "int64",
        "b": "float64",
        "c": "int64",
        "d": "float64",
    }


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda f: f.i.rank("mean"), PlanError, "rank has no method 'mean'"),
        (lambda f: f.i.rolling(0), PlanError, "from 1 on"),
        (lambda f: f.i.rolling(2, min_periods=3), PlanError, "min_periods must lie between 0 and"),
        (lambda f: f.i.shift(1.5), PlanError, "whole number of rows"),
        (lambda f: f.k.cumsum(), TypeMismatch, "sum does not accept"),
        (lambda f: f.groupby("k")["i"].transform("summ"), PlanError, "transform takes the name of an aggregate.*sum"),
        (lambda f: f.groupby("k")["i"].transform(lambda s: s.nunique()), PlanError, "agg and merge"),
        (
            lambda f: f.groupby("k")["i"].transform(lambda s: s.head()),
            PlanError,
            "cannot use a method that runs the plan",
        ),
        (lambda f: f.groupby("k")["i"].transform(lambda s: s.quantile(0.1)), PlanError, "no value for each group"),
        (lambda f: f.groupby("k")["i"].transform(3), PlanError, "not 3"),
        (lambda f: f.i.ewm(), PlanError, "exactly one of com, span, halflife and alpha"),
        (lambda f: f.i.ewm(1, 2), PlanError, "exactly one of com, span, halflife and alpha"),
        (lambda f: f.i.ewm(alpha=1.5), PlanError, "alpha above 0, up to 1, not 1.5"),
        (lambda f: f.groupby("k").i.ewm(span=0.5), PlanError, "span from 1 on, not 0.5"),
        (lambda f: f.k.ewm(com=1).mean(), TypeMismatch, "ewm_mean does not accept"),
        (lambda f: f.i.rolling(2).agg("mode"), PlanError, "moving rows have no aggregate 'mode'"),
    ],
)
def test_what_is_wrong_is_said(frame, wrong, error, message):
    with pytest.raises(error, match=message):
        wrong(frame)


def test_the_plan_shows_windows(frame):
    shown = frame.select(s=frame.i.cumsum()).explain("logical")
    assert "Window sum(i) rows between unbounded preceding and current row as __window_0 keeping order" in shown


def test_windows_of_time_go_by_the_index(frame, data):
    ordered = data.sort_values("t", kind="stable").drop_duplicates("t").reset_index(drop=True)
    ours = vl.DataFrame(ordered).set_index("t")
    same(ours.v.rolling("9D").sum(), ordered.set_index("t").v.rolling("9D").sum().reset_index(drop=True))
    theirs = ordered.set_index("t").groupby("h").v.rolling("9D").max()
    made = ours.groupby("h").v.rolling("9D").max().to_list()
    rows = ordered.assign(m=made).sort_values(["h", "t"], kind="stable")
    np.testing.assert_allclose(rows.m.astype(float), theirs.to_numpy())
