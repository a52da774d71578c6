"""Definition levels of flat columns: which rows of a page have a value, and which value is theirs.

A page's rows are held in words of two kinds, one after the other: a bit for each of 64 rows, set where it has a value,
and how many values the rows before them have. So the value of any row is found without looking at others, rows are
decoded by runs of levels instead of one by one, and eight rows are spread at once.

Source for the runs: the encodings page of parquet-format (RLE / bit-packing hybrid).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Bytes, Number, Rows, Words
from .compile import device, instruction, kernel
from .pages import DAMAGED, varint, word_at

ones_of = instruction("ones_of")
spread_bits = instruction("spread_bits")
spread_eight = instruction("spread_eight")

_EVERY: Final = np.uint64(0xFFFFFFFFFFFFFFFF)


def words_for(rows: int) -> int:
    """Return how many words `known_rows` needs for so many rows."""
    return 2 * (rows // 64 + 1)


@device
def known_rows(data: Bytes, start: Number, end: Number, n: Number, known: Words) -> Number:
    """Decode definition levels of 0 and 1 of ``n`` rows.

    Returns the number of values, or `DAMAGED`. Where no row is null, ``known`` may be left as it was.
    """
    if end > len(data) or 2 * (n >> 6) + 2 > len(known):
        return np.int64(DAMAGED)
    at = np.int64(start)
    done = np.int64(0)
    values = np.int64(0)
    place = np.uint64(0)
    word = np.uint64(0)
    while done < n:
        header, at = varint(data, at, np.int64(end))
        if at < 0 or header < 0:
            return np.int64(DAMAGED)
        run = header >> 1
        packed = header & 1 != 0
        repeated = np.uint64(0)
        first = at
        if packed:
            count = min(n - done, run * 8 if run < 2**32 else n, (end - at) * 8)
            if count == 0:
                return np.int64(DAMAGED)
            at += min(end - at, run if run < 2**32 else end - at)
        else:
            if at >= end or data[np.uint64(at)] > 1:
                return np.int64(DAMAGED)
            if data[np.uint64(at)] == 1:
                repeated = _EVERY
            at += 1
            count = min(n - done, run)
            if repeated != 0 and count == n:
                return np.int64(n)
        for k in range(0, count, 64):
            some = min(np.int64(64), count - k)
            bits = word_at(data, first + (k >> 3)) if packed else repeated
            bits &= _EVERY >> np.uint64(64 - some)
            filled = done & 63
            word |= bits << np.uint64(filled)
            if filled + some >= 64:
                known[place] = word
                known[place + np.uint64(1)] = np.uint64(values)
                place += np.uint64(2)
                values += ones_of(word)
                word = (bits >> np.uint64(63 - filled)) >> np.uint64(1)
            done += some
    known[place] = word
    known[place + np.uint64(1)] = np.uint64(values)
    return values + ones_of(word)


@device
def value_at(known: Words, row: Number) -> Number:
    """Return 1 where a row has a value, 0 where it is null, and how many values the rows before it have."""
    place = np.uint64((row >> 6) << 1)
    word = known[place]
    before = np.int64(known[place + np.uint64(1)]) + ones_of(word & ~(_EVERY << np.uint64(row & 63)))
    return (word >> np.uint64(row & 63)) & np.uint64(1), before


@device
def values_before(known: Words, row: Number) -> Number:
    """Return how many values the rows before a row have."""
    _, before = value_at(known, row)
    return before


@device
def _spread_one(
    known: Words, row: Number, at: Number, fill: Number, values: NDArray[Any], flags: Bits, place: Number
) -> Number:
    """Give one row its value, the one before ``at``; return where the values end that are left."""
    bit, _ = value_at(known, row)
    at -= np.int64(bit)
    values[np.uint64(place)] = values[np.uint64(at)] if bit != np.uint64(0) else fill
    flags[np.uint64(place)] = np.uint8(bit)
    return at


@device
def spread(
    known: Words,
    row: Number,
    count: Number,
    fill: Number,
    values: NDArray[Any],
    flags: Bits,
    place: Number,
    upto: Number,
) -> None:
    """Give the rows from ``row`` on of a page their values, in place, from the last one on, and null ones ``fill``.

    The ``count`` values that these rows have stand from ``values[place]`` on; the rows will, up to ``upto``. Flags
    are set to 0 for null.
    """
    at = place + count
    away = row - place
    while upto > place and upto > at and (upto + away) & 7 != 0:
        upto -= 1
        at = _spread_one(known, upto + away, at, fill, values, flags, upto)
    while upto - place >= 8 and upto > at:
        upto -= 8
        first = upto + away
        byte = (known[np.uint64((first >> 6) << 1)] >> np.uint64(first & 63)) & np.uint64(255)
        at -= ones_of(byte)
        spread_eight(values, at, byte, fill, values, upto)
        spread_bits(byte, flags, upto)
    while upto > at:
        upto -= 1
        at = _spread_one(known, upto + away, at, fill, values, flags, upto)


@kernel("i64(const u8[], i64, i64, i64, u64[], i32[])")
def value_rows(data: Bytes, start: int, end: int, n: int, known: Words, out: Rows) -> int:
    """Decode definition levels of 0 and 1: for each of ``n`` rows the number of its value, -1 where it is null.

    ``known`` is room for `words_for` so many rows.

    Returns
    -------
    int
        Number of values. Where no row is null, ``out`` may be left as it was.
    """
    if n > len(out):
        return DAMAGED
    values = known_rows(data, np.int64(start), np.int64(end), np.int64(n), known)
    if 0 <= values < n:
        for row in range(n):
            bit, before = value_at(known, np.int64(row))
            out[np.uint64(row)] = np.int32(before if bit != np.uint64(0) else -1)
    return int(values)
