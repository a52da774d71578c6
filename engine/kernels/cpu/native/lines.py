"""The lines of a join's hash table: where a key belongs, and which key of a line it is.

A line is eight words: five keys, then as 32-bit numbers their entries and a 0, which is what a key gets that is not
there; entries of 0 are free. One comparison finds a key in its line, with no branch to be guessed wrong, and few keys
lie in a line that follows their own.
"""

from __future__ import annotations

import numpy as np

from .arrays import Number, Rows, Words
from .compile import device, instruction

equal_among_8 = instruction("equal_among_8")
lowest_bit = instruction("lowest_bit")
prefetch_write = instruction("prefetch_write")

LINE_WORDS = 8
KEYS = np.uint64(5)
"""Keys of a line."""
KEY_SHIFT = np.uint64(3)
ENTRY_SHIFT = np.uint64(4)
FIRST_ENTRY = np.uint64(10)
_LAST_ENTRY = np.uint64(14)
_KEY_BITS = np.uint64(0b011111)
_NO_KEY_BIT = np.uint64(0b100000)
# The lanes of a comparison of eight entries that stand before those of a line.
_BEFORE = np.uint64(2)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)
_ONE = np.uint64(1)


@device
def place_of(word: Number, places: Number) -> Number:
    """Return the place a word wants, of so many: 32 bits of a Fibonacci hash as a fraction of them (Lemire, 2019)."""
    return ((((word ^ (word >> _S32)) * _GOLDEN) >> _S32) * places) >> _S32


@device
def key_in(table: Words, line: Number, word: Number) -> Number:
    """Return which key of a line equals ``word``, `KEYS` if none does; one that is free counts as 0."""
    return lowest_bit((equal_among_8(table, np.int64(line << KEY_SHIFT), word) & _KEY_BITS) | _NO_KEY_BIT)


@device
def room_in(entries: Rows, line: Number) -> Number:
    """Return where the next key of a line goes that is not full."""
    start = (line << ENTRY_SHIFT) + FIRST_ENTRY
    return lowest_bit(equal_among_8(entries, np.int64(start - _BEFORE), np.int32(0)) >> _BEFORE)


@device
def is_full(entries: Rows, line: Number) -> Number:
    """Return whether a line has all the keys it can have."""
    return entries[(line << ENTRY_SHIFT) + _LAST_ENTRY] != 0


@device
def line_after(line: Number, region: Number) -> Number:
    """Return the line to go on with after a full one."""
    return (line & ~region) | ((line + _ONE) & region)


@device
def line_of(table: Words, entries: Rows, lines: Number, region: Number, most: Number, word: Number) -> Number:
    """Return the line that has ``word``, or else room for it; the last one looked at where ``most`` have neither."""
    line = place_of(word, lines)
    while most > 0 and key_in(table, line, word) == KEYS and is_full(entries, line):
        line = line_after(line, region)
        most -= 1
    return line


@device
def fetch_line(table: Words, lines: int, word: Number) -> None:
    """Fetch the line that a word will want, to be written."""
    prefetch_write(table, np.int64(place_of(word, lines) << KEY_SHIFT))
