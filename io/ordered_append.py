"""What several threads make, appended to one file in order. Knows nothing of what is made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class OrderedAppend(Generic[T]):
    """Appends things in the order of their numbers, whichever is made first.

    One thread appends at a time and the others wait for it: nobody makes more while the file takes no more.

    Parameters
    ----------
    append
        Called with one thing after the other, never concurrently, and never again once it has raised.
    """

    def __init__(self, append: Callable[[T], None]) -> None:
        self._append = append
        self._lock = threading.Lock()
        self._made: dict[int, T] = {}
        self._next = self._promised = 0

    def number(self) -> int:
        """Return the next number: somebody will make what it stands for."""
        self._promised += 1
        return self._promised - 1

    def put(self, number: int, made: T) -> None:
        """Append what was made when all before it is there."""
        with self._lock:
            self._made[number] = made
            while self._next in self._made:
                self._append(self._made.pop(self._next))
                self._next += 1

    @property
    def is_complete(self) -> bool:
        """Whether everything for which there is a number has been appended."""
        return self._next == self._promised
