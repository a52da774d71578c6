"""Group identifiers: hash and direct-address tables that number distinct keys in the order they are first seen.

A table grows across batches and keeps the keys it has seen. Equality is always checked on the keys themselves, never on
hashes alone. Tables are not thread-safe: give each thread its own and merge by inserting one table's keys into another
(the identifiers returned say where each of its groups went).

Tables use open addressing with linear probing, at most half full, in one array of (key or hash, identifier + 1) pairs,
so that a probe touches one cache line. Kernels stop where a table is full; the class enlarges it and resumes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Number, Rows, Words, addresses, missing, rows_out
from .compile import device, instruction, kernel
from .hashing import hash_rows

load_word = instruction("load_word")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
MINIMUM_CAPACITY = 1024

# Tables beyond the second-level cache (in words) are prefetched for the row this far ahead.
LARGE = 1 << 16
AHEAD = 24

# Positions in a table's state array.
COUNT = 0
NULL_GROUP = 1


@device
def first_slot(word: Number, shift: Number) -> Number:
    """Return the slot a word wants: the top bits of a Fibonacci hash, which every bit of the word reaches."""
    return ((word ^ (word >> _S32)) * _GOLDEN) >> shift


@device
def locate(table: Words, shift: Number, mask: Number, word: Number) -> Number:
    """Return the position in ``table`` of the pair that holds ``word``, or of the empty pair where it belongs."""
    slot = first_slot(word, shift)
    while True:
        position = slot << _ONE
        if table[position + _ONE] == _ZERO or table[position] == word:
            return position
        slot = (slot + _ONE) & mask


@kernel("i64(const u64[], const u8[], i64, i64, u64[], u64, u64[], i64[], i32[])")
def _insert_words(
    words: Words,
    bits: Bits,
    bit_offset: int,
    start: int,
    table: Words,
    shift: int,
    keys: Words,
    state: Longs,
    ids: Rows,
) -> int:
    """Group rows from ``start`` on; return the row at which the table was full, or the number of rows."""
    mask = np.uint64(len(table) // 2 - 1)
    count = state[COUNT]
    last = len(words) - AHEAD if len(table) > LARGE else 0
    for i in range(start, len(words)):
        if i < last:
            prefetch_write(table, np.int64(first_slot(words[i + AHEAD], shift) << _ONE))
        if missing(bits, bit_offset + i):
            if state[NULL_GROUP] < 0:
                if count == len(keys):
                    state[COUNT] = count
                    return i
                keys[count] = _ZERO
                state[NULL_GROUP] = count
                count += 1
            ids[i] = np.int32(state[NULL_GROUP])
            continue
        word = words[i]
        position = locate(table, shift, mask, word)
        found = table[position + _ONE]
        if found == _ZERO:
            if count == len(keys):
                state[COUNT] = count
                return i
            keys[count] = word
            count += 1
            found = np.uint64(count)
            table[position] = word
            table[position + _ONE] = found
        ids[i] = np.int32(found - _ONE)
    state[COUNT] = count
    return len(words)


@kernel("void(const u64[], i64, i64, u64[], u64)")
def _rehash_words(keys: Words, count: int, null_group: int, table: Words, shift: int) -> None:
    mask = np.uint64(len(table) // 2 - 1)
    for i in range(count):
        if i == null_group:
            continue
        position = locate(table, shift, mask, keys[i])
        table[position] = keys[i]
        table[position + _ONE] = np.uint64(i + 1)


@kernel("void(const u64[], const u8[], i64, const u64[], u64, i64, i32[])")
def _find_words(
    words: Words, bits: Bits, bit_offset: int, table: Words, shift: int, null_group: int, ids: Rows
) -> None:
    mask = np.uint64(len(table) // 2 - 1)
    last = len(words) - AHEAD if len(table) > LARGE else 0
    for i in range(len(words)):
        if i < last:
            prefetch_read(table, np.int64(first_slot(words[i + AHEAD], shift) << _ONE))
        if missing(bits, bit_offset + i):
            ids[i] = np.int32(null_group)
        else:
            ids[i] = np.int32(table[locate(table, shift, mask, words[i]) + _ONE]) - np.int32(1)


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


@kernel("void(const u64[], u64[], u64)")
def rehash_pairs(old: Words, table: Words, shift: int) -> None:
    """Move the (hash, identifier + 1) pairs of one table to a larger one."""
    mask = np.uint64(len(table) // 2 - 1)
    for i in range(0, len(old), 2):
        if old[i + 1] == _ZERO:
            continue
        slot = first_slot(old[i], shift)
        while table[(slot << _ONE) + _ONE] != _ZERO:
            slot = (slot + _ONE) & mask
        table[slot << _ONE] = old[i]
        table[(slot << _ONE) + _ONE] = old[i + 1]


@kernel("bool(const u64[], const u8[], i64, i64, i64, i32[])")
def _direct_ids(words: Words, bits: Bits, bit_offset: int, low: int, size: int, ids: Rows) -> bool:
    fits = True
    limit = np.uint64(size)
    base = np.uint64(low)
    if len(bits) == 0:
        for i in range(len(words)):
            distance = words[i] - base
            inside = distance < limit
            fits &= inside
            ids[i] = np.int32(distance) if inside else np.int32(-1)
    else:
        for i in range(len(words)):
            distance = words[i] - base
            if missing(bits, bit_offset + i):
                ids[i] = np.int32(size)
            elif distance < limit:
                ids[i] = np.int32(distance)
            else:
                fits = False
                ids[i] = np.int32(-1)
    return fits


def pair_table(capacity: int) -> tuple[Words, int, int]:
    """Return an empty table for at least ``capacity`` keys, its hash shift, and how many keys it may hold."""
    size = MINIMUM_CAPACITY
    while size < capacity:
        size *= 2
    return np.zeros(4 * size, dtype=np.uint64), 65 - (2 * size).bit_length(), size


class WordGroups:
    """Groups of single 64-bit keys, nulls forming one group.

    Parameters
    ----------
    capacity
        Number of distinct keys expected; more are fine.
    """

    def __init__(self, capacity: int = MINIMUM_CAPACITY) -> None:
        self._table, self._shift, self._limit = pair_table(capacity)
        self._keys = np.empty(self._limit, dtype=np.uint64)
        self._state = np.array([0, -1], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._state[COUNT])

    @property
    def null_group(self) -> int:
        """Identifier of the group of nulls, or -1 while no null was inserted."""
        return int(self._state[NULL_GROUP])

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and its keys."""
        return self._table.nbytes + self._keys.nbytes

    def insert(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the group of each row, making groups for new keys."""
        ids = rows_out(out, len(words))
        done = 0
        while True:
            done = _insert_words(words, bits, bit_offset, done, self._table, self._shift, self._keys, self._state, ids)
            if done == len(words):
                return ids
            self._enlarge()

    def find(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the group of each row, or -1 for keys never inserted."""
        ids = rows_out(out, len(words))
        _find_words(words, bits, bit_offset, self._table, self._shift, self.null_group, ids)
        return ids

    def keys(self) -> Words:
        """Return the key of each group, in identifier order; the null group's is 0."""
        return self._keys[: len(self)]

    def _enlarge(self) -> None:
        self._table, self._shift, self._limit = pair_table(self._limit * 4)
        keys = np.empty(self._limit, dtype=np.uint64)
        keys[: len(self)] = self.keys()
        self._keys = keys
        _rehash_words(keys, len(self), self.null_group, self._table, self._shift)


class RowGroups:
    """Groups of keys made of several words; make nulls words of their own with ``hashing.null_words``.

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
        self._keys = np.empty(self._limit * width, dtype=np.uint64)
        self._state = np.array([0, -1], dtype=np.int64)

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

    def keys(self) -> Words:
        """Return the keys as an array of shape (groups, width), in identifier order."""
        return self._keys[: len(self) * self.width].reshape(-1, self.width)

    def _enlarge(self) -> None:
        old = self._table
        self._table, self._shift, self._limit = pair_table(self._limit * 4)
        keys = np.empty(self._limit * self.width, dtype=np.uint64)
        keys[: len(self) * self.width] = self._keys[: len(self) * self.width]
        self._keys = keys
        rehash_pairs(old, self._table, self._shift)


def direct_ids(
    words: Words,
    low: int,
    size: int,
    *,
    bits: Bits = NO_BITS,
    bit_offset: int = 0,
    out: Rows | None = None,
) -> tuple[Rows, bool]:
    """Identify keys of a dense range ``[low, low + size)`` by their distance from ``low``; nulls get ``size``.

    Returns
    -------
    ids, fits
        ``fits`` is false if some key lies outside the range; such rows get -1.
    """
    ids = rows_out(out, len(words))
    fits = _direct_ids(words, bits, bit_offset, low, size, ids)
    return ids, bool(fits)
