"""Rows of words and texts as one byte string each, for ``textgroups``, and back.

A row's words come first, 8 bytes each; then for each of its texts 4 bytes, 0 for a null and else one more than its
length, and its bytes. So two rows have the same bytes only where all their values are the same.
"""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Bytes, Longs, Rows, Words, copy_bytes, missing
from .compile import instruction, kernel

load_unaligned, store_unaligned = instruction("load_unaligned"), instruction("store_unaligned")

WORD, PREFIX = 8, 4
"""Bytes of a word, and those before a text."""


@kernel("void(const i32[], const u8[], i64, i64[])")
def add_lengths(offsets: Rows, bits: Bits, bit_offset: int, lengths: Longs) -> None:
    """Add the bytes that texts take to those of their rows."""
    for i in range(len(lengths)):
        size = np.int64(offsets[i + 1]) - np.int64(offsets[i])
        lengths[i] += PREFIX + (np.int64(0) if missing(bits, bit_offset + i) else size)


# Positions are where the next value of each row is to be written or read.


@kernel("void(const u64[], i64[], u8[])")
def write_words(words: Words, positions: Longs, out: Bytes) -> None:
    """Write a word of each row."""
    for i in range(len(words)):
        store_unaligned(out, positions[i], words[i])
        positions[i] += WORD


@kernel("void(const i32[], const u8[], const u8[], i64, i64[], u8[])")
def write_texts(offsets: Rows, data: Bytes, bits: Bits, bit_offset: int, positions: Longs, out: Bytes) -> None:
    """Write a text of each row."""
    for i in range(len(positions)):
        begin, position = np.int64(offsets[i]), positions[i]
        length = np.int64(offsets[i + 1]) - begin
        told = length + 1
        if missing(bits, bit_offset + i):
            length = np.int64(0)
            told = np.int64(0)
        for k in range(PREFIX):
            out[position + k] = np.uint8(told >> (8 * k))
        copy_bytes(data, begin, out, position + PREFIX, length)
        positions[i] = position + PREFIX + length


@kernel("void(const u8[], i64[], u64[])")
def read_words(data: Bytes, positions: Longs, out: Words) -> None:
    """Read a word of each row."""
    for i in range(len(out)):
        out[i] = load_unaligned(data, positions[i])
        positions[i] += WORD


@kernel("void(const u8[], const i64[], i64[], u8[])")
def measure_texts(data: Bytes, positions: Longs, offsets: Longs, known: Bits) -> None:
    """Tell where the texts of rows are to begin and end, one after the other, and which are no nulls."""
    total = np.int64(0)
    for i in range(len(positions)):
        told = np.int64(0)
        for k in range(PREFIX):
            told |= np.int64(data[positions[i] + k]) << (8 * k)
        known[i] = np.uint8(told != 0)
        offsets[i] = total
        total += max(told - 1, np.int64(0))
    offsets[len(positions)] = total


@kernel("void(const u8[], i64[], const i64[], u8[])")
def read_texts(data: Bytes, positions: Longs, offsets: Longs, out: Bytes) -> None:
    """Read a text of each row to where it is to begin."""
    for i in range(len(positions)):
        length = offsets[i + 1] - offsets[i]
        copy_bytes(data, positions[i] + PREFIX, out, offsets[i], length)
        positions[i] += PREFIX + length
