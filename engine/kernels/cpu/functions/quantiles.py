"""Quantiles: where they lie among sorted values, and what lies between two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....dtypes import DataType
from ..buffers import values_of
from ..native.arrays import Longs
from .decimals import to_float64


@dataclass(frozen=True, slots=True)
class Between:
    """Where quantiles lie: at a place among so many sorted values, or a share of the way to the next place."""

    low: Longs
    high: Longs
    share: NDArray[np.float64]


def places_between(counts: Longs, q: float) -> Between:
    """Return where the quantile ``q`` of so many values lies, linear between two; of no values, at place 0."""
    place = q * np.maximum(counts - 1, 0)
    low = np.floor(place)
    return Between(low.astype(np.int64), np.ceil(place).astype(np.int64), place - low)


def places_at(counts: Longs, q: float) -> Longs:
    """Return the place of the value that so large a share of the values does not exceed; of no values, place 0."""
    places: Longs = np.maximum(counts - np.floor(counts - q * counts).astype(np.int64), 1) - 1
    return places


def numbers_between(values: pa.Array, dtype: DataType, *, to: DataType) -> NDArray[Any]:
    """Return values of a type as the numbers that quantiles of type ``to`` are computed of."""
    if to.is_float:
        return values_of(to_float64(values) if dtype.is_decimal else values.cast(pa.float64(), safe=False))
    return values_of(values.cast(to_arrow_type(to)))


def interpolated(below: NDArray[Any], above: NDArray[Any], share: NDArray[np.float64]) -> NDArray[Any]:
    """Return what lies a share of the way between two numbers.

    Equal ones are the answer, also where they are infinite; nothing finite lies between an infinite one and another.
    Whole numbers, instants, are rounded, halves away from zero.
    """
    made: NDArray[Any]
    if below.dtype != np.float64:
        beyond = (above - below) * share
        whole = np.floor(beyond)
        rest, made = beyond - whole, below + whole.astype(np.int64)
        made = made + ((rest > 0.5) | ((rest == 0.5) & (made >= 0)))
        return made
    with np.errstate(invalid="ignore"):
        between = np.where(np.isinf(below), below + above, below + (above - below) * share)
        made = np.where((below == above) | (share == 0), below, between)
    return made
