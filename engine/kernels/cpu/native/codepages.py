"""Pages of dictionary codes, as many as a chunk has, in one call: a call per page and per step costs a third more.

Does what opening such pages one by one does, for chunks that are stored plainly or compressed by Snappy. A page's codes
are looked up while they are in the cache of the processor; pages without a wanted row are passed over.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Bytes, Longs, Number, Rows
from .compile import device, instruction, kernel
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
BEYOND: Final = -4
"""What is returned where a code lies beyond its dictionary."""
_RUNS: Final = 3


@device
def _codes_of_page(  # noqa: C901 - the cases of one page
    data: Bytes,
    table: Longs,
    page: Number,
    codec: Number,
    optional: Number,
    scratch: Bytes,
    positions: Rows,
    codes: Rows,
) -> Number:
    """Decode one page's codes, and the positions of its rows in them where not every row has one.

    Returns the number of codes, or what is wrong, and the greatest code.
    """
    nothing = np.int64(0)
    start = table[page, START]
    end = start + table[page, STORED]
    size = table[page, SIZE]
    n = table[page, VALUES]
    if n > len(codes):
        return np.int64(DAMAGED), nothing
    values = n
    later = table[page, KIND] == DATA_PAGE_V2
    if later:
        levels = table[page, DEFINITION_BYTES]
        if table[page, REPETITION_BYTES] != 0 or levels < 0 or levels > end - start or levels > size:
            return np.int64(DAMAGED), nothing
        if optional:
            values = rows_of_values(data, start, start + levels, n, positions)
        start += levels
        size -= levels
    unpack = codec == SNAPPED and (not later or (table[page, COMPRESSED] != 0 and start < end))
    if unpack and unsnapped(data, start, end, scratch, size) < 0:
        return np.int64(DAMAGED), nothing
    # One array for both cases: numba gives each variable one type, and `data` may be read-only.
    if not unpack:
        if end - start > len(scratch):
            return np.int64(DAMAGED), nothing
        for k in range(end - start):
            scratch[np.uint64(k)] = data[np.uint64(start + k)]
        size = end - start
    at = np.int64(0)
    if optional and not later:
        if table[page, LEVEL_ENCODING] != _RUNS:
            return np.int64(UNSUPPORTED), nothing
        if size < 4:
            return np.int64(DAMAGED), nothing
        levels = np.int64(load_unaligned(scratch, 0) & np.uint64(0xFFFFFFFF))
        if levels > size - 4:
            return np.int64(DAMAGED), nothing
        at = 4 + levels
        values = rows_of_values(scratch, np.int64(4), at, n, positions)
    if values <= 0:
        return values, nothing
    if at >= size:
        return np.int64(DAMAGED), nothing
    top = unpacked(scratch, at + 1, size, np.int64(scratch[np.uint64(at)]), values, codes, nothing)
    return (np.int64(DAMAGED) if top < 0 else values), top


def _decode(
    data: Bytes,
    table: Longs,
    first: int,
    skipped: int,
    codec: int,
    optional: bool,  # noqa: FBT001 - kernels take their arguments by place
    scratch: Bytes,
    positions: Rows,
    codes: Rows,
    rows: Rows,
    every: bool,  # noqa: FBT001
    choices: int,
    look_up: bool,  # noqa: FBT001
    values: NDArray[Any],
    out: NDArray[Any],
    flags: Bits,
) -> int:
    """Decode some rows of a chunk of codes.

    Parameters
    ----------
    data, table
        A column chunk and its page table, as `walk_pages` fills it.
    first, skipped
        The page that the rows begin in, and how many of its rows stand before row 0.
    codec
        `STORED_PLAINLY` or `SNAPPED`.
    optional
        Whether there are levels that say which rows are null.
    scratch
        Room for a decompressed page and `SLACK`.
    positions, codes
        Room for the rows of one page, ``positions`` only where there are levels.
    rows, every
        The wanted rows, sorted, as many as ``out`` has; or that these are all rows from 0 on.
    choices
        Length of the dictionary.
    look_up, values
        Whether the dictionary's values are wanted, and they; else the codes are.
    out, flags
        What is wanted of the wanted rows, 0 for null; flags, where there are levels, are set to 0 for those rows.

    Returns
    -------
    int
        Number of nulls; `DAMAGED`, `UNSUPPORTED` or `BEYOND`.
    """
    nulls = np.int64(0)
    done = np.int64(0)
    wanted = np.int64(len(out))
    begin = -np.int64(skipped)
    page = np.int64(first)
    while done < wanted:
        if page >= len(table):
            return DAMAGED
        n = table[page, VALUES]
        if n < 0:
            return DAMAGED
        stop = begin + n
        # Of this page's rows those from `done` to `upto` - 1 among the wanted ones.
        upto = min(wanted, stop)
        if not every:
            upto = done
            while upto < wanted and np.int64(rows[np.uint64(upto)]) < stop:
                upto += 1
        if upto > done:
            count, top = _codes_of_page(data, table, page, codec, optional, scratch, positions, codes)
            if count < 0:
                return int(count)
            if count > 0 and top >= choices:
                return BEYOND
            whole = count == n
            if whole and every and look_up:  # the most common case by far, without a test per row
                for k in range(done, upto):
                    out[np.uint64(k)] = values[np.uint64(codes[np.uint64(k - begin)])]
                done = upto
            for k in range(done, upto):
                row = (k if every else np.int64(rows[np.uint64(k)])) - begin
                place = row if whole else np.int64(positions[np.uint64(row)])
                if place < 0:
                    nulls += 1
                    flags[np.uint64(k)] = np.uint8(0)
                    out[np.uint64(k)] = 0
                elif look_up:
                    out[np.uint64(k)] = values[np.uint64(codes[np.uint64(place)])]
                else:
                    out[np.uint64(k)] = codes[np.uint64(place)]
            done = upto
        begin = stop
        page += 1
    return int(nulls)


_SIGNATURE = (
    "i64(const u8[], const i64[,], i64, i64, i64, bool, u8[], i32[], i32[], const i32[], bool, i64, bool, "
    "const {0}[], {0}[], u8[])"
)
decode = {width: kernel(_SIGNATURE.format(f"u{8 * width}"))(_decode) for width in (4, 8)}
"""By the width of what is wanted in bytes; codes have 4."""
