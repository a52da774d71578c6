"""Lines of a join's hash table that hold the values of the build rows, so that one look-up gives key and value.

A line is eight words: four keys, then their values. Places of keys that are free hold a word that is no key, `FREE`.
Keys are all different: what a second one would do, `enter_values` leaves to tables of row numbers (``lines``).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Longs, Number, Rows, Words, missing
from .compile import device, instruction, kernel
from .direct import AHEAD
from .grouping import LARGE
from .lines import KEY_SHIFT, fetch_line, line_after, place_of

equal_among_8 = instruction("equal_among_8")
lowest_bit = instruction("lowest_bit")
prefetch_read = instruction("prefetch_read")

FREE = np.uint64(0xB5297A4D3F84D5B3)
"""A word like any other. Where it is a key, it cannot stand for none."""
UNFIT = 1
_FIRST_VALUE = np.uint64(4)
_LAST_KEY = np.uint64(3)
_KEY_BITS = np.uint64(0b1111)
_LAST_BIT = np.uint64(0b1000)
_NONE = np.uint64(0)
# Lines of a part that does not fit the second-level cache.
_LARGE_PART = 1 << 14


@device
def _keys_equal(table: Words, line: Number, word: Number) -> Number:
    """Return which keys of a line equal ``word``: bit ``j`` for key ``j``."""
    return equal_among_8(table, np.int64(line << KEY_SHIFT), word) & _KEY_BITS


@device
def _is_full(table: Words, line: Number) -> Number:
    return table[(line << KEY_SHIFT) + _LAST_KEY] != FREE


@kernel("i64(const u64[], const u64[], const i64[,], i64, i64, u64[], u64, u64, i64, i64)")
def enter_values(
    words: Words,
    values: Words,
    starts: Longs,
    first_part: int,
    last_part: int,
    table: Words,
    lines: int,
    region: int,
    part_lines: int,
    most: int,
) -> int:
    """Enter the keys of some parts with their values; see ``entering``.

    Returns 0, or `UNFIT` for keys that such lines cannot hold: equal ones, `FREE`, or too many in a region.
    """
    for part in range(first_part, last_part):
        for line in range(part * part_lines, min((part + 1) * part_lines, len(table) >> 3)):
            for key in range(line << 3, (line << 3) + 4):
                table[np.uint64(key)] = FREE
        for chunk in range(len(starts)):
            stop = starts[chunk, part + 1]
            last = stop - AHEAD if part_lines > _LARGE_PART else 0
            for i in range(starts[chunk, part], stop):
                if i < last:
                    fetch_line(table, lines, words[i + AHEAD])
                word = words[i]
                line = place_of(word, lines)
                same = _keys_equal(table, line, word)
                left = most
                while same == _NONE and _is_full(table, line):
                    if left == 0:
                        return UNFIT
                    line = line_after(line, region)
                    same = _keys_equal(table, line, word)
                    left -= 1
                if same != _NONE or word == FREE:
                    return UNFIT
                room = (line << KEY_SHIFT) + lowest_bit(_keys_equal(table, line, FREE))
                table[room] = word
                table[room + _FIRST_VALUE] = values[i]
    return 0


@device
def _value_place(table: Words, lines: int, region: int, word: Number) -> Number:
    """Return where the value of a key is, 0 for none."""
    line = place_of(word, lines)
    same = _keys_equal(table, line, word)
    if same == _NONE:
        left = np.int64(lines)
        while same == _NONE and left > 0 and _is_full(table, line):
            line = line_after(line, region)
            same = _keys_equal(table, line, word)
            left -= 1
    found = (line << KEY_SHIFT) + _FIRST_VALUE + lowest_bit(same | _LAST_BIT)
    return found if same != _NONE and word != FREE else _NONE


@device
def _fetch_ahead(table: Words, lines: int, words: Words, i: Number, last: Number) -> None:
    if i < last:
        prefetch_read(table, np.int64(place_of(words[i + AHEAD], lines) << KEY_SHIFT))


@kernel(
    "i64(const u64[], const u8[], i64, const u64[], u64, u64, i32[], u64[])",
    "i64(const u64[], const u8[], i64, const u64[], u64, u64, i32[], u32[])",
)
def join_values(
    words: Words, bits: Bits, bit_offset: int, table: Words, lines: int, region: int, probe: Rows, out: NDArray[Any]
) -> int:
    """List the rows whose keys are there, and the values of these; return how many there are.

    Where all are, no rows are listed.
    """
    rows = len(words)
    last = rows - AHEAD if len(table) > LARGE else 0
    k = rows
    for i in range(rows):
        _fetch_ahead(table, lines, words, i, last)
        place = _value_place(table, lines, region, words[i])
        out[i] = table[place]
        if place == _NONE or missing(bits, bit_offset + i):
            k = i
            break
    if k == rows:
        return k
    for i in range(k):
        probe[i] = np.int32(i)
    for i in range(k, rows):
        _fetch_ahead(table, lines, words, i, last)
        place = _value_place(table, lines, region, words[i])
        probe[k] = np.int32(i)
        out[k] = table[place]
        k += place != _NONE and not missing(bits, bit_offset + i)
    return k
