"""Calls of kernels for one table, made for further ones like it: only where columns lie in memory is another.

To write down what kernels do with a table takes a hundred microseconds, in which the interpreter's lock is held and of
which most is spent on what is the same for the next table.
"""

from __future__ import annotations

from collections.abc import Sequence

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
        self._columns, self._nullable = columns, [column.null_count > 0 for column in columns]
        places: dict[int, int] = {}
        self._same = [places.setdefault(id(column), place) for place, column in enumerate(columns)]
        memory = self._memory(columns)
        self._pattern = None if memory is None else Pattern(calls, first, memory)

    def add(self, columns: Sequence[pa.Array]) -> bool:
        """Add the same calls for the columns of another table; return whether it is like the first one."""
        if self._pattern is None:
            return False
        memory = self._memory(columns)
        return memory is not None and self._pattern.repeat(memory)

    def _memory(self, columns: Sequence[pa.Array]) -> list[Memory] | None:
        """Return all memory of columns that kernels read; None where there is none, or they are unlike the first ones.

        Where a column begins in its memory may be another place, unless calls are told of it: where bits begin.
        """
        memory: list[Memory] = []
        for place, (column, first) in enumerate(zip(columns, self._columns, strict=True)):
            if (same := self._same[place]) != place:
                if column is not columns[same]:
                    return None
                continue
            nullable = self._nullable[place]
            if type(column) is not type(first) or len(column) != len(first) or (column.null_count > 0) != nullable:
                return None
            if nullable and column.offset != first.offset:
                return None
            own = memory_of(column)
            if own is None:
                return None
            memory += own
        return memory
