"""Conditions of a join on the distance between two values, as ``abs(a.x - b.x) <= 5``, as bounds of one of the two.

``a - b <= c`` bounds ``a`` by ``b + c`` and ``b`` by ``a - c``. Of integers, moments and decimals that is the same: a
sum beyond the type bounds nothing, or leaves nothing. (A distance beyond it is no error here: it is not computed.)
Floats are rounded, so that the bound is one that the condition cannot reach, and is tested on the pairs that are left.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import TICKS, DataType, Kind
from ...expr import FLIPPED, Call, Cast, Expr, Literal
from ...intervals import DAY
from .native import order_floats, order_integers
from .native.arrays import Words
from .words import floats_of, integers_of, is_one_word

_LEAST, _GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_MONTH = 30 * DAY
ROUNDING = {Kind.FLOAT32: 2.0**-21, Kind.FLOAT64: 2.0**-50}
"""For each type more than the share of its terms that a sum is rounded by, twice."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What is added to a probing row's value to bound the build row's: ticks, units of a decimal or a float.

    Attributes
    ----------
    lower
        Whether the bound is one from below.
    passes_nan
        Whether pairs with a float that is NaN meet the condition.
    """

    value: int | float
    lower: bool
    passes_nan: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether the bound says the same as the condition."""
        return isinstance(self.value, int)

    def words(self, column: pa.Array, dtype: DataType) -> tuple[Words, NDArray[np.bool_] | None]:
        """Return words of what values bound, and which of them leave any value at all; None where all do."""
        if isinstance(self.value, float):
            return order_floats(self._floats(floats_of(column), dtype)), None
        numbers, limit = integers_of(column), (_LEAST if self.value < 0 else _GREATEST) - self.value
        beyond = numbers < limit if self.value < 0 else numbers > limit
        with np.errstate(over="ignore"):
            moved = numbers + np.int64(self.value)
        if not beyond.any():
            return order_integers(moved), None
        moved[beyond] = _LEAST if self.value < 0 else _GREATEST
        return order_integers(moved), None if self.lower == (self.value < 0) else ~beyond

    def _floats(self, values: NDArray[np.float64], dtype: DataType) -> NDArray[np.float64]:
        share = -ROUNDING[dtype.kind] if self.lower else ROUNDING[dtype.kind]
        with np.errstate(all="ignore"):
            margins = np.abs(values) * share
            margins[~np.isfinite(margins)] = 0.0
            bounds = (values + margins) + (self.value + abs(self.value) * share)
        nothing = np.isnan(values) & (not self.passes_nan)
        # NaN is the greatest: as a bound from above it lets everything pass, as one from below NaN alone.
        bounds[np.isnan(bounds) & self.lower] = -math.inf
        bounds[nothing] = math.nan if self.lower else -math.inf
        return bounds


@dataclass(frozen=True, slots=True)
class Distance:
    """A condition ``first - second function limit``, exact numbers in units of the two, or floats."""

    first: Expr
    second: Expr
    function: str
    limit: Fraction | float
    passes_nan: bool = False

    def offset(self, *, of_first: bool) -> Offset | None:
        """Return what bounds the first value by the second, or the second by the first; None where nothing does."""
        upper, sign = self.function.startswith("less"), 1 if of_first else -1
        lower = upper is not of_first
        if isinstance(self.limit, float):
            if self.passes_nan and not lower:
                return None  # a build row's NaN would be left out
            return Offset(sign * self.limit, lower, self.passes_nan)
        strict = not self.function.endswith("equal")
        if upper:
            value = math.ceil(self.limit) - 1 if strict else math.floor(self.limit)
        else:
            value = math.floor(self.limit) + 1 if strict else math.ceil(self.limit)
        value *= sign
        return Offset(value, lower) if _LEAST <= value <= _GREATEST else None


def distances_of(parts: Iterable[Expr]) -> list[tuple[Distance, ...]]:
    """Return what each of some conditions, which must all hold, says of distances; nothing for one that says more."""
    found = [tuple(_distances(part)) for part in parts]
    fail = {(each.first, each.second) for own in found for each in own if not each.passes_nan}
    return [
        tuple(replace(each, passes_nan=False) if (each.first, each.second) in fail else each for each in own)
        for own in found
    ]


def _distances(part: Expr) -> Iterator[Distance]:
    if not isinstance(part, Call) or part.function not in FLIPPED:
        return
    left, right, function = *part.args, part.function
    if isinstance(left, Literal):
        left, right, function = right, left, FLIPPED[function]
    limit = _number(right)
    if limit is None:
        return
    left = _unwidened(left)
    if isinstance(left, Call) and left.function == "abs":
        if function.startswith("less"):
            yield from _distance(left.args[0], function, limit, passes_nan=False)
            yield from _distance(left.args[0], FLIPPED[function], -limit, passes_nan=False)
        return
    yield from _distance(left, function, limit, passes_nan=function.startswith("greater"))


def _distance(expr: Expr, function: str, limit: Fraction | float, *, passes_nan: bool) -> Iterator[Distance]:
    expr = _unwidened(expr)
    if not isinstance(expr, Call):
        return
    if expr.function == "negate":
        yield from _distance(expr.args[0], FLIPPED[function], -limit, passes_nan=passes_nan)
        return
    if expr.function not in ("subtract", "difference"):
        return
    first, second = expr.args
    scaled = _scaled(limit, first.dtype)
    if _are_alike(first.dtype, second.dtype) and scaled is not None:
        yield Distance(first, second, function, scaled, passes_nan and first.dtype.is_float)


def _are_alike(first: DataType, second: DataType) -> bool:
    """Return whether values of two types are words of one unit."""
    same = first == second or (first.is_decimal and second.is_decimal and first.scale == second.scale)
    return same and is_one_word(first) and is_one_word(second)


def _scaled(limit: Fraction | float, dtype: DataType) -> Fraction | float | None:
    """Return a limit of distances in the units of a type; None where there is no such thing."""
    if dtype.is_float:
        return limit if isinstance(limit, float) else None
    if isinstance(limit, float):
        return None
    match dtype.kind:
        case Kind.DECIMAL:
            return limit * Fraction(10**dtype.scale)
        case Kind.TIMESTAMP if dtype.unit != "ns":  # intervals have microseconds
            return limit * TICKS[dtype.unit] / TICKS["us"]
    whole = (dtype.is_integer and dtype.is_signed) or dtype.kind is Kind.DATE
    return limit if whole else None  # a distance of unsigned integers below 0 is an error


def _number(expr: Expr) -> Fraction | float | None:
    """Return a constant as a number, or lengths of time in microseconds; None where it is none."""
    if not isinstance(expr, Literal):
        return None
    value: Any = expr.value
    match value:
        case bool() | None:
            return None
        case int() | Decimal() if not expr.dtype.is_float:
            return Fraction(value)
        case int() | float():
            return float(value) if math.isfinite(value) else None
        case timedelta():
            return Fraction(value // timedelta(microseconds=1))
    if expr.dtype.kind is Kind.INTERVAL:
        return Fraction(value.months * _MONTH + value.days * DAY + value.nanoseconds // 1_000)
    return None


def _unwidened(expr: Expr) -> Expr:
    """Return what an expression casts, where that leaves values and their order as they are."""
    while isinstance(expr, Cast) and _keeps_values(expr.arg.dtype, expr.dtype):
        expr = expr.arg
    return expr


def _keeps_values(source: DataType, target: DataType) -> bool:
    if source.is_integer:
        wider = target.is_integer and target.is_signed and source.bits < target.bits
        return bool(wider or target.is_decimal)
    if source.is_float:
        return target.kind is Kind.FLOAT64
    if source.is_decimal:
        return target.is_decimal and source.scale <= target.scale
    return source.kind is Kind.DURATION and target.kind is Kind.INTERVAL
