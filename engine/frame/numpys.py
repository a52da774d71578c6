"""Functions of numpy over columns, by the protocol that numpy asks its arguments for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..dtypes import float64
from ..errors import TypeMismatch
from ..expr import Expr, call, case, cast, literal

if TYPE_CHECKING:
    from .series import Series


def of_columns(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Return what a function of numpy makes of columns: lazily where it is a choice, else of their values."""
    if function is np.where and len(args) == 3:
        return _chosen([args[0]], [args[1]], args[2])
    if function is np.select:
        return _selected(*args, **options)
    return function(*map(_values, args), **{name: _values(value) for name, value in options.items()})


_OF_ONE = {
    "absolute": "abs", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "cbrt": "cbrt", "ceil": "ceil",
    "cos": "cos", "cosh": "cosh", "deg2rad": "radians", "degrees": "degrees", "exp": "exp", "fabs": "abs",
    "floor": "floor", "invert": "__invert__", "isfinite": "is_finite", "isinf": "is_infinite", "isnan": "is_nan",
    "log": "log", "log10": "log10", "log2": "log2", "logical_not": "__invert__", "negative": "__neg__",
    "rad2deg": "degrees", "radians": "radians", "sign": "sign", "sin": "sin", "sinh": "sinh", "sqrt": "sqrt",
    "tan": "tan", "tanh": "tanh", "trunc": "trunc",
}  # fmt: skip
_OF_TWO = {
    "add": "add", "arctan2": "atan2", "bitwise_and": "and", "bitwise_or": "or", "divide": "divide", "equal": "equal",
    "floor_divide": "floor_divide", "greater": "greater", "greater_equal": "greater_equal", "less": "less",
    "less_equal": "less_equal", "logical_and": "and", "logical_or": "or", "multiply": "multiply",
    "not_equal": "not_equal", "power": "power", "remainder": "modulo", "subtract": "subtract",
}  # fmt: skip
"""Names of numpy's functions, and the methods and operators of columns that they are."""


def of_elements(function: Any, method: str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Return what a function of each value makes of columns: lazily where a column has it, else of their values."""
    name = function.__name__
    if method == "__call__" and not options:
        if name in _OF_ONE:
            return getattr(inputs[0], _OF_ONE[name])()
        if name in _NEAR_ZERO:
            return inputs[0].derive(_NEAR_ZERO[name](cast(inputs[0].expr, float64)))
        if name == "square":
            return inputs[0] * inputs[0]
        if len(inputs) == 2 and not any(isinstance(one, np.ndarray) and one.ndim for one in inputs):
            at = 0 if hasattr(inputs[0], "derive") else 1
            column, other = inputs[at], _plain(inputs[1 - at])
            if name in _OF_TWO:
                return column._binary(_OF_TWO[name], other, reverse=at == 1)  # noqa: SLF001  # as its operators do
            if name in ("maximum", "minimum"):
                return column.derive(_extreme(name, column.expr, column.operand(other)))
    return getattr(function, method)(*map(_values, inputs), **options)


def _log1p(x: Expr) -> Expr:
    """Return ``ln(1 + x)``, exact to a few units in the last place also near zero (Kahan, by way of Higham 1996)."""
    more = call("add", x, literal(1.0))
    scaled = call("divide", call("multiply", call("ln", more), x), call("subtract", more, literal(1.0)))
    whole = call("equal", more, literal(math.inf))
    return case([(call("equal", more, literal(1.0)), x), (whole, more)], scaled)


def _expm1(x: Expr) -> Expr:
    """Return ``exp(x) - 1``, exact to a few units in the last place also near zero; see `_log1p`."""
    power = call("exp", x)
    less = call("subtract", power, literal(1.0))
    scaled = call("divide", call("multiply", less, x), call("ln", power))
    whole = call("or", call("is_infinite", power), call("equal", less, literal(-1.0)))
    return case([(call("equal", power, literal(1.0)), x), (whole, less)], scaled)


_NEAR_ZERO = {"log1p": _log1p, "expm1": _expm1}


def _plain(given: Any) -> Any:
    """Return a single value of numpy as Python's, which a constant is made of."""
    return given.item() if isinstance(given, np.ndarray | np.number | np.bool_) else given


def _extreme(name: str, left: Expr, right: Expr) -> Expr:
    """Return the greater or lesser of two values; null where one is, NaN where one is none of these."""
    whole = [call("is_null", side) for side in (left, right)]
    odd = [(call("is_nan", side), side) for side in (left, right) if side.dtype.is_float]
    first = call("greater_equal" if name == "maximum" else "less_equal", left, right)
    return case([(call("or", *whole), literal(None)), *odd, (first, left)], right)


def _selected(condlist: Any, choicelist: Any, default: Any = 0) -> Series:
    conditions, choices = list(condlist), list(choicelist)
    if len(conditions) != len(choices):
        raise TypeMismatch(f"np.select has {len(conditions)} conditions and {len(choices)} choices")
    return _chosen(conditions, choices, default)


def _chosen(conditions: list[Any], choices: list[Any], default: Any) -> Series:
    first = conditions[0]
    if not all(hasattr(one, "derive") for one in conditions):
        raise TypeMismatch("a condition of np.where and np.select is a column here, such as frame.x > 1")
    branches = [(first.operand(test), first.operand(made)) for test, made in zip(conditions, choices, strict=True)]
    made: Series = first.derive(case(branches, first.operand(default)))
    return made


def _values(given: Any) -> Any:
    """Return columns as arrays, also those in lists."""
    if isinstance(given, list | tuple):
        return type(given)(map(_values, given))
    return given.to_numpy() if hasattr(given, "derive") else given
