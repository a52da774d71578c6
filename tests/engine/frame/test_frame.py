"""Frames against pandas."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import volley as vl
from volley.engine.errors import ColumnNotFound, PlanError, TypeMismatch


@pytest.fixture
def data():
    rng = np.random.default_rng(3)
    rows = 500
    return pd.DataFrame(
        {
            "k": rng.integers(0, 6, rows),
            "g": rng.choice(["x", "y", None], rows),
            "v": np.where(rng.random(rows) < 0.1, None, rng.normal(size=rows)).astype("object"),
            "w": rng.normal(size=rows),
            "t": pd.to_datetime("2024-01-30") + pd.to_timedelta(rng.integers(0, 90, rows), unit="D"),
        }
    ).assign(v=lambda d: d.v.astype(float))


@pytest.fixture
def frame(data):
    return vl.from_pandas(data)


def same(ours, theirs, **options):
    made = ours.to_pandas() if isinstance(ours, vl.DataFrame) else ours
    pd.testing.assert_frame_equal(
        made.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False, **options
    )


def test_filter_and_assign(frame, data):
    ours = frame[(frame.w > 0) & (frame.k != 2)].assign(z=lambda f: f.w * 2 + f.k, h=lambda f: f.w.abs())
    theirs = data[(data.w > 0) & (data.k != 2)].assign(z=lambda d: d.w * 2 + d.k, h=lambda d: d.w.abs())
    same(ours, theirs)


def test_columns_of_an_ancestor_mean_its_values_as_pandas_alignment_has_it(frame, data):
    wide = frame.assign(z=frame.w + 1).rename({"k": "key"})
    same(wide[frame.w > 0][["z"]], data.assign(z=data.w + 1)[data.w > 0][["z"]])
    kept = wide[frame.w > 0].sort_values("w").limit(50).assign(twice=frame.k * 2)
    assert kept.to_pandas().eval("twice == key * 2").all()
    same(frame.assign(w=0)[frame.w > 0], data.assign(w=0)[data.w > 0])
    with pytest.raises(PlanError, match=r"belongs to another frame \(its column 'w' was replaced"):
        frame[["k"]].drop_duplicates()[frame.w > 0]
    with pytest.raises(PlanError, match="belongs to another frame; take it from this one"):
        frame.groupby("k").sum()[frame.w > 0]


@pytest.mark.parametrize(
    "spec",
    [
        {"w": "sum"},
        {"w": ["min", "max"], "v": ["mean", "std", "count"]},
        {"v": ["var", "sum"], "k": "nunique"},
    ],
)
def test_group_by_in_pandas_spellings(frame, data, spec):
    keys = ["g"] if "k" in spec else ["g", "k"]
    theirs = data.groupby(keys).agg(spec)
    if isinstance(theirs.columns, pd.MultiIndex):
        theirs.columns = [f"{a}_{b}" if isinstance(spec[a], list) else a for a, b in theirs.columns]
    ours = frame.groupby(keys).agg(spec).to_pandas()
    assert list(ours.index.names) == list(theirs.index.names)
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False)


def test_named_aggregates_and_null_groups(frame, data):
    ours = frame.groupby("g", dropna=False).agg(n=("w", "size"), m=("v", "mean")).to_pandas().reset_index()
    theirs = data.groupby("g", dropna=False).agg(n=("w", "size"), m=("v", "mean")).reset_index()
    assert ours["n"].tolist() == theirs["n"].tolist()
    np.testing.assert_allclose(ours["m"], theirs["m"])


@pytest.mark.parametrize("how", ["inner", "left", "right", "outer"])
def test_merge_is_pandas_merge(frame, data, how):
    names = pd.DataFrame({"k": [0, 1, 1, 9], "name": ["a", "b", "c", "z"], "w": [1.0, 2.0, 3.0, 4.0]})
    keys = ["k", "w_x", "name", "t"]
    ours = frame.merge(vl.from_pandas(names), on="k", how=how).to_pandas().sort_values(keys)
    theirs = data.merge(names, on="k", how=how).sort_values(keys)
    assert list(ours.columns) == list(theirs.columns)
    same(ours, theirs)


def test_merge_on_differently_named_keys_and_cross():
    left = vl.DataFrame({"a": [1, 2, 3]})
    right = vl.DataFrame({"b": pa.array([2, 3, 4], pa.int8()), "c": ["x", "y", "z"]})
    joined = left.merge(right, left_on="a", right_on="b").sort_values("a")
    assert joined.to_dict() == {"a": [2, 3], "b": [2, 3], "c": ["x", "y"]}
    assert len(left.merge(right, how="cross")) == 9
    assert left.merge(right, how="semi", left_on="a", right_on="b").sort_values("a").to_dict() == {"a": [2, 3]}
    assert left.merge(right, how="anti", left_on="a", right_on="b").to_dict() == {"a": [1]}


def test_null_keys_never_match():
    left, right = vl.DataFrame({"a": [1, None]}), vl.DataFrame({"a": [1, None], "b": [5, 6]})
    assert left.merge(right, on="a").to_dict() == {"a": [1], "b": [5]}
    assert left.merge(right, on="a", how="outer").sort_values(["a", "b"]).to_dict() == {
        "a": [1, None, None],
        "b": [5, 6, None],
    }


def test_sorting(frame, data):
    ours = frame.sort_values(["k", "w"], ascending=[False, True])
    same(ours, data.sort_values(["k", "w"], ascending=[False, True]))
    same(frame.nlargest(7, "w"), data.nlargest(7, "w"))
    same(frame.nsmallest(4, "w"), data.nsmallest(4, "w"))
    last = frame.sort_values("v").to_pandas().v
    assert last.tail(int(data.v.isna().sum())).isna().all()
    first = frame.sort_values("v", na_position="first").to_pandas().v
    assert first.head(int(data.v.isna().sum())).isna().all()


def test_columns(frame, data):
    ours = frame.select(
        year=frame.t.dt.year,
        month=frame.t.dt.month,
        weekday=frame.t.dt.weekday,
        start=frame.t.dt.floor("month"),
        later=frame.t + dt.timedelta(days=3),
        text=frame.g.str.upper() + "!",
        known=frame.g.isin(["x"]),
        filled=frame.v.fillna(0),
        clipped=frame.w.clip(-1, 1),
        named=frame.k.map({1: "one", 2: "two"}),
        between=frame.w.between(-1, 1),
        half=frame.w.where(frame.w > 0),
        small=frame.k.astype("int8") + 1,
    )
    theirs = pd.DataFrame(
        {
            "year": data.t.dt.year,
            "month": data.t.dt.month,
            "weekday": data.t.dt.day_of_week,
            "start": data.t.dt.to_period("M").dt.to_timestamp(),
            "later": data.t + pd.Timedelta(days=3),
            "text": data.g.str.upper() + "!",
            "known": data.g.isin(["x"]),
            "filled": data.v.fillna(0),
            "clipped": data.w.clip(-1, 1),
            "named": data.k.map({1: "one", 2: "two"}),
            "between": data.w.between(-1, 1),
            "half": data.w.where(data.w > 0),
            "small": data.k.astype("int8") + 1,
        }
    )
    made = ours.to_pandas()
    for name in theirs:
        left, right = made[name], theirs[name]
        assert left.isna().tolist() == right.isna().tolist(), name
        assert (
            left[left.notna()].tolist() == pytest.approx(right[right.notna()].tolist())
            if left.dtype.kind in "fi"
            else (left[left.notna()].astype(str).tolist() == right[right.notna()].astype(str).tolist())
        ), name


def test_reductions(frame, data):
    assert frame.w.sum() == pytest.approx(data.w.sum())
    assert frame.v.mean() == pytest.approx(data.v.mean())
    assert frame.v.std() == pytest.approx(data.v.std())
    assert (frame.w.min(), frame.w.max()) == (data.w.min(), data.w.max())
    assert (frame.v.count(), frame.k.nunique(), frame.g.nunique()) == (data.v.count(), 6, 2)
    assert sorted(frame.k.unique()) == sorted(data.k.unique())
    assert frame.k.value_counts().to_pandas()["count"].sum() == 500
    assert (frame.w > 100).any() is False
    assert (frame.w < 100).all() is True
    assert frame.shape == data.shape


def test_reductions_of_no_rows(frame):
    none = frame[frame.w > 1e9]
    assert (none.w.sum(), none.w.mean(), none.w.max(), none.w.count(), len(none)) == (0, None, None, 0, 0)
    assert none.groupby("k").agg(s=("w", "sum")).to_arrow().num_rows == 0


def test_drop_duplicates_keeps_the_first_row(frame, data):
    same(frame.drop_duplicates(["k", "g"]).sort_values(["w"]), data.drop_duplicates(["k", "g"]).sort_values("w"))
    assert len(frame[["k"]].drop_duplicates()) == 6


def test_concat_aligns_names_and_types():
    a = vl.DataFrame({"x": pa.array([1], pa.int32()), "y": ["p"]})
    b = vl.DataFrame({"y": ["q"], "x": [2.5]})
    assert vl.concat([a, b]).to_dict() == {"x": [1.0, 2.5], "y": ["p", "q"]}
    with pytest.raises(PlanError, match="differ in the columns z"):
        vl.concat([a, b.assign(z=1)])


def test_frames_are_immutable(frame):
    with pytest.raises(PlanError, match=r"assign\(w=…\)"):
        frame["w"] = 1
    with pytest.raises(PlanError, match="immutable"):
        frame.w = 1


def test_mistakes_name_the_nearest_column(frame):
    with pytest.raises(ColumnNotFound, match="unknown column 'ww'; did you mean 'w'"):
        frame["ww"]
    with pytest.raises(ColumnNotFound, match="did you mean 'sort_values'"):
        frame.sort_value("w")
    with pytest.raises(TypeMismatch, match="combine conditions with"):
        bool(frame.w > 1)
    with pytest.raises(TypeMismatch, match=r"\.str needs text"):
        frame.w.str.upper()
    with pytest.raises(TypeMismatch, match="concat does not accept"):
        frame.g + 1
    with pytest.raises(PlanError, match="unknown aggregate 'avrage'; did you mean"):
        frame.groupby("k").agg(a=("w", "avrage"))
    with pytest.raises(PlanError, match="share no column"):
        frame.merge(vl.DataFrame({"q": [1]}))


def test_a_frame_is_run_once_to_be_shown():
    runs = []

    def counted(table):
        runs.append(table.num_rows)
        return pa.table({"twice": pc.multiply(table["x"], 2)})

    frame = vl.DataFrame({"x": list(range(30)), "s": ["<b>"] * 30}).map_batches(
        counted, {"twice": "int64"}, reads=["x"], keeps=True
    )
    few = frame[frame.x < 3]
    assert runs == []
    assert repr(few) == (
        "    x       s  twice\nint64  string  int64\n"
        "    0     <b>      0\n    1     <b>      2\n    2     <b>      4\n[3 rows x 3 columns]"
    )
    assert str(few) == "x    s  twice\n0  <b>      0\n1  <b>      2\n2  <b>      4\n[3 rows x 3 columns]"
    page = few._repr_html_()
    assert page.startswith("<table><thead><tr><th>x<br><small>int64</small></th><th>s<br>")
    assert "<td>&lt;b&gt;</td>" in page
    assert page.endswith("<small>3 rows × 3 columns</small>")
    assert runs == [3]
    assert repr(frame).endswith(
        "…  …      …\n[first 10 rows x 3 columns]".replace("…  …      …", "    …       …      …")
    )
    assert "30 rows" in repr(frame.cache())


def test_what_cannot_be_run_is_shown_with_its_types():
    broken = vl.DataFrame({"x": [0]}).assign(y=lambda f: 1 // f.x)
    assert "running it failed: " in repr(broken)
    assert repr(broken).endswith("  x: int64\n  y: int64")
    assert "<td>y</td><td>int64</td>" in broken._repr_html_()


def test_of_many_columns_some_are_shown():
    wide = vl.DataFrame({f"c{n}": [n] for n in range(100)})
    names = repr(wide).splitlines()[0].split()
    assert names == [*(f"c{n}" for n in range(12)), "…", *(f"c{n}" for n in range(88, 100))]
    assert repr(wide).endswith("[1 rows x 100 columns]")
    assert repr(vl.DataFrame()).endswith("[0 rows x 0 columns]")


def test_explain_shows_every_stage_of_a_plan(frame):
    top = frame[frame.w > 0].groupby("k").agg(n=("w", "size"))
    assert "Aggregate" in top.explain("logical")
    assert "Scan" in top.explain()
    assert "PartialAggregateExec" in top.explain("physical")
    assert "rows of ~" in top.explain("analyze")
    with pytest.raises(PlanError, match="explain knows logical, optimized, physical, analyze"):
        top.explain("everything")


def test_arrow_in_and_out_shares_memory(frame):
    table = pa.table(frame)
    assert table.num_rows == 500
    again = vl.from_arrow(table).to_arrow()
    ours, theirs = (t["w"].chunk(0).buffers()[1].address for t in (again, table))
    assert ours == theirs


def test_cells_are_shown_on_one_line() -> None:
    day = dt.date(2024, 1, 31)
    frame = vl.DataFrame({"s": ["a\nb", "c\td"], "l": [[day, None], []], "o": [{"x": None, "y": "z"}, None]})
    lines = [" ".join(line.split()) for line in repr(frame).splitlines()[2:]]
    assert lines == [
        r"a\nb [2024-01-31, null] {'x': null, 'y': 'z'}",
        r"c\td [] null",
        "[2 rows x 3 columns]",
    ]
    assert "<td>[2024-01-31, null]</td>" in frame._repr_html_()
