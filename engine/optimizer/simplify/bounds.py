"""Conditions on the same value taken together: the tightest bounds stay, and what contradicts itself is never true.

Only for conditions of which just the true rows count: where the value is null, some of them are null and others false.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from ... import dtypes
from ...expr import Call, Expr, InList, Literal
from ...records import replace
from .boolean import FALSE

_LOWER = {"greater": False, "greater_equal": True}
_UPPER = {"less": False, "less_equal": True}


def tightened(parts: list[Expr]) -> list[Expr]:
    """Return conjuncts that are true together for the same rows, without those that others imply, in order."""
    by_value: dict[Expr, list[Expr]] = {}
    for part in parts:
        value = _compared(part)
        if value is not None:
            by_value.setdefault(value, []).append(part)
    replaced: dict[int, Expr | None] = {}
    for own in by_value.values():
        if len(own) > 1:
            kept = _together(own)
            if kept is None:
                return [FALSE]
            new = [part for part in kept if not any(part is old for old in own)]
            gone = [part for part in own if not any(part is left for left in kept)]
            replaced |= {id(part): None for part in gone}
            if new:  # at most one: an equality for two bounds, or a shorter list
                replaced[id(gone[0])] = new[0]
    if not replaced:
        return parts
    result = (replaced.get(id(part), part) for part in parts)
    return [part for part in result if part is not None]


def is_implied(part: Expr, known: Sequence[Expr]) -> bool:
    """Return whether a condition is true wherever some known ones are."""
    value = _compared(part)
    if value is None:
        return False
    own = [condition for condition in known if _compared(condition) == value]
    return any(tightened([one, part]) == [one] for one in own)


def _compared(part: Expr) -> Expr | None:
    """Return what a condition compares with constants that have an order; None where it is no such condition."""
    if isinstance(part, InList):
        return part.arg if part.values and not part.has_null and all(map(_is_ordered, part.values)) else None
    if isinstance(part, Call) and part.function in ("equal", "not_equal", *_LOWER, *_UPPER):
        left, right = part.args
        if isinstance(right, Literal) and not isinstance(left, Literal) and _is_ordered(right.value):
            return left
    return None


def _is_ordered(value: Any) -> bool:
    match value:
        case bool() | None:
            return False
        case float():
            return not math.isnan(value)
        case dt.datetime():
            return value.tzinfo is None
    return isinstance(value, int | Decimal | str | dt.date)


def _constant(part: Expr) -> Any:
    assert isinstance(part, Call)
    assert isinstance(part.args[1], Literal)
    return part.args[1].value


def _together(parts: list[Expr]) -> list[Expr] | None:
    """Return what several conditions on one value amount to; None where no value meets them all."""
    bounds = [part for part in parts if isinstance(part, Call) and part.function in (*_LOWER, *_UPPER)]
    lists = [part for part in parts if not isinstance(part, Call) or part.function == "equal"]
    others = [part for part in parts if isinstance(part, Call) and part.function == "not_equal"]
    if lists:
        return _listed(lists, [*bounds, *others])
    low = _tightest(bounds, _LOWER)
    high = _tightest(bounds, _UPPER)
    kept = [part for part in (low, high) if part is not None]
    others = [part for part in others if all(_meets(_constant(part), bound) for bound in kept)]
    if low is not None and high is not None:
        bottom, top = _constant(low), _constant(high)
        closed = _LOWER[low.function] and _UPPER[high.function]
        if bottom > top or (bottom == top and not closed):
            return None
        if bottom == top:
            return None if others else [Call(function="equal", args=low.args, dtype=dtypes.bool_)]
    return [part for part in parts if any(part is each for each in (*kept, *others))]


def _tightest(bounds: list[Call], inclusive: dict[str, bool]) -> Call | None:
    own = [part for part in bounds if part.function in inclusive]
    if not own:
        return None
    best = own[0]
    for part in own[1:]:
        one, other = _constant(part), _constant(best)
        tighter = one > other if inclusive is _LOWER else one < other
        if tighter or (one == other and inclusive[best.function] and not inclusive[part.function]):
            best = part
    return best


def _listed(lists: list[Expr], others: list[Expr]) -> list[Expr] | None:
    """Return the list, or equality, of the values that meet all conditions."""
    smallest = min(lists, key=lambda part: len(_values(part)))
    values = [
        value
        for value in _values(smallest)
        if all(value in _values(part) for part in lists if part is not smallest)
        and all(_meets(value, part) for part in others)
    ]
    if not values:
        return None
    if len(values) == len(_values(smallest)):
        return [smallest]
    assert isinstance(smallest, InList)
    if len(values) == 1:
        constant = Literal(value=values[0], dtype=smallest.arg.dtype)
        return [Call(function="equal", args=(smallest.arg, constant), dtype=dtypes.bool_)]
    return [replace(smallest, values=tuple(values))]


def _values(part: Expr) -> tuple[Any, ...]:
    return part.values if isinstance(part, InList) else (_constant(part),)


def _meets(value: Any, part: Expr) -> bool:
    assert isinstance(part, Call)
    constant = _constant(part)
    match part.function:
        case "less":
            return bool(value < constant)
        case "less_equal":
            return bool(value <= constant)
        case "greater":
            return bool(value > constant)
        case "greater_equal":
            return bool(value >= constant)
    return bool(value != constant)
