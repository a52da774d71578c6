"""How much each feature moved a row's margin away from the average row's: exact for linear models and for trees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray
from ..linear.solution import LinearSolution

if TYPE_CHECKING:
    import xgboost


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """SHAP values on the scale of the margin (log-odds for classes, the target's unit for regression).

    Parameters
    ----------
    base
        Margin of the average row, shape (n, K).
    phi
        Effect of each feature, shape (n, K, p); ``base + phi.sum(-1)`` is the margin. K is 1 but for three or more
        classes.
    """

    base: npt.NDArray[np.floating]
    phi: npt.NDArray[np.floating]


def linear_shap(solution: LinearSolution, X: FloatArray, mean: FloatArray) -> Attribution:
    """Shapley values of a linear model with independent features: ``coef * (x - mean)``.

    Parameters
    ----------
    solution
        The fitted model.
    X
        Rows to explain, shape (n, p).
    mean
        Mean of each feature over the background, usually the training rows, shape (p,).

    Notes
    -----
    Lundberg and Lee (2017), corollary 1; the interventional expectation of `shap.LinearExplainer`.
    """
    coef = np.atleast_2d(solution.coef)
    base = np.atleast_1d(solution.intercept) + coef @ mean
    phi = (X - mean)[:, None, :] * coef
    return Attribution(base=np.broadcast_to(base, phi.shape[:2]), phi=phi)


def tree_shap(booster: xgboost.Booster, data: xgboost.DMatrix) -> Attribution:
    """Path-dependent TreeSHAP (Lundberg et al., 2020) by XGBoost, float32."""
    values: npt.NDArray[Any] = booster.predict(data, pred_contribs=True)
    if values.ndim == 2:
        values = values[:, None, :]
    return Attribution(base=values[..., -1], phi=values[..., :-1])


def sum_by_feature(attribution: Attribution, feature: Sequence[int], features: int) -> Attribution:
    """Add up the columns that came from one source feature, as those of a one-hot encoding do.

    Parameters
    ----------
    attribution
        Values per column of the model's matrix.
    feature
        The source feature's number of each column, shape (p,).
    features
        How many source features there are.
    """
    owner = np.asarray(feature)
    if np.array_equal(owner, np.arange(features)):
        return attribution
    membership = (owner[:, None] == np.arange(features)).astype(attribution.phi.dtype)
    return Attribution(base=attribution.base, phi=attribution.phi @ membership)
