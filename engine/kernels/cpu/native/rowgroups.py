"""Group identifiers of keys made of several words; see ``grouping`` for how the tables work."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Number, Rows, Words, rows_out, varied
from .calls import Calls
from .compile import device, instruction, kernel
from .grouping import (
    COUNT,
    MINIMUM_CAPACITY,
    WordGroups,
    first_slot,
    locate,
)
from .hashedrows import HashedRowGroups
from .packing import ADDRESSES, FIELDS, SPAN, Source, add_key, add_part, flag_outside, signed_extent
from .reuse import borrow

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


@kernel("void(const u64[], u64, u64, u64, u64[])")
def _unpack(packed: Words, shift: int, mask: int, low: int, out: Words) -> None:
    """Write a column's words, whose least is ``low``, of packed keys."""
    for i in range(len(packed)):
        out[i] = ((packed[i] >> shift) & mask) + low


# What `_repack` is told of a column: where it is in the packed keys, the address of the words that its own stand for
# and the last one's number, or 0, and where they go.
_FROM, _MASK, _FROM_LOW, _TABLE, _LAST, _LOW, _SPAN, _TO, _REPACKED = range(9)


@kernel("i64(const u64[], const u64[,], u64[])")
def _repack(packed: Words, columns: Words, out: Words) -> int:
    """Move packed keys to another layout; return whether that has a place for all of them."""
    beyond = False
    for start in range(0, len(packed), _BLOCK):
        stop = min(start + _BLOCK, len(packed))
        for i in range(start, stop):
            out[i] = _ZERO
        for j in range(len(columns)):
            shift, mask, least, low = columns[j, _FROM], columns[j, _MASK], columns[j, _FROM_LOW], columns[j, _LOW]
            table, last, place = columns[j, _TABLE], columns[j, _LAST], columns[j, _TO]
            greatest = _ZERO
            for i in range(start, stop):
                word = ((packed[i] >> shift) & mask) + least
                if table != _ZERO:
                    word = load_word(table, np.int64(min(word, last)))
                part = word - low
                greatest = max(greatest, part)
                out[i] += part << place
            beyond |= greatest > columns[j, _SPAN]
    return not beyond


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
        self._expected = 0

    def copied(self) -> RowGroups:
        """Return a table of the same groups, which others may be added to."""
        packed = None if self._packed is None else self._packed.copied()
        return varied(self, _packed=packed, _hashed=None if self._hashed is None else self._hashed.copied())

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

    def expect(self, rows: int) -> None:
        """Say that so many rows will be grouped."""
        self._expected += rows

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
        calls.describe(columns, ADDRESSES)
        calls.add(_insert_packed, columns, *flags, *self._packed.layout(room), packed, ids, expected=len(ids))
        return True

    def keys(self) -> list[Words]:
        """Return the word columns of the keys, in identifier order."""
        if self._hashed is not None:
            return self._hashed.keys()
        if not self._lows:  # nothing was inserted
            return [np.empty(0, dtype=np.uint64)] * self.width
        assert self._packed is not None
        packed, calls = self._packed.keys(), Calls()
        columns, shifts = [borrow(len(packed), np.uint64) for _ in self._widths], accumulate(self._widths, initial=0)
        for column, low, width, shift in zip(columns, self._lows, self._widths, shifts, strict=False):
            calls.add(_unpack, packed, min(shift, 63), (1 << width) - 1, low & _ALL, column)
        calls.run()
        return columns

    def absorb(self, other: RowGroups, tables: Sequence[Words | None]) -> Rows:
        """Return the group of each of another table's, making groups for new keys.

        Parameters
        ----------
        other
            Groups of keys of as many words.
        tables
            For each column the words that the other's, numbers from 0 on, stand for, the last of them for words that
            are beyond; or None.
        """
        if self._packed is not None and other._packed is not None and self._lows and other._lows:
            theirs = other._packed.keys()
            made = borrow(len(theirs), np.uint64)
            if _repack(theirs, self._moves(other, tables), made):
                return self._packed.insert(made)
        columns = [
            words if table is None else table[np.minimum(words, np.uint64(len(table) - 1))]
            for words, table in zip(other.keys(), tables, strict=True)
        ]
        return self.insert(columns)

    def _moves(self, other: RowGroups, tables: Sequence[Words | None]) -> Words:
        """Return what `_repack` is told to bring another table's keys into this one's layout."""
        moves = np.zeros((self.width, _REPACKED), dtype=np.uint64)
        came, goes = accumulate(other._widths, initial=0), accumulate(self._widths, initial=0)
        for move, table, shift, place in zip(moves, tables, came, goes, strict=False):
            move[_FROM], move[_TO] = min(shift, 63), min(place, 63)
            if table is not None:
                move[_TABLE], move[_LAST] = table.ctypes.data, len(table) - 1
        moves[:, _MASK], moves[:, _SPAN] = _spans(other._widths), _spans(self._widths)
        moves[:, _FROM_LOW], moves[:, _LOW] = _as_words(other._lows), _as_words(self._lows)
        return moves

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
            self._packed.expect(self._expected)
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


def _spans(widths: Sequence[int]) -> Words:
    return np.array([(1 << width) - 1 for width in widths], dtype=np.uint64)


def _as_words(numbers: Sequence[int]) -> Words:
    return np.array([number & _ALL for number in numbers], dtype=np.uint64)
