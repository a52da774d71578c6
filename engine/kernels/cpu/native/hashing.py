"""64-bit hashes of words, rows of words, and byte strings: deterministic across processes and machines.

Every result bit depends on every input bit (two rounds of xor-shift-multiply), so top bits may choose a partition and
other bits a slot. Knows nothing of tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Doubles, Longs, Number, Rows, Words, addresses, missing, void_missing
from .calls import Calls
from .compile import device, instruction, kernel

load_byte = instruction("load_byte")
load_row = instruction("load_row")
load_word = instruction("load_word")
prefetch_word = instruction("prefetch_word")
load_unaligned = instruction("load_unaligned")

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ODD = np.uint64(0xD6E8FEB86659FD93)
_LENGTHS = np.uint64(0x165667B19E3779F9)
_LAST = np.uint64(0xC2B2AE3D27D4EB4F)
_S32 = np.uint64(32)
_S29 = np.uint64(29)
_S3 = np.uint64(3)
_EIGHT = np.uint64(8)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ZERO, _ONE = np.uint64(0), np.uint64(1)
# What a kernel is told of a column: its address, what stands there, and the address and offset of its validity.
_VALUES, _KIND, _BITS, _BIT_OFFSET = range(4)
_HASHES, _INTS, _WORDS = 0, 4, 8
# Rows that are hashed together, and words that a loop along a column asks for ahead.
_BLOCK = 512
_LEAD = 512

NULL_HASH = np.uint64(0x5DEECE66D1B54A32)
"""Hash of a null, of whatever type."""


@device
def mix(word: Number) -> Number:
    """Hash one word; a bijection, so different words never share all 64 bits."""
    word ^= word >> _S32
    word *= _ODD
    word ^= word >> _S32
    word *= _ODD
    return word ^ (word >> _S32)


@device
def combine(first: Number, second: Number) -> Number:
    """Hash an ordered pair of hashes."""
    return mix(first * _GOLDEN + second)


@device
def hash_slice(data: Bytes, start: Number, stop: Number) -> Number:
    """Hash ``data[start:stop]``, eight bytes at a time, the last eight possibly overlapping."""
    length = stop - start
    h = np.uint64(length) * _GOLDEN
    if length >= 8:
        position = start
        while position + 8 < stop:
            h = (h ^ load_unaligned(data, position)) * _ODD
            h ^= h >> _S29
            position += 8
        return mix(h ^ load_unaligned(data, stop - 8))
    return mix(h ^ short_word(data, start, stop))


@device
def text_tag(data: Bytes, start: Number, stop: Number) -> Number:
    """Hash ``data[start:stop]`` to 32 bits, for tables of strings: cheaper than `hash_slice`, and different.

    Strings of 8 to 24 bytes, as most keys are, are three words that may overlap, multiplied apart from each other.
    """
    length = stop - start
    h = np.uint64(length) * _LENGTHS
    if length >= 8:
        last = load_unaligned(data, stop - 8)
        if length <= 24:
            h += load_unaligned(data, start) * _GOLDEN + load_unaligned(data, start + ((length - 8) >> 1)) * _ODD
        else:
            position = start
            while position + 8 < stop:
                h = (h ^ load_unaligned(data, position)) * _ODD
                h ^= h >> _S29
                position += 8
    else:
        last = short_word(data, start, stop)
    h += last * _LAST
    return ((h ^ (h >> _S29)) * _ODD) >> _S32


@device
def short_word(data: Bytes, start: Number, stop: Number) -> Number:
    """Return fewer than eight bytes as a little-endian word, zero-padded; never reads beyond ``data``."""
    length = stop - start
    if length == 0:
        return np.uint64(0)
    if start + 8 <= len(data):
        return load_unaligned(data, start) & (_ALL >> (np.uint64(8 - length) << _S3))
    word = np.uint64(0)
    for i in range(length):
        word |= np.uint64(data[start + i]) << (np.uint64(i) << _S3)
    return word


@kernel("void(const u64[], const u8[], i64, u64[])")
def _hash_words(words: Words, bits: Bits, bit_offset: int, out: Words) -> None:
    if len(bits) == 0:
        for i in range(len(words)):
            out[i] = mix(words[i])
    else:
        for i in range(len(words)):
            out[i] = NULL_HASH if missing(bits, bit_offset + i) else mix(words[i])


@kernel("void(const u64[], const u64[], u64[])")
def _combine_hashes(first: Words, second: Words, out: Words) -> None:
    for i in range(len(first)):
        out[i] = combine(first[i], second[i])


@device
def hash_part(columns: Words, j: Number, start: Number, size: Number, hashes: Words) -> None:
    """Write the hashes of some rows of a column, from the first of ``hashes`` on."""
    address, kind, bits = columns[j, _VALUES], columns[j, _KIND], columns[j, _BITS]
    for i in range(0, size, 8):
        prefetch_word(address, start + i + _LEAD)
    if kind == _INTS:
        for i in range(size):
            hashes[i] = mix(np.uint64(np.int64(load_row(address, start + i))))
    elif kind == _WORDS:
        for i in range(size):
            hashes[i] = mix(load_word(address, start + i))
    else:
        for i in range(size):
            hashes[i] = load_word(address, start + i)
    if bits != 0:
        position = np.int64(columns[j, _BIT_OFFSET]) + start
        for i in range(size):
            at = position + i
            if (load_byte(bits, at >> 3) >> np.uint8(at & 7)) & np.uint8(1) == np.uint8(0):
                hashes[i] = NULL_HASH


@kernel("void(const u64[,], u64[], u64[])")
def _hash_columns(columns: Words, hashes: Words, out: Words) -> None:
    """Hash rows as `_hash_words` and `_combine_hashes` do, block by block; ``hashes`` has room for a block."""
    block = len(hashes)
    for start in range(0, len(out), block):
        size = min(block, len(out) - start)
        hash_part(columns, 0, start, size, hashes)
        for i in range(size):
            out[start + i] = hashes[i]
        for j in range(1, len(columns)):
            hash_part(columns, j, start, size, hashes)
            for i in range(size):
                out[start + i] = combine(out[start + i], hashes[i])


@kernel("void(const u64[], i64, u64[])")
def _hash_rows(columns: Words, n: int, out: Words) -> None:
    for i in range(n):
        h = mix(load_word(columns[0], i))
        for j in range(1, len(columns)):
            h = combine(h, load_word(columns[j], i))
        out[i] = h


@kernel("i64(const u64[], u64[])")
def _count_distinct(words: Words, table: Words) -> int:
    """Enter words, but for a bit of their hashes, into a table whose last element is how many it has; return that."""
    last = len(table) - 1
    mask = np.uint64(last - 1)
    for i in range(len(words)):
        hashed = mix(words[i]) | _ONE
        slot = (hashed >> _S32) & mask
        while table[slot] != _ZERO and table[slot] != hashed:
            slot = (slot + _ONE) & mask
        if table[slot] == _ZERO:
            table[slot] = hashed
            table[last] += _ONE
    return int(table[last])


@kernel(
    "void(const i32[], const u8[], const u8[], i64, u64[])",
    "void(const i64[], const u8[], const u8[], i64, u64[])",
)
def _hash_bytes(offsets: Longs | Rows, data: Bytes, bits: Bits, bit_offset: int, out: Words) -> None:
    for i in range(len(offsets) - 1):
        if missing(bits, bit_offset + i):
            out[i] = NULL_HASH
        else:
            out[i] = hash_slice(data, np.int64(offsets[i]), np.int64(offsets[i + 1]))


@kernel("void(const f64[], u64[])")
def _float_words(values: Doubles, out: Words) -> None:
    as_words = out.view(np.float64)
    for i in range(len(values)):
        value = values[i]
        if value != value:  # noqa: PLR0124 - NaN
            out[i] = np.uint64(0x7FF8000000000000)
        else:
            as_words[i] = value + 0.0


@kernel("void(const u64[], const u8[], i64, u64[])")
def _zero_nulls(words: Words, bits: Bits, bit_offset: int, out: Words) -> None:
    for i in range(len(words)):
        out[i] = words[i]
    void_missing(bits, bit_offset, np.uint64(0), out)


@kernel("void(const u8[], i64, u64, u64[])")
def _or_nulls(bits: Bits, bit_offset: int, flag: int, out: Words) -> None:
    for i in range(len(out)):
        if missing(bits, bit_offset + i):
            out[i] |= flag


def hash_words(words: Words, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Words | None = None) -> Words:
    """Hash each word; nulls (by the bitmap) get `NULL_HASH`."""
    out = np.empty(len(words), dtype=np.uint64) if out is None else out
    _hash_words(words, bits, bit_offset, out)
    return out


def combine_hashes(first: Words, second: Words, *, out: Words | None = None) -> Words:
    """Hash pairs of hashes, so that several columns of any kinds get one hash; ``out`` may be ``first``."""
    out = np.empty(len(first), dtype=np.uint64) if out is None else out
    _combine_hashes(first, second, out)
    return out


class Hashed(NamedTuple):
    """A column as rows are hashed by it.

    Attributes
    ----------
    values
        Words, 32-bit integers that stand for words, or hashes.
    bits, bit_offset
        Their validity.
    done
        Whether they are hashes, also of nulls.
    """

    values: Words | Rows
    bits: Bits = NO_BITS
    bit_offset: int = 0
    done: bool = False


def hash_columns_later(columns: Sequence[Hashed], out: Words, calls: Calls) -> None:
    """Have a call write one hash per row, as `combine_hashes` of all columns' hashes in turn gives it."""
    described = [
        [
            column.values.ctypes.data,
            _HASHES if column.done else column.values.itemsize,
            column.bits.ctypes.data if len(column.bits) else 0,
            column.bit_offset,
        ]
        for column in columns
    ]
    calls.keep(*columns)
    calls.add(_hash_columns, np.array(described, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64), out)


def count_distinct_later(words: Words, table: Words, calls: Calls) -> None:
    """Have a call enter words into a table, zeros at first, whose last element it counts them with.

    Its result is how many are in the table then; of words that share nearly all bits of a hash one may not count.
    Before it there must be room for a power of two, which is more than there are words.
    """
    calls.add(_count_distinct, words, table, expected=None)


def hash_bytes_later(offsets: Longs | Rows, data: Bytes, bits: Bits, bit_offset: int, out: Words, calls: Calls) -> None:
    """Have a call do `hash_bytes`."""
    calls.add(_hash_bytes, offsets, data, bits, bit_offset, out)


def hash_rows(columns: Sequence[Words], *, out: Words | None = None) -> Words:
    """Hash rows of one or more word columns; equal to `combine_hashes` over the columns' word hashes in order...

    but in one pass, and with the later columns' words unhashed, so the two are not interchangeable.
    """
    out = np.empty(len(columns[0]), dtype=np.uint64) if out is None else out
    _hash_rows(addresses(columns), len(columns[0]), out)
    return out


def hash_bytes(
    offsets: Longs | Rows, data: Bytes, *, bits: Bits = NO_BITS, bit_offset: int = 0, out: Words | None = None
) -> Words:
    """Hash byte strings ``data[offsets[i]:offsets[i + 1]]``; nulls get `NULL_HASH`."""
    out = np.empty(len(offsets) - 1, dtype=np.uint64) if out is None else out
    _hash_bytes(offsets, data, bits, bit_offset, out)
    return out


def float_words(values: Doubles, *, out: Words | None = None) -> Words:
    """Turn floats into words that are equal where the values are: every NaN is one, and -0.0 is 0.0."""
    out = np.empty(len(values), dtype=np.uint64) if out is None else out
    _float_words(values, out)
    return out


def zero_nulls(words: Words, bits: Bits, bit_offset: int = 0, *, out: Words | None = None) -> Words:
    """Replace the words of nulls by zero, as multi-column keys need; ``out`` may be ``words``."""
    out = np.empty(len(words), dtype=np.uint64) if out is None else out
    _zero_nulls(words, bits, bit_offset, out)
    return out


def null_words(validities: Sequence[tuple[Bits, int]], length: int, *, out: Words | None = None) -> Words:
    """Return one word per row with bit ``j`` set where column ``j`` is null: the extra key column of nullable keys.

    Parameters
    ----------
    validities
        Per column a bitmap (possibly `NO_BITS`) and its bit offset; at most 64.
    length
        Number of rows.
    """
    out = np.zeros(length, dtype=np.uint64) if out is None else out
    out[:] = 0
    for j, (bits, bit_offset) in enumerate(validities):
        if len(bits):
            _or_nulls(bits, bit_offset, 1 << j, out)
    return out
