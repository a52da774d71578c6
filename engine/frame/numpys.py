"""Functions of numpy over columns, by the protocol that numpy asks its arguments for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import TypeMismatch
from ..expr import case

if TYPE_CHECKING:
    from .series import Series


def of_columns(function: Callable[..., Any], args: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Return what a function of numpy makes of columns: lazily where it is a choice, else of their values."""
    if function is np.where and len(args) == 3:
        return _chosen([args[0]], [args[1]], args[2])
    if function is np.select:
        return _selected(*args, **options)
    return function(*map(_values, args), **{name: _values(value) for name, value in options.items()})


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
