"""Of the names that people use most, nearly all work or say what to write instead."""

import pandas as pd
import pytest
from pandas.core.groupby import DataFrameGroupBy

import volley as vl
from tests.engine.frame.pandas_methods import METHODS
from volley.engine.errors import ColumnNotFound, MethodNotFound
from volley.engine.frame import GroupBy, Series
from volley.engine.frame.replacements import REPLACEMENTS

PAIRS = ((pd.DataFrame, vl.DataFrame), (pd.Series, Series), (DataFrameGroupBy, GroupBy))


@pytest.fixture(scope="module")
def frame():
    return vl.DataFrame({"x": [1, 2, 3], "y": ["a", "b", "a"]})


def answered(ours, name):
    return name in dir(ours) or name in REPLACEMENTS


def test_the_list_is_of_pandas_names():
    assert len(set(METHODS)) == len(METHODS) == 200
    assert all(any(hasattr(theirs, name) for theirs, _ in PAIRS) for name in METHODS)


def test_at_least_95_percent_work_or_name_their_replacement():
    missing = [
        name for name in METHODS if not all(answered(ours, name) for theirs, ours in PAIRS if hasattr(theirs, name))
    ]
    assert len(missing) <= 0.05 * len(METHODS), missing


def test_more_than_half_work_on_some_class():
    working = [name for name in METHODS if any(name in dir(ours) for theirs, ours in PAIRS if hasattr(theirs, name))]
    assert len(working) > 0.5 * len(METHODS)


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


def test_unknown_names_offer_the_nearest(frame):
    with pytest.raises(ColumnNotFound, match="did you mean 'rolling'"):
        frame.x.roling(3)
    with pytest.raises(ColumnNotFound, match="did you mean 'cumcount'"):
        frame.groupby("y").cumcont()


def test_replacements_hide_no_column():
    frame = vl.DataFrame({"at": [1], "mode": ["a"], "k": [1]})
    assert frame.at.to_list() == [1]
    assert frame.groupby("k").at.sum().to_dict() == {"k": [1], "at": [1]}
