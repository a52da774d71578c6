"""Columns as 64-bit words and hashes: what grouping, joining, sorting and partitioning compute with.

Equal values have equal words: NaN is one word, -0.0 is 0.0. Words of nulls are anything; validity travels beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import DataType, Kind
from .buffers import INT64_DIGITS, bits_of, bools_of, empty, halves_of, present, text_of, values_of
from .native import (
    NO_BITS,
    Calls,
    Hashed,
    combine_hashes,
    float_words,
    hash_bytes,
    hash_bytes_later,
    hash_columns_later,
    hash_words,
    take,
    zero_nulls,
)
from .native.arrays import Bits, Words


def integers_of(array: pa.Array) -> NDArray[np.int64]:
    """Return the values of a column whose order is that of integers of at most 64 bits, as contiguous int64.

    Integers (uint64 reinterpreted), booleans, dates, times, timestamps, durations, decimals of at most 18 digits.
    """
    if pa.types.is_boolean(array.type):
        return bools_of(array).astype(np.int64)
    values = values_of(array)
    return values.view(np.int64) if values.dtype.itemsize == 8 else values.astype(np.int64)


def floats_of(array: pa.Array) -> NDArray[np.float64]:
    """Return the values of a float column as contiguous float64."""
    return values_of(array).astype(np.float64, copy=False)


def is_one_word(dtype: DataType) -> bool:
    """Whether values are integers of at most 64 bits or floats."""
    if dtype.is_decimal:
        return dtype.precision <= INT64_DIGITS
    return dtype.kind not in (Kind.STRING, Kind.BINARY, Kind.INTERVAL, Kind.LIST, Kind.STRUCT, Kind.NULL)


def is_bytes(dtype: DataType) -> bool:
    """Whether values are byte strings."""
    return dtype.kind in (Kind.STRING, Kind.BINARY)


def words_of(array: pa.Array, dtype: DataType) -> Words:
    """Return one-word values (`is_one_word`) as words."""
    return float_words(floats_of(array)) if dtype.is_float else integers_of(array).view(np.uint64)


def halves_words(array: pa.Array) -> list[Words]:
    """Return the low and the high words of a decimal128 column."""
    pairs = halves_of(array)
    return [np.ascontiguousarray(pairs[:, j]).view(np.uint64) for j in (0, 1)]


def looked_up(table: Words, codes: pa.Array) -> Words:
    """Return ``table[code]`` for int32 codes; the table's last entry stands for null."""
    indices = values_of(codes)
    if codes.null_count:
        indices = np.where(present(codes), indices, np.int32(len(table) - 1))
    words = empty(len(indices), np.uint64)
    take(table, indices, words)
    return words


def hash_columns(columns: Sequence[pa.Array], dtypes: Sequence[DataType], num_rows: int) -> Words:
    """Return one hash per row, equal for equal keys in every process; no columns hash alike."""
    hashes: Words | None = None
    for column, dtype in zip(columns, dtypes, strict=True):
        own = _hash_column(column, dtype)
        hashes = own if hashes is None else combine_hashes(hashes, own)
    return np.zeros(num_rows, dtype=np.uint64) if hashes is None else hashes


def partition_words(columns: Sequence[pa.Array], dtypes: Sequence[DataType], num_rows: int) -> Words:
    """Return the word per row by which rows are partitioned, equal for equal keys: a single key's own, else a hash."""
    if len(columns) != 1 or not is_one_word(dtypes[0]):
        return hash_columns(columns, dtypes, num_rows)
    words = words_of(columns[0], dtypes[0])
    return zero_nulls(words, *bits_of(columns[0])) if columns[0].null_count else words


def partition_words_later(columns: Sequence[pa.Array], dtypes: Sequence[DataType], out: Words, calls: Calls) -> Words:
    """Have calls compute `partition_words`, into ``out`` where they are hashes; return where they stand then."""
    if len(columns) == 1 and is_one_word(dtypes[0]):
        words = words_of(columns[0], dtypes[0])
        return zero_nulls(words, *bits_of(columns[0])) if columns[0].null_count else words
    calls.keep(columns)
    hashed = [_hashed_later(column, dtype, calls) for column, dtype in zip(columns, dtypes, strict=True)]
    hash_columns_later(hashed, out, calls)
    return out


def _hashed_later(column: pa.Array, dtype: DataType, calls: Calls) -> Hashed:
    """Return a column as rows are hashed by it when the calls are made."""
    if isinstance(column, pa.DictionaryArray) or not (is_bytes(dtype) or is_one_word(dtype)):
        return Hashed(_hash_column(column, dtype), done=True)
    if is_bytes(dtype):
        hashes = empty(len(column), np.uint64)
        hash_bytes_later(*text_of(column), *bits_of(column), hashes, calls)
        return Hashed(hashes, done=True)
    if pa.types.is_int32(column.type) or pa.types.is_date32(column.type):
        return Hashed(values_of(column), *bits_of(column))
    return Hashed(words_of(column, dtype), *bits_of(column))


def _hash_column(column: pa.Array, dtype: DataType) -> Words:
    if isinstance(column, pa.DictionaryArray):
        starts, data = text_of(column.dictionary)
        null = hash_words(np.zeros(1, np.uint64), bits=np.zeros(1, np.uint8))
        return looked_up(np.concatenate([hash_bytes(starts, data), null]), column.indices)
    bits, offset = bits_of(column)
    if is_bytes(dtype):
        starts, data = text_of(column)
        return hash_bytes(starts, data, bits=bits, bit_offset=offset)
    if is_one_word(dtype):
        return hash_words(words_of(column, dtype), bits=bits, bit_offset=offset)
    if dtype.is_decimal:
        low, high = (hash_words(half, bits=bits, bit_offset=offset) for half in halves_words(column))
        return combine_hashes(low, high)
    from .comparable import comparable  # it stands on this module

    encoded = comparable(column)
    if not pa.types.is_binary(encoded.type):  # of no type: all are null
        return hash_words(np.zeros(len(column), np.uint64), bits=bits, bit_offset=offset)
    starts, data = text_of(encoded)
    bits, offset = bits_of(encoded)
    return hash_bytes(starts, data, bits=bits, bit_offset=offset)


def validity_bits(columns: Sequence[pa.Array]) -> tuple[Bits, int]:
    """Return the bitmap of rows in which no column is null; `NO_BITS` where that is all of them."""
    nullable = [column for column in columns if column.null_count]
    if not nullable:
        return NO_BITS, 0
    if len(nullable) == 1:
        return bits_of(nullable[0])
    known = np.ones(len(nullable[0]), dtype=np.bool_)
    for column in nullable:
        known &= present(column)
    return np.packbits(known, bitorder="little"), 0
