"""Python functions in plans that devices may run for themselves. Knows types; must not know devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, runtime_checkable

from ..dtypes import DataType, Kind
from ..expr import NamedExpr
from ..records import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFunction:
    """A function of numbers, called with an array of the values, those that are not null, of each group.

    Attributes
    ----------
    function
        The user's function, whose integers may wrap around.
    lists
        The column of lists of the groups' values.
    kind
        Of the values.
    result
        The column that it makes.
    """

    function: Callable[..., Any]
    lists: str
    kind: Kind
    result: Field


@dataclass(frozen=True, slots=True)
class GroupFunctions:
    """Functions that are called for the same groups."""

    calls: tuple[GroupFunction, ...]


@runtime_checkable
class OfValues(Protocol):
    """A function of batches that may be one of values, or of the values of groups."""

    def of_values(self) -> ValueFunction | GroupFunctions | None:
        """Return the functions of values that it calls; None where it must be called with batches."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryColumns:
    """What a library has made of a matrix in a device's memory.

    Attributes
    ----------
    arrays
        One per column, of the device, contiguous; the work that makes them is done.
    to_device, to_host
        Bytes that the library moved across the bus meanwhile.
    """

    arrays: Sequence[Any]
    to_device: int = 0
    to_host: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixFunction:
    """A function of numbers that another library computes in a device's memory, such as a model's prediction.

    Attributes
    ----------
    inputs
        What the columns of the matrix are made of.
    dtype
        Type of the matrix: float32 or float64.
    function
        Takes the matrix, column-major, by the CUDA array interface.
    made
        The columns that it gives.
    outputs
        What the operator's columns are made of these.
    refusal
        Tells why the library cannot do it in this process; None where it can.
    """

    inputs: tuple[NamedExpr, ...]
    dtype: DataType
    function: Callable[[Any], LibraryColumns]
    made: tuple[Field, ...]
    outputs: tuple[NamedExpr, ...]
    refusal: Callable[[], str | None]


@runtime_checkable
class OfMatrix(Protocol):
    """A function of batches that may be one of a matrix in a device's memory."""

    def of_matrix(self) -> MatrixFunction | str:
        """Return it as such a function, or why it must be called with batches."""
        ...
