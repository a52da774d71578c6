"""Python functions in plans that devices may run for themselves. Knows types; must not know devices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ..dtypes import DataType
from ..schema import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueFunction:
    """A function of numbers, called for the values of each row; null where an argument is.

    Attributes
    ----------
    function
        The user's function, whose integers may wrap around.
    arguments
        Types of its arguments.
    result
        The column that it makes.
    """

    function: Callable[..., Any]
    arguments: tuple[DataType, ...]
    result: Field


@runtime_checkable
class OfValues(Protocol):
    """A function of batches that may be one of values."""

    def of_values(self) -> ValueFunction | None:
        """Return the function of values that it calls; None where it must be called with batches."""
        ...
