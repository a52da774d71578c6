"""Histograms over bins that are given: ``histogram(x, bins)``, ``histogram_exact(x, values)``, ``equi_width_bins(…)``.

Each bin is a count under a condition, so that a histogram is computed as other aggregates are.
"""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.expr import Expr, Literal, aggregate, all_of, call, case, cast, literal
from .arguments import arguments
from .naming import default_name

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

HISTOGRAMS = ("histogram", "histogram_exact")
_MOST = 1000
_GREATEST = {Kind.INT8: 2**7 - 1, Kind.INT16: 2**15 - 1, Kind.INT32: 2**31 - 1, Kind.INT64: 2**63 - 1}


def binned(binder: ExpressionBinder, node: Any, condition: exp.Expr | None, named: exp.Expr) -> Expr | None:
    """Return a histogram over bins that are given; None for other calls.

    A value lies in the first bin whose upper bound is not below it; what lies beyond the last, or with
    ``histogram_exact`` is none of the values, is counted under a last key, if there is any.
    """
    name = str(node.name).lower() if isinstance(node, exp.Anonymous) else ""
    given = arguments(node) if name in HISTOGRAMS else []
    if len(given) != 2:
        return None
    assert binder.aggregates is not None
    inner = binder.for_aggregate_input()
    value = inner.bind(given[0])
    bounds = _bounds(binder, given[1], value.dtype)
    filters = [] if condition is None else [inner.condition(condition)]
    exact, counts = name == "histogram_exact", []
    for place, bound in enumerate(bounds):
        test = call("equal" if exact else "less_equal", value, bound)
        if place and not exact:
            test = call("and", test, call("greater", value, bounds[place - 1]))
        counts.append(_count(binder, [*filters, test], named))
    total = _count(binder, [*filters, call("is_not_null", value)], named)
    other = total
    for counted in counts:
        other = call("subtract", other, counted)
    pairs = [_pair(bound, counted) for bound, counted in zip(bounds, counts, strict=True)]
    beyond = call("greater", other, literal(0))
    longer = call("list_value", *pairs, _pair(_last_key(value.dtype), other))
    rows = _count(binder, filters, named)
    return case(
        [(call("equal", rows, literal(0)), literal(None, longer.dtype)), (beyond, longer)], call("list_value", *pairs)
    )


def _count(binder: ExpressionBinder, tests: list[Expr], named: exp.Expr) -> Expr:
    assert binder.aggregates is not None
    return binder.aggregates.column(aggregate("size", filter=all_of(tests)), default_name(named))


def _pair(key: Expr, value: Expr) -> Expr:
    return call("struct_value", key, value, names=("key", "value"))


def _bounds(binder: ExpressionBinder, node: exp.Expr, dtype: DataType) -> list[Expr]:
    found = binder.statement.constant(binder.bind(node))
    if found is None or not isinstance(found.value, list | tuple) or None in found.value:
        raise binder.source.error(node, "the bins of a histogram are a constant list without nulls, as in [10, 20, 50]")
    if len(found.value) > _MOST:
        raise binder.source.error(node, f"a histogram has at most {_MOST:,} bins; {len(found.value):,} are given")
    kind = found.dtype.value
    made = [binder.statement.constant(cast(Literal(value=one, dtype=kind or dtype), dtype)) for one in found.value]
    values = sorted({one.value for one in made if one is not None})
    return [Literal(value=value, dtype=dtype) for value in values]


def _last_key(dtype: DataType) -> Expr:
    """Return DuckDB's key of what lies in no bin."""
    if dtype.is_float:
        return literal(math.inf)
    if dtype.kind in _GREATEST:
        return Literal(value=_GREATEST[dtype.kind], dtype=dtype)
    return Literal(value="", dtype=dtype) if dtype.is_text else literal(None, dtype)


# --- bins


def equi_width_bins(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``equi_width_bins(low, high, number, nice)``: upper bounds of bins of one width, as DuckDB rounds them."""
    given = [binder.statement.constant(binder.bind(arg)) for arg in arguments(node)]
    values: list[Any] = [None if one is None else one.value for one in given]
    if len(values) != 4 or None in values or not isinstance(values[2], int) or not isinstance(values[3], bool):
        raise binder.source.error(
            node,
            "equi_width_bins takes constants: the least and the greatest value, a number of bins, and true or false",
        )
    low, high, count, nice = values
    if not 1 <= count <= _MOST:
        raise binder.source.error(node, f"equi_width_bins makes 1 to {_MOST:,} bins, not {count:,}")
    numbers = all(isinstance(one, int | float | Decimal) and not isinstance(one, bool) for one in (low, high))
    if not numbers and not all(isinstance(one, dt.date) for one in (low, high)):
        raise binder.source.error(node, "equi_width_bins takes numbers, dates or timestamps")
    if high < low:
        raise binder.source.error(node, "the greatest value of equi_width_bins is below the least")
    if not numbers:
        assert given[0] is not None
        return _list([low + (high - low) * place / count for place in range(1, count + 1)], given[0].dtype)
    if all(isinstance(one, int) for one in (low, high)):
        return _list(_of_integers(low, high, count, nice=nice), dtypes.int64)
    return _list(_of_floats(float(low), float(high), count, nice=nice), dtypes.float64)


def _list(values: list[Any], dtype: DataType) -> Expr:
    return call("list_value", *(Literal(value=value, dtype=dtype) for value in values))


def _of_integers(low: int, high: int, count: int, *, nice: bool) -> list[int]:
    scale = 1000  # the width keeps three digits behind the point
    width, top = (high - low) * scale // count, high * scale
    if nice:
        rounded = int(_rounded(width))
        if rounded:
            place = top + rounded - 1
            top, width = (place // rounded if place >= 0 else -(-place // rounded)) * rounded, rounded
        count *= 2
    bounds: list[int] = []
    while top > low * scale:
        bound = top // scale if top >= 0 else -(-top // scale)
        if bounds and (bound < low or len(bounds) >= count):
            break
        if not bounds or bounds[-1] != bound:
            bounds.append(bound)
        top -= width
    return bounds[::-1] or [high]


def _of_floats(low: float, high: float, count: int, *, nice: bool) -> list[float]:
    if low == high:
        return [high]
    width, top, digits = (high - low) / count, high, None
    if nice:
        digits = 10 / _power_below(width)
        width = _rounded(width)
        top, count = math.ceil(high / width) * width, count * 2
    bounds: list[float] = []
    while top > low:
        bound = top if digits is None else math.floor(abs(top) * digits + 0.5) / digits * math.copysign(1, top)
        top -= width
        if bounds and bounds[-1] == bound:
            continue
        if bound <= low or len(bounds) >= count:
            break
        bounds.append(bound)
    return bounds[::-1]


def _rounded(width: float) -> float:
    """Return the multiple of a round unit that is nearest: of 1, 2, 5 or 10 times the power of ten below."""
    if not width:
        return 0
    power = _power_below(width)
    even, half = power * (10 if width >= power * 3 else 2), power * (5 if width >= power * 2 else 1)
    found = [math.floor(width / unit + 0.5) * unit for unit in (half, even)]
    return min(found, key=lambda one: abs(width - one))


def _power_below(width: float) -> float:
    """Return the greatest power of ten below a width of 1 or more; else the greatest that is not above it."""
    power: float = 1
    while width >= 1 and power * 10 < width:
        power *= 10
    while power > width:
        power /= 10
    return power


BY_NAME = {"equi_width_bins": equi_width_bins}
