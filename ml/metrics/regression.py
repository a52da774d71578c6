"""Scores of real-valued predictions; arrays of shape (n,)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray


def rmse(target: npt.ArrayLike, prediction: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Root of the weighted mean squared error."""
    error = _error(target, prediction)
    return float(np.sqrt(_average(error * error, weight)))


def mae(target: npt.ArrayLike, prediction: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Weighted mean absolute error."""
    return _average(np.abs(_error(target, prediction)), weight)


def r2(target: npt.ArrayLike, prediction: npt.ArrayLike, weight: npt.ArrayLike | None = None) -> float:
    """Share of the target's variance that is explained; NaN for a constant target."""
    truth = np.asarray(target, dtype=np.float64)
    error = _error(target, prediction)
    spread = truth - _average(truth, weight)
    variance = _average(spread * spread, weight)
    return 1.0 - _average(error * error, weight) / variance if variance > 0 else float("nan")


def _error(target: npt.ArrayLike, prediction: npt.ArrayLike) -> FloatArray:
    return np.asarray(prediction, dtype=np.float64) - np.asarray(target, dtype=np.float64)


def _average(values: FloatArray, weight: npt.ArrayLike | None) -> float:
    weights = np.ones(len(values)) if weight is None else np.asarray(weight, dtype=np.float64)
    total = float(weights.sum())
    return float(values @ weights) / total if total > 0 else float("nan")
