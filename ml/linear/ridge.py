"""Ridge regression in closed form from centred moments."""

from __future__ import annotations

import numpy as np

from ..blocks import Blocks
from ..errors import FitError
from .moments import JointMoments, joint_moments, merge_moments
from .solution import LinearSolution, solve_semidefinite


def fit_ridge(blocks: Blocks, *, alpha: float) -> LinearSolution:
    """Minimise ``sum(w (y - Xb - b0)**2) + alpha |b|**2``; the intercept is not penalised.

    Raises
    ------
    FitError
        When the weights of all rows sum to zero.
    """
    return solve_ridge(blocks.fold(joint_moments, merge_moments), alpha=alpha)


def solve_ridge(moments: JointMoments, *, alpha: float) -> LinearSolution:
    """Coefficients from the merged moments of all rows."""
    if moments.weight <= 0.0:
        raise FitError("cannot fit Ridge: the row weights sum to zero")
    width = moments.mean.shape[0] - 1
    normal = moments.scatter[:width, :width] + alpha * np.eye(width)
    coef = solve_semidefinite(normal, moments.scatter[:width, width])
    intercept = moments.mean[width] - moments.mean[:width] @ coef
    return LinearSolution(coef=coef, intercept=np.asarray(intercept))
