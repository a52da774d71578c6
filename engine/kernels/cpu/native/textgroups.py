"""Group identifiers of byte strings; see ``grouping`` for how open addressing works and grows.

A table is an array of pairs of words. The first word is a 32-bit tag, the top half of the string's hash, above the
identifier + 1; it is 0 where the pair is empty. The second is where the string's copy begins in the table's key bytes,
above its length (in 24 bits, all set for that length and more). So a string is compared with a candidate after two
reads that do not depend on a third, and both are asked for in time: a kernel goes over blocks of rows three times, to
hash and prefetch the pairs, to prefetch the candidates' bytes, and to compare and insert.
"""

from __future__ import annotations

import numpy as np

from .arrays import (
    MAX_ROWS,
    NO_BITS,
    Bits,
    Bytes,
    Longs,
    Number,
    Rows,
    Words,
    copy_bytes,
    missing,
    read_ahead,
    rows_out,
    varied,
)
from .calls import Calls
from .compile import device, instruction, kernel
from .grouping import COUNT, LARGE, MINIMUM_CAPACITY, NULL_GROUP, larger
from .hashing import text_tag
from .reuse import borrow, cleared

load_unaligned = instruction("load_unaligned")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_BLOCK = 64
_LINE = 64
_LEAD = 4096
# Part of the bytes of strings like those so far that there is more room for.
_SPARE = 8
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_TAG = np.uint64(32)
_START = np.uint64(24)
_LONG = np.uint64(0xFFFFFF)
_IDENTIFIER = np.uint64(0xFFFFFFFF)

# What to do: find or insert, with nulls as a group or without: odd (then nulls get -1, and strings not found -2).
_FIND = 0
_FIND_VALID = 1
_INSERT = 2
_INSERT_VALID = 3


@device
def same_bytes(first: Bytes, start: Number, second: Bytes, other: Number, length: Number) -> Number:
    """Return whether two slices of the same length are equal, eight bytes at a time."""
    if 8 <= length <= 24:
        middle, last = (length - 8) >> 1, length - 8
        differing = load_unaligned(first, start) ^ load_unaligned(second, other)
        differing |= load_unaligned(first, start + middle) ^ load_unaligned(second, other + middle)
        return (differing | (load_unaligned(first, start + last) ^ load_unaligned(second, other + last))) == _ZERO
    if length > 24:
        for k in range(0, length - 8, 8):
            if load_unaligned(first, start + k) != load_unaligned(second, other + k):
                return False
        return load_unaligned(first, start + length - 8) == load_unaligned(second, other + length - 8)
    same = True
    for k in range(length):
        same &= first[start + k] == second[other + k]
    return same


@device
def same_text(
    data: Bytes, begin: Number, length: Number, pair: Number, where: Number, key_offsets: Longs, key_data: Bytes
) -> Number:
    """Return whether a string equals the one that a table's pair of words stands for."""
    short = np.uint64(length)
    if where & _LONG != min(short, _LONG):
        return False
    known = np.int64(where >> _START)
    if short >= _LONG and key_offsets[pair & _IDENTIFIER] - known != length:
        return False
    return same_bytes(data, begin, key_data, known, length)


@device
def null_group(limit: Number, key_offsets: Longs, state: Longs) -> Number:
    """Return whether there is a group of nulls, now at the latest, or no room for it."""
    count = state[COUNT]
    if state[NULL_GROUP] < 0 and count < limit:
        key_offsets[count + 1] = key_offsets[count]
        state[NULL_GROUP] = count
        state[COUNT] = count + 1
    return state[NULL_GROUP] >= 0


@device
def look_ahead(
    offsets: Longs | Rows,
    data: Bytes,
    block: Number,
    stop: Number,
    table: Words,
    shift: Number,
    key_data: Bytes,
    tags: Words,
) -> None:
    """Compute the tags of a block of strings and behind them slots to look in first, and prefetch what comes next.

    In a large table the slot is that of the first string with the tag, or the empty one: a search that takes a second
    step is guessed wrong by the processor, and is cheaper here than where strings are compared.
    """
    for i in range(block, stop, 8):
        read_ahead(offsets, i)
    for k in range(np.int64(offsets[block]), np.int64(offsets[stop]), _LINE):
        prefetch_read(data, k + _LEAD)
    for i in range(block, stop):
        row = np.uint64(i)
        tag = text_tag(data, np.int64(offsets[row]), np.int64(offsets[row + _ONE]))
        tags[np.uint64(i - block)] = tag
        tags[np.uint64(_BLOCK + i - block)] = tag >> shift
        if len(table) > LARGE:
            prefetch_write(table, np.int64((tag >> shift) << _ONE))
    if len(table) > LARGE:
        mask = np.uint64(len(table) // 2 - 1)
        for i in range(stop - block):
            tag, slot = tags[np.uint64(i)], tags[np.uint64(_BLOCK + i)]
            pair = table[slot << _ONE]
            while pair != _ZERO and pair >> _TAG != tag:
                slot = (slot + _ONE) & mask
                pair = table[slot << _ONE]
            tags[np.uint64(_BLOCK + i)] = slot
            prefetch_read(key_data, np.int64(table[(slot << _ONE) + _ONE] >> _START))


@kernel(
    "i64(const i32[], const u8[], const u8[], i64, i64, i64, u64[], u64, i64[], u8[], i64[], u64[], i32[])",
    "i64(const i64[], const u8[], const u8[], i64, i64, i64, u64[], u64, i64[], u8[], i64[], u64[], i32[])",
)
def _group_bytes(
    offsets: Longs | Rows,
    data: Bytes,
    bits: Bits,
    bit_offset: int,
    start: int,
    how: int,
    table: Words,
    shift: int,
    key_offsets: Longs,
    key_data: Bytes,
    state: Longs,
    tags: Words,
    ids: Rows,
) -> int:
    """Group strings from row ``start`` on; return the row at which there was no room, or the number of rows.

    Finding writes to nothing but ``tags``, which has room for two blocks, and ``ids``.
    """
    mask = np.uint64(len(table) // 2 - 1)
    limit = len(key_offsets) - 1
    n = len(ids)
    for block in range(start, n, _BLOCK):
        stop = min(block + _BLOCK, n)
        look_ahead(offsets, data, block, stop, table, shift, key_data, tags)
        for i in range(block, stop):
            if missing(bits, bit_offset + i):
                group = np.int64(-1)
                if how & 1 == 0:
                    if how == _INSERT and not null_group(limit, key_offsets, state):
                        return i
                    group = state[NULL_GROUP]
                ids[i] = np.int32(group)
                continue
            row = np.uint64(i)
            begin = np.int64(offsets[row])
            length = np.int64(offsets[row + _ONE]) - begin
            tag = tags[np.uint64(i - block)]
            slot = tags[np.uint64(_BLOCK + i - block)]
            while True:
                position = slot << _ONE
                pair = table[position]
                if pair == _ZERO:
                    if how < _INSERT:
                        break
                    count = state[COUNT]
                    used = key_offsets[count]
                    if count == limit or used + length > len(key_data):
                        return i
                    copy_bytes(data, begin, key_data, used, length)
                    key_offsets[count + 1] = used + length
                    state[COUNT] = count + 1
                    pair = (tag << _TAG) | np.uint64(count + 1)
                    table[position] = pair
                    table[position + _ONE] = (np.uint64(used) << _START) | min(np.uint64(length), _LONG)
                    break
                if pair >> _TAG == tag and same_text(
                    data, begin, length, pair, table[position + _ONE], key_offsets, key_data
                ):
                    break
                slot = (slot + _ONE) & mask
            ids[row] = np.int32(-1 - how) if pair == _ZERO else np.int32(pair & _IDENTIFIER) - np.int32(1)
    return n


@kernel("void(const u64[], u64[], u64)")
def _move_pairs(old: Words, table: Words, shift: int) -> None:
    """Move the pairs of one table to a larger one."""
    mask = np.uint64(len(table) // 2 - 1)
    for i in range(0, len(old), 2):
        if old[i] == _ZERO:
            continue
        slot = (old[i] >> _TAG) >> shift
        while table[slot << _ONE] != _ZERO:
            slot = (slot + _ONE) & mask
        table[slot << _ONE] = old[i]
        table[(slot << _ONE) + _ONE] = old[i + 1]


class BytesGroups:
    """Groups of byte strings, nulls forming one group.

    Identifiers are order-of-first-sight codes, so a text column of a multi-column key is first turned into codes with
    one of these and the codes, widened to words, take part in `RowGroups`. Finding is safe from several threads once
    nothing is inserted any more.
    """

    def __init__(self, capacity: int = MINIMUM_CAPACITY) -> None:
        self._lay_out(capacity)
        self._offsets = np.zeros(self._limit + 1, dtype=np.int64)
        self._data = np.empty(16 * self._limit, dtype=np.uint8)
        self._state = np.array([0, -1], dtype=np.int64)

    def copied(self) -> BytesGroups:
        """Return a table of the same groups, which others may be added to."""
        arrays = {"_table": self._table.copy(), "_state": self._state.copy()}
        return varied(self, _offsets=self._offsets.copy(), _data=self._data.copy(), **arrays)

    def __len__(self) -> int:
        return int(self._state[COUNT])

    @property
    def null_group(self) -> int:
        """Identifier of the group of nulls, or -1 while no null was inserted."""
        return int(self._state[NULL_GROUP])

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and its keys."""
        return self._table.nbytes + self._offsets.nbytes + self._data.nbytes

    def insert(
        self,
        offsets: Longs | Rows,
        data: Bytes,
        *,
        bits: Bits = NO_BITS,
        bit_offset: int = 0,
        group_nulls: bool = True,
        out: Rows | None = None,
    ) -> Rows:
        """Return the group of each string ``data[offsets[i]:offsets[i + 1]]``, making groups for new ones.

        Unless ``group_nulls``, nulls get -1 and no group.
        """
        ids = rows_out(out, len(offsets) - 1)
        how = _INSERT if group_nulls else _INSERT_VALID
        done = 0
        while True:
            done = self._run(offsets, data, bits, bit_offset, done, how, ids)
            if done == len(ids):
                return ids
            self._make_room(int(offsets[done + 1]) - int(offsets[done]))

    @property
    def room(self) -> int:
        """Number of groups that there is room for without growing."""
        return self._limit

    def make_room(self, groups: int = 0) -> None:
        """Make room for more groups than there may be now, for so many at least, of strings like those so far."""
        self._enlarge_table(groups)
        used = int(self._offsets[len(self)])
        if (size := used * self._limit // max(len(self), 1)) > len(self._data):
            self._enlarge_data(size + size // _SPARE)

    def insert_later(
        self,
        offsets: Longs | Rows,
        data: Bytes,
        bits: Bits,
        bit_offset: int,
        ids: Rows,
        room: int,
        calls: Calls,
        *,
        group_nulls: bool = True,
    ) -> None:
        """Have a call do `insert`, which ends at a string that would need more groups than ``room``, or more bytes."""
        known = self._offsets[: room + 1]
        how = _INSERT if group_nulls else _INSERT_VALID
        calls.add(
            _group_bytes, offsets, data, bits, bit_offset, 0, how, self._table, self._shift,
            known, self._data, self._state, np.empty(2 * _BLOCK, dtype=np.uint64), ids, expected=len(ids),
        )  # fmt: skip

    def find_later(
        self, offsets: Longs | Rows, data: Bytes, bits: Bits, bit_offset: int, ids: Rows, calls: Calls
    ) -> None:
        """Have a call do `find` where nulls form no group."""
        keys = (self._table, self._shift, self._offsets, self._data, self._state)
        tags = np.empty(2 * _BLOCK, dtype=np.uint64)
        calls.add(_group_bytes, offsets, data, bits, bit_offset, 0, _FIND_VALID, *keys, tags, ids, expected=len(ids))

    def find(
        self,
        offsets: Longs | Rows,
        data: Bytes,
        *,
        bits: Bits = NO_BITS,
        bit_offset: int = 0,
        group_nulls: bool = True,
        out: Rows | None = None,
    ) -> Rows:
        """Return the group of each string, or -1 for strings never inserted.

        Unless ``group_nulls``, nulls get -1 and strings never inserted -2.
        """
        ids = rows_out(out, len(offsets) - 1)
        self._run(offsets, data, bits, bit_offset, 0, _FIND if group_nulls else _FIND_VALID, ids)
        return ids

    def keys(self) -> tuple[Longs, Bytes]:
        """Return offsets and data of the groups' strings, in identifier order; the null group's is empty."""
        offsets = self._offsets[: len(self) + 1]
        return offsets, self._data[: offsets[-1]]

    def _run(
        self, offsets: Longs | Rows, data: Bytes, bits: Bits, bit_offset: int, start: int, how: int, ids: Rows
    ) -> int:
        tags = np.empty(2 * _BLOCK, dtype=np.uint64)
        table, keys = self._table, (self._offsets, self._data, self._state)
        return _group_bytes(offsets, data, bits, bit_offset, start, how, table, self._shift, *keys, tags, ids)

    def _lay_out(self, capacity: int) -> None:
        """Make an empty table for at least so many keys, at most five eighths full."""
        slots = 2 * MINIMUM_CAPACITY
        while slots // 8 * 5 < capacity:
            slots *= 2
        self._table = cleared(2 * slots, np.uint64)
        self._shift = 33 - slots.bit_length()
        self._limit = min(slots // 8 * 5, MAX_ROWS)

    def _make_room(self, length: int) -> None:
        """Enlarge what stopped the insertion of a string of this length: the key bytes, or else the table."""
        used = int(self._offsets[len(self)])
        if used + length > len(self._data):
            self._enlarge_data(max(2 * len(self._data), used + length))
        if len(self) == self._limit:
            self._enlarge_table(0)

    def _enlarge_data(self, size: int) -> None:
        used = int(self._offsets[len(self)])
        data = borrow(size, np.uint8)
        data[:used] = self._data[:used]
        self._data = data

    def _enlarge_table(self, expected: int) -> None:
        old = self._table
        self._lay_out(max(larger(self._limit), min(expected, MAX_ROWS)))
        offsets = cleared(self._limit + 1, np.int64)
        offsets[: len(self) + 1] = self._offsets[: len(self) + 1]
        self._offsets = offsets
        _move_pairs(old, self._table, self._shift)
