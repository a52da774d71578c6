"""Means and sums of moments and lengths, numpy's functions of columns, and moving rows of groups, against pandas."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

import volley as vl

ROWS = pd.DataFrame(
    {
        "k": ["x", "y", "x", "z", "y", "w"],
        "t": pd.to_datetime(
            ["2024-01-01", "2024-02-15 12:00", "2024-02-29", "2023-12-31 23:59:59", None, None], format="mixed"
        ),
        "a": [3, 1, 2, 2, 5, -4],
        "b": [1.5, None, 0.25, 1e-12, 4.0, -0.5],
        "f": [True, False, True, True, False, False],
    }
)
ROWS["d"] = ROWS.t - pd.Timestamp("2024-01-01")
FRAME = vl.DataFrame(ROWS)


@pytest.mark.parametrize("method", ["mean", "std", "median"])
@pytest.mark.parametrize("column", ["t", "d"])
def test_moments_and_lengths_come_to_one_value(column, method):
    ours, theirs = getattr(FRAME[column], method)(), getattr(ROWS[column], method)()
    assert abs(pd.Timedelta(ours - theirs.to_pytimedelta() if method == "std" else ours - theirs)) < pd.Timedelta("2us")


def test_lengths_are_added_up():
    assert FRAME.d.sum() == ROWS.d.sum().to_pytimedelta()
    assert FRAME[FRAME.d.isna()].d.sum() == dt.timedelta(0)
    assert FRAME[FRAME.d.isna()].d.mean() is None
    assert FRAME.d.quantile(0.25) == ROWS.d.quantile(0.25).to_pytimedelta()
    assert FRAME.agg({"t": "mean", "d": "sum"}).to_dict() == {"t": ROWS.t.mean(), "d": ROWS.d.sum()}


def test_the_mean_of_instants_keeps_their_zone():
    instants = FRAME.assign(t=FRAME.t.dt.tz_localize("Europe/Berlin"))
    assert instants.t.mean() == ROWS.t.dt.tz_localize("Europe/Berlin").mean()
    assert str(instants.groupby("k").t.mean().schema["t"].dtype) == "timestamp(us, Europe/Berlin)"


def test_many_late_moments_have_a_mean():
    """The sum of their microseconds needs more than 64 bits."""
    late = vl.DataFrame({"t": [dt.datetime(9999, 12, 31)] * 40, "k": [1] * 40})  # noqa: DTZ001  # of no zone
    assert late.t.mean() == dt.datetime(9999, 12, 31)  # noqa: DTZ001  # of no zone


def test_groups_of_moments_and_lengths():
    asked = {"t": ("t", "mean"), "d": ("d", "mean"), "s": ("d", "sum"), "n": ("a", "sum"), "q": ("d", "median")}
    theirs = ROWS.groupby("k").agg(**asked)
    pd.testing.assert_frame_equal(
        FRAME.groupby("k").agg(**asked).to_pandas(), theirs, check_dtype=False, check_index_type=False
    )
    ours = FRAME.groupby("k").d.quantile(0.25).to_pandas()
    pd.testing.assert_series_equal(ours.d, ROWS.groupby("k").d.quantile(0.25), check_dtype=False)


def test_sums_of_lengths_by_month():
    ours = FRAME.dropna().resample("MS", on="t").d.sum().to_pandas()
    assert list(ours.d) == list(ROWS.dropna().resample("MS", on="t").d.sum())


@pytest.mark.parametrize("columns", [["t", "a", "d"], ["a", "d"], ["t"], ["d"], ["a", "b"], ["k", "t"]], ids=str)
def test_describe_of_times(columns):
    ours, theirs = FRAME[columns].describe(), ROWS[columns].describe()
    assert ours.index.equals(theirs.index)
    for name, values in theirs.items():
        for mine, wanted in zip(ours[name], values, strict=True):
            if isinstance(wanted, pd.Timestamp | pd.Timedelta) and wanted is not pd.NaT:
                assert abs(mine - wanted) <= pd.Timedelta("1us")
            else:
                assert mine == pytest.approx(wanted, nan_ok=True) or (pd.isna(mine) and pd.isna(wanted))


def test_describe_of_one_column_of_times():
    assert FRAME.t.describe()["max"] == ROWS.t.max()
    assert FRAME[FRAME.t.isna()].t.describe()["count"] == 0


OF_NUMPY = {
    "log": lambda f: np.log(f.b + 1),
    "log1p": lambda f: np.log1p(f.b),
    "expm1": lambda f: np.expm1(f.b),
    "exp": lambda f: np.exp(f.a),
    "abs": lambda f: np.abs(f.a),
    "square": lambda f: np.square(f.a),
    "maximum": lambda f: np.maximum(f.b, 0),
    "maximum of columns": lambda f: np.maximum(f.a, f.b),
    "minimum": lambda f: np.minimum(1.0, f.b),
    "its numbers times": lambda f: np.float64(2.5) * f.a,
    "its numbers less": lambda f: np.int64(2) - f.a,
    "its numbers compared": lambda f: np.int64(2) < f.a,
    "logical": lambda f: np.logical_and(f.a > 1, f.f),
    "moments": lambda f: np.datetime64("2024-01-02") < f.dropna().t,
}


@pytest.mark.parametrize("function", OF_NUMPY.values(), ids=OF_NUMPY)
def test_functions_of_numpy_stay_lazy(function):
    ours, theirs = function(FRAME), function(ROWS)
    assert isinstance(ours, vl.Series)
    taken = [None if value != value else value for value in theirs.tolist()]
    assert ours.to_list() == [value if value is None else pytest.approx(value, rel=1e-15) for value in taken]


def test_numbers_near_zero_and_far_from_it():
    far = vl.DataFrame({"x": [np.inf, -np.inf, 0.0, -1.0, 1e-300, 750.0, -50.0]})
    with np.errstate(all="ignore"):
        for function in (np.log1p, np.expm1):
            np.testing.assert_allclose(function(far.x).to_list(), function(far.x.to_numpy()), rtol=1e-15)


def test_what_no_column_has_is_made_of_the_values():
    assert np.add.reduce(FRAME.a) == 9
    assert list(np.arcsinh(FRAME.a)) == list(np.arcsinh(ROWS.a))
    assert list(np.array([1, 2, 3, 4, 5, 6]) * FRAME.a) == [3, 2, 6, 8, 25, -24]


def test_columns_are_chosen_of_moving_rows_of_groups():
    moving = FRAME.groupby("k").rolling(2)
    assert moving.a.sum().to_list() == moving["a"].sum().to_list() == [None, None, 5.0, None, 6.0, None]
    assert moving[["a", "b"]].max().columns == ["a", "b"]
    with pytest.raises(AttributeError, match="unknown column 'aa'"):
        _ = moving.aa


@pytest.mark.parametrize("method", ["min", "max", "median", "prod", "skew", "kurt"])
def test_numeric_only(method):
    theirs = getattr(ROWS[["a", "b", "f", "k"]], method)(numeric_only=True)
    ours = getattr(FRAME[["a", "b", "f", "k"]], method)(numeric_only=True)
    assert list(ours.index) == list(theirs.index)
    np.testing.assert_allclose([float(v) for v in ours], [float(v) for v in theirs], rtol=1e-9, atol=1e-12)
