"""Large pieces of memory that are used again: what the system hands out anew it has to clear, page by page.

Two threads that fill fresh memory wait for each other in the system most of the time.
"""

from __future__ import annotations

import threading
import weakref

import numpy as np

from .arrays import Words

_LINE = 8
"""Words of a cache line, at whose bounds arrays begin."""
_LEAST = 1 << 20
_MOST_KEPT = 1 << 27
"""Bytes from which memory is kept for later, and bytes kept in all."""

_lock = threading.Lock()
_kept: list[Words] = []


def borrow_words(length: int) -> Words:
    """Return an array of whole cache lines that holds anything.

    Its memory is used again when it and all views of it are gone.
    """
    if 8 * length < _LEAST:
        return _aligned(np.empty(length + _LINE, dtype=np.uint64), length)
    with _lock:
        fitting = [position for position, one in enumerate(_kept) if length <= len(one) - _LINE <= 2 * length]
        best = min(fitting, key=lambda position: len(_kept[position]), default=None)
        memory = np.empty(length + _LINE, dtype=np.uint64) if best is None else _kept.pop(best)
    array = _aligned(memory, length)
    weakref.finalize(array, _give_back, memory)
    return array


def _aligned(memory: Words, length: int) -> Words:
    """Return so many words from the first bound of a cache line on.

    Views of an array over a memoryview refer to that array; those of a view would refer to the memory itself.
    """
    skipped = -memory.__array_interface__["data"][0] % (8 * _LINE)
    return np.frombuffer(memory.data, dtype=np.uint64, count=length, offset=skipped)


def _give_back(memory: Words) -> None:
    with _lock:
        _kept.append(memory)
        while sum(one.nbytes for one in _kept) > _MOST_KEPT:
            del _kept[0]
