"""Aggregates of each row, across columns: ``frame[["a", "b"]].sum(axis=1)``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from ..dtypes import Kind, float64, int64
from ..errors import PlanError
from ..expr import Expr, call, case, cast, literal
from .series import Series

if TYPE_CHECKING:
    from .frame import DataFrame


def across(frame: DataFrame, names: Sequence[str], function: str) -> Series:
    """Return the column of an aggregate of each row's values in some columns; null ones are passed over."""
    if not names:
        raise PlanError(f"{function} across columns needs columns of numbers, or of truths; choose some first")
    values = [frame[name].expr for name in names]
    if function in ("sum", "mean", "product", "std", "std_pop", "var", "var_pop", "median"):
        values = [cast(one, int64) if one.dtype.kind is Kind.BOOL else one for one in values]
    return Series(frame, _MADE[function](values), function)


def _added(values: Sequence[Expr]) -> Expr:
    return reduce(lambda one, two: call("add", one, two), values)


def _sum(values: Sequence[Expr]) -> Expr:
    return _added([call("coalesce", one, literal(0)) for one in values])


def _count(values: Sequence[Expr]) -> Expr:
    return _added([cast(call("is_not_null", one), int64) for one in values])


def _mean(values: Sequence[Expr]) -> Expr:
    counted = _count(values)
    return case([(call("greater", counted, literal(0)), call("divide", cast(_sum(values), float64), counted))])


def _listed(fold: str) -> Callable[[Sequence[Expr]], Expr]:
    return lambda values: call("list_fold", call("list_value", *values), fold=fold)


def _tests(function: str, *, none: bool) -> Callable[[Sequence[Expr]], Expr]:
    return lambda values: reduce(
        lambda one, two: call(function, one, two), [call("coalesce", one, literal(none)) for one in values]
    )


_MADE: Mapping[str, Callable[[Sequence[Expr]], Expr]] = {
    "sum": _sum,
    "mean": _mean,
    "count": _count,
    "min": lambda values: call("least", *values),
    "max": lambda values: call("greatest", *values),
    "product": _listed("product"),
    "std": _listed("stddev_samp"),
    "var": _listed("var_samp"),
    "std_pop": _listed("stddev_pop"),
    "var_pop": _listed("var_pop"),
    "median": lambda values: call("list_quantile", call("list_value", *values), q=0.5, discrete=False),
    "any": _tests("or", none=False),
    "all": _tests("and", none=True),
}
