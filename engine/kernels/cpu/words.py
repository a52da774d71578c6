"""Columns as 64-bit words: what grouping, joining, sorting and partitioning compute with.

Equal values have equal words: NaN is one word, -0.0 is 0.0. Words of nulls are anything; validity travels beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import INT64_DIGITS, DataType, Kind
from .buffers import bits_of, bools_of, empty, halves_of, present, values_of
from .native import (
    NO_BITS,
    float_words,
    take,
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
