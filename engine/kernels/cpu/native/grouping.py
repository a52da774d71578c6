"""Group identifiers: hash and direct-address tables that number distinct keys in the order they are first seen.

A table grows across batches and keeps the keys it has seen. Equality is always checked on the keys themselves, never on
hashes alone. Tables are not thread-safe: give each thread its own and merge by inserting one table's keys into another
(the identifiers returned say where each of its groups went).

Tables use open addressing with linear probing, at most five eighths full, in one array of (key or hash, identifier + 1)
pairs, so that a probe touches one cache line. Kernels stop where a table is full; the class enlarges it and resumes.
"""

from __future__ import annotations

import numpy as np

from ....errors import ExecutionError
from .arrays import MAX_ROWS, NO_BITS, Bits, Longs, Number, Rows, Words, missing, read_ahead, rows_out, varied
from .calls import Calls
from .compile import device, instruction, kernel
from .packing import signed_extent
from .reuse import borrow, cleared

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

# A range of so many keys is covered by an array whatever the number of rows: it stays in the second-level cache.
_DIRECT_SIZE = 1 << 18

# A new hash table has room for as many keys as the batch that called for it has rows, up to this many.
_TRUSTED_ROWS = 1 << 17

# Rows that are looked up before it is asked whether all of them were known.
_BLOCK = 128

_NO_SLOTS = np.zeros(0, dtype=np.int32)

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
        read_ahead(words, i)
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
    last = count - AHEAD if len(table) > LARGE else 0
    for i in range(count):
        if i < last:
            prefetch_write(table, np.int64(first_slot(keys[i + AHEAD], shift) << _ONE))
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
        read_ahead(words, i)
        if missing(bits, bit_offset + i):
            ids[i] = np.int32(null_group)
        else:
            ids[i] = np.int32(table[locate(table, shift, mask, words[i]) + _ONE]) - np.int32(1)


@kernel("void(const u64[], u64[], u64)")
def rehash_pairs(old: Words, table: Words, shift: int) -> None:
    """Move the (hash, identifier + 1) pairs of one table to a larger one."""
    mask = np.uint64(len(table) // 2 - 1)
    last = len(old) - 2 * AHEAD
    for i in range(0, len(old), 2):
        if i < last:
            prefetch_write(table, np.int64(first_slot(old[i + 2 * AHEAD], shift) << _ONE))
        if old[i + 1] == _ZERO:
            continue
        slot = first_slot(old[i], shift)
        while table[(slot << _ONE) + _ONE] != _ZERO:
            slot = (slot + _ONE) & mask
        table[slot << _ONE] = old[i]
        table[(slot << _ONE) + _ONE] = old[i + 1]


@device
def look_up_known(words: Words, start: Number, low: Number, slots: Rows, ids: Rows) -> Number:
    """Give rows from ``start`` on their groups, while all keys of a block have one; return the row that comes next.

    The rows of such a block need no decisions.
    """
    while start + _BLOCK <= len(words):
        greatest, least = _ZERO, np.int32(0)
        for i in range(start, start + _BLOCK, 8):
            read_ahead(words, i)
        for i in range(start, start + _BLOCK):
            greatest = max(greatest, words[i] - low)
        if greatest >= np.uint64(len(slots)):
            break
        for i in range(start, start + _BLOCK):
            ids[i] = slots[words[i] - low] - np.int32(1)
        for i in range(start, start + _BLOCK):
            least = min(least, ids[i])
        if least < 0:
            break
        start += _BLOCK
    return start


@kernel("i64(const u64[], const u8[], i64, i64, u64, i32[], u64[], i64[], i32[])")
def _insert_direct(
    words: Words,
    bits: Bits,
    bit_offset: int,
    start: int,
    low: int,
    slots: Rows,
    keys: Words,
    state: Longs,
    ids: Rows,
) -> int:
    """Group rows from ``start`` on by their distance from ``low``.

    Return the row at which the keys were full, or one whose key no slot stands for; else the number of rows.
    """
    count = state[COUNT]
    last = len(words) - AHEAD if len(slots) > 2 * LARGE else 0
    size = np.uint64(len(slots))
    few = len(bits) == 0 and 0 < len(slots) <= 2 * LARGE
    while start < len(words):
        if few:
            start = look_up_known(words, start, low, slots, ids)
        stop = min(start + _BLOCK, len(words)) if few else len(words)
        for i in range(start, stop):
            if i < last:
                prefetch_write(slots, np.int64(words[i + AHEAD] - low))
            read_ahead(words, i)
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
            slot = words[i] - low
            if slot >= size:
                state[COUNT] = count
                return i
            found = slots[slot]
            if found == 0:
                if count == len(keys):
                    state[COUNT] = count
                    return i
                keys[count] = words[i]
                count += 1
                found = np.int32(count)
                slots[slot] = found
            ids[i] = found - np.int32(1)
        start = stop
    state[COUNT] = count
    return len(words)


@kernel("void(const u64[], const u8[], i64, u64, const i32[], i64, i32[])")
def _find_direct(words: Words, bits: Bits, bit_offset: int, low: int, slots: Rows, null_group: int, ids: Rows) -> None:
    last = len(words) - AHEAD if len(slots) > 2 * LARGE else 0
    size = np.uint64(len(slots))
    for i in range(len(words)):
        if i < last:
            prefetch_read(slots, np.int64(words[i + AHEAD] - low))
        read_ahead(words, i)
        slot = words[i] - low
        if missing(bits, bit_offset + i):
            ids[i] = np.int32(null_group)
        elif slot < size:
            ids[i] = slots[slot] - np.int32(1)
        else:
            ids[i] = np.int32(-1)


@kernel("void(const u64[], i64, i64, u64, i32[])")
def _fill_slots(keys: Words, count: int, null_group: int, low: int, slots: Rows) -> None:
    for i in range(count):
        if i != null_group:
            slots[keys[i] - low] = np.int32(i + 1)


def pair_table(capacity: int) -> tuple[Words, int, int]:
    """Return an empty table for at least ``capacity`` keys, its hash shift, and how many keys it may hold."""
    slots = 2 * MINIMUM_CAPACITY
    while _limit(slots) < capacity:
        slots *= 2
    return cleared(2 * slots, np.uint64), 65 - slots.bit_length(), _limit(slots)


def _limit(slots: int) -> int:
    """Return how many keys a table may hold: five eighths, where an absent key costs four probes on average."""
    return min(slots // 8 * 5, MAX_ROWS)


def larger(capacity: int) -> int:
    """Return the capacity to grow to: four times a small one, twice a large one, whose pages cost more than moves."""
    if capacity >= MAX_ROWS:
        raise ExecutionError(f"more than {MAX_ROWS:,} distinct keys in one table; use more partitions")
    return min(capacity * (4 if capacity < LARGE else 2), MAX_ROWS)


class WordGroups:
    """Groups of single 64-bit keys, nulls forming one group.

    While the keys, read as signed integers, lie close together, an array over their range is the table; a hash table
    takes over when they do not.

    Parameters
    ----------
    capacity
        Number of distinct keys expected; more are fine.
    """

    def __init__(self, capacity: int = MINIMUM_CAPACITY) -> None:
        self._capacity = capacity
        self._keys = np.empty(MINIMUM_CAPACITY, dtype=np.uint64)
        self._state = np.array([0, -1], dtype=np.int64)
        self._rows = 0
        self._low = 0
        self._slots: Rows | None = np.zeros(0, dtype=np.int32)
        self._table, self._shift = np.zeros(0, dtype=np.uint64), 0

    def copied(self) -> WordGroups:
        """Return a table of the same groups, which others may be added to."""
        slots = None if self._slots is None else self._slots.copy()
        arrays = {"_keys": self._keys.copy(), "_state": self._state.copy(), "_table": self._table.copy()}
        return varied(self, _slots=slots, **arrays)

    def __len__(self) -> int:
        return int(self._state[COUNT])

    @property
    def null_group(self) -> int:
        """Identifier of the group of nulls, or -1 while no null was inserted."""
        return int(self._state[NULL_GROUP])

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and its keys."""
        return self._table.nbytes + self._keys.nbytes + (0 if self._slots is None else self._slots.nbytes)

    def insert(
        self,
        words: Words,
        *,
        bits: Bits = NO_BITS,
        bit_offset: int = 0,
        extent: tuple[int, int] | None = None,
        out: Rows | None = None,
    ) -> Rows:
        """Return the group of each row, making groups for new keys; ``extent`` bounds the words if it is known."""
        ids = rows_out(out, len(words))
        self._rows += len(words)
        before, done = len(self), 0
        while True:
            keys, state = self._keys, self._state
            if self._slots is not None:
                done = _insert_direct(words, bits, bit_offset, done, self._low, self._slots, keys, state, ids)
            else:
                done = _insert_words(words, bits, bit_offset, done, self._table, self._shift, keys, state, ids)
            if done == len(words):
                return ids
            if self._slots is not None and len(self) < len(keys):
                # A key beyond the array.
                rest = extent or signed_extent(words[done:], bits, bit_offset + done)
                self._cover(rest, len(words))
            else:
                # The rest of the words may bring as many new keys as those so far: growing once saves moving all keys.
                self._enlarge(before + (len(self) - before) * len(words) // max(done, 1))

    def find(self, words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Rows | None = None) -> Rows:
        """Return the group of each row, or -1 for keys never inserted."""
        ids = rows_out(out, len(words))
        if self._slots is not None:
            _find_direct(words, bits, bit_offset, self._low, self._slots, self.null_group, ids)
        else:
            _find_words(words, bits, bit_offset, self._table, self._shift, self.null_group, ids)
        return ids

    @property
    def room(self) -> int:
        """Number of groups that there is room for without growing."""
        return len(self._keys)

    def make_room(self, groups: int = 0) -> bool:
        """Make room for more groups than there may be now, for so many at least; return True."""
        self._enlarge(groups)
        return True

    def expect(self, rows: int) -> None:
        """Say that so many rows will be grouped: more are worth a larger array."""
        self._rows += rows

    def insert_later(self, words: Words, bits: Bits, bit_offset: int, ids: Rows, room: int, calls: Calls) -> None:
        """Have a call do `insert`, which ends at a row that would need more groups than ``room``."""
        keys = self._keys[:room]
        if self._slots is not None:
            where = (self._low, self._slots)
            calls.add(_insert_direct, words, bits, bit_offset, 0, *where, keys, self._state, ids, expected=len(words))
        else:
            table = (self._table, self._shift)
            calls.add(_insert_words, words, bits, bit_offset, 0, *table, keys, self._state, ids, expected=len(words))

    def layout(self, room: int) -> tuple[int, Rows, Words, int, Words, Longs]:
        """Return the least key of the array over their range, the array, and the hash table in its place and its shift.

        Then room for so many groups' keys, and the table's state.
        """
        slots = _NO_SLOTS if self._slots is None else self._slots
        return self._low, slots, self._table, self._shift, self._keys[:room], self._state

    def keys(self) -> Words:
        """Return the key of each group, in identifier order; the null group's is 0."""
        return self._keys[: len(self)]

    def _cover(self, extent: tuple[int, int] | None, rows: int) -> None:
        """Make the array reach the keys of so many rows, or a hash table in its place if it would be mostly empty."""
        assert self._slots is not None
        if extent is None:
            return
        least, greatest = extent
        size = len(self._slots)
        low, high = self._low, self._low + size - 1
        if size == 0:
            low, high = least, greatest
        elif least >= low and greatest <= high:
            return
        else:
            # Room to grow on the side where keys arrive.
            low = min(low, least - size) if least < low else low
            high = max(high, greatest + size) if greatest > high else high
        if high - low >= max(_DIRECT_SIZE, 8 * self._rows):
            self._slots = None
            self._hash(max(self._capacity, len(self) + min(rows, _TRUSTED_ROWS)))
            return
        self._low, self._slots = low, cleared(high - low + 1, np.int32)
        _fill_slots(self._keys, len(self), self.null_group, low, self._slots)

    def _hash(self, capacity: int) -> None:
        """Put the keys into a new hash table for at least so many."""
        self._table, self._shift, limit = pair_table(capacity)
        self._resize(limit)
        _rehash_words(self._keys, len(self), self.null_group, self._table, self._shift)

    def _resize(self, limit: int) -> None:
        keys = borrow(limit, np.uint64)
        keys[: len(self)] = self.keys()
        self._keys = keys

    def _enlarge(self, expected: int) -> None:
        capacity = max(larger(len(self._keys)), min(expected, MAX_ROWS))
        if self._slots is None:
            self._hash(capacity)
        else:
            self._resize(capacity)
