"""64-bit hashes of words, rows of words, and byte strings: deterministic across processes and machines.

Every result bit depends on every input bit (two rounds of xor-shift-multiply), so top bits may choose a partition and
other bits a slot. Knows nothing of tables.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import NO_BITS, Bits, Bytes, Doubles, Longs, Number, Rows, Words, addresses, missing
from .compile import device, instruction, kernel

load_word = instruction("load_word")
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


@kernel("void(const u64[], i64, u64[])")
def _hash_rows(columns: Words, n: int, out: Words) -> None:
    for i in range(n):
        h = mix(load_word(columns[0], i))
        for j in range(1, len(columns)):
            h = combine(h, load_word(columns[j], i))
        out[i] = h


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
        out[i] = np.uint64(0) if missing(bits, bit_offset + i) else words[i]


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
