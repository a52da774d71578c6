"""Shared by the simulated functions of strings; it stands for no module of pylibcudf."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from ..column import Column
from ..scalar import Scalar
from ..types import TypeId
from ..values import host


def text(column: Column) -> pa.Array:
    """Return a column of strings.

    Raises
    ------
    TypeError
        If it holds anything else.
    """
    if column.type().id() != TypeId.STRING:
        raise TypeError(f"Parameter input must be a strings column, not {column.type()!r}")
    return host(column)


def text_of(scalar: Scalar) -> str:
    """Return the value of a string scalar that must not be null."""
    value = host(scalar)[0].as_py()
    if not isinstance(value, str):
        raise TypeError("Parameter must be a valid string scalar")
    return value


def size_of(scalar: Scalar) -> int | None:
    """Return the value of a scalar that pylibcudf reads as a size_type without looking; None where it is null."""
    if scalar.type().id() != TypeId.INT32:
        raise TypeError(f"libcudf reads {scalar.type()!r} as a size_type, which is INT32")
    value = host(scalar)[0].as_py()
    return None if value is None else int(value)


def by_row(function: Callable[..., Any], arrow: pa.DataType, *sides: Column | Scalar) -> pa.Array:
    """Apply a Python function to the values of each row, scalars repeated; null where one is null."""
    arrays = [host(side).to_pylist() for side in sides]
    rows = max((len(a) for a, side in zip(arrays, sides, strict=True) if isinstance(side, Column)), default=1)
    spread = [a if isinstance(side, Column) else a * rows for a, side in zip(arrays, sides, strict=True)]
    made = [None if None in row else function(*row) for row in zip(*spread, strict=True)]
    return pa.array(made, arrow)
