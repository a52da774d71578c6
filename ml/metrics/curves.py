"""Curves for pictures: ROC, thinned to what an eye can tell apart, and calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RocCurve:
    """False and true positive rates at falling thresholds, from (0, 0) to (1, 1); arrays of one length."""

    fpr: FloatArray
    tpr: FloatArray
    thresholds: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationCurve:
    """Per bin that has rows: mean predicted probability, share of positives, and weight; arrays of one length."""

    predicted: FloatArray
    observed: FloatArray
    weight: FloatArray


def roc_curve(
    label: npt.ArrayLike,
    score: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    points: int | None = 500,
) -> RocCurve:
    """Receiver operating characteristic of 0/1 labels.

    Parameters
    ----------
    label, score, weight
        Arrays of shape (n,); higher scores mean more positive.
    points
        Keep about so many corners, evenly spaced along the curve; None keeps every distinct threshold.

    Returns
    -------
    RocCurve
        Rates are NaN where a class has no weight. The first threshold is infinite: nothing is selected.
    """
    values = np.asarray(score, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    values = values[order]
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)[order]
    positive = weights * np.asarray(label, dtype=bool)[order]
    last_of_run = np.flatnonzero(np.append(values[1:] != values[:-1], True)) if len(values) else np.array([], int)
    selected_positive = np.concatenate(([0.0], np.cumsum(positive)[last_of_run]))
    selected_negative = np.concatenate(([0.0], np.cumsum(weights - positive)[last_of_run]))
    with np.errstate(invalid="ignore"):
        fpr = selected_negative / selected_negative[-1]
        tpr = selected_positive / selected_positive[-1]
    thresholds = np.concatenate(([np.inf], values[last_of_run]))
    if points is not None and len(fpr) > points:
        along = fpr + tpr
        keep = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], points)).clip(max=len(fpr) - 1))
        keep = np.union1d(keep, [0, len(fpr) - 1])
        fpr, tpr, thresholds = fpr[keep], tpr[keep], thresholds[keep]
    return RocCurve(fpr=fpr, tpr=tpr, thresholds=thresholds)


def calibration_curve(
    label: npt.ArrayLike,
    probability: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    *,
    bins: int = 10,
    strategy: Literal["uniform", "quantile"] = "uniform",
) -> CalibrationCurve:
    """Compare predicted probabilities with observed shares of positives, bin by bin.

    Parameters
    ----------
    label, probability, weight
        Arrays of shape (n,).
    bins
        Number of bins asked for; empty ones are left out.
    strategy
        ``uniform`` cuts the unit interval into equal parts, ``quantile`` the rows.
    """
    chance = np.asarray(probability, dtype=np.float64)
    weights = np.ones(len(chance)) if weight is None else np.asarray(weight, dtype=np.float64)
    if strategy == "uniform":
        edges = np.linspace(0.0, 1.0, bins + 1)
    else:
        edges = np.percentile(chance, np.linspace(0, 100, bins + 1)) if len(chance) else np.zeros(bins + 1)
    number = np.searchsorted(edges[1:-1], chance)
    mass: FloatArray = np.bincount(number, weights=weights, minlength=bins).astype(np.float64)
    predicted = np.bincount(number, weights=weights * chance, minlength=bins)
    observed = np.bincount(number, weights=weights * np.asarray(label, dtype=bool), minlength=bins)
    used = mass > 0
    return CalibrationCurve(
        predicted=predicted[used] / mass[used], observed=observed[used] / mass[used], weight=mass[used]
    )
