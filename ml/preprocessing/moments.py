"""Per-column count, mean, variance, minimum and maximum that merge; missing values (NaN) are left out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from ..blocks import TILE_ROWS, FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMoments:
    """Moments of p columns, each an array of shape (p,).

    Parameters
    ----------
    count
        Values that are not missing.
    mean
        Their means; 0 where there are none.
    squares
        Their sums of squared deviations from the mean.
    low, high
        Their minimum and maximum; NaN where there are none.
    """

    count: FloatArray
    mean: FloatArray
    squares: FloatArray
    low: FloatArray
    high: FloatArray

    @property
    def variance(self) -> FloatArray:
        """Population variances (divisor n), NaN for a column without values."""
        empty = np.full_like(self.mean, np.nan)
        return np.divide(self.squares, self.count, out=empty, where=self.count > 0)


def column_moments(X: npt.NDArray[np.floating]) -> ColumnMoments:
    """Moments of the columns of a (n, p) block; sums are kept in float64 whatever the block's type."""
    tiles = [X[start : start + TILE_ROWS] for start in range(0, X.shape[0], TILE_ROWS)]
    return reduce(merge_columns, map(_tile_columns, tiles), _no_rows(X.shape[1]))


def merge_columns(a: ColumnMoments, b: ColumnMoments) -> ColumnMoments:
    """Moments of two disjoint sets of rows together (Chan, Golub and LeVeque, 1983)."""
    count = a.count + b.count
    share = np.divide(b.count, count, out=np.zeros_like(count), where=count > 0)
    gap = b.mean - a.mean
    return ColumnMoments(
        count=count,
        mean=a.mean + gap * share,
        squares=a.squares + b.squares + gap * gap * a.count * share,
        low=np.fmin(a.low, b.low),
        high=np.fmax(a.high, b.high),
    )


def _tile_columns(tile: npt.NDArray[np.floating]) -> ColumnMoments:
    values = tile.astype(np.float64)
    missing = np.isnan(values)
    count = (values.shape[0] - missing.sum(axis=0)).astype(np.float64)
    low = np.fmin.reduce(values, axis=0)
    high = np.fmax.reduce(values, axis=0)
    values[missing] = 0.0
    mean = np.divide(values.sum(axis=0), count, out=np.zeros_like(count), where=count > 0)
    values -= mean
    values[missing] = 0.0
    return ColumnMoments(count=count, mean=mean, squares=np.einsum("ij,ij->j", values, values), low=low, high=high)


def _no_rows(width: int) -> ColumnMoments:
    zeros, unknown = np.zeros(width), np.full(width, np.nan)
    return ColumnMoments(count=zeros, mean=zeros, squares=zeros, low=unknown, high=unknown)
