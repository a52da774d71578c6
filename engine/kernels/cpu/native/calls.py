"""Several calls of kernels in turn, while the interpreter's lock is released once.

A thread that has to get the lock back after each kernel waits for the other threads' Python each time, and between two
kernels runs Python that the data of the first have driven out of the cache. Over batches that take a tenth of a
millisecond both cost more than the kernels do.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .arrays import Longs, Words
from .compile import REFUSALS, REFUSED, Kernel, instruction, kernel

call_entry = instruction("call_entry")

_ANY = REFUSED
_WORD = 2**64 - 1
CALL_WORDS = 16
"""Words for the arguments of a call: as many as `instructions.CALLED_ARGUMENTS`."""
_HEADER, _ADDRESS = np.ndarray.__basicsize__ // 8, object.__basicsize__ // 8
"""Words of an array's object, and which of them is the address of its elements."""


@kernel("i64(const u64[], const u64[], const i64[], i64, i64[])")
def _call_all(entries: Words, arguments: Words, expected: Longs, start: int, results: Longs) -> int:
    """Make calls from ``start`` on; return the first whose result is another than expected, or their number."""
    for i in range(start, len(entries)):
        result = call_entry(entries[i], arguments, i * CALL_WORDS)
        results[i] = result
        if result <= REFUSALS or (expected[i] != _ANY and result != expected[i]):
            return i
    return len(entries)


def argument_word(argument: Any) -> int:
    """Return an argument, an array or a number, as an entry point takes it."""
    return id(argument) if isinstance(argument, np.ndarray) else int(argument) & _WORD


class Call(NamedTuple):
    """A call to be made.

    Attributes
    ----------
    kernel, arguments
        What is called, with what.
    words
        The arguments as its entry point takes them.
    entry
        The entry point's address.
    expected
        The result with which the calls go on.
    otherwise
        Makes the error to raise for another one.
    """

    kernel: Kernel[..., Any]
    arguments: Sequence[Any]
    words: list[int]
    entry: int
    expected: int
    otherwise: Callable[[], Exception] | None


@dataclass(frozen=True, slots=True)
class _Block:
    """Some calls, made so many times: each time with a row of words for arguments, shape (times, calls * words)."""

    calls: Sequence[Call]
    words: Words

    def __len__(self) -> int:
        return len(self.calls) * len(self.words)

    def each(self, values: Sequence[int], kind: type[np.generic]) -> NDArray[Any]:
        """Return what there is one of for each of the calls, for every time."""
        return np.tile(np.array(values, dtype=kind), len(self.words))


class Calls:
    """Calls of kernels, made when `run` is called.

    Attributes
    ----------
    made
        What is to be called, but for what is called again.
    results
        What the calls that were made gave.
    """

    def __init__(self) -> None:
        self.made: list[Call] = []
        self._blocks: list[_Block] = []  # of calls that are followed by such that are made again, and these
        self._start = 0  # of the calls after those
        self._kept: list[object] = []
        self._described: dict[int, tuple[int, ...]] = {}  # by the identity of an argument, which fields are addresses
        self.results: list[int] = []

    def __len__(self) -> int:
        return sum(map(len, self._blocks)) + len(self.made) - self._start

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
        words = [argument_word(arg) for arg in args]
        words += [0] * (CALL_WORDS - len(words))
        wanted = _ANY if expected is None else expected
        self.made.append(Call(kernel, args, words, kernel.address_for(args), wanted, otherwise))

    def add_again(self, calls: Sequence[Call], words: Words) -> None:
        """Add calls to be made once for each row of words for their arguments: shape (times, calls * words)."""
        self._blocks += [self._single(), _Block(calls, words)]
        self._start = len(self.made)

    def _single(self) -> _Block:
        """Return the calls after those that are made again."""
        calls = self.made[self._start :]
        return _Block(calls, _words_of(calls).reshape(1, -1))

    def keep(self, *values: object) -> None:
        """Keep what arguments only have the addresses of."""
        self._kept += values

    def describe(self, columns: Words, addresses: tuple[int, ...]) -> None:
        """Say that an argument, shape (columns, fields), has addresses in some of its fields."""
        self._described[id(columns)] = addresses

    def addresses_in(self, argument: NDArray[Any]) -> tuple[int, ...] | None:
        """Return the fields of an argument that are addresses; None of one that has none."""
        return self._described.get(id(argument))

    def run(self) -> int:
        """Make the calls; return which is the first whose result is another than expected, or how many there are."""
        blocks = [*self._blocks, self._single()]
        entries = np.concatenate([block.each([call.entry for call in block.calls], np.uint64) for block in blocks])
        expected = np.concatenate([block.each([call.expected for call in block.calls], np.int64) for block in blocks])
        words = np.concatenate([block.words.reshape(-1) for block in blocks])
        results = np.empty(len(entries), dtype=np.int64)
        done = _call_all(entries, words, expected, 0, results)
        if done < len(entries):
            ended = self._call(done)
            if results[done] <= REFUSALS:
                ended.kernel(*ended.arguments)  # says what does not fit
            if ended.otherwise is not None:
                raise ended.otherwise()
        self.results = results[: done + 1].tolist()
        return done

    def _call(self, number: int) -> Call:
        """Return a call; of one that is made again, the one that it is like."""
        for block in self._blocks:
            if number < len(block):
                return block.calls[number % len(block.calls)]
            number -= len(block)
        return self.made[self._start + number]


_Place: TypeAlias = tuple[int, int]


def _words_of(calls: Sequence[Call]) -> Words:
    return np.array([word for call in calls for word in call.words], dtype=np.uint64)


class Pattern:
    """Calls to be made again, with other memory in the place of some.

    Entry points read of an array what stands in its object. For other memory they are given copies of that with other
    addresses, which are made for all calls at once: to make one array takes longer.

    Parameters
    ----------
    calls
        Those of its ``made`` from number ``first`` on are the pattern.
    memory
        Arrays and their addresses: arguments that begin at one, and addresses in arguments, are to be replaced.

    Attributes
    ----------
    addresses
        Those of the memory.
    """

    def __init__(self, calls: Calls, first: int, memory: Sequence[tuple[NDArray[Any], int]]) -> None:
        self.addresses: Words = np.array([address for _, address in memory], dtype=np.uint64)
        self._calls, self._pattern = calls, calls.made[first:]
        numbers: dict[int, int] = {}
        same = [numbers.setdefault(address, number) for number, (_, address) in enumerate(memory)]
        self._same = [(number, first) for number, first in enumerate(same) if number != first]
        # Copies of what stands in array objects and in described arguments. Of these words some are addresses of
        # memory, some those of other such words; and some arguments are addresses of such words.
        self._copies = list[int]()
        self._outer, self._inner, self._given = list[_Place](), list[_Place](), list[_Place]()
        for place, made in enumerate(self._pattern):
            for number, arg in enumerate(made.arguments):
                if isinstance(arg, np.ndarray) and arg.size:
                    self._copy(place * CALL_WORDS + number, arg, numbers)

    def _copy(self, place: int, arg: NDArray[Any], numbers: dict[int, int]) -> None:
        """Copy an argument if memory is part of it."""
        begin = len(self._copies)
        if (fields := self._calls.addresses_in(arg)) is not None:
            words = arg.reshape(-1).tolist()
            cells = [row * arg.shape[1] + field for row in range(len(arg)) for field in fields]
            self._outer += [(begin + cell, numbers[words[cell]]) for cell in cells if words[cell] in numbers]
            self._copies += words
            self._inner.append((len(self._copies) + _ADDRESS, begin))
        elif (number := numbers.get(arg.__array_interface__["data"][0])) is not None:
            self._outer.append((begin + _ADDRESS, number))
        else:
            return
        self._given.append((place, len(self._copies)))
        self._copies += (ctypes.c_uint64 * _HEADER).from_address(id(arg))

    def repeat(self, addresses: Words, calls: Calls) -> bool:
        """Add the calls to some once for each row of addresses of other memory, in the same order.

        Returns
        -------
        bool
            False, and nothing done, where memory is not as different as the first was.
        """
        if any((addresses[:, number] != addresses[:, first]).any() for number, first in self._same):
            return False
        times = len(addresses)
        copies = np.tile(np.array(self._copies, dtype=np.uint64), (times, 1))
        words = np.tile(_words_of(self._pattern), (times, 1))
        begins = (copies.ctypes.data + np.arange(times) * copies.strides[0]).astype(np.uint64)
        for place, number in self._outer:
            copies[:, place] = addresses[:, number]
        for out, places in ((copies, self._inner), (words, self._given)):
            for place, begin in places:
                out[:, place] = begins + np.uint64(begin * 8)
        calls.keep(copies)
        if calls is not self._calls:
            calls.keep(self._calls)
        calls.add_again(self._pattern, words)
        return True
