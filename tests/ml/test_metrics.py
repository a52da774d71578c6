"""Metrics against scikit-learn's, with ties, weights and degenerate inputs."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import calibration
from sklearn import metrics as sk

from volley.ml import metrics
from volley.ml.metrics.ranking import sorted_group_auc

ROWS = 5000


@pytest.fixture(params=[False, True], ids=["plain", "weighted"])
def sample(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, ROWS)
    score = np.round(np.clip(rng.normal(0.4 + 0.2 * label, 0.2), 0, 1), 2)  # many ties, some at 0 and 1
    return label, score, rng.uniform(0, 2, ROWS) if request.param else None


def test_binary_metrics_equal_scikit_learn(sample: tuple) -> None:
    label, score, weight = sample
    chosen = score >= 0.5
    ours = metrics.confusion(label, score, threshold=0.5, weight=weight)
    for mine, theirs in [
        (metrics.auc(label, score, weight), sk.roc_auc_score(label, score, sample_weight=weight)),
        (metrics.log_loss(label, score, weight), sk.log_loss(label, score, sample_weight=weight)),
        (metrics.brier(label, score, weight), sk.brier_score_loss(label, score, sample_weight=weight)),
        (metrics.accuracy(label, chosen, weight), sk.accuracy_score(label, chosen, sample_weight=weight)),
        (ours.accuracy, sk.accuracy_score(label, chosen, sample_weight=weight)),
        (ours.precision, sk.precision_score(label, chosen, sample_weight=weight)),
        (ours.recall, sk.recall_score(label, chosen, sample_weight=weight)),
        (ours.f1, sk.f1_score(label, chosen, sample_weight=weight)),
    ]:
        assert mine == pytest.approx(theirs, rel=1e-12)
    counts = sk.confusion_matrix(label, chosen, sample_weight=weight)
    mine_counts = [
        [ours.true_negatives, ours.false_positives],
        [ours.false_negatives, ours.true_positives],
    ]
    np.testing.assert_allclose(mine_counts, counts, rtol=1e-12)


def test_float32_probabilities_are_clipped_as_in_scikit_learn() -> None:
    label, score = np.array([0, 1, 1]), np.array([1.0, 0.0, 1.0], np.float32)
    assert metrics.log_loss(label, score) == pytest.approx(sk.log_loss(label, score), rel=1e-6)


def test_roc_curve_equals_scikit_learn(sample: tuple) -> None:
    label, score, weight = sample
    ours = metrics.roc_curve(label, score, weight, points=None)
    fpr, tpr, thresholds = sk.roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(ours.fpr, fpr, atol=1e-12)
    np.testing.assert_allclose(ours.tpr, tpr, atol=1e-12)
    np.testing.assert_array_equal(ours.thresholds, thresholds)


def test_thinned_roc_keeps_its_area_and_ends() -> None:
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, 50_000)
    score = rng.normal(label)
    thin = metrics.roc_curve(label, score, points=200)
    assert len(thin.fpr) <= 202
    assert (thin.fpr[0], thin.tpr[0], thin.fpr[-1], thin.tpr[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(thin.tpr, thin.fpr) == pytest.approx(metrics.auc(label, score), abs=1e-4)


@pytest.mark.parametrize("strategy", ["uniform", "quantile"])
def test_calibration_equals_scikit_learn(strategy: str) -> None:
    rng = np.random.default_rng(2)
    probability = rng.beta(2, 5, ROWS)
    label = rng.random(ROWS) < probability
    ours = metrics.calibration_curve(label, probability, bins=12, strategy=strategy)
    observed, predicted = calibration.calibration_curve(label, probability, n_bins=12, strategy=strategy)
    np.testing.assert_allclose(ours.observed, observed)
    np.testing.assert_allclose(ours.predicted, predicted)
    assert ours.weight.sum() == ROWS


def test_regression_metrics_equal_scikit_learn(sample: tuple) -> None:
    _, prediction, weight = sample
    target = prediction * 3 + np.random.default_rng(3).normal(size=ROWS)
    squared = sk.mean_squared_error(target, prediction, sample_weight=weight)
    assert metrics.rmse(target, prediction, weight) == pytest.approx(math.sqrt(squared))
    absolute = sk.mean_absolute_error(target, prediction, sample_weight=weight)
    assert metrics.mae(target, prediction, weight) == pytest.approx(absolute)
    assert metrics.r2(target, prediction, weight) == pytest.approx(
        sk.r2_score(target, prediction, sample_weight=weight)
    )


def test_multiclass_log_loss_equals_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    probability = rng.dirichlet(np.ones(4), 500)
    number = rng.integers(0, 4, 500)
    weight = rng.random(500)
    ours = metrics.multiclass_log_loss(number, probability, weight)
    assert ours == pytest.approx(sk.log_loss(number, probability, sample_weight=weight))


def test_what_is_undefined_is_nan() -> None:
    nothing = np.array([])
    assert math.isnan(metrics.auc([1, 1], [0.2, 0.3]))
    assert math.isnan(metrics.auc(nothing, nothing))
    assert math.isnan(metrics.log_loss(nothing, nothing))
    assert math.isnan(metrics.confusion([0, 0], [0.1, 0.2]).precision)
    assert math.isnan(metrics.r2([2.0, 2.0], [1.0, 3.0]))
    assert math.isnan(metrics.rmse(nothing, nothing))
    assert len(metrics.calibration_curve(nothing, nothing).predicted) == 0
    assert np.isnan(metrics.roc_curve([1, 1], [0.1, 0.2]).fpr).all()


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=40),
)
def test_group_auc_equals_pair_counting(rows: list[tuple[int, int, bool]]) -> None:
    ordered = sorted(rows)
    group = np.array([r[0] for r in ordered], dtype=np.int64)
    score = np.array([r[1] for r in ordered], dtype=np.float64)
    positive = np.array([r[2] for r in ordered], dtype=bool)
    ours = sorted_group_auc(group, score, positive, 4)
    for g in range(4):
        up, down = score[(group == g) & positive], score[(group == g) & ~positive]
        if len(up) == 0 or len(down) == 0:
            assert math.isnan(ours[g])
        else:
            above = (up[:, None] > down).sum() + (up[:, None] == down).sum() / 2
            assert ours[g] == pytest.approx(above / (len(up) * len(down)))
