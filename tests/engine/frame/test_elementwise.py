"""Whole frames computed with: operators, functions of columns and rows, places, names; against pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import volley as vl
from volley.engine.errors import PlanError, TypeMismatch, UserFunctionError
from volley.engine.expr import SortKey
from volley.engine.plan import Frame, FrameUnit, over, preceding, window_call


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(12)
    rows = 40
    return pd.DataFrame(
        {
            "k": rng.integers(0, 4, rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.normal(size=rows)),
            "w": rng.normal(size=rows),
            "g": rng.choice(["x", "y"], rows),
        }
    )


@pytest.fixture(scope="module")
def frame(data):
    return vl.from_pandas(data)


OPERATORS = {
    "plus": lambda f: f + 1,
    "minus": lambda f: 2 - f - 1,
    "times": lambda f: 2 * f * 3,
    "over": lambda f: 1 / (f + 10) / 2,
    "floor and modulo": lambda f: (f // 2) % 3,
    "power": lambda f: f**2,
    "negative": lambda f: -f,
    "named": lambda f: f.radd(1).rsub(2).rmul(3).rdiv(4).truediv(5),
    "a row of numbers": lambda f: f.mul({"k": 1, "v": 2, "w": 3}) if isinstance(f, vl.DataFrame) else f.mul([1, 2, 3]),
    "expanding": lambda f: f.expanding(2).sum(),
    "rolling": lambda f: f.rolling(4, 2).mean(),
    "rolling of one": lambda f: f.rolling(4)["w"].agg("max"),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators(frame, data, name):
    columns = ["k", "v", "w"]
    ours, theirs = OPERATORS[name](frame[columns]).to_pandas(), OPERATORS[name](data[columns])
    (pd.testing.assert_series_equal if theirs.ndim == 1 else pd.testing.assert_frame_equal)(
        ours, theirs, check_dtype=False
    )


@pytest.mark.parametrize("aggregate", ["sum", "mean", "median", "min", "max", "std", "var", "count"])
def test_moving_rows_of_every_column(frame, data, aggregate):
    columns = ["k", "v", "w"]
    ours = getattr(frame[columns].rolling(5, 2), aggregate)().to_pandas()
    assert frame[columns].rolling(5, 2).agg(aggregate).to_pandas().equals(ours)
    pd.testing.assert_frame_equal(ours, getattr(data[columns].rolling(5, 2), aggregate)(), check_dtype=False)


def test_comparisons_and_columns_as_operands(frame, data):
    assert (frame[["k", "w"]] > 0).to_pandas().equals(data[["k", "w"]] > 0)
    assert (frame[["k", "w"]] <= 1).to_pandas().equals(data[["k", "w"]] <= 1)
    assert (~(frame[["k"]] < 2)).to_pandas().equals(~(data[["k"]] < 2))
    assert (frame[["k"]] >= 2).to_pandas().equals(data[["k"]] >= 2)
    ours = frame[["v", "w"]].sub(frame.w).to_pandas()
    pd.testing.assert_frame_equal(ours, data[["v", "w"]].sub(data.w, axis=0))
    assert (frame + 1).g.to_list() == data.g.tolist()


def test_functions_of_columns_and_rows(frame, data):
    assert frame[["k", "w"]].apply("max").equals(data[["k", "w"]].apply("max"))
    pd.testing.assert_frame_equal(frame[["w"]].transform("cumsum").to_pandas(), data[["w"]].transform("cumsum"))
    theirs = data.apply(lambda row: row.k * row["w"], axis=1)
    ours = frame.assign(z=frame.apply(lambda row: row.k * row["w"], axis=1, dtype=float)).z
    assert ours.to_list() == pytest.approx(theirs.tolist())

    def label(row) -> str:
        return f"{row.g}{row.k}" if row.v is not None else "none"

    assert frame.apply(label, axis="columns").to_list()[:3] == [
        f"{g}{k}" if v == v else "none" for g, k, v in zip(data.g[:3], data.k[:3], data.v[:3], strict=True)
    ]
    with pytest.raises(UserFunctionError, match=r"raised AttributeError: the row has no 'kk'; did you mean 'k'"):
        frame.apply(lambda row: row.kk, axis=1, dtype=float).to_list()
    with pytest.raises(PlanError, match="a row has no method 'sum'"):
        frame.apply("sum", axis=1)
    with pytest.raises(PlanError, match="axis is 0 for columns or 1 for rows"):
        frame.apply(len, axis=2)
    with pytest.raises(TypeMismatch, match="agg computes single values"):
        frame[["k", "w"]].transform("sum")


def test_places(frame, data):
    ends = (slice(None, 3), slice(5, 9), slice(36, None), slice(-3, None), slice(2, 1))
    for rows in (*ends, slice(1, -1), slice(-9, -2), slice(None, None, 2), slice(3, 30, 7), slice(-10, None, 3)):
        assert frame.iloc[rows].to_pandas().equals(data.iloc[rows].reset_index(drop=True))
        assert frame.w.iloc[rows].to_list() == data.w.iloc[rows].tolist()
    assert frame.iloc[[3, -1, 3], [0, 2]].to_pandas().equals(data.iloc[[3, -1, 3], [0, 2]].reset_index(drop=True))
    assert frame.set_index("k").take([5, 0]).to_pandas().equals(data.set_index("k").take([5, 0]))
    assert frame.iloc[[]].to_pandas().shape == data.iloc[[]].shape
    assert frame.iloc[[500]].to_pandas().empty
    assert frame.iloc[:, 0:2].columns == ["k", "v"]
    assert frame.iloc[:2, -1].to_list() == data.iloc[:2, -1].tolist()
    assert frame.iloc[4]["w"] == data.iloc[4]["w"]
    assert frame.iloc[-2, 2] == data.iloc[-2, 2]
    assert "Limit" in frame.iloc[3:5].explain("logical")
    for wrong, message in (
        (lambda: frame.iloc[100], "no row number 100"),
        (lambda: frame.iloc[:, 9], "no column number 9"),
        (lambda: frame.iloc[::-1], "in their order, not by -1"),
        (lambda: frame.iloc["k"], "a number, a list of numbers or a slice"),
    ):
        with pytest.raises(PlanError, match=message):
            wrong()
    with pytest.raises(TypeMismatch, match="columns as a number"):
        frame.iloc[:, "k"]


def test_names_and_shapes(frame, data):
    assert frame.reindex(columns=["w", "new"], fill_value=0).head(2).to_dict() == {
        "w": data.w[:2].tolist(),
        "new": [0, 0],
    }
    with pytest.raises(PlanError, match="2 columns are marked as index; rename_axis got 1"):
        frame.set_index(["k", "g"]).rename_axis("a")
    assert frame.set_index("k").rename_axis({"k": "key"}).index == ("key",)
    assert frame.squeeze() is frame
    assert frame[["k"]].iloc[:1].squeeze() == data.k[0]
    with pytest.raises(PlanError, match="rows share one place"):
        frame.pivot(index="k", columns="g", values="w")
    with pytest.raises(PlanError, match="labels of rows are the values of one column marked as index"):
        frame.w.idxmax()


def test_groups_of_expressions(frame, data):
    ours = frame.groupby(frame.w > 0).agg(n=("k", "size"), w=("w", "sum")).to_pandas()
    theirs = data.groupby(data.w > 0).agg(n=("k", "size"), w=("w", "sum"))
    assert ours.index.name == "(w > 0.0)"  # the column w stays beside its key
    np.testing.assert_allclose(ours, theirs)
    both = frame.groupby(["g", frame.k % 2]).w.sum().to_pandas()
    theirs = data.groupby(["g", data.k % 2])[["w"]].sum()
    np.testing.assert_allclose(both, theirs)
    assert frame.groupby((frame.w * 2).rename("d")).ngroups == 40
    assert frame.w.rename("z").groupby("g").sum().columns == ["g", "z"]
    assert frame.w.abs().groupby(frame.g).max().w.max() == pytest.approx(data.w.abs().max())


TRANSFORMS = {
    "score": lambda x: (x - x.mean()) / x.std(),
    "share": lambda x: x.abs() / x.abs().sum(),
    "filled": lambda x: x.fillna(x.mean()),
    "change": lambda x: x - x.shift(1),
    "running": lambda x: x.cumsum() / x.count(),
    "span": lambda x: x.max() - x.min(),
    "rank": lambda x: x.rank(),
    "moving": lambda x: x.rolling(2, 1).mean(),
    "numpy": np.mean,
    "name": "cumsum",
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_transforms_by_functions_of_a_column(frame, data, name):
    ours = frame.assign(z=frame.groupby("g").v.transform(TRANSFORMS[name])).z
    theirs = data.groupby("g").v.transform(TRANSFORMS[name])
    np.testing.assert_allclose(ours.to_numpy().astype(float), theirs)


def test_transforms_leave_rows_without_a_key_out():
    frame = vl.DataFrame({"k": ["a", None, "a"], "x": [1.0, 5.0, 3.0], "b": [True, True, False]})
    assert frame.groupby("k").x.transform(lambda x: x - x.mean()).to_list() == [-1.0, None, 1.0]
    assert frame.groupby("k").b.transform(lambda b: b.all() | b.any()).to_list() == [True, None, True]


def test_products_over_frames(frame, data):
    ours = frame.groupby("k").w.cumprod()
    np.testing.assert_allclose(ours.to_numpy(), data.groupby("k").w.cumprod())
    before = Frame(unit=FrameUnit.ROWS, start=preceding(3), end=preceding(1))
    order = (SortKey(expr=frame.w.expr),)
    product = frame.v.derive(over(window_call("product", frame.v.expr, frame=before), (), order))
    ours = frame.assign(p=product).sort_values("w").p.to_numpy()
    ordered = data.sort_values("w").v.tolist()
    expected = []
    for at in range(len(ordered)):
        seen = [v for v in ordered[max(0, at - 3) : at] if v == v]
        expected.append(np.prod(seen) if seen else np.nan)
    np.testing.assert_allclose(ours, expected)


def test_interpolation_within_groups(data):
    frame = vl.DataFrame({"x": [None, 1.0, None, None, 4.0, None]})
    assert frame.x.interpolate().to_list() == pytest.approx([None, 1.0, 2.0, 3.0, 4.0, 4.0])


def test_samples_of_groups(frame, data):
    drawn = frame.groupby("k").sample(2, random_state=3).to_pandas()
    assert drawn.groupby("k").size().tolist() == [2] * data.k.nunique()
    assert len(drawn.merge(data)) == len(drawn)
    assert drawn.equals(frame.groupby("k").sample(2, random_state=3).to_pandas())
    assert len(frame.groupby("k").w.sample(100)) == len(data)


def test_categories(frame, data):
    ours, theirs = frame.g.cat, data.g.astype("category").cat
    assert ours.categories == theirs.categories.tolist()
    assert ours.codes.to_list() == theirs.codes.tolist()
    assert ours.ordered is theirs.ordered
    for method, argument in (
        ("rename_categories", {"x": "z"}),
        ("rename_categories", str.upper),
        ("set_categories", ["x"]),
        ("remove_categories", "x"),
        ("remove_categories", ["y"]),
        ("add_categories", ["q"]),
    ):
        made = getattr(theirs, method)(argument).astype(object)
        assert getattr(ours, method)(argument).to_list() == made.where(made.notna(), None).tolist()
    assert ours.remove_unused_categories().to_list() == data.g.tolist()
    with pytest.raises(TypeMismatch, match=r"\.cat needs plain values"):
        vl.DataFrame({"x": [[1]]}).x.cat  # noqa: B018 - the access itself is refused


CHOICES = {
    "constants": lambda f: [(f.k == 1, 0.0), (f.w > 0, 1.5)],
    "the first that is true": lambda f: [(f.w > -9, 1.0), (f.w > -8, 2.0)],
    "columns and nulls": lambda f: [(f.v > 0, f.w), (f.g == "x", None)],
    "functions": lambda f: [(lambda w: w > 1, lambda w: -w)],
}


@pytest.mark.parametrize("name", CHOICES)
def test_the_first_condition_that_is_true_chooses(frame, data, name):
    ours, theirs = (f.w.case_when(CHOICES[name](f)) for f in (frame, data))
    pd.testing.assert_series_equal(ours.to_pandas(), theirs.astype(float), check_dtype=False, check_names=False)


@pytest.mark.parametrize("given", [[], [(True, 1, 2)]])
def test_choices_are_pairs(frame, given):
    with pytest.raises(PlanError, match="give pairs of a condition and a value"):
        frame.w.case_when(given)
