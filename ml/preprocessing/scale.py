"""Scaling of numeric columns: to zero mean and unit variance, or into the unit interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray
from .moments import ColumnMoments


@dataclass(frozen=True, slots=True, kw_only=True)
class Scaling:
    """``(x - shift) / scale`` per column; both arrays have shape (p,) and ``scale`` is positive."""

    shift: FloatArray
    scale: FloatArray

    def apply(self, X: npt.NDArray[Any]) -> None:
        """Scale the columns of a (n, p) block in place; NaN stays NaN."""
        for column, shift, scale in zip(X.T, self.shift, self.scale, strict=True):
            np.subtract(column, shift, out=column)
            np.divide(column, scale, out=column)


def standard_scaling(moments: ColumnMoments) -> Scaling:
    """To zero mean and unit population variance; a constant column is only shifted."""
    return Scaling(shift=moments.mean, scale=_usable(np.sqrt(moments.variance), moments))


def min_max_scaling(moments: ColumnMoments) -> Scaling:
    """To the interval from 0 to 1; a constant column becomes 0."""
    shift = np.where(np.isnan(moments.low), 0.0, moments.low)
    return Scaling(shift=shift, scale=_usable(moments.high - moments.low, moments))


def _usable(spread: FloatArray, moments: ColumnMoments) -> FloatArray:
    """Replace spreads that are zero up to rounding, or unknown, by 1."""
    noise = 10 * np.finfo(np.float64).eps * np.abs(moments.mean)
    return np.where(spread > noise, spread, 1.0)
