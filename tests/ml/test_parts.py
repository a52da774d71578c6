"""Fits over rows that lie in many parts give the model of the rows in one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.support.cut_session import CutSession
from volley import ml
from volley.engine.errors import TypeMismatch
from volley.engine.frame import DataFrame, Session
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Scan
from volley.ml.errors import FitError

from . import census

PIPELINES: dict[str, tuple[str, ml.Pipeline]] = {
    "mean, standard, ridge": ("income", ml.Pipeline([ml.SimpleImputer(), ml.StandardScaler(), ml.Ridge(alpha=2.0)])),
    "median, least and greatest, logistic": (
        "employed",
        ml.Pipeline([ml.SimpleImputer(strategy="median"), ml.MinMaxScaler(), ml.LogisticRegression()]),
    ),
    "most frequent, softmax": (
        "party",
        ml.Pipeline([ml.StandardScaler(), ml.SimpleImputer(strategy="most_frequent"), ml.LogisticRegression()]),
    ),
    "constant, numbers of categories, ridge": (
        "income",
        ml.Pipeline([ml.SimpleImputer(strategy="constant", fill_value=1.0), ml.OrdinalEncoder(), ml.Ridge()]),
    ),
}


def framed(rows: pa.Table, session: Session) -> DataFrame:
    return DataFrame.from_plan(Scan(source=MemorySource(rows, 1)), session)


def scores(model: ml.Model, rows: pa.Table) -> np.ndarray:
    scored = model.predict(census.frame(rows)).to_arrow().sort_by("id")
    names = model.score_columns() or ["prediction"]
    return np.column_stack([scored[name].to_numpy() for name in names])


@pytest.mark.parametrize("parts", [2, 5])
@pytest.mark.parametrize("weight", [None, "weight"])
@pytest.mark.parametrize("name", PIPELINES)
def test_linear_models_do_not_depend_on_the_parts(name: str, weight: str | None, parts: int) -> None:
    label, pipeline = PIPELINES[name]
    rows = census.table(missing=0.1)
    whole = pipeline.fit(census.frame(rows), census.features(label, weight))
    cut = pipeline.fit(framed(rows, CutSession(parts)), census.features(label, weight))
    np.testing.assert_allclose(scores(cut, rows), scores(whole, rows), rtol=1e-8, atol=1e-10)
    assert cut.rows == whole.rows == rows.num_rows
    assert cut.preparation.columns == whole.preparation.columns
    assert cut.ledger.as_dict() == whole.ledger.as_dict()


def test_a_fit_of_many_rows_begins_with_a_sample_of_every_part() -> None:
    rows = census.table(300_000)
    pipeline = ml.Pipeline([ml.StandardScaler(), ml.LogisticRegression()])
    whole = pipeline.fit(census.frame(rows), census.features("employed"))
    cut = pipeline.fit(framed(rows, CutSession(3)), census.features("employed"))
    np.testing.assert_allclose(scores(cut, rows), scores(whole, rows), atol=1e-9)


@pytest.mark.parametrize("label", ["employed", "party", "age"])
def test_trees_of_whole_numbers_are_the_same_for_any_parts(label: str) -> None:
    rows = census.table(4000)
    features = ml.Features(numeric=["sex"] if label == "age" else ["age", "sex"], categorical=["state"], label=label)
    estimator = ml.GradientBoosting(n_trees=15, max_depth=4, task="regression" if label == "age" else None)
    whole = estimator.fit(census.frame(rows), features)
    cut = estimator.fit(framed(rows, CutSession(3)), features)
    np.testing.assert_allclose(scores(cut, rows), scores(whole, rows), atol=1e-5)


def test_categories_that_only_one_part_has_are_known_to_all() -> None:
    rows = pa.table({"c": ["a"] * 50 + ["b"] * 50, "y": np.r_[np.zeros(50), np.ones(50)], "x": np.arange(100.0)})
    model = ml.Ridge(alpha=1e-6).fit(
        framed(rows, CutSession(2)), ml.Features(numeric=["x"], categorical=["c"], label="y")
    )
    assert model.preparation.columns == ["x", "c=a", "c=b"]


def _bad(**columns: Any) -> pa.Table:
    return pa.table({"x": np.arange(6.0), "y": np.arange(6) % 2, "w": np.ones(6), **columns})


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (_bad(y=pa.array([0, None, 1, 0, 1, None])), FitError, "label 'y' is null in 2 of 6 rows"),
        (_bad(y=np.zeros(6)), FitError, "one class only"),
        (_bad(w=pa.array([1.0, None, 1, 1, 1, None])), FitError, "weight 'w' is null in 2 rows"),
        (_bad(w=np.array([-1.0, 1, 1, 1, 1, -1])), FitError, "negative in 2 rows"),
        (_bad(w=np.zeros(6)), FitError, "zero in every row"),
        (_bad(x=np.array([np.nan, 1, 2, 3, 4, np.inf])), FitError, "'x' is missing.*in 2 rows"),
        (_bad().slice(0, 0), FitError, "no rows to fit LogisticRegression"),
        (_bad(x=pa.array(list("abcdef"))), TypeMismatch, "numeric feature 'x' is string"),
    ],
)
def test_what_cannot_be_learned_from_is_counted_over_all_parts(rows: pa.Table, error: type, message: str) -> None:
    for session in (Session("cpu", threads=1), CutSession(3)):
        with pytest.raises(error, match=message):
            ml.LogisticRegression().fit(framed(rows, session), ml.Features(numeric=["x"], label="y", weight="w"))
