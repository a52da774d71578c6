"""Several aggregates of moving rows, and functions of users over them: what pandas gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import UserFunctionError

DATA = pd.DataFrame(
    {
        "k": [1, 1, 2, 1, 2, 2, 1],
        "v": [1.0, None, 3.0, 4.0, 5, -0.0, 2],
        "w": [3, 1, 2, 5, 4, 7, 6],
        "t": pd.to_datetime("2024-01-01") + pd.to_timedelta([0, 1, 2, 5, 6, 7, 9], unit="D"),
    }
)
FRAME = vl.DataFrame(DATA)


def spread(values):
    return values.max() - values.min()


def scaled(values, by, plus=0):
    return values.sum() * by + plus


def ratio(values):
    return values[-1] / values[0]


def beside(made):
    """Return pandas' result for groups beside the rows that it is for."""
    return made.droplevel(0).sort_index()


CASES = {
    "a list, of a column": lambda f: f.v.rolling(2).agg(["sum", "min"]),
    "a list, of columns": lambda f: f[["v", "w"]].rolling(2, min_periods=1).agg(["sum", np.max]),
    "names of columns": lambda f: f[["v", "w"]].rolling(2).agg({"v": "sum", "w": "max"}),
    "a function that is an aggregate": lambda f: f.v.rolling(2, min_periods=1).agg(np.mean),
    "a function": lambda f: f.v.rolling(3, min_periods=2).apply(spread),
    "a function that sees nothing but nulls": lambda f: f.v.rolling(1, min_periods=0).apply(len),
    "an array": lambda f: f.w.rolling(3).apply(np.ptp, raw=True),
    "an array that cannot be compiled": lambda f: f.w.rolling(3).apply(lambda x: float(str(x[0])), raw=True),
    "centred": lambda f: f.w.rolling(3, center=True).apply(ratio, raw=True),
    "arguments": lambda f: f[["v", "w"]].rolling(3, min_periods=0).apply(scaled, args=(2,), kwargs={"plus": 1}),
    "a window of time": lambda f: f.rolling("3D", on="t")[["v"]].apply(spread)[["t", "v"]],
    "rows so far": lambda f: f.v.expanding(2).apply(spread),
    "a function in a list": lambda f: f.v.expanding(2).agg(["sum", spread]),
    "no rows": lambda f: f[:0].v.rolling(3).apply(spread),
}
OF_GROUPS = {
    "a function": lambda g: g.v.rolling(2, min_periods=1).apply(spread),
    "a function of columns": lambda g: g[["v", "w"]].rolling(2, min_periods=1).apply(spread),
    "a list": lambda g: g.v.rolling(2, min_periods=1).agg(["sum", "max"]),
    "a list of columns": lambda g: g[["v", "w"]].rolling(2, min_periods=1).agg(["sum", "max"]),
    "a dictionary": lambda g: g[["v", "w"]].rolling(2, min_periods=1).agg({"v": "sum", "w": "max"}),
    "rows so far": lambda g: g.v.expanding().agg(["sum", "max"]),
    "rows so far of columns": lambda g: g.expanding()[["v", "w"]].agg({"v": "sum", "w": "max"}),
    "a column chosen late": lambda g: g.expanding(2).w.apply(spread),
}


def assert_alike(ours, theirs):
    ours = ours.to_pandas()
    if isinstance(theirs, pd.Series):
        pd.testing.assert_series_equal(ours, theirs, check_names=False, check_dtype=False)
        return
    flat = ["_".join(name) if isinstance(name, tuple) else name for name in theirs.columns]
    pd.testing.assert_frame_equal(ours, theirs.set_axis(flat, axis=1), check_names=False, check_dtype=False)


@pytest.mark.parametrize("name", CASES)
def test_moving_rows(name):
    assert_alike(CASES[name](FRAME), CASES[name](DATA))


@pytest.mark.parametrize("name", OF_GROUPS)
def test_moving_rows_of_groups(name):
    assert_alike(OF_GROUPS[name](FRAME.groupby("k")), beside(OF_GROUPS[name](DATA.groupby("k"))))


def test_a_dictionary_may_hold_lists():
    made = FRAME.rolling(2).agg({"v": ["sum"], "w": ["min", "max"]})
    assert made.columns == ["v_sum", "w_min", "w_max"]
    assert_alike(made, DATA[["v", "w"]].rolling(2).agg({"v": ["sum"], "w": ["min", "max"]}))


def test_functions_are_compiled_where_it_is_said():
    theirs = DATA.w.rolling(2).apply(ratio, raw=True)
    for made in (
        FRAME.w.rolling(2).apply(ratio, raw=True, engine="numba"),
        FRAME.w.rolling(2).apply(vl.udf(ratio, compile=True)),
        FRAME.w.rolling(2).apply(vl.udf(ratio, compile=False), raw=True),
    ):
        assert_alike(made, theirs)


def test_a_function_that_raises_tells_the_values():
    for raw in (False, True):
        with pytest.raises(
            UserFunctionError, match=r"broken raised ZeroDivisionError: .*; for the values \[3.0, 1.0\]"
        ):
            FRAME.w.rolling(2).apply(broken, raw=raw).to_list()


def broken(values):
    if len(values) > 1:
        raise ZeroDivisionError("no")
    return 1.0


def test_moving_rows_stand_beside_their_frame():
    made = FRAME.set_index("k").assign(z=FRAME.w.rolling(2).apply(spread)).filter(FRAME.w > 5)
    assert made.to_pandas()["z"].tolist() == [3.0, 1.0]
    assert FRAME.set_index("k").w.rolling(2).agg(["min"]).to_pandas().index.name == "k"
