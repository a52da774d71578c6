"""Group identifiers of byte strings; see ``grouping`` for how the tables work."""

from __future__ import annotations

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Longs, Number, Rows, Words, copy_bytes, missing, rows_out
from .compile import device, instruction, kernel
from .grouping import (
    AHEAD,
    COUNT,
    LARGE,
    MINIMUM_CAPACITY,
    NULL_GROUP,
    first_slot,
    larger,
    pair_table,
    rehash_pairs,
)
from .hashing import hash_bytes

load_unaligned = instruction("load_unaligned")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_ONE = np.uint64(1)
_ZERO = np.uint64(0)


@device
def same_bytes(first: Bytes, start: Number, second: Bytes, other: Number, length: Number) -> Number:
    """Return whether two slices of the same length are equal, eight bytes at a time."""
    if length >= 8:
        for k in range(0, length - 8, 8):
            if load_unaligned(first, start + k) != load_unaligned(second, other + k):
                return False
        return load_unaligned(first, start + length - 8) == load_unaligned(second, other + length - 8)
    same = True
    for k in range(length):
        same &= first[start + k] == second[other + k]
    return same


@kernel(
    "i64(const i32[], const u8[], const u8[], i64, const u64[], i64, u64[], u64, i64[], u8[], i64[], i32[])",
    "i64(const i64[], const u8[], const u8[], i64, const u64[], i64, u64[], u64, i64[], u8[], i64[], i32[])",
)
def _insert_bytes(
    offsets: Longs | Rows,
    data: Bytes,
    bits: Bits,
    bit_offset: int,
    hashes: Words,
    start: int,
    table: Words,
    shift: int,
    key_offsets: Longs,
    key_data: Bytes,
    state: Longs,
    ids: Rows,
) -> int:
    mask = np.uint64(len(table) // 2 - 1)
    limit = len(key_offsets) - 1
    last = len(hashes) - AHEAD if len(table) > LARGE else 0
    for i in range(start, len(hashes)):
        count = state[COUNT]
        if i < last:
            prefetch_write(table, np.int64(first_slot(hashes[i + AHEAD], shift) << _ONE))
        if missing(bits, bit_offset + i):
            if state[NULL_GROUP] < 0:
                if count == limit:
                    return i
                key_offsets[count + 1] = key_offsets[count]
                state[NULL_GROUP] = count
                state[COUNT] = count + 1
            ids[i] = np.int32(state[NULL_GROUP])
            continue
        begin = np.int64(offsets[i])
        length = np.int64(offsets[i + 1]) - begin
        h = hashes[i]
        slot = first_slot(h, shift)
        while True:
            position = slot << _ONE
            found = table[position + _ONE]
            if found == _ZERO:
                used = key_offsets[count]
                if count == limit or used + length > len(key_data):
                    return i
                copy_bytes(data, begin, key_data, used, length)
                key_offsets[count + 1] = used + length
                state[COUNT] = count + 1
                found = np.uint64(count + 1)
                table[position] = h
                table[position + _ONE] = found
                break
            if table[position] == h:
                known = key_offsets[found - _ONE]
                if key_offsets[found] - known == length and same_bytes(data, begin, key_data, known, length):
                    break
            slot = (slot + _ONE) & mask
        ids[i] = np.int32(found - _ONE)
    return len(hashes)


@kernel(
    "void(const i32[], const u8[], const u8[], i64, const u64[], const u64[], u64, const i64[], const u8[], "
    "i64, i32[])",
    "void(const i64[], const u8[], const u8[], i64, const u64[], const u64[], u64, const i64[], const u8[], "
    "i64, i32[])",
)
def _find_bytes(
    offsets: Longs | Rows,
    data: Bytes,
    bits: Bits,
    bit_offset: int,
    hashes: Words,
    table: Words,
    shift: int,
    key_offsets: Longs,
    key_data: Bytes,
    null_group: int,
    ids: Rows,
) -> None:
    mask = np.uint64(len(table) // 2 - 1)
    last = len(hashes) - AHEAD if len(table) > LARGE else 0
    for i in range(len(hashes)):
        if i < last:
            prefetch_read(table, np.int64(first_slot(hashes[i + AHEAD], shift) << _ONE))
        if missing(bits, bit_offset + i):
            ids[i] = np.int32(null_group)
            continue
        begin = np.int64(offsets[i])
        length = np.int64(offsets[i + 1]) - begin
        h = hashes[i]
        slot = first_slot(h, shift)
        while True:
            position = slot << _ONE
            found = table[position + _ONE]
            if found == _ZERO:
                break
            if table[position] == h:
                known = key_offsets[found - _ONE]
                if key_offsets[found] - known == length and same_bytes(data, begin, key_data, known, length):
                    break
            slot = (slot + _ONE) & mask
        ids[i] = np.int32(found) - np.int32(1)


class BytesGroups:
    """Groups of byte strings, nulls forming one group.

    Identifiers are order-of-first-sight codes, so a text column of a multi-column key is first turned into codes with
    one of these and the codes, widened to words, take part in `RowGroups`.
    """

    def __init__(self, capacity: int = MINIMUM_CAPACITY) -> None:
        self._table, self._shift, self._limit = pair_table(capacity)
        self._offsets = np.zeros(self._limit + 1, dtype=np.int64)
        self._data = np.empty(16 * self._limit, dtype=np.uint8)
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
        return self._table.nbytes + self._offsets.nbytes + self._data.nbytes

    def insert(
        self,
        offsets: Longs | Rows,
        data: Bytes,
        *,
        bits: Bits = NO_BITS,
        bit_offset: int = 0,
        hashes: Words | None = None,
        out: Rows | None = None,
    ) -> Rows:
        """Return the group of each string ``data[offsets[i]:offsets[i + 1]]``, making groups for new ones.

        ``hashes`` are those of `hashing.hash_bytes`, for callers who have them already.
        """
        hashes = hash_bytes(offsets, data) if hashes is None else hashes
        ids = rows_out(out, len(hashes))
        done = 0
        while True:
            done = _insert_bytes(
                offsets,
                data,
                bits,
                bit_offset,
                hashes,
                done,
                self._table,
                self._shift,
                self._offsets,
                self._data,
                self._state,
                ids,
            )
            if done == len(hashes):
                return ids
            self._make_room(int(offsets[done + 1]) - int(offsets[done]))

    def find(
        self,
        offsets: Longs | Rows,
        data: Bytes,
        *,
        bits: Bits = NO_BITS,
        bit_offset: int = 0,
        hashes: Words | None = None,
        out: Rows | None = None,
    ) -> Rows:
        """Return the group of each string, or -1 for strings never inserted."""
        hashes = hash_bytes(offsets, data) if hashes is None else hashes
        ids = rows_out(out, len(hashes))
        _find_bytes(
            offsets,
            data,
            bits,
            bit_offset,
            hashes,
            self._table,
            self._shift,
            self._offsets,
            self._data,
            self.null_group,
            ids,
        )
        return ids

    def keys(self) -> tuple[Longs, Bytes]:
        """Return offsets and data of the groups' strings, in identifier order; the null group's is empty."""
        offsets = self._offsets[: len(self) + 1]
        return offsets, self._data[: offsets[-1]]

    def _make_room(self, length: int) -> None:
        """Enlarge what stopped the insertion of a string of this length: the key bytes, or else the table."""
        used = int(self._offsets[len(self)])
        if used + length > len(self._data):
            data = np.empty(max(2 * len(self._data), used + length), dtype=np.uint8)
            data[:used] = self._data[:used]
            self._data = data
        if len(self) == self._limit:
            old = self._table
            self._table, self._shift, self._limit = pair_table(larger(self._limit))
            offsets = np.zeros(self._limit + 1, dtype=np.int64)
            offsets[: len(self) + 1] = self._offsets[: len(self) + 1]
            self._offsets = offsets
            rehash_pairs(old, self._table, self._shift)
