"""Rows hashed: what partitions and tables of keys begin with; equal values have equal hashes, whatever holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ...dtypes import DataType
from .buffers import bits_of, empty, text_of, values_of
from .comparable import comparable
from .native import (
    Calls,
    Hashed,
    combine_hashes,
    hash_bytes,
    hash_bytes_later,
    hash_columns_later,
    hash_words,
    zero_nulls,
)
from .native.arrays import Words
from .words import halves_words, is_bytes, is_one_word, looked_up, words_of


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
    encoded = comparable(column)
    if not pa.types.is_binary(encoded.type):  # of no type: all are null
        return hash_words(np.zeros(len(column), np.uint64), bits=bits, bit_offset=offset)
    starts, data = text_of(encoded)
    bits, offset = bits_of(encoded)
    return hash_bytes(starts, data, bits=bits, bit_offset=offset)
