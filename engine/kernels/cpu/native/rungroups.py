"""Group identifiers of rows that stand in runs, no two of which share a key: one small table serves all runs in turn.

Rows partitioned finely by a hash of their keys are such runs. A run's table stays in a core's cache, and so do the
states of its groups, whose identifiers are consecutive. Rows may come in several pieces, all cut into the same runs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Number, Rows, Words, addresses, missing, rows_out
from .compile import device, instruction, kernel
from .grouping import COUNT, NULL_GROUP, first_slot
from .reuse import borrow, cleared

load_word = instruction("load_word")

_ODD = np.uint64(0xD6E8FEB86659FD93)
_S29 = np.uint64(29)
_ONE = np.uint64(1)
_ZERO = np.uint64(0)
# A first table of 512 KiB; one slot in four may be taken, which makes second looks rare.
_FIRST_SLOTS = 1 << 15
_SLOTS_PER_KEY = 4
_NOBODY: Rows = np.zeros(0, dtype=np.int32)


@kernel("i64(const u64[], const i64[,], const i64[], const u8[], i64, u64[], u64, u64[], i64[], i32[])")
def _insert_word_runs(
    pieces: Words,
    runs: Longs,
    bases: Longs,
    bits: Bits,
    first: int,
    table: Words,
    shift: int,
    keys: Words,
    state: Longs,
    ids: Rows,
) -> int:
    """Group runs from ``first`` on; return the run whose keys the table cannot hold, or the number of runs.

    Rows of run ``r`` of piece ``p`` are ``runs[p, r]`` to ``runs[p, r + 1]``; ``ids`` and ``bits`` begin for it at
    ``bases[p]``. There is no room for identifiers where nobody wants them. The table need not be cleared between runs:
    identifiers of earlier runs are known by being less.
    """
    mask = np.uint64(len(table) // 2 - 1)
    numbered = len(ids) > 0
    count = state[COUNT]
    for run in range(first, runs.shape[1] - 1):
        before = np.uint64(count)
        full = count + len(table) // (2 * _SLOTS_PER_KEY)
        for p in range(len(pieces)):
            for i in range(runs[p, run], runs[p, run + 1]):
                if missing(bits, bases[p] + i):
                    if state[NULL_GROUP] < 0:
                        state[NULL_GROUP] = count
                        keys[count] = _ZERO
                        count += 1
                    if numbered:
                        ids[bases[p] + i] = np.int32(state[NULL_GROUP])
                    continue
                word = load_word(pieces[p], i)
                slot = first_slot(word, shift)
                while True:
                    position = slot << _ONE
                    found = table[position + _ONE]
                    if found <= before or table[position] == word:
                        break
                    slot = (slot + _ONE) & mask
                if found <= before:
                    if count == full:
                        if state[NULL_GROUP] >= np.int64(before):
                            state[NULL_GROUP] = -1
                        state[COUNT] = np.int64(before)
                        return run
                    keys[count] = word
                    count += 1
                    found = np.uint64(count)
                    table[position] = word
                    table[position + _ONE] = found
                if numbered:
                    ids[bases[p] + i] = np.int32(found - _ONE)
    state[COUNT] = count
    return int(runs.shape[1] - 1)


@device
def fold(hashed: Number, word: Number) -> Number:
    """Add a word to the hash of those before it."""
    hashed *= _ODD
    return (hashed ^ (hashed >> _S29)) + word


@kernel("i64(const u64[,], const i64[,], const i64[], i64, u64[], u64, u64[], i64[], i32[])")
def _insert_row_runs(
    columns: Words,
    runs: Longs,
    bases: Longs,
    first: int,
    table: Words,
    shift: int,
    keys: Words,
    state: Longs,
    ids: Rows,
) -> int:
    """Group runs as `_insert_word_runs` does, by at least two words: ``columns`` has the addresses of each piece.

    ``keys`` has the first words of all groups, then the second, and so on.
    """
    mask = np.uint64(len(table) // 2 - 1)
    numbered = len(ids) > 0
    width = columns.shape[1]
    room = len(keys) // width
    count = state[COUNT]
    for run in range(first, runs.shape[1] - 1):
        before = np.uint64(count)
        full = count + len(table) // (2 * _SLOTS_PER_KEY)
        for p in range(len(columns)):
            for i in range(runs[p, run], runs[p, run + 1]):
                hashed = fold(load_word(columns[p, 0], i), load_word(columns[p, 1], i))
                for j in range(2, width):
                    hashed = fold(hashed, load_word(columns[p, j], i))
                slot = first_slot(hashed, shift)
                while True:
                    position = slot << _ONE
                    found = table[position + _ONE]
                    if found <= before:
                        break
                    if table[position] == hashed:
                        group = np.int64(found - _ONE)
                        same = True
                        for j in range(width):
                            same &= keys[j * room + group] == load_word(columns[p, j], i)
                        if same:
                            break
                    slot = (slot + _ONE) & mask
                if found <= before:
                    if count == full:
                        state[COUNT] = np.int64(before)
                        return run
                    for j in range(width):
                        keys[j * room + count] = load_word(columns[p, j], i)
                    count += 1
                    found = np.uint64(count)
                    table[position] = hashed
                    table[position + _ONE] = found
                if numbered:
                    ids[bases[p] + i] = np.int32(found - _ONE)
    state[COUNT] = count
    return int(runs.shape[1] - 1)


class RunGroups:
    """Groups of rows in runs, inserted at once; numbers are in the order of runs and, in each, of first sight.

    Parameters
    ----------
    pieces
        Word columns of each piece, as many for each.
    runs
        Where the runs of each piece begin, and its last ends, shape (pieces, runs + 1). No key is in two runs.
    bits
        Which rows of all pieces are valid, for single words; the others form one group, whose word counts as its key.
    numbered
        Whether anybody wants to know the group of each row.

    Attributes
    ----------
    ids
        The group of each row, piece after piece; none if not ``numbered``.
    null_group
        The group of nulls, or -1.
    """

    def __init__(
        self, pieces: Sequence[Sequence[Words]], runs: Longs, *, bits: Bits = NO_BITS, numbered: bool = True
    ) -> None:
        self._width = len(pieces[0])
        sizes = [len(piece[0]) for piece in pieces]
        bases = np.cumsum([0, *sizes])
        rows = int(bases[-1])
        self.ids = rows_out(borrow(rows, np.int32), rows) if numbered else _NOBODY
        keys = borrow(rows * self._width, np.uint64)
        state = np.array([0, -1], dtype=np.int64)
        where = np.stack([addresses(piece) for piece in pieces])
        slots, done, last = _FIRST_SLOTS, 0, runs.shape[1] - 1
        while done < last:
            table, shift = cleared(2 * slots, np.uint64), 65 - slots.bit_length()
            if self._width == 1:
                done = _insert_word_runs(
                    where[:, 0].copy(), runs, bases, bits, done, table, shift, keys, state, self.ids
                )
            else:
                done = _insert_row_runs(where, runs, bases, done, table, shift, keys, state, self.ids)
            slots *= 2
        self._count, self.null_group = int(state[COUNT]), int(state[NULL_GROUP])
        known = keys.reshape(self._width, -1)[:, : self._count]
        self._keys = known if 2 * self._count > rows else known.copy()

    def __len__(self) -> int:
        return self._count

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._keys.nbytes + self.ids.nbytes

    def keys(self) -> list[Words]:
        """Return the word columns of the keys, in identifier order."""
        return list(self._keys)
