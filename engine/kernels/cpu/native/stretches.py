"""Rows of windows laid out stretch by stretch, each in a core's cache, where the rows of a partition came by stretches.

A stretch is the rows whose keys' hashes have the same first bits, of which those of a partition are fewer
(``radix.FINER_BITS``). All rows of a key are in one stretch.
"""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Number, Rows, Words
from .compile import device, kernel
from .radix import hash_of
from .reuse import borrow
from .windowing import SCRATCH_WORDS, SPARE_KEYS, sort_group

_MOST_GROUPS = 1 << 13
_SLOT_BITS = 14
_SLOT_SHIFT, _SLOT_MASK = np.uint64(64 - _SLOT_BITS), np.uint64((1 << _SLOT_BITS) - 1)
_ONE, _LAST_BIT = np.uint64(1), np.uint64(63)


@device
def _stretch_of(hashed: Number, bits: Number) -> Number:
    """Return the stretch of a hash, which is 0 if it has no bits."""
    return (hashed >> _ONE) >> (_LAST_BIT - bits)


@device
def _number_stretch(
    keys: Words, start: Number, bits: Number, longest: Number, known: Words, places: Rows, slots: Rows, numbers: Rows
) -> tuple[Number, Number]:
    """Give numbers to the groups of the rows from ``start`` on that are one stretch; count their rows in ``places``.

    Return the first row after them, -1 where a group has too many rows or there are too many groups, and how many
    these are.
    """
    for slot in range(len(slots)):
        slots[np.uint64(slot)] = 0
    stretch = _stretch_of(hash_of(keys[start]), bits)
    groups = np.int64(0)
    for i in range(start, len(keys)):
        key = keys[i]
        hashed = hash_of(key)
        if _stretch_of(hashed, bits) != stretch:
            return np.int64(i), groups
        slot = (hashed << bits) >> _SLOT_SHIFT
        while slots[slot] != 0 and known[np.uint64(slots[slot] - 1)] != key:
            slot = (slot + _ONE) & _SLOT_MASK
        if slots[slot] == 0:
            if groups == len(known):
                return np.int64(-1), groups
            known[groups], places[groups] = key, 0
            groups += 1
            slots[slot] = groups
        group = np.uint64(slots[slot] - 1)
        numbers[i - start] = np.int32(group)
        places[group] += 1
        if places[group] > longest:
            return np.int64(-1), groups
    return np.int64(len(keys)), groups


@device
def _begin_groups(places: Rows, groups: Number, begins: Bits) -> None:
    """Turn the numbers of rows of each group into the place of its first one, and flag that."""
    place = np.int32(0)
    for group in range(groups):
        count = places[group]
        places[group] = place
        begins[np.uint64(place)] = np.uint8(1)
        place += count


@kernel(
    "i64(const u64[], const u64[], u64, i64, u64[], i32[], i32[], i32[], i32[], u64[], u64[], i32[], u8[], u8[], u64[])"
)
def _lay_out(
    keys: Words,
    words: Words,
    bits: int,
    longest: int,
    known: Words,
    places: Rows,
    slots: Rows,
    numbers: Rows,
    own_rows: Rows,
    own_words: Words,
    spare: Words,
    out: Rows,
    partitions: Bits,
    peers: Bits,
    scratch: Words,
) -> int:
    """Write what `lay_out_stretches` returns; return whether it could.

    ``known`` and ``places`` have the key, and the next place, of each group of a stretch; ``slots`` is a table of the
    groups by hash.
    """
    ordered = len(words) > 0
    start = np.int64(0)
    while start < len(keys):
        stop, groups = _number_stretch(keys, start, bits, longest, known, places, slots, numbers)
        stretch = _stretch_of(hash_of(keys[start]), bits)
        if stop < 0 or (stop < len(keys) and _stretch_of(hash_of(keys[stop]), bits) < stretch):
            return 0
        _begin_groups(places, groups, partitions[start:stop])
        for i in range(stop - start):
            own = np.uint64(numbers[i])
            place = np.uint64(places[own])
            places[own] += 1
            if ordered:
                own_rows[place] = np.int32(start + i)
                own_words[place] = words[start + i]
            else:
                out[np.uint64(start) + place] = np.int32(start + i)
        if ordered:
            first = np.int64(0)
            for group in range(groups):
                last = np.int64(places[group])
                sort_group(own_words, own_rows, first, last, spare, out[start:stop], peers[start:stop], scratch)
                first = last
        start = stop
    return 1


def lay_out_stretches(keys: Words, words: Words | None, bits: int, longest: int) -> tuple[Rows, Bits, Bits] | None:
    """Return rows by group in the stable order of their words.

    Parameters
    ----------
    keys
        Rows with equal keys are a group.
    words
        What the rows of a group are ordered by, or None for the order in which they came.
    bits
        The first bits of a hash that ascend with the rows, if any.
    longest
        Rows of the longest group that is to be sorted so.

    Returns
    -------
    tuple or None
        Rows; and flags of those that are the first of their group, and of their group and word. None, where the rows
        do not ascend so, or groups are longer, or more.
    """
    count = len(keys)
    rows, partitions = borrow(count, np.int32), np.zeros(count, dtype=np.uint8)
    peers = partitions if words is None else np.zeros(count, dtype=np.uint8)
    sorted_by = count if words is not None else 0
    done = _lay_out(
        keys,
        np.empty(0, dtype=np.uint64) if words is None else words,
        bits,
        longest,
        np.empty(_MOST_GROUPS, dtype=np.uint64),
        np.empty(_MOST_GROUPS, dtype=np.int32),
        np.empty(1 << _SLOT_BITS, dtype=np.int32),
        borrow(count, np.int32),
        borrow(sorted_by, np.int32),
        borrow(sorted_by + SPARE_KEYS, np.uint64),
        borrow(sorted_by, np.uint64),
        rows,
        partitions,
        peers,
        np.empty(SCRATCH_WORDS, dtype=np.uint64),
    )
    return (rows, partitions, peers) if done else None
