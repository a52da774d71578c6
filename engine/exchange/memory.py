"""The account of bytes that a run holds between stages."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import MemoryLimitExceeded
from ..quantities import format_bytes


class MemoryAccount:
    """Bytes retained by one run: hash tables, partial states, collected rows.

    Parameters
    ----------
    limit
        Most bytes that may be held at once, or None for no limit.

    Attributes
    ----------
    make_room
        Called where a number of bytes would pass the limit: gives some back, by spilling, and returns whether it did.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = 0
        self.peak = 0
        self.make_room: Callable[[int], bool] = lambda _: False
        self._lock = threading.Lock()

    def reserve(self, size: int, owner: str) -> None:
        """Add ``size`` bytes (which may be negative) on behalf of an operator.

        Raises
        ------
        MemoryLimitExceeded
            If the account would pass its limit, and nothing can be spilled; nothing is added then.
        """
        if size <= 0:
            self.release(-size)
        elif not self.try_reserve(size):
            raise MemoryLimitExceeded(
                f"{owner} needs {format_bytes(self.used + size)} and the session's memory_limit is "
                f"{format_bytes(self.limit or 0)}; raise memory_limit, or filter or select fewer columns earlier"
            )

    def try_reserve(self, size: int) -> bool:
        """Add ``size`` bytes unless the account would pass its limit; return whether they were added."""
        while not self._added(size):
            if not self.make_room(size):
                return False
        return True

    def has_room(self, size: int) -> bool:
        """Whether ``size`` more bytes would not pass the limit."""
        return self.limit is None or self.used + size <= self.limit

    def _added(self, size: int) -> bool:
        with self._lock:
            if not self.has_room(size):
                return False
            self.used += size
            self.peak = max(self.peak, self.used)
            return True

    def release(self, size: int) -> None:
        """Give back ``size`` bytes."""
        with self._lock:
            self.used -= size
