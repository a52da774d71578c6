"""Conditions that kernels test by themselves.

A column compared with constants is a range of the integers that its values are held as; two columns of one type are
compared with each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....dtypes import INT64_DIGITS, DataType, Kind
from ....expr import Call, Column, Expr, Literal, conjuncts, disjuncts
from ....records import dataclass
from ...constants import array_of
from ..buffers import physical_type
from ..native import chunksets
from ..native.arrays import Bits
from ..words import integers_of

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


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two columns, and the way in which the values of both must compare, as `chunksets` names it."""

    left: str
    way: int
    right: str


_WAYS = {
    "less": chunksets.LESS,
    "less_equal": chunksets.LESS_EQUAL,
    "greater": chunksets.LESS,
    "greater_equal": chunksets.LESS_EQUAL,
    "equal": chunksets.EQUAL,
    "not_equal": chunksets.NOT_EQUAL,
}


def range_of(conditions: Sequence[Expr]) -> IntegerRange | None:
    """Return the values for which all conditions, on one column, are true; None where these are no range of integers.

    Null is never among them.
    """
    bounds = _all_of(map(_one_of, conditions)) if conditions else None
    return None if bounds is None else IntegerRange(*bounds)


def _all_of(ranges: Iterable[tuple[int, int] | None]) -> tuple[int, int] | None:
    """Return what ranges have in common, None where any of them is none."""
    low, high = _LEAST, _GREATEST
    for bounds in ranges:
        if bounds is None:
            return None
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return low, high


def _one_of(condition: Expr) -> tuple[int, int] | None:
    """Return the values for which one condition is true: of ranges of which any will do, no gap may be between them."""
    found: list[tuple[int, int]] = []
    for choice in disjuncts(condition):
        bounds = _all_of(map(_bounds, conjuncts(choice)))
        if bounds is None:
            return None
        if bounds[0] <= bounds[1]:
            found.append(bounds)
    if not found:
        return 0, -1
    low, high = min(found)
    for bounds in sorted(found):
        if bounds[0] > high + 1:
            return None
        high = max(high, bounds[1])
    return low, high


def comparison_of(conditions: Sequence[Expr]) -> Comparison | None:
    """Return the one condition that compares two columns held as integers of one kind; None where it is another."""
    condition = conditions[0] if len(conditions) == 1 else None
    if not isinstance(condition, Call) or len(condition.args) != 2:
        return None
    left, right = condition.args
    way = _WAYS.get(condition.function)
    if way is None or not isinstance(left, Column) or not isinstance(right, Column) or left.dtype != right.dtype:
        return None
    if not _is_held_as_integers(left.dtype):
        return None
    turned = condition.function.startswith("greater")
    return Comparison(right.name, way, left.name) if turned else Comparison(left.name, way, right.name)


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
