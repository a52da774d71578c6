"""Fill values for missing numbers and categories."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from ..blocks import FloatArray, IntArray

NumericStrategy: TypeAlias = Literal["mean", "median", "most_frequent", "constant"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericFill:
    """What replaces NaN in each of p columns, shape (p,)."""

    values: FloatArray

    def apply(self, X: npt.NDArray[Any]) -> None:
        """Replace NaN in the columns of a (n, p) block in place."""
        for column, value in zip(X.T, self.values, strict=True):
            column[np.isnan(column)] = value


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueCounts:
    """The distinct values of a column in ascending order without NaN, shape (k,), and the rows of each."""

    values: FloatArray
    counts: IntArray


def count_values(column: npt.NDArray[np.floating]) -> ValueCounts:
    """Count the values of a column, shape (n,)."""
    values, counts = np.unique(column[~np.isnan(column)], return_counts=True)
    return ValueCounts(values=values.astype(np.float64), counts=counts.astype(np.int64))


def merge_values(a: ValueCounts, b: ValueCounts) -> ValueCounts:
    """Return the counts of two disjoint sets of rows together."""
    values, place = np.unique(np.concatenate((a.values, b.values)), return_inverse=True)
    counts = np.zeros(len(values), dtype=np.int64)
    np.add.at(counts, place, np.concatenate((a.counts, b.counts)))
    return ValueCounts(values=values, counts=counts)


def most_frequent(counted: ValueCounts) -> float:
    """Return the commonest value, the smallest of equals; NaN where there is none."""
    return float(counted.values[np.argmax(counted.counts)]) if len(counted.values) else float("nan")


def order_statistics(count_up_to: Callable[[FloatArray], IntArray], ranks: IntArray) -> FloatArray:
    """Return the values of given ranks, from 0, in sorted columns that only say how many values reach up to a bound.

    Parameters
    ----------
    count_up_to
        For bounds, shape (m,), the numbers of values that are not greater, shape (m,): the sum over all rows.
    ranks
        Of the values wanted, shape (m,), each below the number of values.

    Notes
    -----
    Bisection on the bits of float64, whose order as whole numbers, once the sign is turned, is that of the values:
    exact after 64 rounds for any number of rows, none of which has to be brought together.
    """
    low = np.full(len(ranks), _ordinal(-np.inf))
    high = np.full(len(ranks), _ordinal(np.inf))
    while (low < high).any():
        middle = low + (high - low) // np.uint64(2)
        enough = count_up_to(_value(middle)) > ranks
        high = np.where(enough, middle, high)
        low = np.where(enough, low, np.minimum(middle + np.uint64(1), high))
    return _value(low)


_SIGN = np.uint64(1 << 63)


def _ordinal(value: float) -> np.uint64:
    bits = np.float64(value).view(np.uint64)
    return ~bits if bits & _SIGN else bits | _SIGN


def _value(ordinals: npt.NDArray[np.uint64]) -> FloatArray:
    return np.where(ordinals & _SIGN, ordinals ^ _SIGN, ~ordinals).view(np.float64)
