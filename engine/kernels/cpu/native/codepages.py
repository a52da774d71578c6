"""Whole pages of dictionary codes in one call: the bulk of most files, where a call per page would cost a third.

Does what opening such pages one by one does, for chunks that are stored plainly or compressed by Snappy.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bits, Bytes, Longs, Rows
from .compile import instruction, kernel
from .encodings import rows_of_values, unpacked
from .pages import (
    COMPRESSED,
    DAMAGED,
    DATA_PAGE_V2,
    DEFINITION_BYTES,
    KIND,
    LEVEL_ENCODING,
    REPETITION_BYTES,
    SIZE,
    START,
    STORED,
    UNSUPPORTED,
    VALUES,
    unsnapped,
)

load_unaligned = instruction("load_unaligned")

STORED_PLAINLY: Final = 0
SNAPPED: Final = 1
NULLS_FOUND: Final = 1
GREATEST_CODE: Final = 0
_RUNS: Final = 3


@kernel("i64(const u8[], const i64[,], i64, i64, i64, bool, u8[], i32[], i32[], u8[], i64[])")
def decode_codes(  # noqa: C901 - the cases of one page
    data: Bytes,
    table: Longs,
    first: int,
    beyond: int,
    codec: int,
    optional: bool,  # noqa: FBT001 - kernels take their arguments by place
    scratch: Bytes,
    positions: Rows,
    out: Rows,
    flags: Bits,
    facts: Longs,
) -> int:
    """Decode the codes of the pages ``first`` to ``beyond - 1`` of a page table, one after the other.

    Parameters
    ----------
    data, table
        A column chunk and its page table, as `walk_pages` fills it.
    codec
        `STORED_PLAINLY` or `SNAPPED`.
    optional
        Whether there are levels that say which rows are null.
    scratch
        Room for a decompressed page and `SLACK`.
    positions
        Room for the rows of one page where there are levels.
    out, flags
        Codes by row, 0 for null; and, where any row is null, from that page on 1 for each row that is not.
    facts
        Two numbers: the greatest code, and the number of nulls.

    Returns
    -------
    int
        Number of rows; `DAMAGED` or `UNSUPPORTED`.
    """
    facts[GREATEST_CODE] = 0
    facts[NULLS_FOUND] = 0
    done = np.int64(0)
    for page in range(first, beyond):
        start = table[page, START]
        end = start + table[page, STORED]
        size = table[page, SIZE]
        n = table[page, VALUES]
        if n > len(out) - done:
            return DAMAGED
        values = n
        later = table[page, KIND] == DATA_PAGE_V2
        if later:
            levels = table[page, DEFINITION_BYTES]
            if table[page, REPETITION_BYTES] != 0 or levels < 0 or levels > end - start or levels > size:
                return DAMAGED
            if optional:
                values = rows_of_values(data, start, start + levels, n, positions)
            start += levels
            size -= levels
        unpack = codec == SNAPPED and (not later or (table[page, COMPRESSED] != 0 and start < end))
        if unpack and unsnapped(data, start, end, scratch, size) < 0:
            return DAMAGED
        # One array for both cases: numba gives each variable one type, and `data` may be read-only.
        if not unpack:
            if end - start > len(scratch):
                return DAMAGED
            for k in range(end - start):
                scratch[np.uint64(k)] = data[np.uint64(start + k)]
            size = end - start
        at = np.int64(0)
        if optional and not later:
            if table[page, LEVEL_ENCODING] != _RUNS:
                return UNSUPPORTED
            if size < 4:
                return DAMAGED
            levels = np.int64(load_unaligned(scratch, 0) & np.uint64(0xFFFFFFFF))
            if levels > size - 4:
                return DAMAGED
            at = 4 + levels
            values = rows_of_values(scratch, np.int64(4), at, n, positions)
        if values < 0:
            return DAMAGED
        if values > 0:
            if at >= size:
                return DAMAGED
            top = unpacked(scratch, at + 1, size, np.int64(scratch[np.uint64(at)]), values, out, done)
            if top < 0:
                return DAMAGED
            facts[GREATEST_CODE] = max(facts[GREATEST_CODE], top)
        if values < n or facts[NULLS_FOUND] > 0:
            facts[NULLS_FOUND] += n - values
            for k in range(n):
                row = n - 1 - k
                place = row if values == n else np.int64(positions[np.uint64(row)])
                code = out[np.uint64(done + max(place, 0))] if place >= 0 else np.int32(0)
                out[np.uint64(done + row)] = code
                flags[np.uint64(done + row)] = np.uint8(place >= 0)
        done += n
    return int(done)
