"""Spreading the rows of many batches over hash partitions, each of which becomes one run of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import DataType
from .buffers import array_from, empty, present, storage, values_of
from .gather import encoded, take_column
from .hashes import partition_words, partition_words_later
from .native import (
    Calls,
    count_partitions_later,
    move_column,
    move_pairs,
    partition_order,
    partition_positions,
    partition_positions_later,
    put,
    put_later,
    start_positions,
    words_of,
)
from .native.arrays import Longs, Rows, Words

_WIDTHS = (1, 4, 8)
_MOVED_WIDTH = 8


def spread(
    batches: Sequence[Sequence[pa.Array]], dtypes: Sequence[DataType], bits: int
) -> tuple[list[pa.Array], Longs]:
    """Return all rows' columns in the order of ``2 ** bits`` partitions, and where partitions begin.

    Rows are partitioned by their first columns, of these types, and keep their order within a partition. The columns
    of several batches must be `spreadable`.
    """
    sizes = [len(batch[0]) for batch in batches]
    if len(batches) == 1:
        order, offsets = partition_order(partition_words(batches[0][: len(dtypes)], dtypes, sizes[0]), bits)
        return [take_column(column, order) for column in batches[0]], offsets
    counts = np.zeros((len(batches), 1 << bits), dtype=np.int64)
    words = _counted_words([batch[: len(dtypes)] for batch in batches], dtypes, bits, counts)
    positions, offsets = start_positions(counts)
    columns = [list(arrays) for arrays in zip(*batches, strict=True)]
    moved, rows = _move(columns, words, bits, positions)
    return [_placed(arrays, rows, moved.get(j)) for j, arrays in enumerate(columns)], offsets


def _counted_words(
    keys: Sequence[Sequence[pa.Array]], dtypes: Sequence[DataType], bits: int, counts: Longs
) -> list[Words]:
    """Return the words that the rows of each batch are partitioned by; add how many go where to ``counts``."""
    calls, words = Calls(), list[Words]()
    for columns, count in zip(keys, counts, strict=True):
        words.append(partition_words_later(columns, dtypes, empty(len(columns[0]), np.uint64), calls))
        count_partitions_later(words[-1], bits, count, calls)
    calls.run()
    return words


def _move(
    columns: Sequence[Sequence[pa.Array]], words: Sequence[Words], bits: int, positions: Longs
) -> tuple[dict[int, NDArray[Any]], list[Rows]]:
    """Return the values, in their new places, of up to two columns that can move at once, and the places of all rows.

    Those are left out where no other column needs them.
    """
    wide = [j for j, arrays in enumerate(columns) if _width(arrays[0].type) == _MOVED_WIDTH][:2]
    if not wide:
        return {}, [partition_positions(own, bits, where) for own, where in zip(words, positions, strict=True)]
    noted = len(columns) > len(wide) or any(array.null_count for j in wide for array in columns[j])
    moved = [empty(sum(map(len, words)), storage(columns[j][0].type)) for j in wide]
    rows = [np.empty(len(own) if noted else 0, dtype=np.int32) for own in words]
    calls, out = Calls(), [words_of(values) for values in moved]
    for batch, (own, where, into) in enumerate(zip(words, positions, rows, strict=True)):
        values = [words_of(values_of(columns[j][batch])) for j in wide]
        if len(wide) == 1:
            move_column(own, bits, where, values[0], out[0], into, calls)
        else:
            move_pairs(own, bits, where, (values[0], values[1]), (out[0], out[1]), into, calls)
    calls.run()
    return dict(zip(wide, moved, strict=True)), rows


def spread_on_threads(
    columns: Sequence[Sequence[pa.Array]],
    words: Sequence[Words],
    counts: Longs,
    parallel: Callable[[Sequence[Callable[[], Any]]], list[Any]],
) -> tuple[list[pa.Array], Longs]:
    """Return what `spread` does of columns that are `spreadable`, batch by batch on threads.

    Parameters
    ----------
    columns
        By batch.
    words, counts
        By batch, the words of the rows and how many rows each partition has, of which there are a power of two.
    parallel
        Runs thunks on threads.
    """
    bits = counts.shape[1].bit_length() - 1
    positions, offsets = start_positions(counts)
    total = int(offsets[-1])
    stored = [[_codes(array) for array in arrays] for arrays in columns]
    out = [empty(total, storage(arrays[0].type)) for arrays in stored]
    nullable = {j for j, arrays in enumerate(stored) if any(array.null_count for array in arrays)}
    flags = {j: empty(total, np.uint8) for j in nullable}
    wide = [j for j, arrays in enumerate(stored) if _width(arrays[0].type) == _MOVED_WIDTH]
    pair = wide[:2] if len(wide) > 1 else []
    others = [j for j in range(len(stored)) if j not in pair]

    def move(batch: int) -> None:
        calls = Calls()
        values = [values_of(arrays[batch]) for arrays in stored]
        rows = empty(len(words[batch]) if others or flags else 0, np.int32)
        if pair:
            first, second = pair
            moved = words_of(values[first]), words_of(values[second])
            into = words_of(out[first]), words_of(out[second])
            move_pairs(words[batch], bits, positions[batch], moved, into, rows, calls)
        else:
            partition_positions_later(words[batch], bits, positions[batch], rows, calls)
        for j in others:
            put_later(values[j], rows, out[j], calls)
        for j, known in flags.items():
            put_later(present(stored[j][batch]).view(np.uint8), rows, known, calls)
        calls.run()

    parallel([partial(move, batch) for batch in range(len(words))])
    made = [
        array_from(
            out[j], arrays[0].type, pa.py_buffer(np.packbits(flags[j], bitorder="little")) if j in flags else None
        )
        for j, arrays in enumerate(stored)
    ]
    return [_as_held(array, arrays[0]) for array, arrays in zip(made, columns, strict=True)], offsets


def _codes(array: pa.Array) -> pa.Array:
    return array.indices if isinstance(array, pa.DictionaryArray) else array


def _as_held(array: pa.Array, like: pa.Array) -> pa.Array:
    return encoded(array, like.dictionary) if isinstance(like, pa.DictionaryArray) else array


def spreadable_type(array: pa.Array) -> bool:
    """Return whether a batch's column has values of 1, 4 or 8 bytes, or codes."""
    return isinstance(array, pa.DictionaryArray) or _width(array.type) in _WIDTHS


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
