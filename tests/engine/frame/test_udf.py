"""Functions of users: of values, compiled or not, of batches, and of groups."""

from __future__ import annotations

import math
import pickle
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import volley as vl
from tests.support.group_functions import energy
from volley.engine import dtypes
from volley.engine.dtypes import Kind
from volley.engine.errors import PlanError, UserFunctionError
from volley.engine.frame.applied import OfRows
from volley.engine.frame.compiled import Compiled, compiled
from volley.engine.schema import Field


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(4)
    rows = 300
    return pd.DataFrame(
        {
            "k": rng.integers(0, 5, rows),
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(size=rows)),
            "y": rng.normal(size=rows),
            "g": rng.choice(["a", "b", "c"], rows),
        }
    )


@pytest.fixture(scope="module", params=[1, 3])
def frame(data, request):
    session = vl.Session(threads=request.param)
    whole = vl.DataFrame(data, session=session)
    pieces = [vl.DataFrame(data[at : at + 70], session=session) for at in range(0, len(data), 70)]
    return whole if request.param == 1 else vl.concat(pieces)


def half(value):
    return value / 2


def root(value):
    return math.sqrt(abs(value))


@vl.udf
def distance(a, b):
    return math.sqrt(a * a + b * b)


@vl.udf
def shout(text) -> str:
    return text.upper() + "!"


def test_functions_of_numbers_are_compiled_and_of_the_type_found(frame, data):
    for function in (half, root, lambda v: v > 0, lambda v: 1 if v > 0 else -1):
        made = compiled(function, (Kind.FLOAT64,))
        assert isinstance(made, Compiled)
        assert not made.wraps
        ours = frame.y.apply(function)
        assert ours.dtype == made.dtype
        assert ours.to_list() == pytest.approx(data.y.apply(function).tolist())
    assert frame.x.apply(half).isna().to_list() == data.x.isna().tolist()
    assert frame.y.apply(math.exp).to_list() == pytest.approx(np.exp(data.y).tolist())


@pytest.mark.parametrize("kind", ["int8", "uint16", "int64", "uint64", "float32", "float64", "bool"])
def test_each_kind_of_number_is_compiled(kind):
    values = pa.array([1, 0, None, 1], pa.int64()).cast(kind)
    frame = vl.from_arrow(pa.table({"v": pa.chunked_array([values[:1], values[1:3], values[:0], values[3:]])}))
    same = vl.udf(lambda value: value, compile=True)(frame.v)
    assert str(same.dtype) == kind
    assert same.to_arrow().to_pylist() == values.to_pylist()


def test_a_call_stands_wherever_a_column_does(frame, data):
    theirs = np.sqrt(data.x**2 + data.y**2)
    assert frame[distance(frame.x, frame.y) > 1].to_pandas().equals(data[theirs > 1].reset_index(drop=True))
    sums = frame.assign(d=distance(frame.x, frame.y) + distance(frame.y, 2.0)).d.sum()
    assert sums == pytest.approx((theirs + np.sqrt(data.y**2 + 4)).sum())
    assert frame.y.apply(half).cumsum().apply(half).sum() == pytest.approx((data.y / 2).cumsum().sum() / 2)
    assert frame.y.apply(half).rank().sum() == data.y.rank().sum()
    sums = frame.assign(h=frame.y.apply(half)).groupby("k").agg(h=("h", "sum")).to_pandas()
    pd.testing.assert_frame_equal(sums, (data.assign(h=data.y / 2).groupby("k").agg(h=("h", "sum"))), check_dtype=False)
    assert frame.y.apply(half).mean() == pytest.approx(data.y.mean() / 2)
    assert distance(3.0, 4.0) == 5.0
    assert shout(frame.g).to_list() == [f"{g.upper()}!" for g in data.g]


def test_one_call_named_twice_runs_once(frame):
    h = frame.y.apply(half)
    assert frame.select(a=h + 1, b=h * h).explain("logical").count("MapBatches half") == 1


def test_columns_not_needed_for_a_function_are_not_read(flights_data):
    flights = vl.read_parquet(str(flights_data / "flights.parquet"))
    text = flights.assign(far=flights.distance.apply(lambda d: d > 1000))[["far"]].explain()
    assert "columns=[distance]" in text


def test_integers_do_not_wrap_unless_compiling_is_asked_for():
    frame = vl.DataFrame({"i": [2**62, 1]})
    with pytest.raises(UserFunctionError, match="returned what is no int64"):
        frame.i.apply(lambda v: v * 4).to_list()
    assert vl.udf(lambda v: v * 4, compile=True)(frame.i).to_list() == [0, 4]
    assert frame.i.apply(lambda v: v * 4.0).to_list() == [2.0**64, 4.0]
    assert frame.i.apply(lambda v: v // 2).to_list() == [2**61, 0]


def test_what_cannot_be_compiled_runs_in_python_and_needs_a_type(frame, data):
    def label(value) -> str:
        return f"{value:.1f}"

    assert frame.y.apply(label).to_list() == [f"{v:.1f}" for v in data.y]
    assert frame.y.apply(lambda v: f"{v:.1f}", dtype=str).to_list() == [f"{v:.1f}" for v in data.y]
    decimals = vl.DataFrame({"m": [Decimal("1.50"), None]})
    assert decimals.m.apply(lambda v: v * 2, dtype="decimal(9,2)").to_list() == [Decimal("3.00"), None]
    with pytest.raises(PlanError, match=r"give the type that the function returns, such as dtype='int64' or def <lam"):
        frame.y.apply(lambda v: f"{v:.1f}")
    with pytest.raises(PlanError, match="is to be compiled, and cannot be: it takes numbers"):
        vl.udf(lambda v: v, compile=True)(frame.g)
    with pytest.raises(PlanError, match="give the type"):
        vl.udf(lambda v: v, compile=False)(frame.y)
    assert vl.udf(lambda v: v, compile=False, dtype=float)(frame.y).to_list() == data.y.tolist()


def test_without_numba_functions_run_in_python(monkeypatch, data):
    monkeypatch.setitem(sys.modules, "numba", None)
    frame = vl.from_pandas(data)

    def quarter(value) -> float:
        return value / 4

    assert frame.y.apply(quarter).to_list() == (data.y / 4).tolist()
    with pytest.raises(PlanError, match="numba is not installed"):
        vl.udf(lambda v: v / 4, compile=True)(frame.y)


@pytest.mark.parametrize("options", [{}, {"compile": False, "dtype": float}])
def test_errors_show_the_values_the_row_and_the_users_exception(options):
    frame = vl.DataFrame({"a": [1.0, None, 2.0, 3.0], "b": [5.0, 4.0, 0.0, 0.0]})

    @vl.udf(**options)
    def share(a, b):
        return a / b

    with pytest.raises(
        UserFunctionError, match=r"share raised ZeroDivisionError: .*; for a = 2\.0, \(b \* 2\.0\) = 0\.0\nin row 2 of"
    ) as caught:
        share(frame.a, frame.b * 2.0).to_list()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_vectorized_functions_get_arrays(frame, data):
    @vl.udf(dtype="float64", vectorized=True)
    def total(a, b):
        return pc.add(pc.fill_null(a, 0.0), b)

    assert total(frame.x, frame.y).to_list() == pytest.approx((data.x.fillna(0) + data.y).tolist(), nan_ok=True)
    texts = vl.udf(lambda g: [value * 2 for value in g.to_pylist()], dtype=str, vectorized=True)
    assert texts(frame.g).to_list() == (data.g * 2).tolist()
    wrong = vl.udf(lambda _: 1 / 0, dtype=float, vectorized=True)
    with pytest.raises(UserFunctionError, match=r"raised ZeroDivisionError: division by zero; for a batch of \d+ rows"):
        wrong(frame.x).to_list()
    short = vl.udf(lambda a: a[:1], dtype=float, vectorized=True)
    with pytest.raises(UserFunctionError, match="it must return one row for each"):
        short(frame.x).to_list()


def test_functions_travel_by_name_and_are_compiled_again():
    applied = OfRows(half, "half", (("x", dtypes.float64),), Field("r", dtypes.float64), compiles=True)
    again = pickle.loads(pickle.dumps(applied))
    assert again(pa.table({"x": [3.0, None]})).to_pydict() == {"r": [1.5, None]}


# groups


SPELLINGS = {
    "numpy": {"x": np.mean, "y": [np.min, "max", np.std]},
    "builtins": {"y": [sum, len, max, min]},
    "list": [np.sum, "mean"],
    "one function": lambda s: s.max() - s.min(),
    "named in a list": {"y": [("low", "min"), ("spread", lambda s: s.max() - s.min())]},
    "name": "median",
}


@pytest.mark.parametrize("name", SPELLINGS)
@pytest.mark.parametrize("keys", ["k", ["g", "k"]])
def test_aggregates_in_every_spelling(frame, data, name, keys):
    columns = ["x", "y", *([keys] if isinstance(keys, str) else keys)]
    theirs = data[columns].groupby(keys).agg(SPELLINGS[name])
    if isinstance(theirs.columns, pd.MultiIndex):
        theirs.columns = [f"{a}_{b}" for a, b in theirs.columns]
    ours = frame[columns].groupby(keys).agg(SPELLINGS[name]).to_pandas()
    if name == "numpy":
        theirs = theirs.rename(columns={"x_mean": "x"})
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False)


def test_named_aggregates(frame, data):
    def spread(values) -> float:
        return values.max() - values.min()

    named = {
        "n": ("x", "count"),
        "s": ("y", spread),
        "m": pd.NamedAgg("y", "mean"),
        "texts": pd.NamedAgg("g", lambda s: "".join(sorted(s))),
    }
    theirs = data.groupby("k").agg(**named)
    typed = {**named, "texts": ("g", vl.udf(named["texts"].aggfunc, dtype=str))}
    ours = frame.groupby("k").agg(**typed).to_pandas()
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, check_index_type=False)
    one = frame.groupby("k").y.agg([spread, "sum"]).to_pandas()
    pd.testing.assert_frame_equal(
        one, data.groupby("k").y.agg([spread, "sum"]), check_dtype=False, check_index_type=False
    )


def test_functions_of_whole_groups(frame, data):
    def weighted(rows) -> float:
        return (rows.x * rows.y).sum()

    ours = frame.groupby("g").apply(weighted).to_pandas()["weighted"]
    theirs = data.groupby("g").apply(weighted)
    np.testing.assert_allclose(ours, theirs)
    tops = frame.groupby("k")[["y", "x"]].apply(lambda rows: rows.nlargest(2, "y"), {"y": float, "x": float})
    theirs = data.groupby("k")[["y", "x"]].apply(lambda rows: rows.nlargest(2, "y")).droplevel(1)
    pd.testing.assert_frame_equal(tops.to_pandas(), theirs, check_dtype=False, check_index_type=False)
    one = frame.groupby("k").apply(lambda rows: {"n": len(rows), "m": rows.y.max()}, {"n": int, "m": float})
    assert one.to_pandas()["n"].tolist() == data.groupby("k").size().tolist()
    none = frame[frame.y > 100].groupby("k").apply(lambda rows: {"n": len(rows)}, {"n": int})
    assert none.to_dict() == {"k": [], "n": []}


@pytest.mark.parametrize("compiles", [True, False])
def test_a_column_may_be_given_twice(compiles):
    frame = vl.DataFrame({"x": [1.0, None, 3.0]})
    total = vl.udf(lambda a, b, c: a + b * c, compile=compiles, dtype="float64")
    assert frame.select(t=total(frame.x, frame.x, frame.x), x=frame.x).to_dict() == {
        "t": [2.0, None, 12.0],
        "x": [1.0, None, 3.0],
    }


@vl.udf(compile=True)
def longest(values):
    """The length of the longest run of growing values, which no aggregate computes."""
    best = run = 0
    for place in range(len(values)):
        run = run + 1 if place and values[place] > values[place - 1] else 1
        best = max(best, run)
    return best


def test_compiled_functions_of_groups_get_the_values_that_are_not_null(frame, data):
    ours = frame.groupby("k").agg(e=("x", energy), n=("x", longest), m=("y", "mean"))
    assert ours.schema["n"].dtype == dtypes.int64
    found = ours.to_pandas()
    groups = [values.dropna().to_numpy() for _, values in data.groupby("k").x]
    np.testing.assert_allclose(found["e"], [float((values**2).sum()) for values in groups])
    if frame.session.threads == 1:  # or else the order within a group is not that of the rows
        assert found["n"].tolist() == [longest.function(values) for values in groups]


def test_compiled_functions_of_groups_of_nothing():
    frame = vl.DataFrame({"k": [1, 1, 2], "x": [None, None, 2.5]})
    assert frame.groupby("k").agg(e=("x", energy)).to_dict() == {"k": [1, 2], "e": [0.0, 6.25]}
    assert frame[frame.k > 2].groupby("k").agg(e=("x", energy)).to_dict() == {"k": [], "e": []}


def test_compiled_functions_of_groups_raise_with_the_group():
    inverse = vl.udf(lambda values: 1 / values[0], compile=True)
    frame = vl.DataFrame({"k": [1, 2], "x": [2.0, 0.0]})
    with pytest.raises(UserFunctionError, match=r"ZeroDivisionError.*for the group k = 2"):
        frame.groupby("k").agg(i=("x", inverse)).to_arrow()
    with pytest.raises(PlanError, match="is to be compiled for groups of string, and cannot be"):
        vl.DataFrame({"k": [1], "s": ["a"]}).groupby("k").agg(e=("s", energy))


def test_errors_of_groups_name_the_group(frame):
    def fail(rows) -> float:
        if rows.name == "y" and rows.iloc[0] < 100:
            raise KeyError("price")
        return 0.0

    with pytest.raises(
        UserFunctionError, match=r"fail raised KeyError: 'price'; for the group g = 'a', k = 0"
    ) as caught:
        frame[(frame.g == "a") & (frame.k == 0)].groupby(["g", "k"]).agg(z=("y", fail)).to_arrow()
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(UserFunctionError, match=r"must return the columns a, b, not int; for the group k = "):
        frame.groupby("k").apply(lambda _: 1, {"a": int, "b": int}).to_arrow()
    with pytest.raises(UserFunctionError, match="returned what is no float64"):
        frame.groupby("k").agg(lambda _: "text").to_arrow()
    with pytest.raises(PlanError, match="two columns 'y_<lambda>'"):
        frame.groupby("k").agg({"y": [lambda s: s.min(), lambda s: s.max()]})
    with pytest.raises(PlanError, match="agg takes names of aggregates, functions, lists"):
        frame.groupby("k").agg(3)
