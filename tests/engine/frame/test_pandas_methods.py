"""The names that people use most: each that works is compared with pandas, others say what to write instead."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.core.groupby import DataFrameGroupBy

import volley as vl
from tests.engine.frame.method_cases import CASES, assert_same, outcome
from tests.engine.frame.pandas_methods import METHODS
from volley.engine.errors import ColumnNotFound, MethodNotFound
from volley.engine.frame import GroupBy, Series
from volley.engine.frame.replacements import REPLACEMENTS

KINDS = {
    "DataFrame": (pd.DataFrame, vl.DataFrame),
    "Series": (pd.Series, Series),
    "GroupBy": (DataFrameGroupBy, GroupBy),
}


@pytest.fixture(scope="module")
def frame():
    return vl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]})


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(5)
    rows = 60
    return pd.DataFrame(
        {
            "k": rng.integers(0, 4, rows),
            "g": rng.choice(["x", "y", "z", None], rows),
            "v": np.where(rng.random(rows) < 0.2, np.nan, rng.integers(0, 9, rows) / 4),
            "w": rng.normal(size=rows),
            "t": pd.to_datetime("2024-01-30") + pd.to_timedelta(rng.integers(0, 9_000_000, rows), unit="s"),
            "p": rng.random(rows) < 0.5,
            "i": np.arange(rows),
        }
    )


@pytest.fixture(scope="module", params=[1, 3])
def ours(data, request):
    """Return the rows in one piece; or in sliced batches of several sizes, one empty, some dictionary-encoded."""
    session = vl.Session(threads=request.param)
    if request.param == 1:
        return vl.DataFrame(data, session=session)
    table = vl.DataFrame(data).to_arrow().combine_chunks()
    encoded = table.set_column(1, "g", table["g"].dictionary_encode())
    edges = [0, 1, 14, 14, 30, 31, 60]
    pieces = [encoded.slice(a, b - a) for a, b in pairwise(edges)]
    whole = vl.DataFrame(pa.concat_tables(pieces[:4]), session=session)
    return vl.concat([whole, *(vl.DataFrame(piece, session=session) for piece in pieces[4:])])


@pytest.fixture(autouse=True)
def _no_figures_left():
    yield
    plt.close("all")


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in CASES.items() for name in cases])
def test_works_as_in_pandas(ours, data, kind, name):
    case = CASES[kind][name]
    assert_same(outcome(case, ours), outcome(case, data))


NOT_COMPARED = {
    ("DataFrame", "apply"),  # the case subtracts what has no value
    *((kind, "to_json") for kind in ("DataFrame", "Series")),  # pandas reads no columns out of an empty file
    ("Series", "unstack"),
    ("Series", "reindex"),  # a list of nulls, which are NaN there
    ("GroupBy", "apply"),  # pandas cannot tell the type of what was never called
    ("GroupBy", "describe"),
    *(("GroupBy", method) for method in ("corr", "cov")),  # pandas then leaves the level of columns out of the index
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, cases in CASES.items() for name in cases])
def test_of_no_rows(data, kind, name):
    case = CASES[kind][name]
    if (kind, name) in NOT_COMPARED:
        return
    try:
        theirs = outcome(case, data[:0])
    except Exception:  # noqa: BLE001 - what pandas refuses, we may
        return
    assert_same(missing_as_nan(outcome(case, vl.DataFrame(data[:0]))), theirs)


def missing_as_nan(value):
    """Return NaN for null, which is what a value of no rows is here."""
    if isinstance(value, pd.DataFrame | pd.Series):
        numbers = value.map(lambda one: one is None or isinstance(one, int | float)).to_numpy()
        return value.astype(float) if numbers.size and numbers.all() else value
    if isinstance(value, dict):
        return {key: missing_as_nan(one) for key, one in value.items()}
    return np.nan if value is None else value


@pytest.mark.parametrize("kind", CASES)
def test_every_name_that_works_has_a_case(kind):
    theirs, own = KINDS[kind]
    there = {name for name in METHODS if hasattr(theirs, name) and name in dir(own)}
    assert there - CASES[kind].keys() == set()
    assert {name for name in CASES[kind] if name in METHODS} <= there


def test_the_list_is_of_pandas_names():
    assert len(set(METHODS)) == len(METHODS) == 200
    assert all(any(hasattr(theirs, name) for theirs, _ in KINDS.values()) for name in METHODS)


def test_at_least_95_percent_work_or_name_their_replacement():
    missing = [
        name
        for name in METHODS
        if not all(name in dir(own) or name in REPLACEMENTS for theirs, own in KINDS.values() if hasattr(theirs, name))
    ]
    assert len(missing) <= 0.05 * len(METHODS), missing


def test_most_work_on_every_class_that_has_them_in_pandas():
    working = [
        name
        for name in METHODS
        if all(name in CASES[kind] for kind, (theirs, _) in KINDS.items() if hasattr(theirs, name))
    ]
    assert len(working) >= 0.7 * len(METHODS)


@pytest.mark.parametrize(
    "made", [lambda f: f, lambda f: f.x, lambda f: f.groupby("y")], ids=["DataFrame", "Series", "GroupBy"]
)
def test_every_missing_method_says_what_to_write(frame, made):
    thing = made(frame)
    for name, text in REPLACEMENTS.items():
        if name in dir(thing) or name.startswith("_"):
            continue
        assert not hasattr(thing, name)
        with pytest.raises(MethodNotFound) as error:
            getattr(thing, name)
        assert str(error.value) == f"{type(thing).__name__} has no {name!r} here; {text}"


@pytest.mark.parametrize(
    ("name", "instead"), [("col", "frame.x"), ("scan_parquet", "vl.read_parquet"), ("connect", "vl.Session")]
)
def test_names_of_other_libraries_say_what_to_write(name, instead):
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; .*{instead}"):
        getattr(vl, name)


@pytest.mark.parametrize(("name", "instead"), [("withColumn", "assign"), ("group_by", "groupby"), ("sort", "sort_val")])
def test_methods_of_other_libraries_say_what_to_write(frame, name, instead):
    with pytest.raises(MethodNotFound, match=f"DataFrame has no '{name}' here; use {instead}"):
        getattr(frame, name)


def test_no_replacement_is_for_a_name_that_works_everywhere():
    for name in REPLACEMENTS:
        homes = [own for theirs, own in KINDS.values() if hasattr(theirs, name)]
        assert not homes or not all(name in dir(own) for own in homes), name


def test_unknown_names_offer_the_nearest(frame):
    with pytest.raises(ColumnNotFound, match="did you mean 'rolling'"):
        frame.x.roling(3)
    with pytest.raises(ColumnNotFound, match="did you mean 'cumcount'"):
        frame.groupby("y").cumcont()


def test_replacements_hide_no_column():
    frame = vl.DataFrame({"pop": [1], "plot": ["a"], "k": [1]})
    assert frame.pop.to_list() == [1]
    assert frame.groupby("k").pop.sum().to_dict() == {"k": [1], "pop": [1]}
