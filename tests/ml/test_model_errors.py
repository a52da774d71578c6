"""What users get wrong, each with one clear line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from volley import ml
from volley.engine.errors import ColumnNotFound, ConfigError, PlanError, TypeMismatch, VolleyError
from volley.engine.frame import DataFrame

from . import census

ROWS = census.table(200)


def _with(name: str, values: Any) -> DataFrame:
    position = ROWS.schema.get_field_index(name)
    return census.frame(ROWS.set_column(position, name, pa.array(values)))


def _fit(frame: DataFrame, estimator: Any = None, label: str = "employed", **roles: Any) -> ml.Model:
    return (estimator or ml.LogisticRegression()).fit(frame, census.features(label, **roles))


CASES: dict[str, tuple[Callable[[], Any], type[VolleyError], str]] = {
    "one class": (
        lambda: _fit(_with("employed", [True] * 200)),
        ml.FitError,
        r"'employed' has one class only \(True\)",
    ),
    "null label": (
        lambda: _fit(_with("employed", [None, *[True, False] * 99, True])),
        ml.FitError,
        r"'employed' is null in 1 of 200 rows; drop them first: frame\.dropna\('employed'\)",
    ),
    "NaN label": (
        lambda: _fit(_with("income", [float("nan"), *[1.0] * 199]), ml.Ridge(), "income"),
        ml.FitError,
        "'income' is NaN or infinite in 1 rows",
    ),
    "too many classes": (lambda: _fit(census.frame(ROWS), label="id"), ml.FitError, "200 distinct values.*Ridge"),
    "zero rows": (lambda: _fit(census.frame(ROWS.slice(0, 0))), ml.FitError, "no rows to fit LogisticRegression"),
    "missing column": (
        lambda: _fit(census.frame(ROWS.rename_columns([n.replace("hours", "hour") for n in ROWS.column_names]))),
        ColumnNotFound,
        r"unknown column 'hours' \(a feature of the model\); did you mean 'hour'",
    ),
    "missing label": (
        lambda: _fit(census.frame(ROWS), label="employd"),
        ColumnNotFound,
        "label of the model.*employed",
    ),
    "text as a number": (
        lambda: _fit(_with("hours", ["many"] * 200)),
        TypeMismatch,
        "numeric feature 'hours' is string; list it under `categorical`",
    ),
    "text as a target": (lambda: _fit(census.frame(ROWS), ml.Ridge(), "party"), TypeMismatch, "needs a number"),
    "text as a weight": (lambda: _fit(census.frame(ROWS), weight="party"), TypeMismatch, "weight 'party' is string"),
    "negative weight": (
        lambda: _fit(_with("weight", [-1.0, *[1.0] * 199]), weight="weight"),
        ml.FitError,
        "negative in 1 rows",
    ),
    "null weight": (
        lambda: _fit(_with("weight", [None, *[1.0] * 199]), weight="weight"),
        ml.FitError,
        "null in 1 rows",
    ),
    "no weight at all": (
        lambda: _fit(_with("weight", [0.0] * 200), weight="weight"),
        ml.FitError,
        "zero in every row",
    ),
    "wrong positive": (
        lambda: _fit(census.frame(ROWS), positive="yes"),
        ConfigError,
        "positive='yes' is not one of two values of 'employed'; it holds False, True",
    ),
    "missing values without imputer": (
        lambda: _fit(_with("hours", [None, *[1.0] * 199])),
        ml.FitError,
        "'hours' is missing.*in 1 rows.*SimpleImputer",
    ),
    "nothing to impute from": (
        lambda: _fit(
            _with("hours", pa.nulls(200, pa.float64())), ml.Pipeline([ml.SimpleImputer(), ml.LogisticRegression()])
        ),
        ml.FitError,
        "cannot impute 'hours'",
    ),
    "only null categories to impute from": (
        lambda: _fit(
            _with("state", pa.nulls(200, pa.string())),
            ml.Pipeline([ml.SimpleImputer(strategy="most_frequent"), ml.LogisticRegression()]),
        ),
        ml.FitError,
        "cannot impute 'state'",
    ),
    "transformer of no feature": (
        lambda: _fit(census.frame(ROWS), ml.Pipeline([ml.StandardScaler(columns=["hour"]), ml.Ridge()])),
        ConfigError,
        "StandardScaler names 'hour', which is no numeric feature; did you mean 'hours'",
    ),
    "encoded twice": (
        lambda: _fit(
            census.frame(ROWS), ml.Pipeline([ml.OneHotEncoder(), ml.OrdinalEncoder(columns=["sex"]), ml.Ridge()])
        ),
        ConfigError,
        "'sex' is encoded twice",
    ),
    "imputed after encoding": (
        lambda: _fit(
            census.frame(ROWS),
            ml.Pipeline([ml.OneHotEncoder(), ml.SimpleImputer(strategy="most_frequent"), ml.Ridge()]),
        ),
        ConfigError,
        "comes after the encoder of 'sex'",
    ),
    "fill of the wrong kind": (
        lambda: _fit(
            census.frame(ROWS),
            ml.Pipeline([ml.SimpleImputer(strategy="constant", fill_value="none", columns=["sex"]), ml.Ridge()]),
        ),
        ConfigError,
        "fill_value 'none' does not fit 'sex'",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fit_says_what_is_wrong(case: str) -> None:
    attempt, error, words = CASES[case]
    with pytest.raises(error, match=words) as caught:
        attempt()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def model() -> ml.Model:
    return _fit(census.frame(ROWS), ml.Pipeline([ml.OneHotEncoder(unknown="error"), ml.LogisticRegression()]))


def test_predict_says_what_is_wrong(model: ml.Model) -> None:
    with pytest.raises(ColumnNotFound, match="'age'"):
        model.predict(census.frame(ROWS.drop_columns(["age"])))
    with pytest.raises(TypeMismatch, match="'age' is string"):
        model.predict(_with("age", ["old"] * 200))
    with pytest.raises(PlanError, match=r"already has.*prediction="):
        model.predict(model.predict(census.frame(ROWS)))
    with pytest.raises(ml.UnseenCategory, match="'state' holds 'TX'"):
        model.predict(_with("state", ["TX"] * 200)).to_arrow()
    with pytest.raises(TypeMismatch, match="'state' is int64 but was string"):
        model.predict(_with("state", [1] * 200)).to_arrow()
    with pytest.raises(ml.PredictError, match="'hours' is missing"):
        model.predict(_with("hours", [None, *[1.0] * 199])).to_arrow()
    with pytest.raises(ml.PredictError, match="'hours' is missing"):
        ml.explain(model, _with("hours", [None, *[1.0] * 199])).to_arrow()


def test_unseen_categories_pass_by_default() -> None:
    model = _fit(census.frame(ROWS))
    scored = model.predict(_with("state", ["TX"] * 200)).to_arrow()
    assert np.isfinite(scored["score"].to_numpy()).all()


def test_explain_says_what_is_wrong(model: ml.Model) -> None:
    with pytest.raises(ConfigError, match='does not fit LogisticRegression; use "linear"'):
        ml.explain(model, census.frame(ROWS), method="tree")
    once = ml.explain(model, census.frame(ROWS))
    with pytest.raises(PlanError, match="already has"):
        ml.explain(model, once)


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        (lambda: ml.Features(label="y"), "names no column"),
        (lambda: ml.Features(numeric=["x", "x"], label="y"), "'x' twice"),
        (lambda: ml.Features(numeric=["x"], label="x"), "'x' twice"),
        (lambda: ml.Features(numeric="age", label="y"), r'\["age"\] instead of "age"'),
        (lambda: ml.LogisticRegression(C=0), "C must be above 0, not 0"),
        (lambda: ml.Ridge(alpha=-1), "alpha must be at least 0"),
        (lambda: ml.GradientBoosting(learning_rate=2), "above 0 and at most 1"),
        (lambda: ml.GradientBoosting(n_trees=0), "n_trees"),
        (lambda: ml.GradientBoosting(task="ranking"), "task must be"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: ml.SimpleImputer(strategy="magic"), "strategy"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: ml.SimpleImputer(strategy="constant"), "needs a fill_value"),
        (lambda: ml.OneHotEncoder(unknown="drop"), "unknown must be"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: ml.Pipeline([]), "must end with an estimator"),
        (lambda: ml.Pipeline([ml.StandardScaler()]), "must end with an estimator"),
        (lambda: ml.Pipeline([ml.Ridge(), ml.Ridge()]), "holds transformers"),
        (lambda: ml.Pipeline([ml.StandardScaler, ml.Ridge()]), "as instances"),  # type: ignore[list-item] # wrong on purpose
    ],
)
def test_configurations_are_checked_when_made(attempt: Callable[[], Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        attempt()
