"""Memory that decoding uses for a row group and then for the next one: what a query maps anew, the system clears.

Nothing that leaves the decoder may refer to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import DTypeLike, NDArray

from ..native.arrays import Bytes

_LINE = 64
_LEAST_BLOCK = 1 << 20
_MOST_KEPT = 1 << 25
"""Bytes that a workspace keeps for its next row group."""
_MOST_SPARE = 64


class Workspace:
    """Pieces of memory that are all given back at once; used by one thread at a time."""

    def __init__(self) -> None:
        self._blocks: list[Bytes] = []
        self._used = 0
        self._rooms: dict[str, NDArray[Any]] = {}

    def take(self, size: int) -> Bytes:
        """Return an array of bytes at the bound of a cache line, for as long as the workspace is borrowed."""
        whole = -(-size // _LINE) * _LINE
        if not self._blocks or self._used + whole > len(self._blocks[-1]):
            self._blocks.append(_aligned(max(whole, _LEAST_BLOCK)))
            self._used = 0
        start = self._used
        self._used += whole
        return self._blocks[-1][start : start + size]

    def take_each(self, sizes: Sequence[int]) -> tuple[list[Bytes], list[int]]:
        """Return an array of each size, as `take` gives it, and where each begins, by one call for all."""
        starts = list(accumulate((-(-size // _LINE) * _LINE for size in sizes), initial=0))
        memory = self.take(starts[-1])
        begin = address_of(memory)
        pieces = [memory[start : start + size] for start, size in zip(starts, sizes, strict=False)]
        return pieces, [begin + start for start in starts[:-1]]

    def room(self, name: str, length: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of at least so many elements, the same one whenever the name is asked for again."""
        found = self._rooms.get(name)
        if found is None or len(found) < length:
            found = self._rooms[name] = np.empty(length, dtype=dtype)
        return found

    def clear(self) -> None:
        """Make all memory free again, as one block where it came in several."""
        size = sum(map(len, self._blocks))
        if size > _MOST_KEPT:
            self._blocks = []
        elif len(self._blocks) > 1:
            self._blocks = [_aligned(size)]
        self._used = 0
        if sum(room.nbytes for room in self._rooms.values()) > _MOST_KEPT:
            self._rooms = {}


_spare: list[Workspace] = []


@contextmanager
def borrowed() -> Iterator[Workspace]:
    """Give a workspace that nobody else uses meanwhile."""
    try:
        workspace = _spare.pop()
    except IndexError:
        workspace = Workspace()
    try:
        yield workspace
    finally:
        workspace.clear()
        if len(_spare) < _MOST_SPARE:
            _spare.append(workspace)


def _aligned(size: int) -> Bytes:
    memory: Bytes = np.empty(size + _LINE, dtype=np.uint8)
    skipped = -memory.__array_interface__["data"][0] % _LINE
    return memory[skipped : skipped + size]


def address_of(array: NDArray[Any]) -> int:
    """Return where an array's elements begin: one after the other they lie there, in C's order."""
    return int(pa.py_buffer(array).address)  # a fifth of the time of numpy's own ways
