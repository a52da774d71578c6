"""Linear models against scikit-learn, and the independence of the answer from how rows are cut."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from volley.ml.blocks import Block, Blocks, FloatArray, map_merge, split_rows
from volley.ml.errors import ConvergenceError, FitError
from volley.ml.linear.logistic import WARM_START_ROWS, expit, fit_logistic, logistic_evaluation
from volley.ml.linear.moments import joint_moments, merge_moments
from volley.ml.linear.ridge import fit_ridge
from volley.ml.linear.softmax import fit_softmax, softmax, softmax_evaluation


def _features(rows: int, columns: int, seed: int = 0) -> tuple[FloatArray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    scale = np.logspace(-2, 3, columns)  # features in fractions and in thousands
    return np.asfortranarray(rng.normal(size=(rows, columns)) * scale + scale), rng


def _binary(rows: int = 3000, columns: int = 5) -> tuple[FloatArray, FloatArray, FloatArray]:
    X, rng = _features(rows, columns)
    margin = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=columns) + 0.4
    return X, (rng.random(rows) < expit(margin)).astype(np.float64), rng.uniform(0.0, 3.0, rows)


def _cut(X: FloatArray, y: FloatArray, w: FloatArray | None, parts: int) -> list[Block]:
    pieces = np.array_split(np.arange(len(y)), parts)
    return [Block(X=X[i[0] : i[-1] + 1], y=y[i[0] : i[-1] + 1], w=w if w is None else w[i]) for i in pieces]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("alpha", [0.0, 1.0, 1e4])
def test_ridge_equals_scikit_learn(weighted: bool, alpha: float) -> None:
    X, rng = _features(2000, 6)
    y = X @ rng.normal(size=6) + rng.normal(size=2000)
    w = rng.uniform(0.0, 2.0, 2000) if weighted else None
    ours = fit_ridge(Blocks.here(_cut(X, y, w, 7), threads=2), alpha=alpha)
    theirs = Ridge(alpha=alpha, solver="svd").fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.coef, theirs.coef_, rtol=1e-7)
    np.testing.assert_allclose(ours.decision(X), theirs.predict(X), rtol=1e-8)


def test_ridge_with_dependent_columns_gives_least_norm() -> None:
    X, rng = _features(500, 3)
    X = np.asfortranarray(np.column_stack([X, X[:, 0], np.full(500, 3.0)]))  # a copy, and a constant
    y = X[:, 0] + rng.normal(size=500) * 1e-3
    ours = fit_ridge(Blocks.here([Block(X=X, y=y)]), alpha=0.0)
    assert ours.coef[0] == pytest.approx(ours.coef[3])
    assert ours.coef[4] == 0.0
    assert np.abs(ours.decision(X) - y).max() < 0.01


def test_ridge_refuses_rows_without_weight() -> None:
    X, _ = _features(10, 2)
    with pytest.raises(FitError, match="weights sum to zero"):
        fit_ridge(Blocks.here([Block(X=X, y=X[:, 0], w=np.zeros(10))]), alpha=1.0)


def test_moments_survive_a_large_offset() -> None:
    X, rng = _features(40_000, 2)
    X = np.asfortranarray(rng.normal(size=X.shape) + 1e8)
    moments = map_merge(split_rows(X, X[:, 0]), joint_moments, merge_moments)
    np.testing.assert_allclose(np.diagonal(moments.scatter)[:2] / 40_000, X.var(axis=0), rtol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("C", [0.01, 1.0, 1e6])
def test_logistic_probabilities_equal_scikit_learn(weighted: bool, C: float) -> None:
    X, y, w = _binary()
    w_or_none = w if weighted else None
    ours = fit_logistic(Blocks.here(_cut(X, y, w_or_none, 3)), C=C)
    # scikit-learn's own Newton solver, run to its end; L-BFGS stops short on features this badly scaled.
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    theirs.fit(X, y, sample_weight=w_or_none)
    np.testing.assert_allclose(expit(ours.decision(X)), theirs.predict_proba(X)[:, 1], atol=1e-8)


def test_logistic_is_the_same_for_any_partitions_and_threads() -> None:
    X, y, w = _binary(20_000)
    whole = fit_logistic(Blocks.here([Block(X=X, y=y, w=w)]), C=1.0)
    for parts in (2, 7):
        cut = fit_logistic(Blocks.here(_cut(X, y, w, parts), threads=3), C=1.0)
        np.testing.assert_allclose(cut.coef, whole.coef, rtol=1e-9, atol=1e-12)
    again = fit_logistic(Blocks.here(_cut(X, y, w, 7), threads=1), C=1.0)
    assert np.array_equal(again.coef, fit_logistic(Blocks.here(_cut(X, y, w, 7), threads=4), C=1.0).coef)


def test_logistic_warm_start_on_many_sorted_rows() -> None:
    rows = 9 * WARM_START_ROWS
    rng = np.random.default_rng(1)
    X = np.asfortranarray(rng.normal(size=(rows, 2)))
    y = (rng.random(rows) < expit(X[:, 0])).astype(np.float64)
    order = np.argsort(y)
    X, y = np.asfortranarray(X[order]), y[order]
    ours = fit_logistic(Blocks.here(split_rows(X, y)), C=1.0)
    theirs = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-12).fit(X, y)
    np.testing.assert_allclose(ours.coef, theirs.coef_[0], rtol=1e-7)
    assert ours.iterations <= 4


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_logistic_refuses_one_class(label: float) -> None:
    X, _ = _features(20, 2)
    with pytest.raises(FitError, match="one class only"):
        fit_logistic(Blocks.here([Block(X=X, y=np.full(20, label))]), C=1.0)


def test_logistic_separable_without_penalty_says_so() -> None:
    X = np.asfortranarray(np.linspace(-1, 1, 40)[:, None])
    with pytest.raises(ConvergenceError, match="max_iter"):
        fit_logistic(Blocks.here([Block(X=X, y=(X[:, 0] > 0).astype(float))]), C=np.inf, max_iter=8)


def test_logistic_derivatives_agree_with_differences() -> None:
    X, y, w = _binary(200, 3)
    block = Block(X=np.asfortranarray((X - X.mean(0)) / X.std(0)), y=y, w=w)
    point = np.array([0.3, -0.2, 0.1, 0.5])
    here = logistic_evaluation(block, point)
    for k, direction in enumerate(np.eye(4) * 1e-5):
        up, down = logistic_evaluation(block, point + direction), logistic_evaluation(block, point - direction)
        assert (up.loss - down.loss) / 2e-5 == pytest.approx(here.gradient[k], rel=1e-6)
        np.testing.assert_allclose((up.gradient - down.gradient) / 2e-5, here.hessian[k], rtol=1e-6)


def test_expit_at_the_ends() -> None:
    np.testing.assert_array_equal(expit(np.array([-1000.0, 0.0, 1000.0])), [0.0, 0.5, 1.0])
    assert expit(np.array([-40.0]))[0] == pytest.approx(np.exp(-40.0))


@pytest.mark.parametrize("newton", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_softmax_equals_scikit_learn(newton: bool, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not newton:
        monkeypatch.setattr("volley.ml.linear.softmax.NEWTON_UNKNOWNS", 0)
    rng = np.random.default_rng(3)
    X = np.asfortranarray(rng.normal(size=(1500, 4)))
    y = (X @ rng.normal(size=(4, 4)) + rng.gumbel(size=(1500, 4))).argmax(axis=1).astype(np.float64)
    w = rng.uniform(0.0, 2.0, 1500) if weighted else None
    ours = fit_softmax(Blocks.here(_cut(X, y, w, 4)), classes=4, C=0.7)
    theirs = LogisticRegression(C=0.7, solver="newton-cg", tol=1e-11, max_iter=10_000)
    theirs.fit(X, y, sample_weight=w)
    np.testing.assert_allclose(softmax(ours.decision(X)), theirs.predict_proba(X), atol=1e-6)


def test_softmax_gradient_agrees_with_differences() -> None:
    X, rng = _features(100, 2)
    block = Block(X=np.asfortranarray(X / 1000), y=rng.integers(0, 3, 100).astype(float), w=rng.random(100))
    point = rng.normal(size=(3, 3))
    here = softmax_evaluation(block, point, hessian=True)
    for k in range(9):
        step = np.zeros(9)
        step[k] = 1e-5
        up = softmax_evaluation(block, point + step.reshape(3, 3), hessian=False)
        down = softmax_evaluation(block, point - step.reshape(3, 3), hessian=False)
        assert (up.loss - down.loss) / 2e-5 == pytest.approx(here.gradient[k], rel=1e-5, abs=1e-7)
        np.testing.assert_allclose((up.gradient - down.gradient) / 2e-5, here.hessian[k], rtol=1e-5, atol=1e-7)


def test_softmax_refuses_an_absent_class() -> None:
    X, _ = _features(30, 2)
    with pytest.raises(FitError, match="no row of positive weight"):
        fit_softmax(Blocks.here([Block(X=X, y=np.tile([0.0, 2.0], 15))]), classes=3, C=1.0)
