"""What bounds tell about a predicate: which of true, false and null it can be for any row of a piece of a table.

Interval arithmetic over three-valued logic. Values are compared as *ordinals*: plain Python numbers, texts or bytes in
which order and equality are those of SEMANTICS (days, nanoseconds, exact decimals). Floating-point columns have no
upper bound here, since NaN is greatest and file statistics leave it out.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from enum import Flag
from itertools import product
from typing import Any

from ..engine.dtypes import DataType, Kind, as_decimal
from ..engine.expr import FLIPPED, Call, Cast, Column, Expr, InList, Literal, Path, field_path
from ..engine.moments import EPOCH
from ..engine.records import dataclass, replace

_EPOCH_UTC = EPOCH.replace(tzinfo=dt.UTC)
_EPOCH_DAY = EPOCH.toordinal()
_DAY_NS = 86_400_000_000_000
_FLOAT_EXACT = 2**53


class Outcomes(Flag):
    """Values that a predicate can have for some row."""

    NONE = 0
    NULL = 1
    FALSE = 2
    TRUE = 4
    ANY = 7

    @property
    def may_be_true(self) -> bool:
        """Whether it can be true; asked for every row group, where operations on flags are slow."""
        return bool(self._value_ & 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known of a column's values in one piece of a table.

    Attributes
    ----------
    minimum, maximum
        Inclusive bounds as ordinals; None where unknown.
    has_null, has_value
        Whether nulls and values other than null may occur.
    """

    minimum: Any = None
    maximum: Any = None
    has_null: bool = True
    has_value: bool = True


ALL_NULL = Bounds(has_value=False)


def bounds_name(path: Path) -> str:
    """Return the name by which bounds of a column or field are known: a column's own, for a field one that none has."""
    return "\0".join(path)


def column_of_bounds(name: str) -> str:
    """Return the column that a name of bounds belongs to."""
    return name.partition("\0")[0]


def ordinal(value: Any, dtype: DataType) -> Any:
    """Return a plain Python value of a type as an ordinal, or None where it has none (null, NaN, nested types)."""
    match value:
        case None:
            return None
        case bool():
            return int(value)
        case float():
            return None if math.isnan(value) else value
        case dt.datetime():
            if (value.tzinfo is None) != (dtype.tz is None):
                return None
            since = value - (EPOCH if value.tzinfo is None else _EPOCH_UTC)
            return (since // dt.timedelta(microseconds=1)) * 1000
        case dt.date():
            days = value.toordinal() - _EPOCH_DAY
            return days * _DAY_NS if dtype.kind is Kind.TIMESTAMP else days
        case dt.time() | dt.timedelta() | list() | dict():
            return None
    return value


def constant_bounds(value: Any, dtype: DataType) -> Bounds:
    """Return the bounds of a column that holds one value."""
    if value is None:
        return ALL_NULL
    at = ordinal(value, dtype)
    return Bounds(minimum=at, maximum=at, has_null=False)


def converted(known: Bounds, source: DataType, target: DataType) -> Bounds:
    """Return the bounds of a column of one type after its conversion to a wider one."""
    convert = _unchanged if source.kind is target.kind is Kind.TIMESTAMP else _monotone(source, target)
    if convert is None:
        return replace(known, minimum=None, maximum=None)
    low, high = known.minimum, known.maximum
    low = None if low is None else _widened(convert(low), low, -math.inf)
    high = None if high is None else _widened(convert(high), high, math.inf)
    return replace(known, minimum=low, maximum=high)


def outcomes(expr: Expr, bounds: Mapping[str, Bounds]) -> Outcomes:
    """Return every value that a boolean expression can have; `ANY` where in doubt.

    ``bounds`` are those of its columns and of fields of structs, by `bounds_name`.
    """
    match expr:
        case Literal(value=None):
            return Outcomes.NULL
        case Literal(value=bool(value)):
            return Outcomes.TRUE if value else Outcomes.FALSE
        case Column():
            return _compared(_interval(expr, bounds), lambda b: _equals(b, 1))
        case InList():
            return _in_list(expr, bounds)
        case Call(function="not", args=(inner,)):
            return _negated(outcomes(inner, bounds))
        case Call(function="and" | "or" as function, args=args):
            return _combined(function, [outcomes(arg, bounds) for arg in args])
        case Call(function="is_null" | "is_not_null" as function, args=(operand,)):
            nullness = _nullness(_interval(operand, bounds))
            return nullness if function == "is_null" else _negated(nullness)
        case Call(function="starts_with", args=(operand, Literal(value=str(prefix)))):
            return _compared(_interval(operand, bounds), lambda b: _starts_with(b, prefix))
        case Call(function="like", args=(operand,)):
            return _like(expr, _interval(operand, bounds))
        case Call(args=(left, right)) if expr.function in _COMPARE:
            if (constant := _constant(right)) is not None:
                return _comparison(expr.function, _interval(left, bounds), constant)
            if (constant := _constant(left)) is not None:
                return _comparison(_MIRROR[expr.function], _interval(right, bounds), constant)
    return Outcomes.ANY


# ------------------------------------------------------------------------------------------ logic
def _negation(values: Outcomes) -> Outcomes:
    result = values & Outcomes.NULL
    if values & Outcomes.TRUE:
        result |= Outcomes.FALSE
    if values & Outcomes.FALSE:
        result |= Outcomes.TRUE
    return result


_NEGATED = {values: _negation(values) for values in map(Outcomes, range(Outcomes.ANY.value + 1))}
"""Kept, since it is asked for every row group and operations on flags are slow."""


def _negated(values: Outcomes) -> Outcomes:
    return _NEGATED[values]


def _combined(function: str, parts: Iterable[Outcomes]) -> Outcomes:
    """Combine by Kleene's tables; ``or`` is ``and`` with true and false exchanged."""
    if function == "or":
        return _negated(_combined("and", [_negated(part) for part in parts]))
    result = Outcomes.TRUE
    for part in parts:
        result = _BOTH[result, part]
    return result


def _conjunction(left: Outcomes, right: Outcomes) -> Outcomes:
    both = left | right
    combined = both & Outcomes.FALSE
    if left & Outcomes.TRUE and right & Outcomes.TRUE:
        combined |= Outcomes.TRUE
    nullable = Outcomes.NULL | Outcomes.TRUE
    if both & Outcomes.NULL and left & nullable and right & nullable:
        combined |= Outcomes.NULL
    return combined


_BOTH = {(left, right): _conjunction(left, right) for left, right in product(_NEGATED, repeat=2)}
_OR_NULL = {values: values | Outcomes.NULL for values in _NEGATED}


# ------------------------------------------------------------------------------------------ comparison
def _constant(expr: Expr) -> Literal | None:
    """Return a literal, seen through a cast that leaves its value as it is."""
    if isinstance(expr, Cast) and isinstance(expr.arg, Literal):
        same = expr.arg.value is None or _monotone(expr.arg.dtype, expr.dtype) is _unchanged
        return replace(expr.arg, dtype=expr.dtype) if same else None
    return expr if isinstance(expr, Literal) else None


def _interval(expr: Expr, bounds: Mapping[str, Bounds]) -> Bounds | None:
    """Return the bounds of a column or a field, or of one under casts that keep its order; None where unknown."""
    path = field_path(expr)
    if path is not None:
        known = bounds.get(bounds_name(path))
        if known is not None and expr.dtype.is_float:
            return replace(known, maximum=None)
        return known
    if isinstance(expr, Cast):
        inner = _interval(expr.arg, bounds)
        keeps_order = _monotone(expr.arg.dtype, expr.dtype) is not None
        return converted(inner, expr.arg.dtype, expr.dtype) if inner is not None and keeps_order else None
    return None


def _monotone(source: DataType, target: DataType) -> Callable[[Any], Any] | None:
    """Return how a cast that never fails and keeps order maps an ordinal."""
    if target.kind is Kind.FLOAT64 and source.is_numeric:
        return float
    if source.is_integer and target.is_integer:
        widens = target.bits > source.bits and (target.is_signed or not source.is_signed)
        return _unchanged if widens else None
    if target.is_decimal and (source.is_integer or source.is_decimal):
        exact = as_decimal(source)
        whole = target.precision - target.scale >= exact.precision - exact.scale
        return _unchanged if whole and target.scale >= exact.scale else None
    if source.kind is Kind.DATE and target.kind is Kind.TIMESTAMP and target.tz is None:
        return (lambda days: days * _DAY_NS) if target.unit != "ns" else None
    if source.kind is Kind.TIMESTAMP and source.tz is None and target.kind is Kind.DATE:
        return lambda nanoseconds: nanoseconds // _DAY_NS
    return None


def _unchanged(value: Any) -> Any:
    return value


def _widened(value: Any, source: Any, towards: float) -> Any:
    """Step outwards from a float that a device may round otherwise in its last digit than Python does."""
    exact = isinstance(source, float) or (isinstance(source, int) and abs(source) <= _FLOAT_EXACT)
    return math.nextafter(value, towards) if isinstance(value, float) and not exact else value


def _compared(known: Bounds | None, test: Callable[[Bounds], Outcomes]) -> Outcomes:
    """Return the outcomes of a test that propagates null; ``test`` sees bounds of existing values."""
    if known is None:
        return Outcomes.ANY
    if not known.has_null:
        return test(known) if known.has_value else Outcomes.NONE
    return _OR_NULL[test(known)] if known.has_value else Outcomes.NULL


def _comparison(function: str, known: Bounds | None, constant: Literal) -> Outcomes:
    if constant.value is None:
        return _nullness(known) if function == "is_not_distinct" else Outcomes.NULL
    value = ordinal(constant.value, constant.dtype)
    if value is None:
        return Outcomes.ANY
    if function == "is_not_distinct":
        result = _compared(known, lambda b: _equals(b, value))
        return result if not result & Outcomes.NULL else result & ~Outcomes.NULL | Outcomes.FALSE
    return _compared(known, lambda b: _COMPARE[function](b, value))


def _nullness(known: Bounds | None) -> Outcomes:
    if known is None:
        return Outcomes.TRUE | Outcomes.FALSE
    null = Outcomes.TRUE if known.has_null else Outcomes.NONE
    return null | (Outcomes.FALSE if known.has_value else Outcomes.NONE)


_EITHER = Outcomes.TRUE | Outcomes.FALSE


def _may(*, be_true: bool, be_false: bool) -> Outcomes:
    if be_true:
        return _EITHER if be_false else Outcomes.TRUE
    return Outcomes.FALSE if be_false else Outcomes.NONE


def _equals(b: Bounds, value: Any) -> Outcomes:
    inside = (b.minimum is None or b.minimum <= value) and (b.maximum is None or value <= b.maximum)
    only = b.minimum is not None and b.minimum == b.maximum == value
    return _may(be_true=inside, be_false=not only)


def _less(b: Bounds, value: Any) -> Outcomes:
    return _may(be_true=b.minimum is None or b.minimum < value, be_false=b.maximum is None or b.maximum >= value)


def _less_equal(b: Bounds, value: Any) -> Outcomes:
    return _may(be_true=b.minimum is None or b.minimum <= value, be_false=b.maximum is None or b.maximum > value)


_COMPARE: dict[str, Callable[[Bounds, Any], Outcomes]] = {
    "equal": _equals,
    "not_equal": lambda b, value: _negated(_equals(b, value)),
    "is_not_distinct": _equals,
    "less": _less,
    "less_equal": _less_equal,
    "greater": lambda b, value: _negated(_less_equal(b, value)),
    "greater_equal": lambda b, value: _negated(_less(b, value)),
}
_MIRROR = {**FLIPPED, **{name: name for name in ("equal", "not_equal", "is_not_distinct")}}


def _in_list(expr: InList, bounds: Mapping[str, Bounds]) -> Outcomes:
    known = _interval(expr.arg, bounds)
    values = [ordinal(value, expr.arg.dtype) for value in expr.values]
    if known is None or any(value is None for value in values):
        return Outcomes.ANY
    tests = [_equals(known, value) for value in values]
    found = any(test & Outcomes.TRUE for test in tests)
    missed = all(test & Outcomes.FALSE for test in tests)
    result = _compared(known, lambda _: _may(be_true=found, be_false=missed))
    if expr.has_null and result & Outcomes.FALSE:
        result = result & ~Outcomes.FALSE | Outcomes.NULL
    return result


def _starts_with(b: Bounds, prefix: str) -> Outcomes:
    above = b.minimum is not None and b.minimum[: len(prefix)] > prefix
    below = b.maximum is not None and b.maximum < prefix
    inside = b.minimum is not None and b.maximum is not None
    every = inside and b.minimum.startswith(prefix) and b.maximum.startswith(prefix)
    return _may(be_true=not (above or below), be_false=not every)


def _like(expr: Call, known: Bounds | None) -> Outcomes:
    """Use the constant start of a pattern; a pattern may fail even where it starts right."""
    if expr.option("fold"):
        return Outcomes.ANY
    prefix, escape = "", expr.option("escape")
    for character in expr.option("pattern"):
        if character in "%_" or character == escape:
            break
        prefix += character
    return _compared(known, lambda b: _starts_with(b, prefix) | Outcomes.FALSE)
