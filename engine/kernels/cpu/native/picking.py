"""Which row of a batch has the least or greatest text of each group.

Texts are compared by their first eight bytes, and only where those tie by the rest; texts held as codes by the rank of
each code. Rows with a group of -1 and nulls are left out; of equal texts the first row is picked.
"""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Bytes, Number, Rows, Words, missing
from .compile import device, kernel
from .textsort import big_endian_word


@device
def precedes(offsets: Rows, data: Bytes, row: Number, other: Number, greatest: Number) -> Number:
    """Return whether a row's text is less than another's, or greater; the first eight bytes are known to tie."""
    start, begin = np.int64(offsets[row]) + 8, np.int64(offsets[other]) + 8
    stop, end = np.int64(offsets[row + 1]), np.int64(offsets[other + 1])
    while start < stop and begin < end:
        mine, best = big_endian_word(data, start, stop), big_endian_word(data, begin, end)
        if mine != best:
            return mine > best if greatest else mine < best
        start += 8
        begin += 8
    # The words tie as far as both go: the shorter text is the lesser. (Zero bytes look like what pads a word.)
    length, known = stop - np.int64(offsets[row]), end - np.int64(offsets[other])
    return length > known if greatest else length < known


@kernel("void(const i32[], const i32[], const u8[], const u8[], i64, bool, u64[], i32[])")
def extreme_texts(
    ids: Rows,
    offsets: Rows,
    data: Bytes,
    bits: Bits,
    bit_offset: int,
    greatest: bool,  # noqa: FBT001 - kernels take positions only
    prefixes: Words,
    rows: Rows,
) -> None:
    """Keep each group's row of the least or greatest text; ``rows`` starts at -1, ``prefixes`` has a word for each."""
    for i in range(len(ids)):
        if ids[i] < 0 or missing(bits, bit_offset + i):
            continue
        group = np.uint32(ids[i])
        word = big_endian_word(data, np.int64(offsets[i]), np.int64(offsets[i + 1]))
        best = rows[group]
        if best >= 0:
            if word == prefixes[group]:
                if not precedes(offsets, data, i, np.int64(best), greatest):
                    continue
            elif (word < prefixes[group]) == greatest:
                continue
        prefixes[group] = word
        rows[group] = np.int32(i)


@kernel("void(const i32[], const i32[], const u8[], i64, const i32[], i32[], i32[])")
def extreme_codes(ids: Rows, codes: Rows, bits: Bits, bit_offset: int, places: Rows, least: Rows, rows: Rows) -> None:
    """Keep each group's row of the least place of a code; ``rows`` starts at -1, ``least`` has room for each."""
    for i in range(len(ids)):
        if ids[i] < 0 or missing(bits, bit_offset + i):
            continue
        group = np.uint32(ids[i])
        place = places[np.uint32(codes[i])]
        if rows[group] < 0 or place < least[group]:
            least[group] = place
            rows[group] = np.int32(i)


@kernel("i64(const i32[], const i32[])")
def least_place(codes: Rows, places: Rows) -> int:
    """Return the least place of any code, of which there must be one."""
    least = places[np.uint32(codes[0])]
    for i in range(len(codes)):
        least = min(least, places[np.uint32(codes[i])])
    return int(least)
