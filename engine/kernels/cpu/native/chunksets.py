"""Column chunks of row groups, as many as are wanted, in one call each for opening, testing and decoding them.

Between two calls of kernels stands Python, which holds the interpreter's lock, and which the data before have driven
out of the cache. What a call needs to know of a chunk is a row of a table of integers, addresses among them: whoever
fills it in keeps the memory alive.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bytes, Longs, Number, Rows, Words, copy_bytes
from .codepages import SNAPPED, decoded
from .compile import device, instruction, kernel
from .encodings import key_slot, slot_flag
from .pages import (
    DAMAGED,
    ENCODING,
    FULL,
    HAS_DICTIONARY,
    PLAIN,
    PLAIN_DICTIONARY,
    SIZE,
    START,
    STORED,
    UNSUPPORTED,
    walked_pages,
)
from .pages import VALUES as PAGE_VALUES
from .snappy import SLACK, unsnapped, unsnapped_two

bytes_at = instruction("bytes_at")
ints_at = instruction("ints_at")
longs_at = instruction("longs_at")
halves_at = instruction("halves_at")
words_at = instruction("words_at")
longs_table_at = instruction("longs_table_at")

# Columns of the tables of chunks to open, to test and to decode.
DATA: Final = 0
DATA_BYTES: Final = 1
PAGES: Final = 2
"""Where the chunk's pages stand in their table; opening fills in the number of the first one instead."""
PAGE_COUNT: Final = 3
"""How many there are; filled in by opening, or what is wrong."""
SKIPPED: Final = 4
"""Rows of the chunk before row 0."""
CODEC: Final = 5
OPTIONAL: Final = 6
CHOICES: Final = 7
"""Length of the dictionary; filled in by opening."""
VALUES: Final = 8
"""The dictionary's values; 0 where codes are wanted, or a test has its flags. Opening fills in where they have been
unpacked to, 0 where they have not."""
WIDTH: Final = 9
"""Bytes of a value: 4 or 8; of codes 4. Where a dictionary's entries have 4 and values 8, opening widens them."""
OUT: Final = 10
FLAGS: Final = 11
"""Room for what is wanted, and for a byte per row that is 0 for null, 0 where none is."""
ROWS: Final = 12
"""The wanted rows, sorted; 0 where they are all from row 0 on."""
COUNT: Final = 13
"""How many rows are wanted."""
NULLS: Final = 14
"""Filled in: number of nulls, or what is wrong."""

# Columns of which only tests make use.
WANTED: Final = 15
"""Room for a flag of 4 bytes for each entry of the dictionary, then one for null."""
KIND: Final = 16
LOW: Final = 17
HIGH: Final = 18
"""Of a range: the least and the greatest value. Of keys: the value of slot 0, and how many slots there are."""
KEYS: Final = 19
"""Where the flags of slots are, a bit each; the last one is that of values beyond the others. Or the given flags, a
byte for each entry of the dictionary, then one for null."""
SHIFT: Final = 20
"""Bits that a distance's hash is shifted by to be a slot; below 0 where the distance is the slot."""
FLAGGED: Final = 21
"""Filled in: how many entries of the dictionary pass."""

# Columns of which only opening makes use, besides the facts that `pages` names.
ROOM: Final = 26
"""Where the dictionary may be unpacked to, and how many bytes there are; 0 where it is to stay as it is stored."""
ROOM_BYTES: Final = 27
ROW_COUNT: Final = 28
"""How many values, nulls included, the chunk has."""
ENTRY: Final = 29
"""Bytes of a dictionary's entry as it is stored, 0 where they differ in length."""
FIELDS: Final = 30

# Kinds of tests.
GIVEN: Final = 0
RANGE: Final = 1
SET: Final = 2
PAIR: Final = 3
"""Two columns are compared, the way that `LOW` says; the chunk of the other one is the next line, of `PARTNER`."""
PARTNER: Final = 4

# Ways to compare.
LESS: Final = 0
LESS_EQUAL: Final = 1
EQUAL: Final = 2
NOT_EQUAL: Final = 3

# Columns of the table of row groups to test.
GROUP_TESTS: Final = 0
"""How many tests it has; they follow those of the group before."""
GROUP_ROWS: Final = 1
GROUP_PASSED: Final = 2
"""Filled in: how many rows pass."""
GROUP_FIELDS: Final = 3

_PAGE_FIELDS: Final = 11


@kernel("i64(i64[,], i64[,])")
def open_chunks(chunks: Longs, pages: Longs) -> int:
    """Read the page headers of chunks, and unpack the dictionaries that there is room for.

    Returns
    -------
    int
        Pages of all chunks, or `FULL`, where ``pages`` has room for fewer. What is wrong with a chunk stands in its
        row.
    """
    used = np.int64(0)
    for row in range(len(chunks)):
        data = bytes_at(np.uint64(chunks[row, DATA]), chunks[row, DATA_BYTES])
        count = walked_pages(data, chunks[row, ROW_COUNT], pages, used, chunks, row)
        if count == FULL:
            return FULL
        chunks[row, PAGES] = used
        chunks[row, VALUES] = 0
        chunks[row, CHOICES] = 0
        if count > 0 and chunks[row, HAS_DICTIONARY]:
            chunks[row, CHOICES] = pages[used, PAGE_VALUES]
        chunks[row, PAGE_COUNT] = count
        used += max(count, np.int64(0))
    _unpack_dictionaries(chunks, pages)
    return int(used)


@device
def _unpack_dictionaries(chunks: Longs, pages: Longs) -> None:
    """Unpack the dictionaries that there is room for, two of those by Snappy at once; note what is wrong with one."""
    waiting = np.int64(-1)
    for row in range(len(chunks)):
        if chunks[row, PAGE_COUNT] <= 0 or not chunks[row, HAS_DICTIONARY]:
            continue
        page = chunks[row, PAGES]
        size, start, stored = pages[page, SIZE], pages[page, START], pages[page, STORED]
        data = bytes_at(np.uint64(chunks[row, DATA]), chunks[row, DATA_BYTES])
        room = bytes_at(np.uint64(chunks[row, ROOM]), chunks[row, ROOM_BYTES])[_offset_of(chunks, row, size) :]
        if pages[page, ENCODING] not in (PLAIN, PLAIN_DICTIONARY):
            chunks[row, PAGE_COUNT] = UNSUPPORTED
        elif size + SLACK > len(room):
            continue
        elif chunks[row, CODEC] != SNAPPED:
            if stored >= size:
                copy_bytes(data, start, room, np.int64(0), size)
            _note_unpacked(chunks, row, size, stored >= size)
        elif waiting < 0:
            waiting = np.int64(row)
        else:
            page = chunks[waiting, PAGES]
            other_size, other_start = pages[page, SIZE], pages[page, START]
            other_data = bytes_at(np.uint64(chunks[waiting, DATA]), chunks[waiting, DATA_BYTES])
            other_room = bytes_at(np.uint64(chunks[waiting, ROOM]), chunks[waiting, ROOM_BYTES])[
                _offset_of(chunks, waiting, other_size) :
            ]
            result, other_result = unsnapped_two(
                data, start, start + stored, room, size,
                other_data, other_start, other_start + pages[page, STORED], other_room, other_size,
            )  # fmt: skip
            _note_unpacked(chunks, row, size, result == 0)
            _note_unpacked(chunks, waiting, other_size, other_result == 0)
            waiting = np.int64(-1)
    if waiting >= 0:
        page = chunks[waiting, PAGES]
        size, start = pages[page, SIZE], pages[page, START]
        data = bytes_at(np.uint64(chunks[waiting, DATA]), chunks[waiting, DATA_BYTES])
        room = bytes_at(np.uint64(chunks[waiting, ROOM]), chunks[waiting, ROOM_BYTES])[
            _offset_of(chunks, waiting, size) :
        ]
        result = unsnapped(data, start, start + pages[page, STORED], room, size)
        _note_unpacked(chunks, waiting, size, result == 0)


@device
def _offset_of(chunks: Longs, row: Number, size: Number) -> Number:
    """Return how far behind the start of its room a dictionary is unpacked: by its bytes where it is to be widened."""
    return (size + 7) & ~7 if chunks[row, ENTRY] == 4 and chunks[row, WIDTH] == 8 else np.int64(0)


@device
def _note_unpacked(chunks: Longs, row: Number, size: Number, is_whole: Number) -> None:
    """Note where a dictionary is that has been unpacked, and widened if need be, or that it is damaged."""
    choices = chunks[row, CHOICES]
    if not is_whole or size < choices * chunks[row, ENTRY]:
        chunks[row, PAGE_COUNT] = DAMAGED
        return
    chunks[row, VALUES] = chunks[row, ROOM]
    offset = _offset_of(chunks, row, size)
    if offset > 0:
        # A value is read before it is written over: each is written at twice its distance from the start.
        narrow = ints_at(np.uint64(chunks[row, ROOM] + offset), choices)
        wide = longs_at(np.uint64(chunks[row, ROOM]), choices)
        for i in range(choices):
            wide[i] = np.int64(narrow[i])


@device
def _decoded_chunk(
    chunks: Longs,
    row: Number,
    rows: Rows,
    every: Number,
    choices: Number,
    fill: Number,
    out: Number,
    scratch: Bytes,
    known: Words,
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
        np.int64(1),
        chunks[row, SKIPPED],
        chunks[row, CODEC],
        optional,
        scratch,
        known,
        codes,
        rows,
        every,
        chunks[row, CHOICES],
        len(choices) > 0,
        choices,
        fill,
        out,
        flags,
    )


@kernel("i64(i64[,], u8[], u64[], i32[])")
def decode_chunks(chunks: Longs, scratch: Bytes, known: Words, codes: Rows) -> int:
    """Decode rows of chunks of codes, whose first page is a dictionary.

    ``scratch`` has room for the largest page and `SLACK`, ``known`` for `words_for` the most rows of one, ``codes`` for
    one each.

    Returns
    -------
    int
        How many chunks were decoded; what is wrong with the next one stands in its row.
    """
    for row in range(len(chunks)):
        length = chunks[row, CHOICES] if chunks[row, VALUES] != 0 else np.int64(0)
        place, into, count = np.uint64(chunks[row, VALUES]), np.uint64(chunks[row, OUT]), chunks[row, COUNT]
        every = chunks[row, ROWS] == 0
        rows = ints_at(np.uint64(chunks[row, ROWS]), np.int64(0) if every else count)
        if chunks[row, WIDTH] == 8:
            longs, long_out = words_at(place, length), words_at(into, count)
            result = _decoded_chunk(chunks, row, rows, every, longs, np.uint64(0), long_out, scratch, known, codes)
        else:
            shorts, short_out = halves_at(place, length), halves_at(into, count)
            result = _decoded_chunk(chunks, row, rows, every, shorts, np.uint32(0), short_out, scratch, known, codes)
        chunks[row, NULLS] = result
        if result < 0:
            return row
    return len(chunks)


@device
def _passes(value: Number, kind: Number, low: Number, high: Number, keys: Bytes, shift: Number) -> Number:
    if kind == RANGE:
        return np.uint8(low <= value <= high)
    return slot_flag(keys, key_slot(np.uint64(value - low), np.uint64(high - 1), shift < 0, shift & 63))


@device
def _flag_choices(tests: Longs, row: Number) -> None:
    """Fill in which entries of a dictionary pass a test, and how many: of nulls none does, where it is not given."""
    count = tests[row, CHOICES]
    wanted = halves_at(np.uint64(tests[row, WANTED]), count + 1)
    kind, low, high, shift = tests[row, KIND], tests[row, LOW], tests[row, HIGH], tests[row, SHIFT]
    flagged = np.int64(0)
    if kind >= PAIR:  # half of the rows may pass, for all that is known
        tests[row, FLAGGED] = count >> 1 if kind == PAIR else np.int64(-1)
        return
    if kind == GIVEN:
        given = bytes_at(np.uint64(tests[row, KEYS]), count + 1)
        for i in range(count + 1):
            wanted[i] = np.uint32(given[i])
            flagged += np.int64(wanted[i])
        # Null is one choice more; without nulls its flag is nobody's.
        tests[row, FLAGGED] = flagged if tests[row, OPTIONAL] else flagged - np.int64(wanted[count])
        return
    keys = bytes_at(np.uint64(tests[row, KEYS]), (high + 7) >> 3 if kind == SET else np.int64(0))
    if tests[row, WIDTH] == 8:
        longs = longs_at(np.uint64(tests[row, VALUES]), count)
        for i in range(count):
            wanted[i] = np.uint32(_passes(longs[i], kind, low, high, keys, shift))
            flagged += np.int64(wanted[i])
    else:
        ints = ints_at(np.uint64(tests[row, VALUES]), count)
        for i in range(count):
            wanted[i] = np.uint32(_passes(np.int64(ints[i]), kind, low, high, keys, shift))
            flagged += np.int64(wanted[i])
    wanted[count] = np.uint32(0)
    tests[row, FLAGGED] = flagged


@device
def _next_test(tests: Longs, first: Number, stop: Number) -> Number:
    """Return the test that has not been made yet and lets the smallest share of its dictionary pass, -1 for none."""
    best = np.int64(-1)
    least = 2.0
    for row in range(first, stop):
        share = tests[row, FLAGGED] / max(np.int64(1), tests[row, CHOICES])
        if tests[row, FLAGGED] >= 0 and share < least:
            best, least = np.int64(row), share
    return best


@device
def _found_of_test(
    tests: Longs,
    row: Number,
    as_codes: Number,
    own: Rows,
    every: Number,
    left: Number,
    scratch: Bytes,
    known: Words,
    codes: Rows,
) -> Number:
    """Find the flags of rows, or their codes, null being one choice more; return nulls, or what is wrong."""
    choices = tests[row, CHOICES]
    found = halves_at(np.uint64(tests[row, OUT]), left)
    flags = halves_at(np.uint64(tests[row, WANTED]), choices + 1)
    null = np.uint32(choices) if as_codes else flags[choices]
    given = flags[: np.int64(0) if as_codes else choices]
    return _decoded_chunk(tests, row, own, every, given, null, found, scratch, known, codes)


@device
def _kept_of_flagged(tests: Longs, row: Number, as_codes: Number, own: Rows, every: Number, left: Number) -> Number:
    """Keep the rows that are flagged, or whose codes are; return how many."""
    found = halves_at(np.uint64(tests[row, OUT]), left)
    if as_codes:
        flags = halves_at(np.uint64(tests[row, WANTED]), tests[row, CHOICES] + 1)
        codes_kept = np.int64(0)
        for i in range(left):
            own[np.uint64(codes_kept)] = np.int32(i) if every else own[np.uint64(i)]
            codes_kept += np.int64(flags[np.uint64(found[np.uint64(i)])])
        return codes_kept
    pairs = longs_at(np.uint64(tests[row, OUT]), left >> 1)
    kept = np.int64(0)
    for first in range(0, left, 8):
        upto = min(left, first + 8)
        at = np.uint64(first >> 1)
        if upto == first + 8 and pairs[at] | pairs[at + 1] | pairs[at + 2] | pairs[at + 3] == 0:
            continue
        for i in range(first, upto):
            own[np.uint64(kept)] = np.int32(i) if every else own[np.uint64(i)]
            kept += np.int64(found[np.uint64(i)])
    return kept


@device
def _kept_of_pairs(tests: Longs, row: Number, own: Rows, every: Number, left: Number) -> Number:
    """Keep the rows of which the values of two chunks compare as they should, neither of them null; return how many."""
    place, other = np.uint64(tests[row, VALUES]), np.uint64(tests[row + 1, VALUES])
    count, others = tests[row, CHOICES], tests[row + 1, CHOICES]
    if tests[row, WIDTH] == 8:
        return _compared(tests, row, longs_at(place, count), longs_at(other, others), own, every, left)
    return _compared(tests, row, ints_at(place, count), ints_at(other, others), own, every, left)


@device
def _compared(
    tests: Longs, row: Number, firsts: Number, seconds: Number, own: Rows, every: Number, left: Number
) -> Number:
    found = halves_at(np.uint64(tests[row, OUT]), left)
    others = halves_at(np.uint64(tests[row + 1, OUT]), left)
    way = tests[row, LOW]
    kept = np.int64(0)
    for i in range(left):
        own[np.uint64(kept)] = np.int32(i) if every else own[np.uint64(i)]
        one, two = np.int64(found[np.uint64(i)]), np.int64(others[np.uint64(i)])
        if one < len(firsts) and two < len(seconds):
            first, second = firsts[np.uint64(one)], seconds[np.uint64(two)]
            below, same = np.int64(first < second), np.int64(first == second)
            if way == LESS:
                kept += below
            elif way == LESS_EQUAL:
                kept += below | same
            elif way == EQUAL:
                kept += same
            else:
                kept += 1 - same
    return kept


@kernel("i64(i64[,], i64[,], i32[], u8[], u64[], i32[])")
def select_chunks(tests: Longs, groups: Longs, rows: Rows, scratch: Bytes, known: Words, codes: Rows) -> int:
    """Write the rows of row groups that pass all their tests to ``rows``, group by group, as numbers in the group.

    Each chunk is decoded for the rows that passed the ones before; no page is opened of a group where no entry of
    some dictionary passes. Afterwards ``FLAGGED`` is -1 - what it was.

    Returns
    -------
    int
        How many rows passed, or `DAMAGED`; what is wrong with a chunk stands in its row.
    """
    total = np.int64(0)
    first = np.int64(0)
    for group in range(len(groups)):
        stop = first + groups[group, GROUP_TESTS]
        left = groups[group, GROUP_ROWS]
        own = rows[total:]
        every = True
        for row in range(first, stop):
            _flag_choices(tests, row)
        while left > 0:
            row = _next_test(tests, first, stop)
            if row < 0:
                break
            choices, flagged = tests[row, CHOICES], tests[row, FLAGGED]
            pair = tests[row, KIND] == PAIR
            tests[row, FLAGGED] = -1 - flagged
            if not pair and flagged == 0:
                left = np.int64(0)
                break
            if not pair and flagged == choices + (1 if tests[row, OPTIONAL] else 0):
                continue
            as_codes = pair or not tests[row, OPTIONAL]
            for mine in range(row, row + (2 if pair else 1)):
                tests[mine, NULLS] = _found_of_test(tests, mine, as_codes, own, every, left, scratch, known, codes)
                if tests[mine, NULLS] < 0:
                    return DAMAGED
            if pair:
                left = _kept_of_pairs(tests, row, own, every, left)
            else:
                left = _kept_of_flagged(tests, row, as_codes, own, every, left)
            every = False
        if every:
            for i in range(left):
                own[np.uint64(i)] = np.int32(i)
        groups[group, GROUP_PASSED] = left
        total += left
        first = stop
    return int(total)
