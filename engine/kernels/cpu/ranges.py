"""Conditions that compare one column with constants, as the range of the integers that its values are held as.

Testing a dictionary of such values takes two numpy calls; evaluating the conditions takes many times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...dtypes import DataType, Kind
from ...expr import Call, Column, Expr, Literal
from ..constants import array_of
from .buffers import INT64_DIGITS, physical_type
from .native.arrays import Bits
from .words import integers_of

_LEAST, _GREATEST = -(2**63), 2**63 - 1
_CLOCKS = (Kind.DATE, Kind.TIMESTAMP, Kind.TIME, Kind.DURATION)


@dataclass(frozen=True, slots=True)
class IntegerRange:
    """Integers from ``low`` to ``high``, both among them."""

    low: int
    high: int

    def contains(self, values: NDArray[Any]) -> Bits:
        """Return a flag for each integer."""
        least = np.iinfo(values.dtype)
        if self.low > self.high or self.low > least.max or self.high < least.min:
            return np.zeros(len(values), dtype=np.uint8)
        inside = values >= max(self.low, int(least.min))
        inside &= values <= min(self.high, int(least.max))
        return inside.view(np.uint8)


def range_of(conditions: Sequence[Expr]) -> IntegerRange | None:
    """Return the values for which all conditions, on one column, are true; None where these are no range of integers.

    Null is never among them.
    """
    low, high = _LEAST, _GREATEST
    for condition in conditions:
        bounds = _bounds(condition)
        if bounds is None:
            return None
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return IntegerRange(low, high) if conditions else None


def _bounds(condition: Expr) -> tuple[int, int] | None:
    if not isinstance(condition, Call) or len(condition.args) != 2:
        return None
    column, constant = condition.args
    if not isinstance(column, Column) or not isinstance(constant, Literal) or constant.dtype != column.dtype:
        return None
    if constant.value is None or not _is_held_as_integers(column.dtype):
        return None
    value = int(integers_of(array_of([constant.value], physical_type(column.dtype)))[0])
    match condition.function:
        case "equal":
            return value, value
        case "less":
            return _LEAST, value - 1
        case "less_equal":
            return _LEAST, value
        case "greater":
            return value + 1, _GREATEST
        case "greater_equal":
            return value, _GREATEST
    return None


def _is_held_as_integers(dtype: DataType) -> bool:
    return dtype.is_signed or dtype.kind in _CLOCKS or (dtype.is_decimal and dtype.precision <= INT64_DIGITS)
