"""Fill values for missing numbers and categories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray
from ..errors import FitError
from .moments import column_moments

NumericStrategy: TypeAlias = Literal["mean", "median", "most_frequent", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericFill:
    """What replaces NaN in each of p columns, shape (p,)."""

    values: FloatArray

    def apply(self, X: npt.NDArray[Any]) -> None:
        """Replace NaN in the columns of a (n, p) block in place."""
        for column, value in zip(X.T, self.values, strict=True):
            column[np.isnan(column)] = value


def numeric_fill(
    X: npt.NDArray[np.floating],
    names: Sequence[str],
    *,
    strategy: NumericStrategy,
    constant: float = 0.0,
) -> NumericFill:
    """Choose fill values for the columns of all rows.

    Parameters
    ----------
    X
        All rows, shape (n, p), NaN where missing.
    names
        The columns, for messages.
    strategy
        ``mean``; ``median``; ``most_frequent``, the smallest of equals; or ``constant``.
    constant
        The value of strategy ``constant``.

    Raises
    ------
    FitError
        When a column has no value to learn from.
    """
    if strategy == "constant":
        return NumericFill(values=np.full(X.shape[1], constant))
    if strategy == "mean":
        moments = column_moments(X)
        values = np.where(moments.count > 0, moments.mean, np.nan)
    else:
        choose = _median if strategy == "median" else _most_frequent
        values = np.array([_of_present(column, choose) for column in X.T])
    if np.isnan(values).any():
        name = names[int(np.argmax(np.isnan(values)))]
        raise FitError(f'cannot impute {name!r}: every value is missing; drop the column or use strategy="constant"')
    return NumericFill(values=values)


def _of_present(column: npt.NDArray[np.floating], choose: Callable[[FloatArray], float]) -> float:
    present = column[~np.isnan(column)].astype(np.float64)
    return choose(present) if len(present) else float("nan")


def _most_frequent(values: FloatArray) -> float:
    distinct, counts = np.unique(values, return_counts=True)
    return float(distinct[np.argmax(counts)])


def _median(values: FloatArray) -> float:
    return float(np.median(values))
