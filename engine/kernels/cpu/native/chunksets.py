"""Column chunks of one row group, as many as are wanted, in one call each for opening, testing and decoding them.

Between two calls of kernels stands Python, which holds the interpreter's lock, and which the data before have driven
out of the cache. What a call needs to know of a chunk is a row of a table of integers, addresses among them: whoever
fills it in keeps the memory alive.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bytes, Longs, Number, Rows
from .codepages import decoded
from .compile import device, instruction, kernel
from .pages import DAMAGED, FULL, HAS_DICTIONARY, SIZE, SLACK, START, STORED, unsnapped, walked_pages

bytes_at = instruction("bytes_at")
ints_at = instruction("ints_at")
halves_at = instruction("halves_at")
words_at = instruction("words_at")
longs_table_at = instruction("longs_table_at")

# Columns of the table of chunks to open, after the facts that `pages` names.
OPEN_DATA: Final = 4
OPEN_BYTES: Final = 5
OPEN_ROOM: Final = 6
"""Where the dictionary may be unpacked to, and how many bytes there are; none where it is not stored by Snappy."""
OPEN_ROOM_BYTES: Final = 7
OPEN_FIRST: Final = 8
"""Filled in: the first of the chunk's pages, and how many there are, or what is wrong."""
OPEN_PAGES: Final = 9
OPEN_UNPACKED: Final = 10
"""Filled in: whether the dictionary has been unpacked."""
OPEN_FIELDS: Final = 11

# Columns of the table of chunks of codes to decode.
DATA: Final = 0
DATA_BYTES: Final = 1
PAGES: Final = 2
"""Where the chunk's pages stand in their table, and how many."""
PAGE_COUNT: Final = 3
FIRST: Final = 4
"""The first page of data."""
CODEC: Final = 5
OPTIONAL: Final = 6
CHOICES: Final = 7
"""Length of the dictionary."""
VALUES: Final = 8
"""The dictionary's values, 0 where codes are wanted; or where codes are tested, a flag for each, then one for null."""
WIDTH: Final = 9
"""Bytes of a value: 4 or 8."""
OUT: Final = 10
FLAGS: Final = 11
"""Room for what is wanted, and for a byte per row that is 0 for null, 0 where none is."""
NULLS: Final = 12
"""Filled in: number of nulls, or what is wrong."""
DECODE_FIELDS: Final = 13

_PAGE_FIELDS: Final = 11


@kernel("i64(i64[,], i64, i64[,])")
def open_chunks(chunks: Longs, values: int, pages: Longs) -> int:
    """Read the page headers of chunks of ``values`` values each, and unpack the dictionaries that there is room for.

    Returns
    -------
    int
        Pages of all chunks, or `FULL`, where ``pages`` has room for fewer. What is wrong with a chunk stands in its
        row.
    """
    used = np.int64(0)
    for row in range(len(chunks)):
        data = bytes_at(np.uint64(chunks[row, OPEN_DATA]), chunks[row, OPEN_BYTES])
        count = walked_pages(data, np.int64(values), pages, used, chunks, row)
        if count == FULL:
            return FULL
        chunks[row, OPEN_FIRST] = used
        chunks[row, OPEN_PAGES] = count
        chunks[row, OPEN_UNPACKED] = 0
        if count < 0:
            continue
        size = chunks[row, OPEN_ROOM_BYTES]
        if chunks[row, HAS_DICTIONARY] and size > 0 and pages[used, SIZE] + SLACK <= size:
            room = bytes_at(np.uint64(chunks[row, OPEN_ROOM]), size)
            start = pages[used, START]
            if unsnapped(data, start, start + pages[used, STORED], room, pages[used, SIZE]) < 0:
                chunks[row, OPEN_PAGES] = DAMAGED
                continue
            chunks[row, OPEN_UNPACKED] = 1
        used += count
    return int(used)


@device
def _decoded_chunk(
    chunks: Longs,
    row: Number,
    skipped: Number,
    every: Number,
    rows: Rows,
    look_up: Number,
    choices: Number,
    out: Number,
    scratch: Bytes,
    positions: Rows,
    codes: Rows,
) -> Number:
    """Decode a chunk to an array of the width of its dictionary's values or, of 4 bytes, of its codes."""
    data = bytes_at(np.uint64(chunks[row, DATA]), chunks[row, DATA_BYTES])
    pages = longs_table_at(np.uint64(chunks[row, PAGES]), chunks[row, PAGE_COUNT], np.int64(_PAGE_FIELDS))
    optional = chunks[row, OPTIONAL] != 0
    flags = bytes_at(np.uint64(chunks[row, FLAGS]), len(out) if optional else np.int64(0))
    for k in range(len(flags)):
        flags[k] = np.uint8(1)
    return decoded(
        data,
        pages,
        chunks[row, FIRST],
        skipped,
        chunks[row, CODEC],
        optional,
        scratch,
        positions,
        codes,
        rows,
        every,
        chunks[row, CHOICES],
        look_up,
        choices,
        out,
        flags,
    )


@kernel("i64(i64[,], i64, i64, const i32[], bool, u8[], i32[], i32[])")
def decode_chunks(
    chunks: Longs,
    skipped: int,
    wanted: int,
    rows: Rows,
    every: bool,  # noqa: FBT001 - kernels take their arguments by place
    scratch: Bytes,
    positions: Rows,
    codes: Rows,
) -> int:
    """Decode ``wanted`` rows of chunks of codes: the sorted ``rows`` after ``skipped`` ones, or ``every`` one.

    ``scratch`` has room for the largest page and `SLACK`, ``positions`` and ``codes`` for the one with the most rows.

    Returns
    -------
    int
        How many chunks were decoded; what is wrong with the next one stands in its row.
    """
    for row in range(len(chunks)):
        look_up = chunks[row, VALUES] != 0
        length = chunks[row, CHOICES] if look_up else np.int64(0)
        place, into = np.uint64(chunks[row, VALUES]), np.uint64(chunks[row, OUT])
        skip, count = np.int64(skipped), np.int64(wanted)
        if chunks[row, WIDTH] == 8:
            longs, long_out = words_at(place, length), words_at(into, count)
            result = _decoded_chunk(
                chunks, row, skip, every, rows, look_up, longs, long_out, scratch, positions, codes
            )
        else:
            shorts, short_out = halves_at(place, length), halves_at(into, count)
            result = _decoded_chunk(
                chunks, row, skip, every, rows, look_up, shorts, short_out, scratch, positions, codes
            )
        chunks[row, NULLS] = result
        if result < 0:
            return row
    return len(chunks)


@kernel("i64(i64[,], i64, i64, i32[], u8[], i32[], i32[])")
def select_chunks(
    chunks: Longs, skipped: int, count: int, rows: Rows, scratch: Bytes, positions: Rows, codes: Rows
) -> int:
    """Write those of ``count`` rows after ``skipped`` ones to ``rows``, one longer, whose codes are flagged everywhere.

    Each chunk is decoded for the rows that passed the ones before.

    Returns
    -------
    int
        How many rows passed, or `DAMAGED`; what is wrong with a chunk stands in its row.
    """
    left = np.int64(count)
    for row in range(len(chunks)):
        nulls_at = chunks[row, CHOICES]
        wanted = bytes_at(np.uint64(chunks[row, VALUES]), nulls_at + 1)
        nothing, found = halves_at(np.uint64(0), np.int64(0)), halves_at(np.uint64(chunks[row, OUT]), left)
        every = row == 0
        result = _decoded_chunk(
            chunks, row, np.int64(skipped), every, rows, False, nothing, found, scratch, positions, codes
        )
        chunks[row, NULLS] = result
        if result < 0:
            return DAMAGED
        if result > 0:
            flags = bytes_at(np.uint64(chunks[row, FLAGS]), left)
            for i in range(left):
                if flags[i] == 0:
                    found[i] = np.uint32(nulls_at)
        kept = np.int64(0)
        for i in range(left):
            rows[np.uint64(kept)] = np.int32(i) if every else rows[np.uint64(i)]
            kept += np.int64(wanted[np.uint64(found[np.uint64(i)])])
        left = kept
        if left == 0:
            return 0
    return int(left)
