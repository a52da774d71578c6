"""Group identifiers of keys made of several words, in a hash table of whole rows; see ``grouping`` for how it works."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import Longs, Number, Rows, Words, addresses, rows_out, varied
from .compile import device, instruction, kernel
from .grouping import AHEAD, COUNT, LARGE, MINIMUM_CAPACITY, first_slot, larger, pair_table, rehash_pairs
from .hashing import hash_rows
from .reuse import borrow

load_word = instruction("load_word")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_ONE = np.uint64(1)
_ZERO = np.uint64(0)


@device
def same_row(keys: Words, group: Number, columns: Words, row: Number) -> Number:
    """Return whether a group's words (row-major in ``keys``) equal those of a row."""
    width = len(columns)
    base = group * np.uint64(width)
    same = True
    for j in range(width):
        same &= keys[base + np.uint64(j)] == load_word(columns[j], row)
    return same


@kernel("i64(const u64[], const u64[], i64, u64[], u64, u64[], i64[], i32[])")
def _insert_rows(
    columns: Words,
    hashes: Words,
    start: int,
    table: Words,
    shift: int,
    keys: Words,
    state: Longs,
    ids: Rows,
) -> int:
    mask = np.uint64(len(table) // 2 - 1)
    width = len(columns)
    limit = len(keys) // width
    count = state[COUNT]
    last = len(hashes) - AHEAD if len(table) > LARGE else 0
    for i in range(start, len(hashes)):
        if i < last:
            prefetch_write(table, np.int64(first_slot(hashes[i + AHEAD], shift) << _ONE))
        h = hashes[i]
        slot = first_slot(h, shift)
        while True:
            position = slot << _ONE
            found = table[position + _ONE]
            if found == _ZERO:
                if count == limit:
                    state[COUNT] = count
                    return i
                for j in range(width):
                    keys[count * width + j] = load_word(columns[j], i)
                count += 1
                found = np.uint64(count)
                table[position] = h
                table[position + _ONE] = found
                break
            if table[position] == h and same_row(keys, found - _ONE, columns, i):
                break
            slot = (slot + _ONE) & mask
        ids[i] = np.int32(found - _ONE)
    state[COUNT] = count
    return len(hashes)


@kernel("void(const u64[], const u64[], const u64[], u64, const u64[], i32[])")
def _find_rows(columns: Words, hashes: Words, table: Words, shift: int, keys: Words, ids: Rows) -> None:
    mask = np.uint64(len(table) // 2 - 1)
    last = len(hashes) - AHEAD if len(table) > LARGE else 0
    for i in range(len(hashes)):
        if i < last:
            prefetch_read(table, np.int64(first_slot(hashes[i + AHEAD], shift) << _ONE))
        h = hashes[i]
        slot = first_slot(h, shift)
        while True:
            position = slot << _ONE
            found = table[position + _ONE]
            if found == _ZERO or (table[position] == h and same_row(keys, found - _ONE, columns, i)):
                break
            slot = (slot + _ONE) & mask
        ids[i] = np.int32(found) - np.int32(1)


class HashedRowGroups:
    """Groups of keys made of several words, in a hash table of whole rows.

    Parameters
    ----------
    width
        Number of word columns.
    capacity
        Number of distinct keys expected; more are fine.
    """

    def __init__(self, width: int, capacity: int = MINIMUM_CAPACITY) -> None:
        self.width = width
        self._table, self._shift, self._limit = pair_table(capacity)
        self._keys = borrow(self._limit * width, np.uint64)
        self._state = np.array([0, -1], dtype=np.int64)

    def copied(self) -> HashedRowGroups:
        """Return a table of the same groups, which others may be added to."""
        return varied(self, _table=self._table.copy(), _keys=self._keys.copy(), _state=self._state.copy())

    def __len__(self) -> int:
        return int(self._state[COUNT])

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and its keys."""
        return self._table.nbytes + self._keys.nbytes

    def insert(self, columns: Sequence[Words], *, hashes: Words | None = None, out: Rows | None = None) -> Rows:
        """Return the group of each row, making groups for new keys.

        Parameters
        ----------
        columns
            ``width`` word columns of equal length.
        hashes
            One hash per row, `hashing.hash_rows` if not given; every insert and find must use the same function.
        out
            Where to write the identifiers.
        """
        hashes = hash_rows(columns) if hashes is None else hashes
        ids = rows_out(out, len(hashes))
        where = addresses(columns)
        done = 0
        while True:
            done = _insert_rows(where, hashes, done, self._table, self._shift, self._keys, self._state, ids)
            if done == len(hashes):
                return ids
            self._enlarge()

    def find(self, columns: Sequence[Words], *, hashes: Words | None = None, out: Rows | None = None) -> Rows:
        """Return the group of each row, or -1 for keys never inserted."""
        hashes = hash_rows(columns) if hashes is None else hashes
        ids = rows_out(out, len(hashes))
        _find_rows(addresses(columns), hashes, self._table, self._shift, self._keys, ids)
        return ids

    def keys(self) -> list[Words]:
        """Return the word columns of the keys, in identifier order."""
        keys = self._keys[: len(self) * self.width].reshape(-1, self.width)
        return [np.ascontiguousarray(keys[:, j]) for j in range(self.width)]

    def _enlarge(self) -> None:
        old = self._table
        self._table, self._shift, self._limit = pair_table(larger(self._limit))
        keys = borrow(self._limit * self.width, np.uint64)
        keys[: len(self) * self.width] = self._keys[: len(self) * self.width]
        self._keys = keys
        rehash_pairs(old, self._table, self._shift)
