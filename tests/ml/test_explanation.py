"""SHAP values against the shap package, and their sum against the margin."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import xgboost as xgb
from sklearn.linear_model import LogisticRegression

from volley.ml.explanation.attribution import Attribution, linear_shap, sum_by_feature, tree_shap
from volley.ml.linear.solution import LinearSolution

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # shap's own use of matplotlib is deprecated
    import shap


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = np.asfortranarray(rng.normal(size=(800, 5)))
    return X, (X @ rng.normal(size=(5, 3)) + rng.gumbel(size=(800, 3))).argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 3])
def test_linear_equals_shap(rows: tuple[np.ndarray, np.ndarray], classes: int) -> None:
    X, y = rows
    model = LogisticRegression().fit(X, np.minimum(y, classes - 1))
    binary = classes == 2
    solution = LinearSolution(
        coef=model.coef_[0] if binary else model.coef_,
        intercept=np.asarray(model.intercept_[0]) if binary else model.intercept_,
    )
    ours = linear_shap(solution, X, X.mean(axis=0))
    explainer = shap.LinearExplainer(model, shap.maskers.Independent(X, max_samples=len(X)))
    theirs = explainer(X)
    np.testing.assert_allclose(ours.phi.transpose(0, 2, 1).reshape(theirs.values.shape), theirs.values, atol=1e-10)
    np.testing.assert_allclose(ours.base.reshape(theirs.base_values.shape), theirs.base_values, atol=1e-10)
    margin = model.decision_function(X).reshape(ours.base.shape)
    np.testing.assert_allclose(ours.base + ours.phi.sum(axis=-1), margin, atol=1e-10)


@pytest.mark.parametrize("classes", [2, 3])
def test_tree_equals_shap(rows: tuple[np.ndarray, np.ndarray], classes: int) -> None:
    X, y = rows
    data = xgb.DMatrix(X, label=np.minimum(y, classes - 1))
    objective = {"objective": "binary:logistic"} if classes == 2 else {"objective": "multi:softprob", "num_class": 3}
    booster = xgb.train({**objective, "max_depth": 4}, data, num_boost_round=15)
    ours = tree_shap(booster, data)
    theirs = shap.TreeExplainer(booster).shap_values(X)
    np.testing.assert_allclose(ours.phi.transpose(0, 2, 1).reshape(theirs.shape), theirs, atol=1e-5)
    margin = booster.predict(data, output_margin=True).reshape(ours.base.shape)
    np.testing.assert_allclose(ours.base + ours.phi.sum(axis=-1), margin, atol=1.5e-5)


def test_columns_of_one_feature_are_added_up() -> None:
    phi = np.arange(8.0).reshape(2, 1, 4)
    base = np.zeros((2, 1))
    together = sum_by_feature(Attribution(base=base, phi=phi), [0, 1, 1, 2], 3)
    np.testing.assert_array_equal(together.phi[:, 0], [[0, 3, 3], [4, 11, 7]])
    same = Attribution(base=base, phi=phi)
    assert sum_by_feature(same, [0, 1, 2, 3], 4) is same
