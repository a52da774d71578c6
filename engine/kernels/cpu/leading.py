"""Rows of a table that is held that may be among the first of an order, known by their places there.

One kernel call looks at the first key of many chunks; nothing else is read of their rows before it is known which of
them may be among the first.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...dtypes import Kind
from ...expr import Column, SortKey
from ...schema import Schema
from .buffers import empty, text_of
from .chunked import ChunkedTable
from .native import LeadingRows, smallest, text_prefixes
from .native.arrays import Bits, Longs, Rows, Words, ascending
from .project import Evaluator
from .ranking import order_words
from .table import CpuTable
from .words import is_one_word

_FEW_ROWS, _LEADING_BYTES = 1_024, 64
_ALL = 0xFFFFFFFFFFFFFFFF


class Leaders:
    """The rows found so far.

    Parameters
    ----------
    rows
        Some of the rows of the table, of which only those will be asked for.
    keys, k
        The order, whose first key is a column of 64-bit values without nulls, and how many rows are wanted.
    shared
        The least word of the first key that so many rows of any thread are known to be within; an array of one.
    """

    def __init__(self, rows: ChunkedTable, keys: Sequence[SortKey], k: int, shared: Words) -> None:
        self.chunks, self._schema = rows.chunks, rows.schema
        self._keys, self._k = tuple(keys), k
        first = keys[0]
        dtype = np.dtype(np.float64 if first.expr.dtype.is_float else np.int64)
        self._found = LeadingRows(k, dtype, shared, descending=first.descending, decides=len(keys) == 1)
        self._others: list[tuple[Words, Longs]] = []
        self._compares, self._texts = False, None
        if len(keys) > 1:
            assert isinstance(keys[1].expr, Column)
            second = rows.schema.position(keys[1].expr.name)
            self._compares = _is_compared(keys[1]) and rows.chunks.words(second) is not None
            self._texts = rows.chunks.texts(second)
        self._told = False  # whether what is behind a pair of words has been told
        self._behind: tuple[int, Bits] | None = None  # a word and a text that no row behind is wanted with

    @property
    def nbytes(self) -> int:
        """Bytes of what is noted of the rows."""
        return self._found.nbytes + sum(words.nbytes + places.nbytes for words, places in self._others)

    def look(self, begins: Words, starts: Longs, seconds: Words | None) -> None:
        """Look at rows by the addresses of the first key's pieces, and of the second's where these are such values."""
        while not self._found.look(begins, starts, seconds if self._told else None):
            if not self._leave_out():
                self.settle()

    def _leave_out(self) -> bool:
        """Forget what a word and a text put behind as many rows as are wanted; return whether they tell most to go."""
        if self._texts is None or self._behind is None:
            return False
        descending = self._keys[1].descending
        if self._found.keep_within_text(*self._behind, self._texts, self.chunks.starts, descending=descending):
            return True
        self._texts = None  # as where each row comes before those looked at so far
        return False

    def settle(self) -> None:
        """Forget what is not among the first of the rows looked at."""
        first = self._first(self._found.words, self._found.places)
        if 0 < len(first) == self._k and (self._compares or self._texts is not None):
            self._take_note(int(self._found.words[first[-1]]), self._found.places[first[-1:]])
        first.sort()  # as they were looked at
        self._found.keep(first)

    def _take_note(self, word: int, place: Longs) -> None:
        """Take note of the first two keys of the row that no row behind it is wanted with."""
        key = self._keys[1]
        (column,) = self._columns(place, [key])
        if self._compares:
            second = int(order_words(column, key)[0][0])
            self._found.leave_out((word, second), floats=key.expr.dtype.is_float, descending=key.descending)
            self._told = True
        else:
            offsets, data = text_of(column)
            self._behind = word, data[int(offsets[0]) : int(offsets[1])]

    def absorb(self, other: Leaders) -> None:
        """Take over what another thread has found in the same table."""
        self._others += [(other._found.words, other._found.places), *other._others]

    def table(self) -> CpuTable:
        """Return at most so many rows as are wanted, in order; ties as the rows lie."""
        parts = [(self._found.words, self._found.places), *self._others]
        words, places = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
        if self._others:
            order = np.argsort(places)
            words, places = words[order], places[order]
        return self.chunks.take(self._schema, places[self._first(words, places)])

    def _first(self, words: Words, places: Longs) -> Rows:
        """Return which of some rows, as they lie, are the first, in order."""
        if len(self._keys) == 1:
            return smallest([words], self._k)
        chosen = self._within_second(words, places)
        keys = self._keys[1:]
        columns = self._columns(places[chosen], keys)
        further = [word for column, key in zip(columns, keys, strict=True) for word in order_words(column, key)]
        return chosen[smallest([words[chosen], *further], self._k)]

    def _within_second(self, words: Words, places: Longs) -> Rows:
        """Return the rows, as they lie, that two keys do not put behind others, as far as that is soon told."""
        if len(words) <= max(4 * self._k, _FEW_ROWS):
            return ascending(len(words))
        last = _word_at(words, self._k)
        within = words < last
        tied = np.flatnonzero(words == last)
        (column,) = self._columns(places[tied], self._keys[1:2])
        within[tied[_leading(column, self._keys[1], self._k - int(np.count_nonzero(within)))]] = True
        return np.flatnonzero(within).astype(np.int32)

    def _columns(self, places: Longs, keys: Sequence[SortKey]) -> Sequence[pa.Array]:
        names = dict.fromkeys(key.expr.name for key in keys if isinstance(key.expr, Column))
        schema = Schema(tuple(self._schema[name] for name in names))
        table = self.chunks.take(schema, places, [self._schema.position(name) for name in names])
        return Evaluator(table).columns([key.expr for key in keys])


def _word_at(words: Words, k: int) -> np.uint64:
    """Return the k-th word of a sorted list: often many are equal to the last one."""
    last: np.uint64 = words.max()
    return last if np.count_nonzero(words < last) < k else words[smallest([words], k)[-1]]


def _leading(column: pa.Array, key: SortKey, k: int) -> Longs:
    """Return the rows that their values, of texts the leading bytes, do not put behind ``k`` others; or all."""
    rows = np.arange(len(column))
    if column.null_count:
        return rows
    if is_one_word(key.expr.dtype) and len(rows) > k:
        (words,) = order_words(column, key)
        return rows[words <= _word_at(words, k)]
    if not (pa.types.is_string(column.type) or pa.types.is_binary(column.type)):
        return rows
    offsets, data = text_of(column)
    words = empty(len(column), np.uint64)
    sure = list[Longs]()
    for skipped in range(0, _LEADING_BYTES, 8):
        if len(rows) <= max(4 * k, _FEW_ROWS):
            break
        text_prefixes(offsets, data, skipped, _ALL if key.descending else 0, words)
        own = words[rows]
        last = _word_at(own, k)
        sure.append(rows[own < last])
        rows = rows[own == last]
        k -= len(sure[-1])
    return np.concatenate([*sure, rows])


def leads(rows: ChunkedTable, keys: Sequence[SortKey]) -> tuple[Words, Longs, Words | None] | None:
    """Return the first two keys' pieces, as `Leaders.look` takes them; None where it is not so simple."""
    simple = keys and all(isinstance(key.expr, Column) for key in keys) and _is_compared(keys[0])
    first = rows.words(keys[0].expr) if simple else None
    if first is None:
        return None
    second = rows.words(keys[1].expr) if len(keys) > 1 and _is_compared(keys[1]) else None
    return (*first, None if second is None else second[0])


def _is_compared(key: SortKey) -> bool:
    """Return whether kernels compare such values, if they have 64 bits."""
    return key.expr.dtype.kind is not Kind.UINT64
