"""Sets of join keys that scans of the other side test their rows against before these reach the join.

A set may hold more than the keys, never less: integers are flagged by a bit each in one table, by their distance from
the least of them or, where they lie too far apart, by a hash of it; texts are compared exactly while they are few.
Knows nothing of joins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...dtypes import TICKS, DataType, Kind
from .buffers import present, values_of
from .native import encodings
from .native.arrays import Bits, Rows

MOST_KEYS = 1 << 24
"""Of more build rows no set is made."""
_LEAST_SLOTS, _MOST_SLOTS, _SLOTS_PER_KEY = 1 << 19, 1 << 28, 64
_MOST_TEXTS = 4096
_TRIAL_ROWS = 1 << 17
_MOST_PASSING = 0.5
"""After so many rows, a set that lets more than this share pass goes: a row costs a nanosecond or so to test."""


def key_set(dtype: DataType, columns: Sequence[pa.ChunkedArray]) -> IntegerKeys | TextKeys | None:
    """Return the set of the values of some columns; None where a set of their type is not worth having."""
    rows = sum(len(column) for column in columns)
    if rows > MOST_KEYS:
        return None
    if dtype.kind is Kind.STRING:
        return TextKeys.of(columns)
    if dtype.kind is Kind.UINT64 or not (dtype.is_integer or dtype.kind in (Kind.DATE, Kind.TIMESTAMP)):
        return None
    chunks = [chunk for column in columns for chunk in column.chunks]
    found = [values_of(chunk)[present(chunk)] if chunk.null_count else values_of(chunk) for chunk in chunks]
    keys = np.concatenate([np.zeros(0, dtype=np.int64), *(each.astype(np.int64, copy=False) for each in found)])
    return IntegerKeys(keys, TICKS["ns"] // TICKS[dtype.unit] if dtype.kind is Kind.TIMESTAMP else 1)


class CountingKeys:
    """Counts how many rows a set lets pass. Threads may lose a count to each other, which changes no answer."""

    learns = False

    def __init__(self) -> None:
        self._tested = self._passed = 0

    @property
    def is_useful(self) -> bool:
        """Whether it has left out enough of the rows tested so far."""
        return self._tested < _TRIAL_ROWS or self._passed <= _MOST_PASSING * self._tested

    def count(self, *, passed: int, tested: int) -> None:
        """Take note of values that were tested."""
        self._tested += tested
        self._passed += passed

    def _counted(self, rows: Rows, tested: int) -> Rows:
        self.count(passed=len(rows), tested=tested)
        return rows


class IntegerKeys(CountingKeys):
    """Integers, and dates and timestamps as such.

    Parameters
    ----------
    keys
        The values, of shape (n,), in any order and with repetitions.
    unit
        Ordinals per integer: nanoseconds of a timestamp's unit, else 1.
    """

    def __init__(self, keys: NDArray[np.int64], unit: int = 1) -> None:
        super().__init__()
        self._unit = unit
        self._low, self._high = (int(keys.min()), int(keys.max())) if len(keys) else (0, -1)
        span = self._high - self._low + 1
        allowed = min(_MOST_SLOTS, max(_LEAST_SLOTS, _SLOTS_PER_KEY * len(keys)))
        self._shift = -1 if span <= allowed else 65 - allowed.bit_length()
        # The last slot is that of values outside the bounds.
        self._slots = (span if span <= allowed else 1 << (allowed.bit_length() - 1)) + 1
        self._flags: Bits = np.zeros(self._slots + 7 >> 3, dtype=np.uint8)
        encodings.flag_keys(keys, self._low, self._slots, self._shift, self._flags)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._flags.nbytes

    def slots(self) -> tuple[int, int, int, Bits]:
        """Return the value of slot 0, how many slots there are, the shift of hashes or -1 without any, and the bits."""
        return self._low, self._slots, self._shift, self._flags

    def may_hold(self, minimum: Any, maximum: Any) -> bool:
        """Return whether any value may be within two bounds."""
        low = self._low if minimum is None else max(self._low, -int(-minimum // self._unit))
        high = self._high if maximum is None else min(self._high, int(maximum // self._unit))
        if low > high:
            return False
        if self._shift >= 0:
            return True
        first, last = low - self._low, high - self._low
        bits = np.unpackbits(self._flags[first >> 3 : (last >> 3) + 1], bitorder="little")
        return bool(bits[first & 7 : (first & 7) + last - first + 1].any())

    def select(self, values: pa.Array) -> Rows:
        """Return the positions of the values that may be among the keys."""
        numbers = values_of(values)
        if numbers.dtype not in (np.int64, np.int32):
            numbers = numbers.astype(np.int64)
        rows: Rows = np.empty(len(numbers) + 1, dtype=np.int32)
        count = encodings.select_keys(numbers, self._low, self._slots, self._shift, self._flags, rows)
        rows = rows[:count]
        if values.null_count:
            rows = rows[present(values)[rows]]
        return self._counted(rows, len(values))


class TextKeys(CountingKeys):
    """A few texts."""

    def __init__(self, texts: pa.StringArray) -> None:
        super().__init__()
        self._texts = texts
        self._sorted = sorted(texts.to_pylist())

    @classmethod
    def of(cls, columns: Sequence[pa.ChunkedArray]) -> TextKeys | None:
        """Return the set of the texts of some columns; None where there are too many."""
        met = pa.array([], pa.string())
        for column in columns:
            for chunk in column.chunks:
                texts = pc.unique(chunk).drop_null()
                if pa.types.is_dictionary(texts.type):
                    texts = texts.cast(pa.string())
                met = pc.unique(pa.concat_arrays([met, texts]))
                if len(met) > _MOST_TEXTS:
                    return None
        return cls(met)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return int(self._texts.nbytes)

    def may_hold(self, minimum: Any, maximum: Any) -> bool:
        """Return whether any text may be within two bounds."""
        at = 0 if minimum is None else bisect_left(self._sorted, minimum)
        return at < len(self._sorted) and (maximum is None or self._sorted[at] <= maximum)

    def select(self, values: pa.Array) -> Rows:
        """Return the positions of the texts that are among the keys."""
        if isinstance(values, pa.DictionaryArray):
            wanted = pc.is_in(values.dictionary, value_set=self._texts)
            found = wanted.take(values.indices).fill_null(False)  # noqa: FBT003  # a value
        else:
            found = pc.is_in(values, value_set=self._texts, skip_nulls=True)
        rows: Rows = np.flatnonzero(found.to_numpy(zero_copy_only=False)).astype(np.int32)
        return self._counted(rows, len(values))
