"""Spreading the rows of many batches over hash partitions, each of which becomes one run of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .buffers import array_from, empty, present, storage, values_of
from .gather import encoded, take_column
from .native import Calls, count_each, move_pairs, partition_order, partition_positions, put, start_positions, words_of
from .native.arrays import Longs, Rows, Words

_WIDTHS = (1, 4, 8)
_PAIRED_WIDTH = 8


def spread(batches: Sequence[Sequence[pa.Array]], words: Sequence[Words], bits: int) -> tuple[list[pa.Array], Longs]:
    """Return all rows' columns in the order of ``2 ** bits`` partitions of their words, and where partitions begin.

    Within a partition rows keep their order. The columns of several batches must be `spreadable`.
    """
    if len(batches) == 1:
        order, offsets = partition_order(words[0], bits)
        return [take_column(column, order) for column in batches[0]], offsets
    counts = np.zeros((len(batches), 1 << bits), dtype=np.int64)
    count_each(words, bits, counts)
    positions, offsets = start_positions(counts)
    columns = [list(arrays) for arrays in zip(*batches, strict=True)]
    moved, rows = _move(columns, words, bits, positions)
    return [_placed(arrays, rows, moved.get(j)) for j, arrays in enumerate(columns)], offsets


def _move(
    columns: Sequence[Sequence[pa.Array]], words: Sequence[Words], bits: int, positions: Longs
) -> tuple[dict[int, NDArray[Any]], list[Rows]]:
    """Return the values, in their new places, of two columns that can move together, and the places of all rows.

    Those are left out where no other column needs them.
    """
    pair = [j for j, arrays in enumerate(columns) if _width(arrays[0].type) == _PAIRED_WIDTH][:2]
    if len(pair) < 2:
        return {}, [partition_positions(own, bits, where) for own, where in zip(words, positions, strict=True)]
    noted = len(columns) > len(pair) or any(array.null_count for j in pair for array in columns[j])
    first, second = (empty(sum(map(len, words)), storage(columns[j][0].type)) for j in pair)
    rows = [np.empty(len(own) if noted else 0, dtype=np.int32) for own in words]
    calls, out = Calls(), (words_of(first), words_of(second))
    for own, where, one, other, into in zip(words, positions, columns[pair[0]], columns[pair[1]], rows, strict=True):
        values = words_of(values_of(one)), words_of(values_of(other))
        move_pairs(own, bits, where, values, out, into, calls)
    calls.run()
    return {pair[0]: first, pair[1]: second}, rows


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


def _placed(arrays: Sequence[pa.Array], rows: Sequence[Rows], moved: NDArray[Any] | None = None) -> pa.Array:
    """Return a column in its new places; ``moved`` are its values where they are there already."""
    first = arrays[0]
    if isinstance(first, pa.DictionaryArray):
        return encoded(_placed([array.indices for array in arrays], rows), first.dictionary)
    total = sum(len(array) for array in arrays)
    if moved is None:
        values = empty(total, storage(first.type))
        for array, where in zip(arrays, rows, strict=True):
            put(values_of(array), where, values)
    else:
        values = moved
    if not any(array.null_count for array in arrays):
        return array_from(values, first.type)
    flags = np.empty(total, dtype=np.uint8)
    for array, where in zip(arrays, rows, strict=True):
        put(present(array).view(np.uint8), where, flags)
    return array_from(values, first.type, pa.py_buffer(np.packbits(flags, bitorder="little")))
