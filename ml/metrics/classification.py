"""Scores of class predictions and of probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Weighted counts of a binary decision, and the rates that follow; a rate over nothing is NaN."""

    true_positives: float
    false_positives: float
    true_negatives: float
    false_negatives: float

    @property
    def precision(self) -> float:
        """Share of the selected that are positive."""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the positives that are selected: the true positive rate."""
        return _ratio(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + wrong)

    @property
    def accuracy(self) -> float:
        """Share of the decisions that are right."""
        right = self.true_positives + self.true_negatives
        return _ratio(right, right + self.false_positives + self.false_negatives)


def confusion(
    label: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    threshold: float = 0.5,
    weight: npt.ArrayLike | None = None,
) -> Confusion:
    """Count decisions ``score >= threshold`` against 0/1 labels; all arrays have shape (n,)."""
    positive = np.asarray(label, dtype=bool)
    selected = np.asarray(score) >= threshold
    weights = _weights(weight, len(positive))
    counts = np.bincount(2 * positive + selected, weights=weights, minlength=4)
    return Confusion(
        true_negatives=float(counts[0]),
        false_positives=float(counts[1]),
        false_negatives=float(counts[2]),
        true_positives=float(counts[3]),
    )


def accuracy(label: npt.ArrayLike, prediction: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Share of the weight of rows whose predicted class is the label; arrays of shape (n,)."""
    right = np.asarray(label) == np.asarray(prediction)
    return _mean(right.astype(np.float64), weight)


def brier(label: npt.ArrayLike, probability: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Mean squared difference of the positive class's probability and the 0/1 label; arrays of shape (n,)."""
    error = np.asarray(probability, dtype=np.float64) - np.asarray(label, dtype=np.float64)
    return _mean(error * error, weight)


def log_loss(label: npt.ArrayLike, probability: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Mean negative log-likelihood of 0/1 labels; probabilities are kept off 0 and 1 by their type's epsilon."""
    given = np.asarray(probability)
    chance = _clipped(given)
    losses = np.where(np.asarray(label, dtype=bool), -np.log(chance), -np.log1p(-chance))
    return _mean(losses, weight)


def multiclass_log_loss(
    number: npt.NDArray[np.integer], probability: npt.NDArray[np.floating], weight: npt.ArrayLike | None = None
) -> float:
    """Mean negative log-likelihood of class numbers (n,) under probabilities (n, K)."""
    chosen = _clipped(probability)[np.arange(len(number)), number]
    return _mean(-np.log(chosen), weight)


def _clipped(probability: npt.NDArray[np.floating]) -> FloatArray:
    tiny = float(np.finfo(probability.dtype).eps) if probability.dtype.kind == "f" else np.finfo(float).eps
    return np.clip(probability.astype(np.float64), tiny, 1.0 - tiny)


def _weights(weight: npt.ArrayLike | None, rows: int) -> FloatArray:
    return np.ones(rows) if weight is None else np.asarray(weight, dtype=np.float64)


def _mean(values: FloatArray, weight: npt.ArrayLike | None) -> float:
    weights = _weights(weight, len(values))
    return _ratio(float(values @ weights), float(weights.sum()))


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
