"""The outcome of fitting a linear model, and the positive semi-definite solve that the fits share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..blocks import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearSolution:
    """Fitted coefficients.

    Parameters
    ----------
    coef
        Weights, shape (p,), or (K, p) for K classes.
    intercept
        Shape () as an array of no dimension, or (K,).
    iterations
        Passes of the optimiser; 0 for a closed form.
    """

    coef: FloatArray
    intercept: FloatArray
    iterations: int = 0

    def decision(self, X: FloatArray) -> FloatArray:
        """Linear predictor of (n, p) features: shape (n,), or (n, K)."""
        margin: FloatArray = X @ self.coef.T
        margin += self.intercept
        return margin


def solve_semidefinite(A: FloatArray, b: FloatArray) -> FloatArray:
    """Solve ``A x = b`` for a symmetric positive semi-definite ``A``, by least norm where it is singular.

    Columns are first scaled to a unit diagonal, so that features in dollars and in fractions are treated alike.
    """
    from scipy import linalg

    diagonal = np.sqrt(np.maximum(np.diagonal(A), 0.0))
    scale = np.divide(1.0, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0.0)
    scaled = A * np.outer(scale, scale)
    np.fill_diagonal(scaled, 1.0)  # an all-zero column gets coefficient 0 as its right-hand side is scaled to 0
    try:
        factor = linalg.cho_factor(scaled, lower=True)
    except linalg.LinAlgError:
        return np.asarray(linalg.lstsq(scaled, b * scale)[0] * scale, dtype=np.float64)
    pivots = np.diagonal(factor[0])
    if pivots.min() < 1e-7:  # squared: within rounding of a linear dependence
        return np.asarray(linalg.lstsq(scaled, b * scale)[0] * scale, dtype=np.float64)
    return np.asarray(linalg.cho_solve(factor, b * scale) * scale, dtype=np.float64)
