"""Conditions of a join on the distance between two values and a column, as ``abs(a.x - b.x) <= b.within``, as bounds.

``a - b <= c`` bounds ``a`` by ``b + c`` where one side has ``b`` and ``c``, and ``b`` by ``a - c`` where one has ``a``
and ``c``. Of integers that is the same, while the sum fits its type: else the condition is tested on all pairs. Sums of
floats are widened by more than any rounding, and one that is NaN bounds nothing; the condition is tested on what is
left. (Limits that are constants: ``distances.py``.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ...dtypes import DataType
from ...expr import FLIPPED, Call, Expr, Literal, call, case
from .distances import ROUNDING


class Compared(NamedTuple):
    """A comparison of an expression of one side with one of the other; exact where it says what the condition does."""

    left: Expr
    function: str
    right: Expr
    is_exact: bool


def margins_of(part: Expr, on_one_side: Callable[[Expr, Expr], bool]) -> list[Compared]:
    """Return the comparisons that a condition on a distance comes to; none where it is no such condition.

    Parameters
    ----------
    on_one_side
        Whether two expressions read columns of one and the same side.
    """
    if not isinstance(part, Call) or part.function not in FLIPPED:
        return []
    left, right, function = *part.args, part.function
    if not _is_distance(left):
        left, right, function = right, left, FLIPPED[function]
    if not isinstance(left, Call) or not _is_distance(left) or not _may_bound(left, right.dtype, function):
        return []
    found = list[Compared]()
    for first, second, sign in _differences(left):
        if first.dtype != right.dtype or second.dtype != right.dtype:
            return []
        own = function if sign > 0 else FLIPPED[function]
        if on_one_side(second, right):
            found.append(_compared(first, own, second, right, sign))
        elif on_one_side(first, right):
            turned = _compared(second, FLIPPED[own], first, right, -sign)
            found.append(turned)
        else:
            return []
    return found


def _is_distance(expr: Expr) -> bool:
    inner = expr.args[0] if isinstance(expr, Call) and expr.function == "abs" else expr
    return isinstance(inner, Call) and inner.function == "subtract"


def _may_bound(distance: Call, dtype: DataType, function: str) -> bool:
    """Return whether all pairs that meet a condition are within its bounds: NaN is greater than any limit."""
    if function.startswith("less"):
        return dtype.is_float or (dtype.is_integer and dtype.is_signed)
    return distance.function != "abs" and dtype.is_integer and dtype.is_signed


def _differences(distance: Call) -> Iterator[tuple[Expr, Expr, int]]:
    """Yield the two values of a distance, and whether the limit is an upper one (1) or, negated, a lower one (-1)."""
    inner = distance.args[0] if distance.function == "abs" else distance
    assert isinstance(inner, Call)
    first, second = inner.args
    yield first, second, 1
    if distance.function == "abs":
        yield first, second, -1


def _compared(value: Expr, function: str, base: Expr, limit: Expr, sign: int) -> Compared:
    """Return how a value compares with a sum, or a difference."""
    moved = call("add" if sign > 0 else "subtract", base, limit)
    if not moved.dtype.is_float:
        return Compared(value, function, moved, is_exact=True)
    share = Literal(value=ROUNDING[moved.dtype.kind], dtype=moved.dtype)
    margin = call("multiply", call("add", call("abs", base), call("abs", limit)), share)
    if function.startswith("less"):  # NaN, the greatest, lets everything pass
        return Compared(value, "less_equal", call("add", moved, margin), is_exact=False)
    least = call("subtract", moved, margin)
    nothing = Literal(value=-math.inf, dtype=least.dtype)
    return Compared(value, "greater_equal", case([(call("is_nan", least), nothing)], least), is_exact=False)
