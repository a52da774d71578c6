"""Work in phases, which threads share call by call, while the interpreter's lock is released once.

A phase begins when all calls of the one before have been made. To meet in Python for that costs threads a tenth of a
millisecond each time and makes them wait for each other's Python; here they count what has been claimed and made in
memory that they share. A thread that comes late takes part in the phase that the others are at.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Longs, Words
from .calls import CALL_WORDS, argument_word
from .compile import REFUSALS, Kernel, instruction, kernel
from .parallel import Threads, each, spans_of

add_shared, call_entry = instruction("add_shared"), instruction("call_entry")

_STAY = 64
"""Calls that a thread makes before it sees to Python again, for a Ctrl-C."""
_PIECE = 1 << 17
"""Rows of a call: of some of these threads end at about one time."""
_DONE, _MORE = -1, -2
_PATIENCE, _SLEEP = 200, 50
"""How often a thread lets others run while it waits, and then so many microseconds each time."""
_LIBC = ctypes.CDLL(None)
_PAUSES: Words = np.zeros(2 + CALL_WORDS, dtype=np.uint64)
"""The entry points of what lets others run and of what sleeps, and what the latter is called with."""
_PAUSES[:2] = [ctypes.cast(call, ctypes.c_void_p).value or 0 for call in (_LIBC.sched_yield, _LIBC.usleep)]
_PAUSES[2] = _SLEEP


@kernel("i64(const u64[], const u64[], const i64[], i64[], i64[], i64, const u64[])")
def _work(entries: Words, arguments: Words, ends: Longs, shared: Longs, phase: Longs, most: int, pauses: Words) -> int:
    """Make up to ``most`` calls that no other thread has claimed, those of each phase before those of the next.

    Returns the number of a call that failed, or whether all phases have ended. ``shared`` counts what ends the work
    early, then the calls of each phase that are claimed and those that are made.
    """
    made = np.int64(0)
    while phase[0] < len(ends) and add_shared(shared, np.int64(0), np.int64(0)) == 0:
        claimed, ended = 1 + 2 * phase[0], 2 + 2 * phase[0]
        begin = ends[phase[0] - 1] if phase[0] > 0 else np.int64(0)
        while made < most:
            number = begin + add_shared(shared, claimed, np.int64(1))
            if number >= ends[phase[0]]:
                break
            if call_entry(entries[number], arguments, number * CALL_WORDS) <= REFUSALS:
                add_shared(shared, np.int64(0), np.int64(1))
                return int(number)
            add_shared(shared, ended, np.int64(1))
            made += 1
        if made == most:
            return _MORE
        waited = 0
        while add_shared(shared, ended, np.int64(0)) < ends[phase[0]] - begin:
            if add_shared(shared, np.int64(0), np.int64(0)) != 0:
                break
            call_entry(pauses[np.int64(waited >= _PATIENCE)], pauses, np.int64(2))
            waited += 1
        phase[0] += 1
    return _DONE


Own: TypeAlias = "list[NDArray[Any]]"
"""An argument that each thread has its own of."""


class _Block(NamedTuple):
    """Calls of a kernel that have all arguments in common but the last ones: numbers, shape (calls, numbers)."""

    kernel: Kernel[..., Any]
    arguments: Sequence[Any]
    numbers: Longs

    def words(self, thread: int) -> Words:
        """Return all arguments as entry points take them, shape (calls, `CALL_WORDS`)."""
        words = np.zeros((len(self.numbers), CALL_WORDS), dtype=np.uint64)
        words[:, : len(self.arguments)] = np.array([argument_word(own) for own in self.given(thread)], dtype=np.uint64)
        words[:, len(self.arguments) :][:, : self.numbers.shape[1]] = self.numbers.view(np.uint64)
        return words

    def given(self, thread: int) -> list[Any]:
        """Return what a thread's calls have in common."""
        return [own[thread] if isinstance(own, list) else own for own in self.arguments]

    @property
    def entry(self) -> int:
        """The kernel's entry point."""
        return self.kernel.address_for((*self.given(0), *self.numbers[0].tolist()))


class Phases:
    """Calls of kernels by phases, made when `run` is called.

    Parameters
    ----------
    threads
        Those that share the work, None for the calling one.

    Attributes
    ----------
    count
        How many threads there are.
    """

    def __init__(self, threads: Threads | None) -> None:
        self.count = 1 if threads is None else threads.count
        self.threads = threads
        self._blocks: list[_Block] = []
        self._ends: list[int] = []
        self._kept: list[object] = []

    def keep(self, *values: object) -> None:
        """Keep what arguments only have the addresses of."""
        self._kept += values

    def add(self, kernel: Callable[..., Any], *arguments: Any, numbers: ArrayLike, beside: bool = False) -> None:
        """Add calls of a kernel that returns nothing, each with some arguments and then numbers of its own.

        Parameters
        ----------
        arguments
            Numbers, arrays, and lists of an array for each thread.
        numbers
            Those of each call: shape (calls, numbers), or (calls,) where each has one.
        beside
            Whether the calls belong to the phase before, if there is one; else they begin another.
        """
        assert isinstance(kernel, Kernel)
        own: Longs = np.asarray(numbers, dtype=np.int64)
        if not len(own):
            return
        own = own.reshape(len(own), -1)
        if not (beside and self._ends):
            self._ends.append(len(self))
        self._ends[-1] += len(own)
        self._blocks.append(_Block(kernel, arguments, own))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def run(self) -> None:
        """Make all calls, and forget them."""
        blocks, ends = self._blocks, np.array(self._ends, dtype=np.int64)
        self._blocks, self._ends = [], []
        if not blocks:
            return
        kept, self._kept = self._kept, []
        sizes = [len(block.numbers) for block in blocks]
        entries = np.repeat(np.array([block.entry for block in blocks], dtype=np.uint64), sizes)
        shared = np.zeros(1 + 2 * len(ends), dtype=np.int64)
        failed = list[int]()

        def work(thread: int) -> None:
            words, phase = np.concatenate([block.words(thread) for block in blocks]), np.zeros(1, dtype=np.int64)
            try:
                while (result := _work(entries, words.reshape(-1), ends, shared, phase, _STAY, _PAUSES)) == _MORE:
                    pass
            except BaseException:
                shared[0] = 1  # a Ctrl-C ends the others' work, too
                raise
            if result != _DONE:
                failed.append(result)

        each(work, self.count, self.threads)
        kept.clear()
        for number in failed:
            block = int(np.searchsorted(np.cumsum(sizes), number, side="right"))
            row = blocks[block].numbers[number - sum(sizes[:block])]
            blocks[block].kernel(*blocks[block].given(0), *row.tolist())  # says what does not fit


def pieces_of(rows: int) -> list[tuple[int, int]]:
    """Return the bounds of the pieces of so many rows that threads take one after the other."""
    return spans_of(rows, max(1, -(-rows // _PIECE)))
