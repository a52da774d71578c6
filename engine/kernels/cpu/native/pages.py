"""Parquet pages: walking the page headers of a column chunk.

The headers are Thrift structures in its compact protocol (parquet-format, ``parquet.thrift``). Every length that a file
states is checked against the bytes that there are: a damaged file gives `DAMAGED`, never a read beyond an array.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .arrays import Bytes, Longs, Number
from .compile import device, instruction

load_unaligned = instruction("load_unaligned")

DAMAGED: Final = -1
UNSUPPORTED: Final = -2
FULL: Final = -3

# Columns of the page table.
KIND: Final = 0
START: Final = 1
STORED: Final = 2
SIZE: Final = 3
VALUES: Final = 4
ENCODING: Final = 5
LEVEL_ENCODING: Final = 6
NULLS: Final = 7
DEFINITION_BYTES: Final = 8
REPETITION_BYTES: Final = 9
COMPRESSED: Final = 10
PAGE_FIELDS: Final = 11

# Columns of the table of chunks that say what is known of a chunk as a whole.
HAS_DICTIONARY: Final = 22
CODED: Final = 23
"""`ALL_CODES` where there is a dictionary, and each data page has codes; `OR_PLAIN` where some have plain values."""
MOST_BYTES: Final = 24
"""Of a data page, compressed or not."""
MOST_VALUES: Final = 25
FACTS_END: Final = 26

ALL_CODES: Final = 1
OR_PLAIN: Final = -1

DATA_PAGE: Final = 0
DICTIONARY_PAGE: Final = 2
DATA_PAGE_V2: Final = 3

PLAIN: Final = 0
PLAIN_DICTIONARY: Final = 2
RLE_DICTIONARY: Final = 8
"""The encodings whose values are positions in a dictionary."""

_MAX_SIZE: Final = 2**31 - 1 - 64
_MAX_DEPTH: Final = 16


@device
def word_at(data: Bytes, at: Number) -> Number:
    """Return the 8 bytes from ``at`` on as a little-endian word; what lies beyond the array is 0."""
    if at + 8 <= len(data):
        return load_unaligned(data, at)
    word = np.uint64(0)
    for k in range(8):
        if at + k < len(data):
            word |= np.uint64(data[np.uint64(at + k)]) << np.uint64(8 * k)
    return word


@device
def varint(data: Bytes, at: Number, end: Number) -> Number:
    """Return a variable-length integer and the position after it, -1 where it is cut short or longer than 64 bits."""
    value = np.int64(0)
    shift = np.int64(0)
    while at < end and shift < 64:
        byte = np.int64(data[np.uint64(at)])
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    return np.int64(0), np.int64(-1)


@device
def zigzag(value: Number) -> Number:
    """Return the signed number that a zigzag code stands for."""
    return ((value >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(value & 1)


@device
def _column_of(depth: Number, parent: Number, field: Number) -> Number:  # noqa: C901 - a table of fields
    """Return the column of the page table that a field of the header belongs to, -1 for none."""
    if depth == 0:
        if field == 1:
            return KIND
        if field == 2:
            return SIZE
        if field == 3:
            return STORED
    elif depth == 1 and parent in (5, 7):  # a data page of version 1, a dictionary page
        if field == 1:
            return VALUES
        if field == 2:
            return ENCODING
        if field == 3 and parent == 5:
            return LEVEL_ENCODING
    elif depth == 1 and parent == 8:  # a data page of version 2
        if field == 1:
            return VALUES
        if field == 2:
            return NULLS
        if field == 4:
            return ENCODING
        if field == 5:
            return DEFINITION_BYTES
        if field == 6:
            return REPETITION_BYTES
        if field == 7:
            return COMPRESSED
    return -1


@device
def _number_at(data: Bytes, at: Number, end: Number, kind: Number) -> Number:
    """Return a truth value or integer (0 for other numbers) and the position after it, -1 where it is cut short."""
    if kind <= 2:
        return np.int64(kind == 1), at
    if kind == 3:
        return np.int64(0), at + 1
    if kind == 7:
        return np.int64(0), at + 8
    value, at = varint(data, at, end)
    return zigzag(value), at


@device
def _behind_text(data: Bytes, at: Number, end: Number) -> Number:
    """Return the position after a text, -1 where it is cut short."""
    length, at = varint(data, at, end)
    return at + length if at >= 0 and 0 <= length <= end - at else np.int64(-1)


@device
def _read_header(data: Bytes, at: Number, end: Number, pages: Longs, row: Number) -> Number:  # noqa: C901 - one state machine
    """Read one page header into a row of the table; return the position after it, or what is wrong."""
    for column in range(PAGE_FIELDS):
        pages[row, column] = 0
    pages[row, KIND] = -1
    pages[row, COMPRESSED] = 1
    depth = np.int64(0)
    parent = np.int64(0)
    outer = np.int64(0)
    inner = np.int64(0)
    while at < end:
        byte = np.int64(data[np.uint64(at)])
        at += 1
        if byte == 0:
            if depth == 0:
                return at
            depth -= 1
            continue
        kind = byte & 15
        field = byte >> 4
        if field == 0:
            field, at = varint(data, at, end)
            if at < 0:
                return np.int64(DAMAGED)
            field = zigzag(field)
        elif depth == 0:
            field += outer
        elif depth == 1:
            field += inner
        if depth == 0:
            outer = field
        elif depth == 1:
            inner = field
        if kind == 12:
            if depth == 0:
                parent = field
                inner = np.int64(0)
            depth += 1
            if depth > _MAX_DEPTH:
                return np.int64(DAMAGED)
        elif kind == 8:
            at = _behind_text(data, at, end)
        elif 1 <= kind <= 7:
            value, at = _number_at(data, at, end, kind)
            column = _column_of(depth, parent, field)
            if column >= 0:
                pages[row, column] = value
        else:
            return np.int64(UNSUPPORTED)
        if at < 0:
            return np.int64(DAMAGED)
    return np.int64(DAMAGED)


@device
def walked_pages(data: Bytes, values: Number, pages: Longs, first: Number, facts: Longs, row: Number) -> Number:
    """Read the page headers of a column chunk into a table, up to the page that brings its number of values.

    Parameters
    ----------
    data
        The chunk's bytes.
    values
        How many values, nulls included, its data pages must have together.
    pages, first
        The table, of `PAGE_FIELDS` columns, and where the chunk's pages go. ``START`` is where a page's body begins.
    facts, row
        A table, and the row in it, whose columns from `HAS_DICTIONARY` on take what is known of all pages.

    Returns
    -------
    int
        Number of pages; `DAMAGED`, `UNSUPPORTED`, or `FULL` where the table has too few rows.
    """
    end = np.int64(len(data))
    at = np.int64(0)
    seen = np.int64(0)
    count = np.int64(first)
    for fact in range(HAS_DICTIONARY, FACTS_END):
        facts[row, fact] = 0
    coded = np.int64(1)
    known = np.int64(1)
    while seen < values:
        if count == len(pages):
            return np.int64(FULL)
        at = _read_header(data, at, end, pages, count)
        if at < 0:
            return at
        for column in range(STORED, VALUES + 1):
            if pages[count, column] < 0 or pages[count, column] > _MAX_SIZE:
                return np.int64(DAMAGED)
        if pages[count, STORED] > end - at:
            return np.int64(DAMAGED)
        pages[count, START] = at
        at += pages[count, STORED]
        kind = pages[count, KIND]
        if kind in (DATA_PAGE, DATA_PAGE_V2):
            seen += pages[count, VALUES]
            codes = pages[count, ENCODING] == PLAIN_DICTIONARY or pages[count, ENCODING] == RLE_DICTIONARY
            coded &= np.int64(codes)
            known &= np.int64(codes or pages[count, ENCODING] == PLAIN)
            facts[row, MOST_BYTES] = max(facts[row, MOST_BYTES], pages[count, STORED], pages[count, SIZE])
            facts[row, MOST_VALUES] = max(facts[row, MOST_VALUES], pages[count, VALUES])
            count += 1
        elif kind == DICTIONARY_PAGE:
            if count > first:
                return np.int64(DAMAGED)
            facts[row, HAS_DICTIONARY] = 1
            count += 1
        elif kind != 1:  # an index page is passed over
            return np.int64(DAMAGED)
    facts[row, CODED] = coded & facts[row, HAS_DICTIONARY]
    if not facts[row, CODED] and known:
        facts[row, CODED] = OR_PLAIN
    return count - first if seen == values else np.int64(DAMAGED)
