"""Sorting and top-k over order-preserving words."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from ...dtypes import DataType, Kind
from ...errors import UnsupportedOperation
from ...expr import SortKey
from ...schema import Schema
from ..protocol import Table
from .buffers import bits_of, halves_of, text_of, values_of
from .gather import take_column
from .native import NO_BITS, argsort, order_floats, order_integers, order_nulls, smallest, text_ranks
from .native.arrays import Words
from .project import Evaluator
from .table import CpuTable, concat_tables, is_dictionary, own, slice_table, take_rows
from .words import floats_of, integers_of, is_bytes, is_one_word

_SIGN = np.uint64(1 << 63)
_SHARED_ROWS = 1 << 17
"""From so many rows on, a sort is worth threads of its own."""


def sort_tables(tables: Sequence[CpuTable], keys: Sequence[SortKey], schema: Schema, *, threads: int = 1) -> CpuTable:
    """Return all rows in order, ties in input order."""
    table = concat_tables(tables, schema)
    if threads == 1 or table.num_rows < _SHARED_ROWS:
        return take_rows(table, sorted_rows(table, keys))
    with ThreadPoolExecutor(threads, thread_name_prefix="volley-sort") as executor:
        rows = argsort(_words(table, keys), executor=executor)
        columns = list(executor.map(lambda column: take_column(column, rows), table.columns))
    return table.with_columns(columns, len(rows))


def sorted_rows(table: CpuTable, keys: Sequence[SortKey]) -> Any:
    """Return the stable order of the rows."""
    return argsort(_words(table, keys))


def _words(table: CpuTable, keys: Sequence[SortKey]) -> list[Words]:
    """Return at least one word column whose order, most significant first, is the wanted one."""
    columns = Evaluator(table).columns([key.expr for key in keys])
    words = [word for column, key in zip(columns, keys, strict=True) for word in order_words(column, key)]
    return words or [np.zeros(table.num_rows, dtype=np.uint64)]


def order_words(column: pa.Array, key: SortKey) -> list[Words]:
    """Return a key as word columns whose unsigned order is the wanted one."""
    dtype = key.expr.dtype
    words: list[Words] = []
    if dtype.kind is Kind.NULL:
        return words
    if column.null_count:
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
    rank = ranks(column, dtype).astype(np.int64)
    return [*words, order_integers(rank, bits=bits, bit_offset=offset, descending=key.descending)]


def ranks(column: pa.Array, dtype: DataType) -> Any:
    """Return int32 ranks: order and equality are those of the values; nulls hold anything."""
    if is_dictionary(column):
        starts, data = text_of(column.dictionary)
        known = text_ranks(starts, data)
        if not len(known):
            return np.zeros(len(column), dtype=np.int32)
        indices = values_of(column.indices)
        return known[np.where(indices < len(known), indices, 0) if column.null_count else indices]
    if is_bytes(dtype):
        starts, data = text_of(column)
        bits, offset = bits_of(column)
        return text_ranks(starts, data, bits=bits, bit_offset=offset)
    if dtype.is_decimal:
        _, codes = np.unique(
            np.array(
                [int(v.scaleb(v.as_tuple().exponent * -1)) if v is not None else 0 for v in column.to_pylist()],
                dtype=object,
            ),
            return_inverse=True,
        )
        return codes.astype(np.int32)
    if dtype.kind is Kind.NULL:
        return np.zeros(len(column), dtype=np.int32)
    raise UnsupportedOperation(f"the cpu device cannot order values of type {dtype}")


class CpuTopK:
    """Keeps the first ``k`` rows of an order."""

    def __init__(self, keys: Sequence[SortKey], k: int, schema: Schema) -> None:
        self._keys, self._k, self._schema = tuple(keys), k, schema
        self._held: list[CpuTable] = []
        self._rows = 0

    def update(self, table: Table) -> None:
        """Offer the rows of a table."""
        rows = own(table)
        if rows.num_rows > 4 * self._k:
            rows = take_rows(rows, smallest(_words(rows, self._keys), self._k))
        self._held.append(rows)
        self._rows += rows.num_rows
        if self._rows > 4 * self._k + 65_536:
            self._cut()

    def result(self) -> CpuTable:
        """Return at most ``k`` rows, sorted."""
        self._cut()
        return self._held[0]

    def _cut(self) -> None:
        best = slice_table(sort_tables(self._held, self._keys, self._schema), 0, self._k)
        self._held, self._rows = [best], best.num_rows
