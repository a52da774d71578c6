"""Large pages for Python's objects.

A query of some milliseconds spends a good part of them in Python whose functions and classes the data of the query
before have driven out of the caches, and with them the tables that say where in memory their pages are: see ADR 24.
"""

from __future__ import annotations

import ctypes
import sys
import threading
from functools import cache
from pathlib import Path

_SETTINGS = Path("/sys/kernel/mm/transparent_hugepage")
_MADV_COLLAPSE = 25
"""Of Linux's <sys/mman.h>, since 6.1; kernels before refuse it."""


def gather_objects(settings: Path = _SETTINGS) -> int:
    """Have the system make large pages of those in which modules' functions and classes lie, with what lies between.

    It copies them; nothing else changes. Nor does that where the system is not Linux, or large pages are turned off.

    Parameters
    ----------
    settings
        Where the kernel shows what is set of large pages.

    Returns
    -------
    int
        How many there are now of those that were asked for.
    """
    try:
        turned_off = "[never]" in (settings / "enabled").read_text()
        size = int((settings / "hpage_pmd_size").read_text())
        advise = ctypes.CDLL(None).madvise
    except (OSError, ValueError, AttributeError):  # another system
        return 0
    if turned_off:
        return 0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    spaces = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
    places = {id(value) // size for space in spaces for value in list(space.values())}
    return sum(advise(place * size, size, _MADV_COLLAPSE) == 0 for place in places)


@cache
def gather_once() -> None:
    """Gather the objects of this process, in the background, the first time that this is called."""
    threading.Thread(target=gather_objects, name="pages", daemon=True).start()
