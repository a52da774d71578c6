"""Bins, dummies, nearest rows, lengths of time, groups that are kept: what pandas gives, on random rows with nulls."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch


def drawn(seed, rows=40):
    rng = np.random.default_rng(seed)
    minutes = rng.choice(60 * 24 * 50, rows, replace=False)
    return pd.DataFrame(
        {
            "t": (pd.to_datetime("2023-11-20 05:00") + pd.to_timedelta(np.sort(minutes), unit="min")).as_unit("us"),
            "k": rng.integers(0, 4, rows),
            "g": rng.choice(["a", "b", None], rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 9, rows) / 2),
            "w": rng.normal(size=rows) * 10.0 ** rng.integers(-3, 4),
            "i": np.arange(rows),
        }
    )


@pytest.fixture(params=range(3))
def data(request):
    return drawn(request.param)


@pytest.fixture
def frame(data):
    halves = [vl.DataFrame(data[:13]), vl.DataFrame(data[13:])]
    return vl.concat(halves)


# ------------------------------------------------------------------------------------------ bins
def in_texts(made):
    return [None if code < 0 else str(made.cat.categories[code]) for code in made.cat.codes]


@pytest.mark.parametrize("column", ["v", "w", "i"])
@pytest.mark.parametrize("bins", [3, [0, 1, 5], [-0.5, 0.25, 3.0], [0.1234, 0.1239, 40]])
@pytest.mark.parametrize("options", [{}, {"right": False}, {"include_lowest": True}])
def test_cut(frame, data, column, bins, options):
    assert vl.cut(frame[column], bins, **options).to_list() == in_texts(pd.cut(data[column], bins, **options))
    numbers = [None if code < 0 else code for code in pd.cut(data[column], bins, **options).cat.codes]
    assert vl.cut(frame[column], bins, labels=False, **options).to_list() == numbers


def test_cut_with_labels_and_of_one_value():
    ones = pd.DataFrame({"x": [2.0, 2.0], "z": [0.0, 0.0]})
    frame = vl.DataFrame(ones)
    for name in ones:
        assert vl.cut(frame[name], 2).to_list() == in_texts(pd.cut(ones[name], 2))
    assert vl.cut(frame.x, [0, 2, 3], labels=["low", "high"]).to_list() == ["low", "low"]
    assert vl.cut(vl.DataFrame({"x": [1.0, None, float("nan")]}).x, [0, 9], labels=False).to_list() == [0, None, None]


def test_cut_with_more_digits_than_a_float_has(frame, data):
    options = {"include_lowest": True, "precision": 20}
    ours, theirs = vl.cut(frame.v, [-0.5, 0.25, 3.1], **options), pd.cut(data.v, [-0.5, 0.25, 3.1], **options)
    assert ours.to_list() == in_texts(theirs)


@pytest.mark.parametrize("q", [2, 4, [0, 0.1, 0.9, 1]])
def test_qcut(frame, data, q):
    assert vl.qcut(frame.w, q).to_list() == in_texts(pd.qcut(data.w, q))


def test_bins_that_cannot_be(frame):
    with pytest.raises(PlanError, match="two edges that ascend, not"):
        vl.cut(frame.w, [1, 1])
    with pytest.raises(PlanError, match="2 bins need as many labels, not 1"):
        vl.cut(frame.w, [0, 1, 2], labels=["a"])
    with pytest.raises(TypeMismatch, match="cut needs numbers or times; 'g' is string"):
        vl.cut(frame.g, 3)
    with pytest.raises(PlanError, match="too few values for 40 bins"):
        vl.qcut(frame.k, 40)
    with pytest.raises(PlanError, match="cannot make 3 bins of no values"):
        vl.cut(frame[frame.i < 0].w, 3)


@pytest.mark.parametrize(
    "options",
    [{}, {"drop_first": True}, {"dummy_na": True}, {"columns": ["k", "g"]}, {"prefix": "is", "prefix_sep": "."}],
)
def test_get_dummies(frame, data, options):
    made = vl.get_dummies(frame, **options).to_pandas()
    pd.testing.assert_frame_equal(made, pd.get_dummies(data, **options), check_dtype=False)


def test_get_dummies_of_a_column(frame, data):
    pd.testing.assert_frame_equal(vl.get_dummies(frame.g).to_pandas(), pd.get_dummies(data.g), check_dtype=False)


# ------------------------------------------------------------------------------------------ nearest rows
@pytest.mark.parametrize("direction", ["backward", "forward"])
@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("by", [None, "k", ["k", "c"]])
def test_merge_asof(direction, exact, by):
    rng = np.random.default_rng(len(str(by)))
    sides = []
    for name, rows in (("x", 30), ("y", 20)):
        numbers = {
            "t": np.sort(rng.integers(0, 40, rows)),
            "k": rng.integers(0, 2, rows),
            "c": rng.integers(0, 2, rows),
        }
        sides.append(pd.DataFrame({**numbers, "v": rng.random(rows), name: np.arange(rows)}))
    shuffled = [vl.DataFrame(side.sample(frac=1.0, random_state=1) if side is sides[0] else side) for side in sides]
    for tolerance in (None, 3):
        options = {"by": by, "direction": direction, "allow_exact_matches": exact, "tolerance": tolerance}
        theirs = pd.merge_asof(*sides, on="t", **options)
        ours = vl.merge_asof(*shuffled, "t", **{**options, "by": by or ()}).to_pandas().sort_values("x")
        pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs, check_dtype=False)


def test_merge_asof_of_times_with_nulls():
    left = vl.DataFrame({"t": pd.to_datetime(["2024-01-01", None, "2024-01-05"]), "x": [1, 2, 3]})
    right = vl.DataFrame({"t": pd.to_datetime([None, "2023-12-30", "2024-01-04"]), "y": [7, 8, None]})
    made = vl.merge_asof(left, right, "t").sort_values("x")
    assert made.y.to_list() == [8, None, None]
    near = vl.merge_asof(left, right, "t", tolerance=timedelta(days=1)).sort_values("x")
    assert near.y.to_list() == [None, None, None]
    with pytest.raises(TypeMismatch, match="merge_asof needs numbers or times in 'g'; it is string"):
        vl.merge_asof(left.assign(g="a"), right.assign(g="a"), "g")
    with pytest.raises(PlanError, match="no direction 'backwards'; did you mean 'backward'"):
        vl.merge_asof(left, right, "t", direction="backwards")


def test_merge_asof_by_keys_that_are_null_and_of_wide_decimals():
    left = pd.DataFrame({"t": [1, 2, 3, 4], "k": ["a", None, "b", "c"], "x": [1, 2, 3, 4]})
    right = pd.DataFrame({"t": [0, 1, 2, 2], "k": [None, "a", "b", None], "y": [7, 8, 9, 10]})
    theirs = pd.merge_asof(left, right, on="t", by="k")
    frames = [vl.DataFrame(left), vl.DataFrame(right)]
    made = vl.merge_asof(*frames, "t", by="k").sort_values("x")
    assert made.y.to_list() == [8, 10, 9, None]
    assert theirs.y.fillna(0).to_list() == [8, 10, 9, 0]
    wide = [frame.assign(t=frame.t.astype("decimal(30, 2)")) for frame in frames]
    for direction in ("backward", "forward"):
        narrow = vl.merge_asof(*frames, "t", by="k", direction=direction).sort_values("x")
        assert vl.merge_asof(*wide, "t", by="k", direction=direction).sort_values("x").y.to_list() == narrow.y.to_list()
    assert "NearestJoin" in vl.merge_asof(*frames, "t").explain("logical")
    assert "NearestJoin" not in vl.merge_asof(*wide, "t").explain("logical")


# ------------------------------------------------------------------------------------------ lengths of time
@pytest.mark.parametrize("unit", ["D", "h", "min", "s", "15min", "6h", "90s", "5D", "250ms"])
@pytest.mark.parametrize("method", ["floor", "ceil", "round"])
def test_times_are_rounded(unit, method):
    rng = np.random.default_rng(4)
    texts = ["1970-01-01 00:30", "1970-01-01 01:30", "2024-01-01 12:00", "2024-01-02 12:00", "2024-01-01 00:07:30"]
    random = pd.to_datetime("1969-12-25") + pd.to_timedelta(rng.integers(0, 10**13, 100), unit="us")
    times = pd.Series(random.append(pd.to_datetime(texts, format="ISO8601")).as_unit("us"))
    ours = getattr(vl.DataFrame({"t": times}).t.dt, method)(unit)
    assert ours.to_list() == getattr(times.dt, method)(unit).dt.to_pydatetime().tolist()


def test_lengths_of_time_that_cannot_be(frame):
    with pytest.raises(PlanError, match="'3MS': only units of fixed length can be taken several at a time"):
        frame.t.dt.floor("3MS")
    with pytest.raises(PlanError, match="times cannot be rounded to 'MS'"):
        frame.t.dt.round("MS")
    with pytest.raises(PlanError, match="resample has no rule '2week'; 'W' ends weeks on Sunday"):
        frame.resample("2week", on="t")
    with pytest.raises(TypeMismatch, match="resample needs times; 'v' is float64"):
        frame.resample("D", on="v")
    with pytest.raises(PlanError, match="needs its column of times, on="):
        frame.v.rolling("5D")
    with pytest.raises(PlanError, match="has a fixed length, such as '7D' or '90min', not '1MS'"):
        frame.v.rolling("1MS", on="t")


@pytest.mark.parametrize("rule", ["D", "MS", "6h", "15min", "QS", "YS", "W", "ME", "QE", "YE"])
def test_resample(frame, data, rule):
    def of(made, method):
        return getattr(made[["t", "v", "k"]].resample(rule, on="t"), method)()

    for method in ("sum", "mean", "count", "min", "median", "std"):
        pd.testing.assert_frame_equal(
            of(frame, method).to_pandas(), of(data, method), check_dtype=False, check_freq=False
        )
    spec = {"v": ["sum", "max"], "k": "count"}
    made = data.resample(rule, on="t")
    ours, theirs = (one.resample(rule, on="t").agg(spec) for one in (frame, data))
    theirs.columns = ["v_sum", "v_max", "k"]
    pd.testing.assert_frame_equal(ours.to_pandas(), theirs, check_dtype=False, check_freq=False)
    ours = frame.resample(rule, on="t").agg({"v": [np.sum, ("n", "count")], "k": len}).to_pandas()
    assert ours.v_sum.tolist() == theirs.v_sum.tolist()
    assert (ours.v_n.tolist(), ours.k.tolist()) == (made.v.count().tolist(), made.size().tolist())
    sizes = frame.resample(rule, on="t").size().to_pandas()["size"]
    assert sizes.tolist() == data.resample(rule, on="t").size().tolist()


@pytest.mark.parametrize("rule", ["D", "6h", "MS"])
def test_times_in_utc(frame, data, rule):
    theirs = data.assign(t=data.t.dt.tz_localize("UTC"))
    ours = vl.DataFrame(theirs)
    made = ours[["t", "v"]].resample(rule, on="t").sum().to_pandas()
    pd.testing.assert_frame_equal(made, theirs[["t", "v"]].resample(rule, on="t").sum(), check_freq=False)
    if rule == "6h":
        assert ours.t.dt.round(rule).to_list() == theirs.t.dt.round(rule).dt.to_pydatetime().tolist()


def test_resample_of_no_rows(frame):
    assert frame[frame.i < 0].resample("D", on="t").sum().to_dict() == {"t": [], "k": [], "v": [], "w": [], "i": []}


@pytest.mark.parametrize("length", ["5h", "3D", "90min"])
@pytest.mark.parametrize("least", [None, 2])
@pytest.mark.parametrize("method", ["sum", "mean", "min", "max", "count", "std"])
def test_rolling_over_time(frame, data, length, least, method):
    ours = getattr(frame.rolling(length, least, on="t"), method)().to_pandas()
    theirs = getattr(data[["t", "k", "v", "w", "i"]].rolling(length, min_periods=least, on="t"), method)()
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=1e-6, atol=1e-6)
    series = getattr(frame.v.rolling(pd.Timedelta(length).to_pytimedelta(), least, on=frame.t), method)()
    np.testing.assert_allclose(np.array(series.to_list(), dtype=float), theirs.v, rtol=1e-6)


def test_rolling_over_time_within_groups(frame, data):
    ours = frame.assign(m=frame.groupby("k").v.rolling("4D", on="t").sum()).m.to_list()
    theirs = pd.concat([g.set_index("t").v.rolling("4D").sum().set_axis(g.index) for _, g in data.groupby("k")])
    np.testing.assert_allclose(np.array(ours, dtype=float), theirs.sort_index())


# ------------------------------------------------------------------------------------------ groups
FILTERS = {
    "mean": lambda g: g.v.mean() > 2,
    "two aggregates": lambda g: (g["w"].max() > 0.8) & (g.v.sum() < 40),
    "rows": lambda g: len(g) > 6,
    "a Python value": lambda g: bool(g.v.sum() > 10),
}


@pytest.mark.parametrize("keys", ["k", ["k", "g"]])
@pytest.mark.parametrize("name", FILTERS)
def test_groups_are_kept_whole(frame, data, keys, name):
    ours = frame.groupby(keys).filter(FILTERS[name]).to_pandas()
    theirs = data.groupby(keys).filter(FILTERS[name])
    ours = ours.sort_values("i") if name in ("rows", "a Python value") else ours
    pd.testing.assert_frame_equal(ours.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False)


def test_a_condition_of_aggregates_becomes_part_of_the_plan(frame):
    assert "MapBatches" not in frame.groupby("k").filter(FILTERS["mean"]).explain()
    assert "MapBatches" in frame.groupby("k").filter(FILTERS["rows"]).explain()


@pytest.mark.parametrize("keys", ["k", ["k", "g"]])
@pytest.mark.parametrize("method", ["corr", "cov"])
@pytest.mark.filterwarnings("ignore:Degrees of freedom:RuntimeWarning", "ignore:.*encountered in:RuntimeWarning")
def test_pairs_of_columns_within_groups(frame, data, keys, method):
    ours = getattr(frame.groupby(keys)[["v", "w", "i"]], method)().to_pandas()
    theirs = getattr(data.groupby(keys)[["v", "w", "i"]], method)()
    assert list(ours.index.names)[-1] == "column"
    pd.testing.assert_frame_equal(ours.rename_axis(theirs.index.names), theirs, check_dtype=False)


# ------------------------------------------------------------------------------------------ one pass
def test_melt_reads_its_rows_once(frame):
    molten = frame.groupby("k", as_index=False).agg(v=("v", "sum"), w=("w", "sum")).melt("k")
    assert molten.explain("physical").count("FinalAggregateExec") == 1
    assert molten.explain("physical").count("ScanExec") == 2
    assert len(molten) == 8
