"""Where the value at a place of each sorted list is, without sorting: by counting digits, from the first on.

A list is narrowed to the words that share the wanted one's leading byte, then its next one, until few are left, as in a
radix sort of which only one bucket is followed (MSD radix selection). Each byte costs one pass over what is left.
"""

from __future__ import annotations

import numpy as np

from .arrays import Longs, Number, Rows, Words
from .compile import device, kernel

_FEW = 24
"""Words from which on counting digits is faster than sorting by insertion."""


@device
def insert_up_to(words: Words, count: Number) -> None:
    """Sort the first words of an array."""
    for i in range(1, count):
        word = words[i]
        j = np.int64(i)
        while j > 0 and words[j - 1] > word:
            words[j] = words[j - 1]
            j -= 1
        words[j] = word


@device
def word_at(words: Words, start: Number, stop: Number, place: Number, room: Words, counts: Longs) -> Number:
    """Return the word at a place, from 0, of a sorted list; ``room`` has as many elements, ``counts`` 256."""
    left = np.int64(stop - start)
    for i in range(left):
        room[i] = words[start + i]
    wanted = np.int64(place)
    shift = np.uint64(56)
    while left > _FEW:
        for each in range(256):
            counts[each] = 0
        for i in range(left):
            counts[np.int64((room[i] >> shift) & np.uint64(255))] += 1
        digit = np.int64(0)
        while wanted >= counts[digit]:
            wanted -= counts[digit]
            digit += 1
        if counts[digit] < left:
            kept = np.int64(0)
            for i in range(left):
                if np.int64((room[i] >> shift) & np.uint64(255)) == digit:
                    room[kept] = room[i]
                    kept += 1
            left = kept
        if shift == np.uint64(0):
            return room[0]  # all that are left are equal
        shift -= np.uint64(8)
    insert_up_to(room, left)
    return room[wanted]


@kernel("void(const u64[], const i64[], const i64[], u64[], i64[], i32[], i32[])")
def rows_at(
    words: Words, offsets: Longs, places: Longs, room: Words, counts: Longs, rows: Rows, following: Rows
) -> None:
    """Find a row of the word at a place of each sorted list, and of the word at the next place, -1 where there is none.

    List ``j`` has ``words[offsets[j]:offsets[j + 1]]``; an empty one has neither. ``room`` is as long as the longest,
    ``counts`` has 256 elements.
    """
    for j in range(len(places)):
        start, stop = offsets[j], offsets[j + 1]
        rows[j] = np.int32(-1)
        following[j] = np.int32(-1)
        if stop == start:
            continue
        wanted = word_at(words, start, stop, places[j], room, counts)
        upto = np.int64(0)
        beyond = np.int64(-1)
        for i in range(start, stop):
            if words[i] <= wanted:
                upto += 1
                if words[i] == wanted:
                    rows[j] = np.int32(i)
            elif beyond < 0 or words[i] < words[beyond]:
                beyond = np.int64(i)
        following[j] = rows[j] if upto > places[j] + 1 else np.int32(beyond)
