"""Spreading the rows of many batches over hash partitions, each of which becomes one run of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from .buffers import array_from, empty, present, storage, values_of
from .gather import encoded, take_column
from .native import count_partitions, partition_order, partition_positions, put, start_positions
from .native.arrays import Longs, Rows, Words

_WIDTHS = (1, 4, 8)


def spread(batches: Sequence[Sequence[pa.Array]], hashes: Sequence[Words], bits: int) -> tuple[list[pa.Array], Longs]:
    """Return all rows' columns in partition order, by the top ``bits`` of the hashes, and where partitions begin.

    Within a partition rows keep their order. The columns of several batches must be `spreadable`.
    """
    if len(batches) == 1:
        order, offsets = partition_order(hashes[0], bits)
        return [take_column(column, order) for column in batches[0]], offsets
    counts = np.zeros((len(batches), 1 << bits), dtype=np.int64)
    for own, count in zip(hashes, counts, strict=True):
        count_partitions(own, bits, out=count)
    positions, offsets = start_positions(counts)
    rows = [partition_positions(own, bits, where) for own, where in zip(hashes, positions, strict=True)]
    columns = [_placed([batch[j] for batch in batches], rows) for j in range(len(batches[0]))]
    return columns, offsets


def spreadable(arrays: Sequence[pa.Array]) -> bool:
    """Return whether a column, given by batch, has values of 1, 4 or 8 bytes, or codes of one dictionary."""
    first = arrays[0]
    if isinstance(first, pa.DictionaryArray):
        return all(
            isinstance(array, pa.DictionaryArray) and array.dictionary.equals(first.dictionary) for array in arrays
        )
    return _width(first.type) in _WIDTHS and all(array.type == first.type for array in arrays)


def _width(kind: pa.DataType) -> int:
    try:
        return 0 if pa.types.is_boolean(kind) else kind.bit_width // 8
    except ValueError:
        return 0


def _placed(arrays: Sequence[pa.Array], rows: Sequence[Rows]) -> pa.Array:
    first = arrays[0]
    if isinstance(first, pa.DictionaryArray):
        return encoded(_placed([array.indices for array in arrays], rows), first.dictionary)
    total = sum(len(array) for array in arrays)
    values = empty(total, storage(first.type))
    for array, where in zip(arrays, rows, strict=True):
        put(values_of(array), where, values)
    if not any(array.null_count for array in arrays):
        return array_from(values, first.type)
    flags = np.empty(total, dtype=np.uint8)
    for array, where in zip(arrays, rows, strict=True):
        put(present(array).view(np.uint8), where, flags)
    return array_from(values, first.type, pa.py_buffer(np.packbits(flags, bitorder="little")))
