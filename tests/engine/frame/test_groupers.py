"""``pandas.Grouper`` as a key of a group-by, against pandas."""

import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError

ROWS = pd.DataFrame(
    {
        "t": pd.to_datetime(["2024-01-01", "2024-02-15 12:00", "2024-04-29", "2024-01-31 23:59"], format="mixed"),
        "k": ["a", "b", "a", "a"],
        "x": [1, 2, 3, 4],
    }
)
FRAME = vl.DataFrame(ROWS)
GROUPED = {
    "months": lambda f: f.groupby(pd.Grouper(key="t", freq="MS")).x.sum(),
    "ends of months": lambda f: f.groupby(pd.Grouper(key="t", freq="ME")).agg(s=("x", "sum"), n=("x", "count")),
    "weeks": lambda f: f.groupby(pd.Grouper(key="t", freq="W")).size(),
    "quarters": lambda f: f.groupby(pd.Grouper(key="t", freq="QS")).x.max(),
    "several months": lambda f: f.groupby(pd.Grouper(key="t", freq="3MS")).x.sum(),
    "weeks that end on Wednesday": lambda f: f.groupby(pd.Grouper(key="t", freq="W-WED")).x.sum(),
    "years": lambda f: f.groupby(pd.Grouper(key="t", freq="YE")).x.mean(),
    "days of the index": lambda f: f.set_index("t").groupby(pd.Grouper(freq="D")).x.count(),
    "a column": lambda f: f.groupby(pd.Grouper(key="k")).x.sum(),
    "beside a key": lambda f: f.groupby(["k", pd.Grouper(key="t", freq="MS")]).x.sum(),
    "before a key": lambda f: f.groupby([pd.Grouper(key="t", freq="6h"), "k"])["x"].mean(),
    "without index": lambda f: f.groupby(pd.Grouper(key="t", freq="QS"), as_index=False).x.max(),
    "without index, beside a key": lambda f: f.groupby(["k", pd.Grouper(key="t", freq="D")], as_index=False).x.sum(),
}


@pytest.mark.parametrize("grouped", GROUPED.values(), ids=GROUPED)
def test_same_as_pandas(grouped):
    ours, theirs = grouped(FRAME).to_pandas(), grouped(ROWS)
    theirs = theirs.to_frame("size" if theirs.name is None else theirs.name) if theirs.ndim == 1 else theirs
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_freq=False, check_index_type=False)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["k", pd.Grouper(key="t", freq="ME")], "are called by their starts, not by 'ME'"),
        (pd.Grouper(key="t", freq="D", closed="right"), "leave out closed and label"),
        (pd.Grouper(freq="D"), "a Grouper needs its column"),
        (pd.Grouper(key="t", freq="3B"), "times have no unit 'B'"),
    ],
)
def test_what_is_refused(keys, message):
    with pytest.raises(PlanError, match=message):
        FRAME.groupby(keys)
