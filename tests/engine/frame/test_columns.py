"""Columns, cells and reductions of whole frames, against pandas."""

import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import volley as vl
from tests.engine.frame.method_cases import melted
from volley.engine.errors import ColumnNotFound, PlanError, TypeMismatch


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(9)
    rows = 120
    return pd.DataFrame(
        {
            "k": rng.integers(0, 4, rows),
            "g": rng.choice(["x", "y", None], rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
            "w": rng.normal(size=rows),
            "p": rng.random(rows) < 0.5,
        }
    )


@pytest.fixture(scope="module")
def frame(data):
    return vl.from_pandas(data)


def same(ours, theirs, **options):
    made = ours.to_pandas()
    for name in made:
        if made[name].dtype != theirs[name].dtype and theirs[name].dtype.kind == "O":
            made[name] = made[name].astype(object)
    pd.testing.assert_frame_equal(made, theirs, check_dtype=False, check_index_type=False, **options)


FRAMES = {
    "loc rows": lambda f: f.loc[f.w > 0],
    "loc columns": lambda f: f.loc[:, ["w", "k"]],
    "loc both": lambda f: f.loc[f.w > 0, ["w", "k"]],
    "loc slice": lambda f: f.loc[f.k == 1, "g":"w"],
    "loc open slice": lambda f: f.loc[:, :"v"],
    "loc function": lambda f: f.loc[lambda d: d.w > 1],
    "rename": lambda f: f.rename(columns={"k": "key"}),
    "rename function": lambda f: f.rename(columns=str.upper),
    "prefix": lambda f: f.add_prefix("a_"),
    "suffix": lambda f: f.add_suffix("_a"),
    "drop": lambda f: f.drop(columns=["k", "g"]),
    "drop one": lambda f: f.drop(columns="p"),
    "numbers": lambda f: f.select_dtypes("number"),
    "without numbers": lambda f: f.select_dtypes(exclude=["number"]),
    "booleans and floats": lambda f: f.select_dtypes([bool, "float64"]),
    "integers": lambda f: f.select_dtypes(include=np.integer),
    "filter items": lambda f: f.filter(items=["w", "k"])[["k", "w"]],
    "filter like": lambda f: f.rename(columns={"v": "value", "w": "weight"}).filter(like="e"),
    "filter regex": lambda f: f.filter(regex="^[kw]$"),
    "isna": lambda f: f.isna(),
    "notna": lambda f: f.notna(),
    "isin": lambda f: f.isin([2, "x"]),
    "isin by column": lambda f: f.isin({"k": [1], "g": ["y"]}),
    "clip": lambda f: f[["k", "w"]].clip(-1, 2),
    "round": lambda f: f.assign(w=f.w.round(6)).round({"w": 2}),
    "abs": lambda f: f[["k", "w"]].abs(),
    "where": lambda f: f[["k", "w", "v"]].where(f.w > 0),
    "mask": lambda f: f[["k", "w", "v"]].mask(f.w > 0, 7),
    "replace": lambda f: f[["k", "w"]].replace(1, 100),
    "replace several": lambda f: f[["k", "w"]].replace([1, 2], 9),
    "replace by dictionary": lambda f: f[["k", "w"]].replace({1: 100, 2: 200}),
    "replace by column": lambda f: f.replace({"g": {"x": "z"}}),
    "fillna": lambda f: f.fillna({"v": 0.5, "g": "none"}),
    "shift": lambda f: f[["k", "v"]].shift(2),
    "diff": lambda f: f[["k", "w"]].diff(),
    "pct_change": lambda f: f[["w"]].pct_change(),
    "cumsum": lambda f: f[["k", "v"]].cumsum(),
    "cummin": lambda f: f[["k", "v"]].cummin(),
    "cummax": lambda f: f[["k", "v"]].cummax(),
    "ffill": lambda f: f.ffill(),
    "bfill": lambda f: f.bfill(),
    "rank": lambda f: f[["k", "v"]].rank(method="min"),
    "melt": lambda f: melted(f, id_vars=["k", "g"], value_vars=["v", "w"]),
    "melt all": lambda f: melted(f[["k", "w"]], var_name="name", value_name="number"),
    "melt one": lambda f: melted(f, "g", "w"),
    "set and reset index": lambda f: f.set_index("k").reset_index(),
    "set index": lambda f: f.set_index(["k", "g"]),
    "reset and drop": lambda f: f.set_index("k").reset_index(drop=True),
    "nothing to reset": lambda f: f.reset_index(drop=True),
    "prefix beside an index": lambda f: f.set_index("k").add_prefix("n_"),
    "eval chain": lambda f: f.eval("z = w * 2").query("z > 0").reset_index(drop=True),
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_match_pandas(frame, data, name):
    theirs = FRAMES[name](data)
    if list(theirs.index.names) == [None]:
        theirs = theirs.reset_index(drop=True)
    same(FRAMES[name](frame), theirs)


def test_loc_of_one_column_is_a_column(frame, data):
    assert frame.loc[frame.w > 0, "k"].to_list() == data.loc[data.w > 0, "k"].tolist()
    with pytest.raises(PlanError, match="rows have no labels here"):
        frame.loc[3]
    with pytest.raises(TypeMismatch, match="loc takes columns as"):
        frame.loc[:, 3]
    with pytest.raises(PlanError, match="takes no step"):
        frame.loc[:, "k":"w":2]
    with pytest.raises(PlanError, match=r"frame\.x\.mask"):
        frame.loc[frame.w > 0, "k"] = 1
    with pytest.raises(ColumnNotFound, match="'q'"):
        frame.loc[:, :"q"]


VALUES = {
    "sum": lambda f: f[["k", "v", "w"]].sum(),
    "mean": lambda f: f[["k", "v", "w"]].mean(),
    "std": lambda f: f[["k", "v", "w"]].std(),
    "var": lambda f: f[["k", "v", "w"]].var(),
    "min": lambda f: f[["k", "v", "w"]].min(),
    "max": lambda f: f[["k", "v", "w"]].max(),
    "count": lambda f: f.count(),
    "nunique": lambda f: f.nunique(),
    "median": lambda f: f[["k", "v", "w"]].median(),
    "quantile": lambda f: f[["k", "v", "w"]].quantile(0.3),
    "prod": lambda f: f[["w", "v"]].head(20).prod(),
    "any": lambda f: f[["p"]].any(),
    "all": lambda f: f[["p"]].all(),
    "agg": lambda f: f[["k", "w"]].agg("mean"),
    "agg by column": lambda f: f.agg({"k": "sum", "w": "max"}),
    "nulls": lambda f: f[["v"]].isna().assign(n=1).sum(),
    "describe a column": lambda f: f[["w"]].describe()["w"],
}


@pytest.mark.parametrize("name", VALUES)
def test_reductions_match_pandas(frame, data, name):
    pd.testing.assert_series_equal(VALUES[name](frame), VALUES[name](data), check_dtype=False, check_names=False)


TABLES = {
    "agg list": lambda f: f[["k", "w"]].agg(["min", "max", "mean"]),
    "agg lists by column": lambda f: f.agg({"k": ["min", "max"], "w": ["mean", "min"]}),
    "describe": lambda f: f[["k", "v", "w"]].describe(),
    "corr": lambda f: f[["k", "v", "w"]].corr(),
    "cov": lambda f: f[["k", "v", "w"]].cov(),
}


@pytest.mark.parametrize("name", TABLES)
def test_tables_of_reductions_match_pandas(frame, data, name):
    pd.testing.assert_frame_equal(TABLES[name](frame), TABLES[name](data), check_dtype=False, check_like=True)


def test_describe_of_texts(frame, data):
    ours = frame[["g"]].describe()["g"]
    theirs = data[["g"]].describe()["g"]
    assert ours["count":"unique"].tolist() == theirs["count":"unique"].tolist()
    assert ours["freq"] == theirs["freq"]
    with pytest.raises(PlanError, match="describe needs columns"):
        vl.DataFrame({}).describe()


def test_reductions_of_no_rows(frame):
    none = frame[frame.w > 1e9]
    assert none[["k", "w"]].sum().tolist() == [0, 0]
    assert none.count().tolist() == [0] * 5
    assert none[["p"]].all().tolist() == [True]
    assert none[["p"]].any().tolist() == [False]
    assert none.empty
    assert none.describe().loc["count"].tolist() == [0, 0, 0]
    assert none[["g"]].describe().loc["top"].isna().all()


def test_reductions_that_cannot_be(frame):
    with pytest.raises(PlanError, match="unknown aggregate 'maen'; did you mean 'mean'"):
        frame.agg("maen")
    with pytest.raises(PlanError, match="agg needs something to compute"):
        frame[["g"]].agg("mean")
    for needing in (frame[["g"]].quantile, frame[["g"]].corr):
        with pytest.raises(PlanError, match="needs numeric columns"):
            needing()
    with pytest.raises(PlanError, match="any needs boolean columns"):
        frame[["g"]].any()


def test_value_counts_of_rows(frame, data):
    ours = frame[["k", "p"]].value_counts().to_pandas()["count"]
    theirs = data[["k", "p"]].value_counts()
    assert ours.tolist() == theirs.tolist()
    pd.testing.assert_series_equal(ours.sort_index(), theirs.sort_index(), check_dtype=False)
    assert frame.value_counts("g").to_pandas()["count"].to_dict() == data.value_counts("g").to_dict()


def test_sizes(frame, data):
    assert (frame.size, frame.ndim, frame.empty, frame.shape) == (data.size, 2, False, data.shape)
    assert frame.keys() == list(data.keys())
    assert frame.get("w").to_list() == data.get("w").tolist()
    assert frame.get("q", 5) == 5


def test_info_names_columns_counts_and_types(frame, data, capsys):
    out = io.StringIO()
    frame.info(out)
    lines = [line.split() for line in out.getvalue().splitlines()]
    assert lines[0] == ["DataFrame:", "120", "rows", "x", "5", "columns"]
    assert ["v", str(data.v.count()), "double"] in lines or ["v", str(data.v.count()), "float64"] in lines
    frame.info()
    assert capsys.readouterr().out == out.getvalue()


def test_equals(frame, data):
    assert frame.equals(vl.from_pandas(data))
    assert not frame.equals(frame[frame.w > 0])
    assert not frame.equals(frame.assign(w=frame.w + 1))
    assert not frame.equals(frame.drop("w"))
    assert not frame.equals(data)
    assert vl.DataFrame({"x": [np.nan]}).equals(vl.DataFrame({"x": [np.nan]}))


def test_mistakes_say_what_to_write(frame):
    for wrong in (lambda: frame + frame, lambda: frame > frame):
        with pytest.raises(PlanError, match="frames as wholes have no arithmetic"):
            wrong()
    with pytest.raises(PlanError, match="rename takes one dictionary"):
        frame.rename()
    with pytest.raises(PlanError, match="drop takes the names of columns"):
        frame.drop()
    with pytest.raises(PlanError, match="set_axis needs 5 names"):
        frame.set_axis(["a"])
    with pytest.raises(PlanError, match="rows have no numbers; leave"):
        frame.reset_index()
    with pytest.raises(PlanError, match="select_dtypes needs include"):
        frame.select_dtypes()
    with pytest.raises(TypeMismatch, match="melt: 'g' is string, 'k' int64"):
        frame.melt()
    with pytest.raises(PlanError, match="at least one column of values"):
        frame[["k"]].melt("k")
    with pytest.raises(TypeMismatch, match="takes a list of values"):
        frame.isin("x")
    with pytest.raises(TypeMismatch, match="give one condition"):
        frame.where(frame[["p"]])
    with pytest.raises(TypeMismatch, match="or one of items=, like= and regex="):
        frame.filter()


def test_set_axis_and_types(frame):
    assert frame.set_axis(list("abcde")).columns == list("abcde")
    table = pa.table({"t": pa.array([0], pa.timestamp("us")), "d": pa.array([0], pa.duration("us")), "s": ["x"]})
    kinds = vl.from_arrow(table)
    assert kinds.select_dtypes("datetime").columns == ["t"]
    assert kinds.select_dtypes("timedelta").columns == ["d"]
    assert kinds.select_dtypes(object).columns == ["s"]
