"""Group identifiers of keys made of several words; see ``grouping`` for how the tables work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Number, Rows, Words, addresses, rows_out
from .calls import Calls
from .compile import device, instruction, kernel
from .grouping import (
    AHEAD,
    COUNT,
    LARGE,
    MINIMUM_CAPACITY,
    WordGroups,
    first_slot,
    larger,
    locate,
    pair_table,
    rehash_pairs,
)
from .hashing import hash_rows
from .packing import FIELDS, SPAN, Source, add_key, add_part, flag_outside, signed_extent

load_word = instruction("load_word")
prefetch_read = instruction("prefetch_read")
prefetch_write = instruction("prefetch_write")

_ONE = np.uint64(1)
_ZERO = np.uint64(0)
_ALL = 0xFFFFFFFFFFFFFFFF
# Rows that are packed and looked up together.
_BLOCK = 256
# An array over all packed keys of so many bits stays in the second-level cache.
_DIRECT_BITS = 17
# Packed keys of more bits are taken as they come: they lie too far apart for an array anyway.
_BOUNDED_BITS = 32

Extent: TypeAlias = tuple[int, int]


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


@device
def add_packed(
    packed: Words,
    size: Number,
    low: Number,
    slots: Rows,
    table: Words,
    shift: Number,
    keys: Words,
    state: Longs,
    ids: Rows,
    start: Number,
) -> Number:
    """Make groups for the first rows of a block, as far as they are new; return whether there was room for all."""
    mask = np.uint64(len(table) // 2 - 1)
    for i in range(size):
        if ids[start + i] >= 0:
            continue
        word, count = packed[0, i], state[COUNT]
        position = word - low if len(slots) > 0 else locate(table, shift, mask, word) + _ONE
        found = np.int64(slots[position]) if len(slots) > 0 else np.int64(table[position])
        if found == 0:
            if count == len(keys):
                return False
            keys[count] = word
            found = count + 1
            state[COUNT] = found
            if len(slots) > 0:
                slots[position] = np.int32(found)
            else:
                table[position - _ONE] = word
                table[position] = np.uint64(found)
        ids[start + i] = np.int32(found - 1)
    return True


@kernel("i64(const u64[,], u64, u64, u64, u64, i32[], u64[], u64, u64[], i64[], u64[,], i32[])")
def _insert_packed(
    columns: Words,
    flag_low: int,
    flag_shift: int,
    flag_span: int,
    low: int,
    slots: Rows,
    table: Words,
    shift: int,
    keys: Words,
    state: Longs,
    packed: Words,
    ids: Rows,
) -> int:
    """Group rows by a layout of packed keys, from columns as they lie in memory.

    Return the first row of the block (of as many rows as ``packed`` has room for) in which the layout has no place for
    one, or ``keys`` no room, else the number of rows. The keys stand in ``slots`` from ``low`` on or, where there are
    none, in a hash table.
    """
    block = packed.shape[1]
    mask = np.uint64(len(table) // 2 - 1)
    for start in range(0, len(ids), block):
        size = min(block, len(ids) - start)
        for i in range(size):
            packed[0, i] = _ZERO
            packed[1, i] = _ZERO
        beyond = False
        for j in range(len(columns)):
            beyond |= add_part(columns, j, start, size, packed) > columns[j, SPAN]
        greatest = _ZERO
        for i in range(size):
            part = packed[1, i] - flag_low
            greatest = max(greatest, part)
            packed[0, i] += part << flag_shift
        if beyond or greatest > flag_span:
            return start
        least = np.int32(0)
        if len(slots) > 0:
            greatest = _ZERO
            for i in range(size):
                greatest = max(greatest, packed[0, i] - low)
            if greatest >= np.uint64(len(slots)):
                return start
            for i in range(size):
                ids[start + i] = slots[packed[0, i] - low] - np.int32(1)
        else:
            for i in range(size):
                prefetch_read(table, np.int64(first_slot(packed[0, i], shift) << _ONE))
            for i in range(size):
                position = locate(table, shift, mask, packed[0, i])
                ids[start + i] = np.int32(table[position + _ONE]) - np.int32(1)
        for i in range(start, start + size):
            least = min(least, ids[i])
        if least < 0 and not add_packed(packed, size, low, slots, table, shift, keys, state, ids, start):
            return start
    return len(ids)


@kernel("void(const u8[], i32[])")
def _veto(flags: Bits, ids: Rows) -> None:
    for i in range(len(ids)):
        if flags[i]:
            ids[i] = np.int32(-1)


class RowGroups:
    """Groups of keys made of several words; make nulls words of their own with ``hashing.null_words``.

    While the words' varying bits (as signed integers) fit 64, keys are packed and grouped as single words; a hash table
    of whole rows takes over when they do not.

    Parameters
    ----------
    width
        Number of word columns.
    capacity
        Number of distinct keys expected; more are fine.
    """

    def __init__(self, width: int, capacity: int = MINIMUM_CAPACITY) -> None:
        self.width = width
        self._capacity = capacity
        self._packed: WordGroups | None = WordGroups(capacity)
        self._hashed: HashedRowGroups | None = None
        self._lows: list[int] = []
        self._widths: list[int] = []

    def __len__(self) -> int:
        return len(self._table)

    @property
    def nbytes(self) -> int:
        """Bytes held by the table and its keys."""
        return self._table.nbytes

    @property
    def _table(self) -> WordGroups | HashedRowGroups:
        table = self._packed if self._hashed is None else self._hashed
        assert table is not None
        return table

    def insert(
        self, columns: Sequence[Words], *, extents: Sequence[Extent | None] | None = None, out: Rows | None = None
    ) -> Rows:
        """Return the group of each row, making groups for new keys.

        Parameters
        ----------
        columns
            ``width`` word columns of equal length.
        extents
            Bounds of each column's words as signed integers where they are known; they need not be reached.
        out
            Where to write the identifiers.
        """
        if len(columns[0]) == 0:
            return rows_out(out, 0)
        found = _extents(columns, extents) if self._hashed is None else []
        if self._hashed is None and not self._covers(found):
            self._lay_out(found)
        if self._hashed is not None:
            return self._hashed.insert(columns, out=out)
        assert self._packed is not None
        return self._packed.insert(self._pack(columns), extent=self._reach(found), out=out)

    def find(self, columns: Sequence[Words], *, out: Rows | None = None) -> Rows:
        """Return the group of each row, or -1 for keys never inserted."""
        n = len(columns[0])
        if self._hashed is not None:
            return self._hashed.find(columns, out=out)
        if len(self) == 0 or n == 0:
            ids = rows_out(out, n)
            ids[:] = -1
            return ids
        assert self._packed is not None
        ids = self._packed.find(self._pack(columns), out=out)
        flags: Bits = NO_BITS
        for column, (least, greatest), low, width in zip(
            columns, _extents(columns), self._lows, self._widths, strict=True
        ):
            if least < low or greatest - low >= 1 << width:
                flags = flags if len(flags) else np.zeros(n, dtype=np.uint8)
                flag_outside(column, low, low + (1 << width) - 1, flags)
        if len(flags):
            _veto(flags, ids)
        return ids

    @property
    def room(self) -> int:
        """Number of groups that `insert_later` may make in all."""
        return len(self) if self._packed is None else self._packed.room

    def make_room(self, groups: int = 0) -> bool:
        """Make room for more groups than there may be now, for so many at least; return whether `insert_later` has."""
        return self._packed is not None and self._packed.make_room(groups)

    def insert_later(self, sources: Sequence[Source], flagged: bool, ids: Rows, room: int, calls: Calls) -> bool:  # noqa: FBT001
        """Have a call do `insert`, if keys are packed; it ends at a row that would be beyond the layout or the room.

        ``flagged`` says that the first word column has flags of nulls, which are read from the sources here.
        """
        if self._packed is None or not len(self):
            return False
        spans, shifts = [(1 << width) - 1 for width in self._widths], [0, *accumulate(self._widths)]
        columns = np.zeros((len(sources), FIELDS), dtype=np.uint64)
        flag = 1
        for j, source in enumerate(sources, int(flagged)):
            own = flag if source.null is None else 0
            columns[j - flagged] = source.described(self._lows[j], spans[j], shifts[j], own)
            flag <<= source.null is None
        flags = (self._lows[0] & _ALL, shifts[0], spans[0]) if flagged else (0, 0, 0)
        packed = np.empty((2, _BLOCK), dtype=np.uint64)
        calls.keep(*sources)
        calls.add(_insert_packed, columns, *flags, *self._packed.layout(room), packed, ids, expected=len(ids))
        return True

    def keys(self) -> list[Words]:
        """Return the word columns of the keys, in identifier order."""
        if self._hashed is not None:
            return self._hashed.keys()
        if not self._lows:  # nothing was inserted
            return [np.empty(0, dtype=np.uint64)] * self.width
        assert self._packed is not None
        packed = self._packed.keys()
        columns, shift = [], 0
        for low, width in zip(self._lows, self._widths, strict=True):
            part = (packed >> np.uint64(min(shift, 63))) & np.uint64((1 << width) - 1)
            columns.append(part + np.uint64(low & _ALL))
            shift += width
        return columns

    def _reach(self, extents: list[Extent]) -> Extent | None:
        """Return bounds of all packed keys of words within bounds, not only of those that came, if they are small."""
        bits = sum(self._widths)
        if bits <= _DIRECT_BITS:
            return 0, (1 << bits) - 1
        if bits > _BOUNDED_BITS:
            return None
        parts = list(zip(extents, self._lows, accumulate(self._widths, initial=0), strict=False))
        least = sum((extent[0] - low) << shift for extent, low, shift in parts)
        return least, sum((extent[1] - low) << shift for extent, low, shift in parts)

    def _covers(self, extents: list[tuple[int, int]]) -> bool:
        return bool(self._lows) and all(
            least >= low and greatest - low < 1 << width
            for (least, greatest), low, width in zip(extents, self._lows, self._widths, strict=True)
        )

    def _lay_out(self, extents: list[tuple[int, int]]) -> None:
        """Choose a layout for these words and those grouped so far, and move the groups to it."""
        known = len(self)
        columns = self.keys()
        lows, widths = [], []
        for j, (least, greatest) in enumerate(extents):
            if known:
                own = signed_extent(columns[j], NO_BITS, 0) or (least, greatest)
                least, greatest = min(least, own[0]), max(greatest, own[1])  # noqa: PLW2901 - widened
            lows.append(least)
            widths.append((greatest - least).bit_length())
        if known:
            spare = min(1, (64 - sum(widths)) // self.width)
            for j, low in enumerate(lows):
                widths[j] += max(spare, 0)
                if low < self._lows[j] and spare > 0:
                    # Keys arrive below: the room to grow goes there.
                    lows[j] = max(low - (1 << widths[j] - 1), -(2**63))
        self._lows, self._widths = lows, widths
        if sum(widths) > 64:
            self._packed, self._hashed = None, HashedRowGroups(self.width, max(self._capacity, known))
            self._hashed.insert(columns)
        else:
            self._packed = WordGroups(self._capacity)
            self._packed.insert(self._pack(columns))

    def _pack(self, columns: Sequence[Words]) -> Words:
        packed = np.zeros(len(columns[0]), dtype=np.uint64)
        shift = 0
        for column, low, width in zip(columns, self._lows, self._widths, strict=True):
            if width:
                add_key(column, low, shift, packed)
            shift += width
        return packed


def _extents(columns: Sequence[Words], known: Sequence[Extent | None] | None = None) -> list[Extent]:
    """Return each column's least and greatest word, as signed integers, or known bounds; there must be rows."""
    bounds = known or [None] * len(columns)
    return [bound or signed_extent(column, NO_BITS, 0) or (0, 0) for column, bound in zip(columns, bounds, strict=True)]


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

    def keys(self) -> list[Words]:
        """Return the word columns of the keys, in identifier order."""
        keys = self._keys[: len(self) * self.width].reshape(-1, self.width)
        return [np.ascontiguousarray(keys[:, j]) for j in range(self.width)]

    def _enlarge(self) -> None:
        old = self._table
        self._table, self._shift, self._limit = pair_table(larger(self._limit))
        keys = np.empty(self._limit * self.width, dtype=np.uint64)
        keys[: len(self) * self.width] = self._keys[: len(self) * self.width]
        self._keys = keys
        rehash_pairs(old, self._table, self._shift)
