"""Texts of column chunks, as many as are wanted, in one call: pages of plain texts and of codes, decompressed in it.

Text that is to stay codes, of chunks that have nothing else, is ``chunksets``' work. Lines of chunks are as that module
says; what is wrong with a chunk stands in its line.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bytes, Longs, Number, Rows, Words, copy_bytes
from .chunksets import (
    CHOICES,
    CODEC,
    COUNT,
    DATA,
    DATA_BYTES,
    FLAGS,
    NULLS,
    OPTIONAL,
    OUT,
    PAGE_COUNT,
    PAGES,
    ROOM_BYTES,
    ROWS,
    SKIPPED,
    VALUES,
    bytes_at,
    ints_at,
    longs_table_at,
)
from .codepages import BEYOND, before_row, opened_codes, opened_page
from .compile import device, kernel
from .encodings import found_texts, unpacked
from .levels import value_at
from .pages import DAMAGED, ENCODING, FULL, HAS_DICTIONARY, PAGE_FIELDS, PLAIN, SIZE
from .pages import VALUES as PAGE_VALUES

CHUNK: Final = 0
USED: Final = 1
STATE_FIELDS: Final = 2
"""Of the state of `decode_texts`: the chunk that is next, and how many bytes the texts before it have."""


@device
def _copied(
    data: Bytes,
    starts: Rows,
    lengths: Rows,
    codes: Rows,
    are_codes: Number,
    known: Words,
    has_nulls: Number,
    rows: Rows,
    every: Number,
    begin: Number,
    offsets: Rows,
    flags: Bytes,
    out: Bytes,
    used: Number,
    place: Number,
    upto: Number,
) -> Number:
    """Copy the texts of the rows from ``place`` to ``upto`` - 1 of the wanted ones, less ``begin``, of a page.

    Returns the bytes used, or `FULL`, and how many texts are null.
    """
    nulls = np.int64(0)
    for k in range(place, upto):
        position = (k if every else np.int64(rows[np.uint64(k)])) - begin
        offsets[np.uint64(k)] = np.int32(used)
        if has_nulls:
            bit, position = value_at(known, position)
            if bit == np.uint64(0):
                flags[np.uint64(k)] = np.uint8(0)
                nulls += 1
                continue
        if are_codes:
            position = np.int64(codes[np.uint64(position)])
        length = np.int64(lengths[np.uint64(position)])
        if length > len(out) - used:
            return np.int64(FULL), nulls
        copy_bytes(data, np.int64(starts[np.uint64(position)]), out, used, length)
        used += length
    return used, nulls


@device
def _copied_page(
    chunks: Longs,
    row: Number,
    data: Bytes,
    table: Longs,
    page: Number,
    entries: Bytes,
    rows: Rows,
    every: Number,
    begin: Number,
    offsets: Rows,
    flags: Bytes,
    out: Bytes,
    used: Number,
    place: Number,
    upto: Number,
    scratch: Bytes,
    known: Words,
    codes: Rows,
    starts: Rows,
    lengths: Rows,
    entry_starts: Rows,
    entry_lengths: Rows,
) -> Number:
    """Copy the wanted rows of a page, as `_copied` does, after it has been opened; or return what is wrong with it."""
    nothing = np.int64(0)
    n, codec, optional = table[page, PAGE_VALUES], chunks[row, CODEC], chunks[row, OPTIONAL] != 0
    if table[page, ENCODING] == PLAIN:
        count, at, end = opened_page(data, table, page, codec, optional, scratch, known)
        if count < 0:
            return count, nothing
        if found_texts(scratch, at, end, count, starts, lengths) < 0:
            return np.int64(DAMAGED), nothing
        return _copied(
            scratch, starts, lengths, codes, nothing, known, count < n, rows, every, begin,
            offsets, flags, out, used, place, upto,
        )  # fmt: skip
    count, at, end = opened_codes(data, table, page, codec, optional, scratch, known)
    if count < 0:
        return count, nothing
    if count > 0:
        best = unpacked(scratch, at + 1, end, np.int64(scratch[np.uint64(at)]), count, codes, nothing)
        if best < 0 or best >= chunks[row, CHOICES]:
            return np.int64(DAMAGED) if best < 0 else np.int64(BEYOND), nothing
    return _copied(
        entries, entry_starts, entry_lengths, codes, nothing + 1, known, count < n, rows, every, begin,
        offsets, flags, out, used, place, upto,
    )  # fmt: skip


@device
def _decoded_texts(
    chunks: Longs,
    row: Number,
    rows: Rows,
    every: Number,
    offsets: Rows,
    out: Bytes,
    used: Number,
    scratch: Bytes,
    known: Words,
    codes: Rows,
    starts: Rows,
    lengths: Rows,
    entry_starts: Rows,
    entry_lengths: Rows,
) -> Number:
    """Decode rows of a chunk; return the bytes used, or what is wrong, and how many texts are null."""
    nothing = np.int64(0)
    data = bytes_at(np.uint64(chunks[row, DATA]), chunks[row, DATA_BYTES])
    table = longs_table_at(np.uint64(chunks[row, PAGES]), chunks[row, PAGE_COUNT], np.int64(PAGE_FIELDS))
    wanted = np.int64(len(offsets))
    flags = bytes_at(np.uint64(chunks[row, FLAGS]), wanted if chunks[row, OPTIONAL] else nothing)
    for k in range(len(flags)):
        flags[k] = np.uint8(1)
    page = np.int64(chunks[row, HAS_DICTIONARY])
    entries = bytes_at(np.uint64(chunks[row, VALUES]), chunks[row, ROOM_BYTES] if page else nothing)
    if page and found_texts(entries, nothing, table[0, SIZE], chunks[row, CHOICES], entry_starts, entry_lengths) < 0:
        return np.int64(DAMAGED), nothing
    nulls = np.int64(0)
    done = np.int64(0)
    begin = -np.int64(chunks[row, SKIPPED])
    while done < wanted:
        if page >= len(table) or table[page, PAGE_VALUES] < 0:
            return np.int64(DAMAGED), nothing
        stop = begin + table[page, PAGE_VALUES]
        upto = before_row(rows, every, done, wanted, stop)
        if upto > done:
            used, missed = _copied_page(
                chunks, row, data, table, page, entries, rows, every, begin, offsets, flags, out, used, done, upto,
                scratch, known, codes, starts, lengths, entry_starts, entry_lengths,
            )  # fmt: skip
            if used < 0:
                return used, nothing
            nulls += missed
            done = upto
        begin = stop
        page += 1
    return used, nulls


@kernel("i64(i64[,], i64[], u8[], u8[], u64[], i32[], i32[], i32[], i32[], i32[])")
def decode_texts(
    chunks: Longs,
    state: Longs,
    out: Bytes,
    scratch: Bytes,
    known: Words,
    codes: Rows,
    starts: Rows,
    lengths: Rows,
    entry_starts: Rows,
    entry_lengths: Rows,
) -> int:
    """Copy the texts of rows of chunks one after the other, and fill in where each begins.

    Parameters
    ----------
    chunks
        ``OUT`` is room for where the texts of a chunk begin. A dictionary has been unpacked.
    state
        Where to go on, of `STATE_FIELDS` fields; filled in. At first 0.
    out
        Room for the texts.
    scratch
        As for `decode_chunks`, as are ``known`` and ``codes``.
    starts, lengths
        Room for the texts of one page.
    entry_starts, entry_lengths
        Room for those of a dictionary.

    Returns
    -------
    int
        0, or `FULL`: then ``out`` has to be enlarged. What else is wrong stands in the chunk's line.
    """
    used = state[USED]
    for row in range(state[CHUNK], len(chunks)):
        state[CHUNK], state[USED] = row, used
        count = chunks[row, COUNT]
        every = chunks[row, ROWS] == 0
        rows = ints_at(np.uint64(chunks[row, ROWS]), np.int64(0) if every else count)
        offsets = ints_at(np.uint64(chunks[row, OUT]), count)
        used, nulls = _decoded_texts(
            chunks, row, rows, every, offsets, out, used, scratch, known, codes, starts, lengths,
            entry_starts, entry_lengths,
        )  # fmt: skip
        if used == FULL:
            return FULL
        chunks[row, NULLS] = nulls if used >= 0 else used
        if used < 0:
            return 0
    state[CHUNK], state[USED] = len(chunks), used
    return 0
