"""Whose a temporary directory is: a lock in it, which goes with the process that took it, however that ends.

So a write can tell what a killed one has left beside the same destination from what another is still writing.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_OWNER = "owner"
_UNKNOWN_SECONDS = 7 * 86_400.0
"""After so long without a change a directory without a lock is nobody's: some network file systems have no locks."""


class Lease:
    """The lock of one directory; a copy in another process holds nothing."""

    def __init__(self) -> None:
        self._held: int | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Lease, ()

    def __del__(self) -> None:
        self.end()

    def take(self, folder: Path) -> None:
        """Lock a new directory, where its file system has locks."""
        fresh = folder / f"{_OWNER}.new"
        held = os.open(fresh, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fresh.replace(folder / _OWNER)  # nobody finds it before it is locked
        except OSError:
            os.close(held)
            fresh.unlink(missing_ok=True)
            return
        self._held = held

    def end(self) -> None:
        """Let go of the lock."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def is_abandoned(folder: Path) -> bool:
    """Whether the process that made a directory has ended without removing it."""
    try:
        found = os.open(folder / _OWNER, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        with suppress(OSError):
            return time.time() - folder.stat().st_mtime > _UNKNOWN_SECONDS
        return False
    except OSError:  # of somebody else
        return False
    try:
        fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(found)
    return True
