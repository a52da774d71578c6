"""Memory for large arrays, which is kept for a while when they are gone: what is fresh the system has to clear.

Each fresh page costs a fault, and in a virtual machine several times what filling it costs; two threads that fill fresh
memory wait for each other in the system. So arrays come from memory mapped in pages of 2 MiB where the system has
them, and what is freed is used for the next arrays of about that size. It goes back to the system when there is too
much of it, or when nobody has asked for any for some seconds (``docs/adr/0017-results-in-memory-of-our-own.md``).
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ....machine import available_memory
from .arrays import Words

LEAST = 1 << 18
"""Bytes from which an array gets memory from here."""
_PAGE = 1 << 21
_STEPS = 8
"""Sizes of memory between two powers of two: an array leaves less than an eighth unused."""
_LINE = 64
_MOST_KEPT, _SHARE_KEPT = 1 << 28, 16
"""Bytes kept at most, and of which part of what this process may use."""
_SECONDS_KEPT = 10.0


class _Block(NamedTuple):
    """A piece of mapped memory, which is unmapped when no block of it is left, and the thread that had it last."""

    mapped: mmap.mmap
    offset: int
    size: int
    thread: int


class Reserve:
    """Memory for arrays, and that of arrays that are gone.

    Parameters
    ----------
    most
        Bytes kept for later at most.
    seconds
        How long they are kept after somebody asked for memory.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self.kept = 0
        self._bounds, self._seconds = [most], seconds
        self._free: OrderedDict[int, list[_Block]] = OrderedDict()  # by size, that used last at the end
        self._lent: dict[int, tuple[weakref.ref[NDArray[Any]], _Block]] = {}  # by the identity of the reference
        # An array may die, and give its memory back, while the lock is held: where that makes garbage be collected.
        self._lock = threading.RLock()
        self._asked = 0.0
        self._keeper: threading.Thread | None = None

    def borrow(self, length: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return an array of anything that begins at a cache line; its memory comes back when no view is left."""
        kind = np.dtype(dtype)
        size = _size_for(length * kind.itemsize)
        with self._lock:
            try:
                block = self._take(size)
            except OSError:  # no more mappings are allowed: the C library packs arrays closer
                return _aligned(length, kind)
            # Views of an array over mapped memory refer to that array, those of a view would not.
            array: NDArray[Any] = np.frombuffer(block.mapped, dtype=kind, count=length, offset=block.offset)
            reference = weakref.ref(array, self._give_back)
            self._lent[id(reference)] = reference, block._replace(thread=threading.get_ident())
        return array

    @contextmanager
    def keeping(self, most: int) -> Iterator[None]:
        """Keep no more than so many bytes for later while this is open."""
        with self._lock:
            self._bounds.append(most)
            self._trim()
        try:
            yield
        finally:
            with self._lock:
                self._bounds.remove(most)

    def release(self) -> None:
        """Give all that is kept back to the system."""
        with self._lock:
            self._free.clear()
            self.kept = 0

    def forked(self) -> None:
        """Go on in a process that was forked, maybe while another thread held the lock."""
        self._lock, self._keeper = threading.RLock(), None

    def _take(self, size: int) -> _Block:
        self._asked = time.monotonic()
        if self._keeper is None and not sys.is_finalizing():  # when no thread starts any more
            keeper = threading.Thread(target=self._keep_watch, name="memory-of-volley", daemon=True)
            with suppress(RuntimeError):  # where no more threads are allowed, memory is only bounded
                keeper.start()
                self._keeper = keeper
        if free := self._free.get(size):
            self._free.move_to_end(size)
            self.kept -= size
            return free.pop(_for_this_thread(free))
        first, *others = _mapped(size)
        for block in others:
            self._keep(block)
        return first

    def _give_back(self, reference: weakref.ref[NDArray[Any]]) -> None:
        with self._lock:
            self._keep(self._lent.pop(id(reference))[1])

    def _keep(self, block: _Block) -> None:
        if block.size > min(self._bounds):
            return
        self._free.setdefault(block.size, []).append(block)
        self._free.move_to_end(block.size)
        self.kept += block.size
        self._trim()

    def _trim(self) -> None:
        """Give back to the system what is more than may be kept, of sizes that were used longest ago first."""
        most = min(self._bounds)
        while self.kept > most:
            oldest = next(iter(self._free))
            if self._free[oldest]:
                self.kept -= oldest
                self._free[oldest].pop()
            else:
                del self._free[oldest]

    def _keep_watch(self) -> None:
        """Release memory when it is no longer asked for; end when there is none."""
        while True:
            time.sleep(self._seconds)
            with self._lock:
                if time.monotonic() - self._asked >= self._seconds:
                    self.release()
                    if not self._lent:
                        self._keeper = None
                        return


def _for_this_thread(blocks: Sequence[_Block]) -> int:
    """Return which block to take: the last that this thread had, which may be in its core's cache, else the oldest.

    To write to what is in another core's cache takes longer than to what is in none.
    """
    thread = threading.get_ident()
    return next((place for place in range(len(blocks) - 1, -1, -1) if blocks[place].thread == thread), 0)


def _size_for(size: int) -> int:
    """Return the least size of memory that holds so many bytes."""
    step = max(1 << max(size - 1, 1).bit_length() - 1, LEAST) // _STEPS
    return -(-size // step) * step


def _aligned(length: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """Return an array of the C library's memory that begins at a cache line."""
    memory = np.empty(length * kind.itemsize + _LINE, dtype=np.uint8)
    skipped = -memory.__array_interface__["data"][0] % _LINE
    return memory[skipped : skipped + length * kind.itemsize].view(kind)


def _mapped(size: int) -> list[_Block]:
    """Return fresh blocks of a size: of small ones as many as fit a large page."""
    count = max(1, _PAGE // size)
    memory = mmap.mmap(-1, count * size + _PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    start = -np.frombuffer(memory, dtype=np.uint8).__array_interface__["data"][0] % _PAGE
    if hasattr(mmap, "MADV_HUGEPAGE"):
        # The kernel keeps mappings that are alike as one, of which a process may have some ten thousands. The end of a
        # large block must not become a large page, though.
        advised = (0, len(memory)) if size <= _PAGE else (start, size)
        with suppress(OSError):  # of a system built without them
            memory.madvise(mmap.MADV_HUGEPAGE, *advised)
    thread = threading.get_ident()
    return [_Block(memory, start + number * size, size, thread) for number in range(count)]


_reserve = Reserve(min(_MOST_KEPT, available_memory() // _SHARE_KEPT), _SECONDS_KEPT)
os.register_at_fork(after_in_child=_reserve.forked)


def keeping(most: int) -> AbstractContextManager[None]:
    """Keep no more than so many bytes of freed memory while this is open."""
    return _reserve.keeping(most)


def borrow(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array that holds anything; a large one's memory is used again when no view of it is left."""
    kind = np.dtype(dtype)
    if length * kind.itemsize < LEAST:
        return np.empty(length, dtype=kind)
    return _reserve.borrow(length, kind)


def cleared(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array of zeros; a large one's memory is used again when no view of it is left."""
    kind = np.dtype(dtype)
    if length * kind.itemsize < LEAST:
        return np.zeros(length, dtype=kind)
    array = _reserve.borrow(length, kind)
    array.fill(0)
    return array


def borrow_words(length: int) -> Words:
    """Return words from the first bound of a cache line on."""
    if 8 * length >= LEAST:
        return _reserve.borrow(length, np.uint64)
    return _aligned(length, np.dtype(np.uint64))
