"""The account of bytes that a run holds between stages."""

from __future__ import annotations

import threading

from ..errors import MemoryLimitExceeded
from ..quantities import format_bytes


class MemoryAccount:
    """Bytes retained by one run: hash tables, partial states, collected rows.

    Parameters
    ----------
    limit
        Most bytes that may be held at once, or None for no limit.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = limit
        self.used = 0
        self.peak = 0
        self._lock = threading.Lock()

    def reserve(self, size: int, owner: str) -> None:
        """Add ``size`` bytes (which may be negative) on behalf of an operator.

        Raises
        ------
        MemoryLimitExceeded
            If the account would pass its limit; nothing is added then.
        """
        with self._lock:
            if size > 0 and self.limit is not None and self.used + size > self.limit:
                raise MemoryLimitExceeded(
                    f"{owner} needs {format_bytes(self.used + size)} and the session's memory_limit is "
                    f"{format_bytes(self.limit)}; raise memory_limit, or filter or select fewer columns earlier"
                )
            self.used += size
            self.peak = max(self.peak, self.used)

    def try_reserve(self, size: int) -> bool:
        """Add ``size`` bytes unless the account would pass its limit; return whether they were added."""
        with self._lock:
            if self.limit is not None and self.used + size > self.limit:
                return False
            self.used += size
            self.peak = max(self.peak, self.used)
            return True

    def release(self, size: int) -> None:
        """Give back ``size`` bytes."""
        with self._lock:
            self.used -= size
