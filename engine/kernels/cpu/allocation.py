"""How the C library's allocator treats the arrays that kernels make and drop.

glibc maps each allocation of more than a few hundred KiB anew and unmaps it when it is freed, so that every batch pays
for page faults again: measured at up to three times the work itself (``docs/adr/0010-freed-memory-is-kept.md``).
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

# Names of glibc's <malloc.h>, and what they are set to: the greatest value that glibc allows for the first.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_MAPPED_FROM = 32 * 1024 * 1024
_TRIMMED_FROM = 64 * 1024 * 1024
_OF_NANNIES = {"MALLOC_TRIM_THRESHOLD_": "65536"}
"""What Dask puts into the environment of every worker process without being asked: nobody's word."""


@cache
def keep_freed_memory() -> bool:
    """Let arrays of up to 32 MiB reuse freed memory, of which an arena gives back what exceeds 64 MiB.

    Sets the process's allocator, once. Returns whether it did: not where the C library is another than glibc, nor
    where the user has set the allocator through the environment.
    """
    names = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
    if any(name in os.environ and os.environ[name] != _OF_NANNIES.get(name) for name in names):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)) and bool(mallopt(_M_TRIM_THRESHOLD, _TRIMMED_FROM))
