"""Columns marked as index are the rows' labels: methods of whole frames leave them alone, as pandas does."""

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError

DATA = pd.DataFrame(
    {
        "k": [1, 2, 2, 3],
        "x": [3.0, None, 5.0, 3.0],
        "j": [1, 1, 2, 1],
        "p": [True, False, True, True],
        "s": list("abca"),
    }
)

WHOLE = {
    "arithmetic": lambda f: f.groupby("k")[["x", "j"]].sum() / 2,
    "arithmetic from the left": lambda f: f.groupby("k")[["x", "j"]].sum().rsub(10),
    "comparison": lambda f: f.groupby("k")[["x", "j"]].sum() > 3,
    "negation": lambda f: (
        -f.set_index("k")[["k", "x", "j"]].set_index("k")
        if isinstance(f, vl.DataFrame)
        else -f.set_index("k")[["x", "j"]]
    ),
    "isna": lambda f: f.set_index("k").isna(),
    "isin": lambda f: f[["k", "j"]].set_index("k").isin([2]),
    "fillna": lambda f: f.set_index("k").fillna(0),
    "replace": lambda f: f[["k", "x", "j"]].set_index("k").replace(2, 9),
    "where": lambda f: f[["k", "x", "j"]].set_index("k").where(lambda g: g.j > 1),
    "clip": lambda f: f[["k", "x", "j"]].set_index("k").clip(2, 2.5),
    "round": lambda f: f[["k", "x"]].assign(k=f.k + 0.26).set_index("k").round(1),
    "shift": lambda f: f.set_index("k").shift(1),
    "diff": lambda f: f[["k", "x", "j"]].set_index("k").diff(),
    "cumsum": lambda f: f[["k", "x", "j"]].set_index("k").cumsum(),
    "cumprod": lambda f: f[["k", "x", "j"]].set_index("k").cumprod(),
    "ffill": lambda f: f.set_index("k").ffill(),
    "rank": lambda f: f[["k", "x", "j"]].set_index("k").rank(),
    "rolling": lambda f: f[["k", "x", "j"]].set_index("k").rolling(2).sum(),
    "expanding": lambda f: f[["k", "x", "j"]].set_index("k").expanding().max(),
    "ewm": lambda f: f[["k", "x", "j"]].set_index("k").ewm(span=3).mean(),
    "apply": lambda f: f[["k", "x", "j"]].set_index("k").apply(lambda c: c * 2),
    "drop_duplicates": lambda f: f[["k", "j"]].set_index("k").drop_duplicates(keep="last"),
    "dropna": lambda f: f.assign(k=f.k.where(f.k > 1)).set_index("k").dropna(),
    "one column sorted": lambda f: f.groupby("k").x.sum().sort_values(ascending=False),
    "its greatest": lambda f: f.groupby("k").j.sum().nlargest(1),
    "its least": lambda f: f.groupby("k").j.sum().nsmallest(1),
    "it renamed": lambda f: f.groupby("k").x.sum().rename("total"),
    "it unmarked": lambda f: f.groupby("k").size().reset_index(name="n"),
    "as a frame": lambda f: f.groupby("k").x.sum().to_frame("total"),
    "by its own condition": lambda f: f.groupby("k").j.sum().loc[lambda s: s > 1],
    "by a condition of it": lambda f: f.groupby("k").j.sum().pipe(lambda s: s[s > 1]),
    "of groups": lambda f: f[["k", "x", "j"]].set_index("k").groupby("j").sum(),
}

OF_COLUMNS = {
    "sum": lambda f: f[["k", "x", "j"]].set_index("k").sum(),
    "mean": lambda f: f[["k", "x", "j"]].set_index("k").mean(),
    "max": lambda f: (
        f.set_index("k")[["k", "x", "j"]].set_index("k").max()
        if isinstance(f, vl.DataFrame)
        else f.set_index("k")[["x", "j"]].max()
    ),
    "count": lambda f: f.set_index("k").count(),
    "nunique": lambda f: f.set_index("k").nunique(),
    "quantile": lambda f: f[["k", "x", "j"]].set_index("k").quantile(0.3),
    "all": lambda f: f.assign(k=f.k > 1)[["k", "p"]].set_index("k").all(),
    "agg": lambda f: f[["k", "x", "j"]].set_index("k").agg(["min", "max"]),
    "corr": lambda f: f[["k", "x", "j"]].set_index("k").corr(),
    "describe": lambda f: f[["k", "x", "j"]].set_index("k").describe(),
    "describe texts": lambda f: f[["k", "s"]].set_index("k").describe(),
    "mode": lambda f: f[["k", "j"]].set_index("k").mode(),
}


def plain(made):
    """Return rows and labels without the differences between a Series and a frame of one column."""
    wide = made.to_frame() if isinstance(made, pd.Series) else made
    rows = wide.reset_index() if wide.index.name is not None else wide.reset_index(drop=True)
    return rows.astype(object).where(rows.notna(), None).to_numpy().tolist()


@pytest.mark.parametrize("name", WHOLE)
def test_methods_of_whole_frames_leave_labels_alone(name):
    ours = WHOLE[name](vl.DataFrame(DATA)).to_pandas()
    theirs = WHOLE[name](DATA)
    assert plain(ours) == plain(theirs)


@pytest.mark.parametrize("name", OF_COLUMNS)
def test_values_of_columns_are_not_of_labels(name):
    ours, theirs = OF_COLUMNS[name](vl.DataFrame(DATA)), OF_COLUMNS[name](DATA)
    assert list(ours.index) == list(theirs.index)
    if name in ("mode", "describe texts"):
        assert ours.to_numpy().tolist() == theirs.to_numpy().tolist()
    else:
        np.testing.assert_allclose(ours.to_numpy().astype(float), theirs.to_numpy().astype(float))


def test_equal_rows_are_found_by_their_values_alone():
    marked = vl.DataFrame(DATA)[["k", "j"]].set_index("k")
    assert marked.duplicated().to_list() == DATA[["j"]].duplicated().to_list()
    assert len(marked.drop_duplicates()) == 2


def test_labels_are_no_values():
    marked = vl.DataFrame(DATA)[["k", "x", "j"]].set_index("k")
    np.testing.assert_array_equal(marked.to_numpy(), DATA[["x", "j"]].to_numpy())
    assert sorted(marked.melt().collect()["variable"].unique().to_pylist()) == ["j", "x"]


def test_filling_by_the_values_of_columns():
    frame = vl.DataFrame(DATA)[["x", "j"]]
    assert frame.fillna(frame.mean()).x.to_list() == DATA.x.fillna(DATA.x.mean()).to_list()


def test_what_has_several_columns_needs_a_name():
    grouped = vl.DataFrame(DATA).groupby("k")[["x", "j"]].sum()
    for call in (
        grouped.sort_values,
        grouped.nlargest,
        lambda: grouped.reset_index(name="n"),
        lambda: grouped.rename("n"),
    ):
        with pytest.raises(PlanError, match="needs the name of a column"):
            call()
    with pytest.raises(PlanError, match="sort_values needs the name of a column"):
        vl.DataFrame({"x": [1]}).sort_values()


def test_rows_by_a_slice():
    assert vl.DataFrame(DATA)[1:3].j.to_list() == [1, 2]
