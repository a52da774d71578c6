"""Results of costly functions by text: of texts that repeat over the batches of a run each is computed once.

Knows what texts have been met, not what is computed of them. Each thread has results of its own, which it gives back
after a batch for whoever comes next; the end of a run throws them away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from ....dtypes import string
from ....expr import Call
from ...evaluation import remembers
from ..buffers import array_from, validity
from ..codes import NULL, TextCodes
from ..gather import encoded, take_column
from ..native.arrays import Rows
from ..native.grouping import MINIMUM_CAPACITY

_MOST_BYTES = 1 << 26
"""Bytes of texts and results that are kept while nobody uses them."""
_spare: dict[int, list[Remembered]] = {}
_generation = [0]


class Remembered:
    """The results of one call of a function, by text.

    Parameters
    ----------
    call
        Is kept, so that its identity stays its own.
    """

    def __init__(self, call: Call) -> None:
        self.call, self.generation = call, _generation[0]
        self._met, self._made = (TextCodes(string, MINIMUM_CAPACITY) for _ in range(2))
        self._numbers: Rows = np.empty(0, dtype=np.int32)
        self._texts: pa.Array | None = None
        self._values: pa.Array | None = None

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._met.nbytes + self._made.nbytes + (0 if self._values is None else int(self._values.nbytes))

    def applied(self, texts: pa.Array, run: Callable[[pa.Array], pa.Array]) -> pa.Array:
        """Return what ``run`` makes of each text, given only those that have not been met before; of null it is null.

        Texts come as codes where they are few.
        """
        known = len(self._met)
        numbers = self._met.codes(texts)
        if len(self._met) > known:
            self._take_up(run(self._met.values().slice(known)))
        if not len(self._met):  # all are null
            return run(texts)
        if self._texts is None:
            return take_column(self._values, numbers, outer=texts.null_count > 0)
        codes = self._numbers[numbers]
        if self._texts.null_count or len(self._texts) > len(texts) // 2:
            codes[numbers == NULL] = NULL
            return take_column(self._texts, codes, outer=texts.null_count > 0)
        return encoded(array_from(codes, pa.int32(), validity(texts)), self._texts)

    def _take_up(self, results: pa.Array) -> None:
        if not pa.types.is_string(results.type):
            self._values = results if self._values is None else pa.concat_arrays([self._values, results])
            return
        known = len(self._made)
        self._numbers = np.concatenate([self._numbers, self._made.numbers(results)])
        if len(self._made) > known:  # else it stays the same to those who know it
            self._texts = self._made.values()


def is_remembered(call: Call) -> bool:
    """Return whether there are results of a call."""
    return id(call) in _spare


def borrow(call: Call) -> Remembered:
    """Return results of a call that nobody else uses meanwhile."""
    waiting = _spare.get(id(call), [])
    try:
        found = waiting.pop()
    except IndexError:
        return Remembered(call)
    return found if found.call is call else Remembered(call)


def give_back(results: Remembered) -> None:
    """Keep results for who asks next, unless their run has ended or there are too many of them."""
    kept = sum(each.nbytes for waiting in list(_spare.values()) for each in list(waiting))
    if results.generation == _generation[0] and kept + results.nbytes <= _MOST_BYTES:
        _spare.setdefault(id(results.call), []).append(results)


def forget() -> None:
    """Throw all results away."""
    _generation[0] += 1
    _spare.clear()


remembers(forget)
