"""Rows of frames, columns and groups, and where rows go, against pandas."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(21)
    rows = 150
    return pd.DataFrame(
        {
            "k": rng.integers(0, 5, rows),
            "g": rng.choice(["x", "y", "z", None], rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 9, rows) / 4),
            "w": rng.normal(size=rows),
        }
    )


@pytest.fixture(scope="module", params=[1, 3])
def frame(data, request):
    session = vl.Session(threads=request.param)
    whole = vl.DataFrame(data, session=session)
    pieces = [vl.DataFrame(data[at : at + 40], session=session) for at in range(0, len(data), 40)]
    return whole if request.param == 1 else vl.concat(pieces)


def same(ours, theirs):
    made = ours.to_pandas()
    if isinstance(theirs, pd.Series):
        pd.testing.assert_series_equal(made, theirs.reset_index(drop=True), check_dtype=False, check_names=False)
        return
    theirs = theirs.reset_index(drop=True) if theirs.index.name is None else theirs
    pd.testing.assert_frame_equal(made, theirs, check_dtype=False, check_index_type=False)


ROWS = {
    "tail": lambda f: f.tail(7),
    "tail of few": lambda f: f.tail(1000),
    "tail of none": lambda f: f.tail(0),
    "tail of a filter": lambda f: f[f.w > 0].tail(3),
    "last duplicates": lambda f: f.drop_duplicates(["k", "g"], keep="last"),
    "no duplicates": lambda f: f.drop_duplicates(["g", "v"], keep=False),
    "duplicated": lambda f: f.duplicated(["k", "g"]),
    "duplicated last": lambda f: f.duplicated("v", keep="last"),
    "duplicated either": lambda f: f.duplicated(["k", "v"], keep=False),
    "sort index": lambda f: f.sort_values("w").set_index("w").sort_index(ascending=False),
    "group heads": lambda f: f.groupby("g").head(2),
    "group tails": lambda f: f.groupby(["k", "g"]).tail(1),
    "group nth": lambda f: f.groupby("g").nth(3),
    "group nth from the end": lambda f: f.groupby("g").nth(-2),
    "group column": lambda f: f.groupby("g").w.sum().reset_index()[["g", "w"]],
    "get group": lambda f: f.groupby("k").get_group(3),
    "get group of two keys": lambda f: f.groupby(["k", "g"]).get_group((1, "x")),
    "series tail": lambda f: f.w.tail(4),
    "series head": lambda f: f.w.head(4),
    "series sorted": lambda f: f.w.sort_values(ascending=False),
    "series largest": lambda f: f.w.nlargest(3),
    "series smallest": lambda f: f.w.nsmallest(),
    "series dropna": lambda f: f.v.dropna(),
    "series distinct last": lambda f: f.k.drop_duplicates(keep="last"),
    "series duplicated": lambda f: f.k.duplicated(),
    "series replace": lambda f: f.k.replace([1, 2], 7),
    "series replace one": lambda f: f.g.replace("x", "q"),
    "series replace by dictionary": lambda f: f.k.replace({1: 2, 2: 1}),
    "series combine_first": lambda f: f.v.combine_first(f.w),
    "arithmetic": lambda f: f.w.add(1).sub(f.k).mul(2).div(3).rsub(1).radd(2).rmul(f.w).rdiv(1),
    "whole numbers": lambda f: f.k.add(1).floordiv(2).mod(3).pow(2).rpow(2),
    "reversed whole numbers": lambda f: f.k.add(1).rfloordiv(17) + f.k.add(1).rmod(17),
    "comparisons": lambda f: (f.k.gt(1) & f.k.le(3)) | f.k.eq(0) | (f.k.lt(4) & f.k.ge(4)) & f.k.ne(9),
    "pipe": lambda f: f.k.pipe(lambda s, n: s + n, 3),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_match_pandas(frame, data, name):
    same(ROWS[name](frame), ROWS[name](data))


def test_group_properties(frame, data):
    assert frame.groupby(["k", "g"]).ngroups == data.groupby(["k", "g"]).ngroups
    ours = {key: len(rows) for key, rows in frame.groupby(["g"])}
    assert ours == {key: len(rows) for key, rows in data.groupby(["g"])}
    flags = frame.assign(p=frame.w > 0)[["k", "p"]].groupby("k")
    theirs = data.assign(p=data.w > 0)[["k", "p"]].groupby("k")
    same(flags.any(), theirs.any())
    same(flags.all(), theirs.all())
    assert flags.pipe(lambda groups: groups.ngroups) == 5
    with pytest.raises(PlanError, match="a group has 2 keys"):
        frame.groupby(["k", "g"]).get_group(1)


def test_samples_depend_on_the_seed_alone(frame, data):
    once = frame.sample(20, random_state=5).to_pandas()
    assert once.equals(vl.DataFrame(data).sample(20, random_state=5).to_pandas())
    assert not once.equals(frame.sample(20, random_state=6).to_pandas())
    assert len(once.merge(data).drop_duplicates()) == 20
    assert len(frame.sample()) == 1
    assert len(frame.sample(1000)) == len(data)
    assert len(frame.w.sample(3)) == 3
    assert frame.sample(frac=1.0).equals(frame)
    assert len(frame.sample(frac=0.0)) == 0
    share = np.mean([len(frame.sample(frac=0.3, random_state=seed)) for seed in range(20)]) / len(data)
    assert 0.24 < share < 0.36
    for wrong in ({"n": 1, "frac": 0.1}, {"n": -1}, {"frac": 1.5}):
        with pytest.raises(PlanError):
            frame.sample(**wrong)


def test_every_row_has_the_same_chance():
    drawn = [vl.DataFrame({"x": range(10)}).sample(3, random_state=seed).x.to_list() for seed in range(300)]
    counts = np.bincount(np.concatenate(drawn), minlength=10)
    assert counts.sum() == 900
    assert 55 < counts.min() <= counts.max() < 130


@pytest.mark.parametrize("how", ["left", "inner", "right", "outer"])
def test_join_on_marked_columns(frame, data, how):
    names = pd.DataFrame({"id": [0, 1, 2, 9], "name": ["a", "b", "c", "z"], "w": [1.0, 2.0, 3.0, 4.0]})
    ours = frame.join(vl.from_pandas(names).set_index("id"), on="k", how=how, rsuffix="_r")
    theirs = data.join(names.set_index("id").rename(columns={"w": "w_r"}), on="k", how=how)
    keys = ["k", "w", "g", "v", "name"]
    same(ours.sort_values(keys)[theirs.columns.tolist()], theirs.sort_values(keys).reset_index(drop=True))


def test_join_of_two_marked_frames_and_what_it_needs(frame):
    one = vl.DataFrame({"k": [1, 2], "a": [3, 4]}).set_index("k")
    two = vl.DataFrame({"k": [2, 1], "b": [5, 6]}).set_index("k")
    assert one.join(two).sort_index().to_pandas().to_dict() == {"a": {1: 3, 2: 4}, "b": {1: 6, 2: 5}}
    with pytest.raises(PlanError, match="mark them with set_index"):
        frame.join(two.reset_index())
    with pytest.raises(PlanError, match="both frames have a"):
        one.join(one)


@pytest.mark.parametrize("function", ["mean", "sum", "count", "max", "size"])
@pytest.mark.parametrize("fill", [None, 0])
def test_pivot_tables(frame, data, function, fill):
    given = data[(data.k != 2) | (data.g != "x")]
    theirs = given.pivot_table(values="w", index="g", columns="k", aggfunc=function, fill_value=fill)
    theirs.columns = [str(name) for name in theirs.columns]
    ours = frame[(frame.k != 2) | (frame.g != "x")].pivot_table("w", "g", "k", function, fill_value=fill)
    same(ours, theirs)


@pytest.mark.parametrize(
    "options",
    [
        {"values": "w", "index": "g", "columns": "k", "aggfunc": "mean"},
        {"values": "v", "index": "g", "columns": "k", "aggfunc": "count"},
        {"values": "w", "index": "k", "columns": "g", "aggfunc": "sum", "fill_value": 0},
        {"values": ["v", "w"], "index": "g", "columns": "k", "aggfunc": "max"},
        {"values": "w", "index": ["g", "v"], "columns": "k", "aggfunc": "sum"},
        {"values": ["v", "w"], "index": "g", "aggfunc": "mean", "margins_name": "Total"},
        {"values": "w", "index": ["k", "g"], "aggfunc": "median"},
    ],
    ids=str,
)
def test_pivot_tables_with_totals(frame, data, options):
    theirs, ours = (f.pivot_table(**options, margins=True) for f in (data, frame))
    ours = ours.to_pandas()
    if isinstance(theirs.columns, pd.MultiIndex):
        theirs.columns = ["_".join(map(str, names)) for names in theirs.columns]
    assert list(ours.columns) == [str(name) for name in theirs.columns]
    labels = [tuple(map(str, row)) if isinstance(row, tuple) else str(row) for row in theirs.index]
    assert list(ours.index) == labels
    np.testing.assert_allclose(ours.to_numpy(float), theirs.to_numpy(float))


def test_pivot_tables_of_several_values_and_what_they_need(frame, data):
    theirs = data.pivot_table(index=["k"], columns="g", aggfunc="sum")
    theirs.columns = [f"{value}_{label}" for value, label in theirs.columns]
    same(frame.pivot_table(index=["k"], columns="g", aggfunc="sum"), theirs)
    with pytest.raises(PlanError, match="needs index"):
        frame.pivot_table("w")
    with pytest.raises(PlanError, match="did you mean 'mean'"):
        frame.pivot_table("w", "k", "g", "maen")
    with pytest.raises(PlanError, match="no numeric column"):
        frame[["k", "g"]].pivot_table(index="k", columns="g")


def test_functions_of_values(frame, data):
    def half(value):
        return value / 2

    same(frame.assign(h=frame.w.apply(half, dtype=float)), data.assign(h=data.w.apply(half)))
    same(frame.assign(w=frame.w.map(half, dtype=float)), data.assign(w=data.w.map(half)))
    same((frame.k + 1).apply(str, dtype="string"), (data.k + 1).apply(str))
    assert frame.v.apply(half, dtype=float).isna().to_list() == data.v.isna().tolist()


def test_reductions_of_columns(frame, data):
    assert frame.w.agg(["min", "max"]) == data.w.agg(["min", "max"]).to_dict()
    assert frame.k.agg("nunique") == data.k.nunique()
    assert frame[frame.w > 1e9].w.agg("sum") == 0
    assert (frame.v.hasnans, frame.w.hasnans) == (True, False)
    assert (frame.k.is_unique, frame.w.is_unique) == (False, True)
    assert (frame.k.size, frame.k.shape, frame.k.ndim, frame.k.empty, len(frame.k)) == (150, (150,), 1, False, 150)
    pd.testing.assert_series_equal(frame.w.describe(), data.w.describe())
    assert frame.w.copy().equals(frame.w)
    assert not frame.w.equals(frame.v)
    assert not frame.w.equals(data.w)
    assert frame[frame.w == frame.w.max()].k.item() == data.k[data.w.idxmax()]
    with pytest.raises(PlanError, match="the column has more"):
        frame.k.item()
    with pytest.raises(PlanError, match="the column has none"):
        frame[frame.w > 1e9].k.item()
    with pytest.raises(PlanError, match="to_list"):
        list(frame.k)


def test_rows_go_elsewhere(frame, data):
    np.testing.assert_array_equal(frame[["k", "w"]].to_numpy(), data[["k", "w"]].to_numpy())
    np.testing.assert_array_equal(frame[["k", "v"]].values, data[["k", "v"]].values)
    np.testing.assert_array_equal(frame.w.to_numpy(), data.w.to_numpy())
    np.testing.assert_array_equal(frame.w.values, data.w.values)
    assert frame.to_polars().equals(pl.from_arrow(frame.to_arrow()))
    records = frame.to_dict("records")
    assert records[:2] == frame.head(2).to_arrow().to_pylist()
    assert list(frame.iterrows())[-1] == (149, records[-1])
    rows = list(frame.itertuples())
    assert [row.Index for row in rows] == list(range(150))
    assert [row.w for row in rows] == data.w.tolist()
    assert next(frame.rename({"k": "a b"}).itertuples(index=False))._0 == data.k[0]
    assert {name: column.count() for name, column in frame.items()} == data.count().to_dict()
    assert frame.copy() is frame
    with pytest.raises(PlanError, match="orient='records'"):
        frame.to_dict("tight")


def test_mistakes_say_what_to_write(frame):
    with pytest.raises(PlanError, match="no column is marked as index"):
        frame.sort_index()
    with pytest.raises(PlanError, match="keep must be"):
        frame.drop_duplicates(keep="middle")
    with pytest.raises(TypeMismatch, match="a filter needs a condition"):
        frame.loc[lambda _: 1]


def test_spread_and_counts_of_one_column_together(frame, data):
    ours = frame.groupby("k").agg({"v": ["count", "mean", "std"]}).to_pandas()
    theirs = data.groupby("k").agg({"v": ["count", "mean", "std"]})
    np.testing.assert_allclose(ours.to_numpy(), theirs.to_numpy())
