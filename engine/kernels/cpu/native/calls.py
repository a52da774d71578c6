"""Several calls of kernels in turn, while the interpreter's lock is released once.

A thread that has to get the lock back after each kernel waits for the other threads' Python each time, and between two
kernels runs Python that the data of the first have driven out of the cache. Over batches that take a tenth of a
millisecond both cost more than the kernels do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .arrays import Longs, Words
from .compile import REFUSALS, REFUSED, Kernel, instruction, kernel

call_entry = instruction("call_entry")

_ANY = REFUSED
_WORD = 2**64 - 1
_WIDTH = 16
"""Words for the arguments of a call: as many as `instructions.CALLED_ARGUMENTS`."""


@kernel("i64(const u64[], const u64[], const i64[], i64, i64[])")
def _call_all(entries: Words, arguments: Words, expected: Longs, start: int, results: Longs) -> int:
    """Make calls from ``start`` on; return the first whose result is another than expected, or their number."""
    for i in range(start, len(entries)):
        result = call_entry(entries[i], arguments, i * _WIDTH)
        results[i] = result
        if result <= REFUSALS or (expected[i] != _ANY and result != expected[i]):
            return i
    return len(entries)


class Calls:
    """Calls of kernels, made when `run` is called.

    Attributes
    ----------
    results
        What the calls that were made gave.
    """

    def __init__(self) -> None:
        self._calls: list[tuple[Kernel[..., Any], tuple[Any, ...], Callable[[], Exception] | None]] = []
        self._entries: list[int] = []
        self._arguments: list[int] = []
        self._expected: list[int] = []
        self._kept: list[object] = []
        self.results: list[int] = []

    def __len__(self) -> int:
        return len(self._calls)

    def add(
        self,
        kernel: Callable[..., Any],
        *args: Any,
        expected: int | None = 0,
        otherwise: Callable[[], Exception] | None = None,
    ) -> None:
        """Add a call, whose arrays must stay what they are until it is made.

        Parameters
        ----------
        expected
            Its result, nothing being 0; None where any will do.
        otherwise
            Makes the error to raise for another one; without, `run` ends there.
        """
        assert isinstance(kernel, Kernel)
        self._calls.append((kernel, args, otherwise))
        self._entries.append(kernel.address_for(args))
        words = [id(arg) if isinstance(arg, np.ndarray) else int(arg) & _WORD for arg in args]
        self._arguments += words
        self._arguments += [0] * (_WIDTH - len(words))
        self._expected.append(_ANY if expected is None else expected)

    def keep(self, *values: object) -> None:
        """Keep what arguments only have the addresses of."""
        self._kept += values

    def run(self) -> int:
        """Make the calls; return which is the first whose result is another than expected, or how many there are."""
        entries = np.array(self._entries, dtype=np.uint64)
        arguments = np.array(self._arguments, dtype=np.uint64)
        expected = np.array(self._expected, dtype=np.int64)
        results = np.empty(len(entries), dtype=np.int64)
        done = _call_all(entries, arguments, expected, 0, results)
        if done < len(entries):
            called, args, otherwise = self._calls[done]
            if results[done] <= REFUSALS:
                called(*args)  # says what does not fit
            if otherwise is not None:
                raise otherwise()
        self.results = results[: done + 1].tolist()
        return done
