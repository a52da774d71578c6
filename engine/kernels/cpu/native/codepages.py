"""Pages of dictionary codes, as many as a chunk has, in one call: a call per page and per step costs a third more.

Codes are unsigned wherever values may stand in their place: of a signed and an unsigned number numba makes a float.

Does what opening such pages one by one does, for chunks that are stored plainly or compressed by Snappy. A page's codes
are looked up while they are in the cache of the processor; pages without a wanted row are passed over.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .arrays import Bits, Bytes, Longs, Number, Rows, Words, copy_bytes
from .compile import device, instruction
from .encodings import code_at, next_run, repeat, unpacked
from .levels import known_rows, spread, value_at, values_before
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
)
from .snappy import unsnapped

load_unaligned = instruction("load_unaligned")
look_up_groups = instruction("look_up_groups")
unpack_groups = instruction("unpack_groups")

STORED_PLAINLY: Final = 0
SNAPPED: Final = 1
BEYOND: Final = -4
"""What is returned where a code lies beyond its dictionary."""
_RUNS: Final = 3
_WIDEST: Final = 32
_SPARSE: Final = 8
"""Where fewer than one row of so many of a page is wanted, only these rows' codes are unpacked."""


@device
def opened_page(
    data: Bytes, table: Longs, page: Number, codec: Number, optional: Number, scratch: Bytes, known: Words
) -> Number:
    """Bring one page's values to ``scratch``, and find out which of its rows have one, where not every row has.

    Returns the number of values, or what is wrong, and where they start and end.
    """
    nothing = np.int64(0)
    start = table[page, START]
    end = start + table[page, STORED]
    size = table[page, SIZE]
    n = table[page, VALUES]
    values = n
    later = table[page, KIND] == DATA_PAGE_V2
    if later:
        levels = table[page, DEFINITION_BYTES]
        if table[page, REPETITION_BYTES] != 0 or levels < 0 or levels > end - start or levels > size:
            return np.int64(DAMAGED), nothing, nothing
        if optional:
            values = known_rows(data, start, start + levels, n, known)
        start += levels
        size -= levels
    unpack = codec == SNAPPED and (not later or (table[page, COMPRESSED] != 0 and start < end))
    if unpack and unsnapped(data, start, end, scratch, size) < 0:
        return np.int64(DAMAGED), nothing, nothing
    # One array for both cases: numba gives each variable one type, and `data` may be read-only.
    if not unpack:
        size = end - start
        if size > len(scratch):
            return np.int64(DAMAGED), nothing, nothing
        copy_bytes(data, start, scratch, nothing, size)
    at = np.int64(0)
    if optional and not later:
        if table[page, LEVEL_ENCODING] != _RUNS:
            return np.int64(UNSUPPORTED), nothing, nothing
        if size < 4:
            return np.int64(DAMAGED), nothing, nothing
        levels = np.int64(load_unaligned(scratch, 0) & np.uint64(0xFFFFFFFF))
        if levels > size - 4:
            return np.int64(DAMAGED), nothing, nothing
        at = 4 + levels
        values = known_rows(scratch, np.int64(4), at, n, known)
    return values, at, size


@device
def before_row(rows: Rows, every: Number, done: Number, wanted: Number, stop: Number) -> Number:
    """Return how many of the wanted rows, all or those listed, come before a row; ``done`` are known to."""
    if every:
        return min(wanted, stop)
    while done < wanted and np.int64(rows[np.uint64(done)]) < stop:
        done += 1
    return done


@device
def opened_codes(
    data: Bytes, table: Longs, page: Number, codec: Number, optional: Number, scratch: Bytes, known: Words
) -> Number:
    """Do the work of `opened_page` for a page of codes, whose width stands before them."""
    values, at, size = opened_page(data, table, page, codec, optional, scratch, known)
    if values > 0 and (at >= size or scratch[np.uint64(at)] > _WIDEST):
        return np.int64(DAMAGED), at, size
    return values, at, size


@device
def _take_run(
    source: Bytes,
    at: Number,
    width: Number,
    skipped: Number,
    count: Number,
    look_up: Number,
    values: NDArray[Any],
    out: NDArray[Any],
    place: Number,
) -> Number:
    """Write ``count`` packed codes after ``skipped`` ones, or their values, to ``out[place:]``; return the greatest."""
    top = np.uint64(0)
    alone = min(count, (-skipped) & 7)
    first = at + (((skipped + alone) * width) >> 3)
    groups = max(np.int64(0), min((count - alone) >> 3, (len(source) - 8 - first) // width))
    last = np.uint64(len(values) - 1)
    for part in range(2):
        begin = np.int64(0) if part == 0 else alone + 8 * groups
        for k in range(begin, alone if part == 0 else count):
            code = code_at(source, at, width, skipped + k)
            top = max(top, code)
            out[np.uint64(place + k)] = values[min(code, last)] if look_up else code
    if look_up:
        return max(top, look_up_groups(source, first, width, groups, values, out, place + alone))
    return max(top, unpack_groups(source, first, width, groups, out, place + alone))


@device
def _take_all(
    source: Bytes,
    at: Number,
    end: Number,
    n: Number,
    skipped: Number,
    look_up: Number,
    values: NDArray[Any],
    out: NDArray[Any],
    place: Number,
    upto: Number,
) -> Number:
    """Write the codes after ``skipped`` ones of a page's ``n``, or their values, to ``out[place:upto]``.

    Returns the greatest code, or `DAMAGED`.
    """
    width = np.int64(source[np.uint64(at)])
    at += 1
    top = np.uint64(0)
    done = np.int64(0)
    last = np.uint64(len(values) - 1)
    if width == 0:
        for k in range(place, upto):
            out[np.uint64(k)] = values[0] if look_up else np.uint64(0)
        return np.int64(0)
    while place < upto:
        count, code, at, after = next_run(source, at, end, width, n - done)
        if count < 0:
            return np.int64(DAMAGED)
        wanted = min(count - skipped, upto - place)
        if wanted > 0:
            if code < 0:
                best = _take_run(source, at, width, skipped, wanted, look_up, values, out, place)
            else:
                best = np.uint64(code)
                given = values[min(best, last)] if look_up else values.dtype.type(best)
                repeat(given, out, place, place + wanted)
            top = max(top, best)
            place += wanted
        skipped = max(np.int64(0), skipped - count)
        done += count
        at = after
    return np.int64(top)


@device
def _take_few(
    source: Bytes,
    at: Number,
    end: Number,
    n: Number,
    known: Words,
    has_nulls: Number,
    rows: Rows,
    begin: Number,
    choices: Number,
    look_up: Number,
    values: NDArray[Any],
    fill: Number,
    out: NDArray[Any],
    flags: Bits,
    place: Number,
    upto: Number,
) -> Number:
    """Write what is wanted of ``rows[place:upto]``, less ``begin``, of a page of ``n`` values, unpacking no other ones.

    Returns a code beyond its dictionary, of which there must be none, or `DAMAGED`; and how many are null.
    """
    width = np.int64(source[np.uint64(at)])
    after = at + 1
    code = np.int64(0)
    first = np.int64(0)
    nulls = np.int64(0)
    stop = n if width == 0 else np.int64(0)
    for k in range(place, upto):
        position = np.int64(rows[np.uint64(k)]) - begin
        if has_nulls:
            bit, position = value_at(known, position)
            if bit == np.uint64(0):
                _void(fill, out, flags, k)
                nulls += 1
                continue
        while position >= stop:
            first = stop
            count, code, at, after = next_run(source, after, end, width, n - stop)
            if count < 0:
                return np.int64(DAMAGED), nulls
            stop += count
        mine = np.int64(code_at(source, at, width, position - first)) if code < 0 else code
        if mine >= choices:
            return mine, nulls
        out[np.uint64(k)] = values[np.uint64(mine)] if look_up else np.uint64(mine)
    return np.int64(0), nulls


@device
def _void(fill: Number, out: NDArray[Any], flags: Bits, place: Number) -> None:
    """Write that a row is null."""
    out[np.uint64(place)] = fill
    flags[np.uint64(place)] = np.uint8(0)


@device
def _take_many(
    source: Bytes,
    at: Number,
    end: Number,
    n: Number,
    known: Words,
    has_nulls: Number,
    codes: Rows,
    rows: Rows,
    begin: Number,
    choices: Number,
    look_up: Number,
    values: NDArray[Any],
    fill: Number,
    out: NDArray[Any],
    flags: Bits,
    place: Number,
    upto: Number,
) -> Number:
    """Do what `_take_few` does, unpacking all values of the page; return the greatest code instead.

    Where a value stands is computed for null rows, too, of which few can be foreseen.
    """
    best = unpacked(source, at + 1, end, np.int64(source[np.uint64(at)]), n, codes, np.int64(0))
    nulls = np.int64(0)
    if best < 0 or best >= choices:
        return best, nulls
    if not has_nulls:
        for k in range(place, upto):
            code = np.uint64(codes[np.uint64(np.int64(rows[np.uint64(k)]) - begin)])
            out[np.uint64(k)] = values[code] if look_up else code
        return best, nulls
    codes[np.uint64(n)] = 0  # for null rows behind the last value
    for k in range(place, upto):
        bit, position = value_at(known, np.int64(rows[np.uint64(k)]) - begin)
        code = np.uint64(codes[np.uint64(position)])
        if look_up:
            out[np.uint64(k)] = values[code] if bit != np.uint64(0) else fill
        else:
            out[np.uint64(k)] = code if bit != np.uint64(0) else np.uint64(fill)
        nulls += 1 - np.int64(bit)
        flags[np.uint64(k)] = np.uint8(bit)
    return best, nulls


@device
def _take_stretch(
    source: Bytes,
    at: Number,
    end: Number,
    n: Number,
    count: Number,
    known: Words,
    skipped: Number,
    look_up: Number,
    values: NDArray[Any],
    fill: Number,
    out: NDArray[Any],
    flags: Bits,
    place: Number,
    upto: Number,
) -> Number:
    """Write what is wanted of the rows after ``skipped`` ones of a page of ``n`` rows and ``count`` values.

    Returns the greatest code, or `DAMAGED`; and how many are null.
    """
    if count == n:
        return _take_all(source, at, end, n, skipped, look_up, values, out, place, upto), np.int64(0)
    before = values_before(known, skipped)
    some = values_before(known, skipped + upto - place) - before
    best = _take_all(source, at, end, count, before, look_up, values, out, place, place + some)
    if best >= 0:
        spread(known, skipped, some, fill, out, flags, place, upto)
    return best, upto - place - some


@device
def decoded(
    data: Bytes,
    table: Longs,
    first: Number,
    skipped: Number,
    codec: Number,
    optional: Number,
    scratch: Bytes,
    known: Words,
    codes: Rows,
    rows: Rows,
    every: Number,
    choices: Number,
    look_up: Number,
    values: NDArray[Any],
    fill: Number,
    out: NDArray[Any],
    flags: Bits,
) -> Number:
    """Decode some rows of a chunk of codes.

    Parameters
    ----------
    data, table
        A column chunk and its page table, as `walked_pages` fills it.
    first, skipped
        The page that the rows begin in, and how many of its rows stand before row 0.
    codec
        `STORED_PLAINLY` or `SNAPPED`.
    optional
        Whether there are levels that say which rows are null.
    scratch
        Room for a decompressed page and `SLACK`.
    known, codes
        Room for the rows of one page, ``known`` only where there are levels.
    rows, every
        The wanted rows, sorted, as many as ``out`` has; or that these are all rows from 0 on.
    choices
        Length of the dictionary.
    look_up, values
        Whether the dictionary's values are wanted, and they; else the codes are.
    fill
        What stands for null.
    out, flags
        What is wanted of the wanted rows; flags, where there are levels, are set to 0 for null ones.

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
            return np.int64(DAMAGED)
        n = table[page, VALUES]
        if n < 0:
            return np.int64(DAMAGED)
        stop = begin + n
        upto = before_row(rows, every, done, wanted, stop)
        if upto > done:
            count, at, end = opened_codes(data, table, page, codec, optional, scratch, known)
            if count < 0:
                return count
            if count > 0 and choices == 0:
                return np.int64(BEYOND)
            best, missed = np.int64(0), upto - done
            if count == 0:
                for k in range(done, upto):
                    _void(fill, out, flags, k)
            elif every:
                best, missed = _take_stretch(
                    scratch, at, end, n, count, known, done - begin, look_up, values, fill, out, flags, done, upto
                )
            elif (upto - done) * _SPARSE < n:
                best, missed = _take_few(
                    scratch, at, end, count, known, count < n, rows, begin, choices, look_up, values, fill, out, flags,
                    done, upto,
                )  # fmt: skip
            else:
                best, missed = _take_many(
                    scratch, at, end, count, known, count < n, codes, rows, begin, choices, look_up, values, fill, out,
                    flags, done, upto,
                )  # fmt: skip
            if best < 0 or (count > 0 and best >= choices):
                return np.int64(DAMAGED) if best < 0 else np.int64(BEYOND)
            nulls += missed
            done = upto
        begin = stop
        page += 1
    return nulls
