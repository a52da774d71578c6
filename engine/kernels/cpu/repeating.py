"""Calls of kernels for one table, made for further ones like it: only where columns lie in memory is another.

To write down what kernels do with a table takes a hundred microseconds, in which the interpreter's lock is held and of
which most is spent on what is the same for the next table.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from .buffers import Memory, memory_of
from .native import Calls, Pattern


class Repeated:
    """What some calls do with the columns of a table, which they read where they lie.

    Parameters
    ----------
    calls
        Calls for the table, from number ``first`` on.
    columns
        Its columns, all of the same length.
    """

    def __init__(self, calls: Calls, first: int, columns: Sequence[pa.Array]) -> None:
        self._shapes = [_shape(column) for column in columns]
        memory = _memory(columns)
        self._pattern = None if memory is None else Pattern(calls, first, memory)

    def add(self, columns: Sequence[pa.Array]) -> bool:
        """Add the same calls for the columns of another table; return whether it is like the first one."""
        if self._pattern is None or [_shape(column) for column in columns] != self._shapes:
            return False
        memory = _memory(columns)
        return memory is not None and self._pattern.repeat(memory)


def _shape(column: pa.Array) -> tuple[Any, ...]:
    """Return what calls are told of a column beside its memory: where its bits begin only if they are looked at."""
    nullable = column.null_count > 0
    return type(column), column.type.id, len(column), nullable, column.offset if nullable else 0


def _memory(columns: Sequence[pa.Array]) -> list[Memory] | None:
    """Return all memory of the columns that kernels read; None where some of it does not exist."""
    memory: list[Memory] = []
    for column in columns:
        own = memory_of(column)
        if own is None:
            return None
        memory += own
    return memory
