"""Values as words, or as ranks among themselves, whose unsigned order is the one that rows are to have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from ...dtypes import DataType, Kind
from ...expr import Column, SortKey
from .buffers import bits_of, halves_of, text_of, values_of
from .comparable import comparable
from .native import NO_BITS, argsort, order_floats, order_integers, order_nulls, text_ranks
from .native.arrays import Rows, Words
from .native.parallel import Threads
from .table import is_dictionary
from .words import floats_of, integers_of, is_bytes, is_one_word

_FEW = 64
"""Texts up to which ranking them one by one costs less than making kernels ready for them."""


def order_words(
    column: pa.Array, key: SortKey, *, nullable: bool = False, threads: Threads | None = None
) -> list[Words]:
    """Return a key as word columns whose unsigned order is the wanted one.

    The last holds the values; one for nulls stands before it if there are any, or ``nullable`` says there might be.
    """
    dtype = key.expr.dtype
    words: list[Words] = []
    if dtype.kind is Kind.NULL:
        return words
    if column.null_count or nullable:
        bits, offset = bits_of(column.indices if is_dictionary(column) else column)
        words.append(order_nulls(bits, offset, len(column), nulls_first=key.nulls_first))
    else:
        bits, offset = NO_BITS, 0
    if dtype.is_float:
        return [*words, order_floats(floats_of(column), bits=bits, bit_offset=offset, descending=key.descending)]
    if is_one_word(dtype):
        numbers = integers_of(column)
        if dtype.kind is Kind.UINT64:
            numbers = numbers ^ np.int64(np.iinfo(np.int64).min)
        return [*words, order_integers(numbers, bits=bits, bit_offset=offset, descending=key.descending)]
    if dtype.is_decimal:
        pairs = halves_of(column)
        high = order_integers(
            np.ascontiguousarray(pairs[:, 1]), bits=bits, bit_offset=offset, descending=key.descending
        )
        low = np.ascontiguousarray(pairs[:, 0]) ^ np.int64(np.iinfo(np.int64).min)
        return [*words, high, order_integers(low, bits=bits, bit_offset=offset, descending=key.descending)]
    rank = ranks(column, dtype, threads).astype(np.int64)
    return [*words, order_integers(rank, bits=bits, bit_offset=offset, descending=key.descending)]


def ranks(column: pa.Array, dtype: DataType, threads: Threads | None = None) -> Any:
    """Return int32 ranks: order and equality are those of the values; nulls hold anything."""
    if is_dictionary(column):
        starts, data = text_of(column.dictionary)
        known = text_ranks(starts, data)
        if not len(known):
            return np.zeros(len(column), dtype=np.int32)
        indices = values_of(column.indices)
        return known[np.where(indices < len(known), indices, 0) if column.null_count else indices]
    if is_bytes(dtype):
        if len(column) <= _FEW:
            return _ranks_of_few(column)
        starts, data = text_of(column)
        bits, offset = bits_of(column)
        return text_ranks(starts, data, bits=bits, bit_offset=offset, threads=threads)
    if dtype.is_decimal:
        high, low = order_words(column, SortKey(expr=Column(name="", dtype=dtype)))[-2:]
        return _ranks_of_words(high, low, threads)
    if dtype.kind is Kind.NULL:
        return np.zeros(len(column), dtype=np.int32)
    starts, data = text_of(comparable(column))
    bits, offset = bits_of(column)
    return text_ranks(starts, data, bits=bits, bit_offset=offset)


def _ranks_of_words(high: Words, low: Words, threads: Threads | None) -> Rows:
    order = argsort([high, low], threads=threads)
    greater = np.zeros(len(order), dtype=np.int32)
    greater[1:] = (np.diff(high[order]) != 0) | (np.diff(low[order]) != 0)
    found = np.empty_like(greater)
    found[order] = np.cumsum(greater)
    return found


def _ranks_of_few(texts: pa.Array) -> Rows:
    known = [text or b"" for text in texts.cast(pa.binary()).to_pylist()]
    places = {text: place for place, text in enumerate(sorted(set(known)))}
    return np.array([places[text] for text in known], dtype=np.int32)
