"""Several calls of kernels in turn, while the interpreter's lock is released once.

A thread that has to get the lock back after each kernel waits for the other threads' Python each time, and between two
kernels runs Python that the data of the first have driven out of the cache. Over batches that take a tenth of a
millisecond both cost more than the kernels do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

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


class Calls:
    """Calls of kernels, made when `run` is called.

    Attributes
    ----------
    made
        What is to be called.
    results
        What the calls that were made gave.
    """

    def __init__(self) -> None:
        self.made: list[Call] = []
        self._kept: list[object] = []
        self._described: dict[int, tuple[int, ...]] = {}  # by the identity of an argument, which fields are addresses
        self.results: list[int] = []

    def __len__(self) -> int:
        return len(self.made)

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
        words = [id(arg) if isinstance(arg, np.ndarray) else int(arg) & _WORD for arg in args]
        words += [0] * (_WIDTH - len(words))
        wanted = _ANY if expected is None else expected
        self.made.append(Call(kernel, args, words, kernel.address_for(args), wanted, otherwise))

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
        entries = np.array([call.entry for call in self.made], dtype=np.uint64)
        arguments = np.array([word for call in self.made for word in call.words], dtype=np.uint64)
        expected = np.array([call.expected for call in self.made], dtype=np.int64)
        results = np.empty(len(entries), dtype=np.int64)
        done = _call_all(entries, arguments, expected, 0, results)
        if done < len(entries):
            ended = self.made[done]
            if results[done] <= REFUSALS:
                ended.kernel(*ended.arguments)  # says what does not fit
            if ended.otherwise is not None:
                raise ended.otherwise()
        self.results = results[: done + 1].tolist()
        return done


_Place: TypeAlias = tuple[int, int, "np.dtype[Any]"]
_Cells: TypeAlias = tuple[int, list[tuple[int, int, int]]]


class Pattern:
    """Calls to be made again, with other memory in the place of some.

    Parameters
    ----------
    calls
        Those from number ``first`` on are the pattern.
    memory
        Arrays and their addresses: arguments that begin at one, and addresses in arguments, are to be replaced.
    """

    def __init__(self, calls: Calls, first: int, memory: Sequence[tuple[NDArray[Any], int]]) -> None:
        self._calls = calls
        numbers: dict[int, int] = {}
        same = [numbers.setdefault(address, number) for number, (_, address) in enumerate(memory)]
        self._same = [(number, first) for number, first in enumerate(same) if number != first]
        # Of each call, which arguments are which memory, and of which type; and which have which addresses in them.
        self._made: list[tuple[Call, list[_Place], list[_Cells]]] = []
        for made in calls.made[first:]:
            places, described = list[_Place](), list[_Cells]()
            for position, arg in enumerate(made.arguments):
                if not isinstance(arg, np.ndarray) or not arg.size:
                    continue
                if (fields := calls.addresses_in(arg)) is not None:
                    cells = [(row, field) for row in range(len(arg)) for field in fields]
                    known = [(*cell, numbers[found]) for cell in cells if (found := int(arg[cell])) in numbers]
                    described.append((position, known))
                elif (number := numbers.get(arg.__array_interface__["data"][0])) is not None:
                    places.append((position, number, arg.dtype))
            self._made.append((made, places, described))

    def repeat(self, memory: Sequence[tuple[NDArray[Any], int]]) -> bool:
        """Add the calls for other memory, in the same order; return whether it is as different as the first was."""
        for number, first in self._same:
            if memory[number][1] != memory[first][1]:
                return False
        again = self._calls.made
        for made, places, described in self._made:
            if not places and not described:
                again.append(made)
                continue
            arguments, words = list(made.arguments), made.words.copy()
            for position, number, kind in places:
                array = memory[number][0]
                array = array if array.dtype == kind else array.view(kind)
                arguments[position], words[position] = array, id(array)
            for position, cells in described:
                columns = arguments[position].copy()
                for row, field, number in cells:
                    columns[row, field] = memory[number][1]
                arguments[position], words[position] = columns, id(columns)
            again.append(Call(made.kernel, arguments, words, made.entry, made.expected, made.otherwise))
        self._calls.keep(memory)
        return True
