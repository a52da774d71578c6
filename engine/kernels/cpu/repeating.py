"""Calls of kernels for one table, made for further ones like it: only where columns lie in memory is another.

To write down what kernels do with a table takes a hundred microseconds, in which the interpreter's lock is held and of
which most is spent on what is the same for the next table.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa

from .buffers import Memory, memory_of
from .native import Calls, Pattern
from .native.arrays import Words


class Repeated:
    """What some calls do with the columns of a table, which they read where they lie.

    Parameters
    ----------
    calls
        Calls for the table, of those ``made`` from number ``first`` on.
    columns
        Its columns, all of the same length.
    """

    def __init__(self, calls: Calls, first: int, columns: Sequence[pa.Array]) -> None:
        self._columns, self._nullable = columns, [column.null_count > 0 for column in columns]
        places: dict[int, int] = {}
        self._same = [places.setdefault(id(column), place) for place, column in enumerate(columns)]
        self._calls, self._first = calls, first
        self._last: Words | None = None  # addresses of the last table that was added by itself, if any was

    @cached_property
    def _pattern(self) -> Pattern | None:
        """The calls for the first table, which are the last ones when those for others are first added."""
        memory = self._memory(self._columns)
        return None if memory is None else Pattern(self._calls, self._first, memory)

    def add(self, columns: Sequence[pa.Array], calls: Calls) -> bool:
        """Add the same calls to some, for the columns of another table; return whether it is like the first one."""
        memory = self._memory(columns)
        if memory is None or self._pattern is None:
            return False
        addresses = np.array([address for _, address in memory], dtype=np.uint64)
        if not self._pattern.repeat(addresses[None], calls):
            return False
        self._last = addresses
        return True

    def add_alike(self, memory: Words, calls: Calls) -> bool:
        """Add the same calls to some, for tables like the last one that was not added here; return whether that can be.

        Parameters
        ----------
        memory
            Addresses of that table's columns, then in each row those of another's; as `Pieces.alike` gives them.
        """
        if self._pattern is None:
            return False
        last = self._pattern.addresses if self._last is None else self._last
        return memory.shape[1] == len(last) and self._pattern.repeat(last + (memory[1:] - memory[0]), calls)

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
