"""Taking rows by position: the one way in which filters, joins, sorts and partitions move values.

Text held as codes moves as codes. A position of -1 gives null.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .buffers import (
    array_from,
    begins_of,
    bits_of,
    empty,
    flags_of,
    halves_of,
    scratch,
    storage,
    text_begins_of,
    text_of,
    values_of,
)
from .native import (
    Calls,
    take,
    take_bits,
    take_bits_later,
    take_bytes,
    take_bytes_later,
    take_bytes_shared,
    take_later,
    take_offsets_later,
    take_pieces,
    take_text_pieces,
)
from .native.arrays import Longs, Rows, Words
from .native.parallel import Threads, each, mapped, spans_of

_MAX_BYTES = 2**31 - 1
_PARTS = 8
_MANY_TEXTS = 1 << 17
"""Texts that are taken part by part on one thread too, which needs no wider offsets beside."""


def take_column(column: pa.Array, rows: Rows, *, outer: bool = False, threads: Threads | None = None) -> pa.Array:
    """Return the values at ``rows``; ``outer`` says that some positions may be -1.

    Columns that `is_shared_out` names are taken on the threads.
    """
    if isinstance(column, pa.DictionaryArray):
        return encoded(take_column(column.indices, rows, outer=outer), column.dictionary)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _take_text(column, rows, outer=outer, threads=threads)
    if pa.types.is_boolean(kind):
        return _take_flags(column, rows, outer=outer)
    if _bit_width(kind) in (8, 16, 32, 64):
        return _take_values(column, rows, outer=outer, threads=threads)
    if pa.types.is_decimal128(kind):
        pairs = empty(2 * len(rows), np.uint64).reshape(-1, 2)
        take(halves_of(column).view(np.uint64), rows, pairs)
        bitmap, nulls = _validity(column, rows, outer=outer)
        return pa.Array.from_buffers(kind, len(rows), [bitmap, pa.py_buffer(pairs)], null_count=nulls)
    return column.take(_positions(rows, outer=outer))


def take_columns(columns: Sequence[pa.Array], rows: Sequence[Rows]) -> list[pa.Array]:
    """Return the values at rows of several columns of one type; few arrays, where they need not be apart.

    Of values of 64 bits and of texts, without nulls, kernels take all at once.
    """
    begins = begins_of(columns)
    if begins is not None:
        return [take_words(begins, _ends_of(rows), np.concatenate(rows), columns[0].type)]
    texts = text_begins_of(columns)
    taken = None if texts is None else take_texts(*texts, _ends_of(rows), np.concatenate(rows), columns[0].type)
    return list(map(take_column, columns, rows)) if taken is None else [taken]


def take_words(begins: Words, ends: Longs, rows: Rows, kind: pa.DataType) -> pa.Array:
    """Return the values, of 64 bits and none of them null, at rows of several arrays at known addresses.

    Those of an array end at ``ends`` of ``rows``.
    """
    out = scratch(len(rows), storage(kind))
    take_pieces(begins, ends, rows, out)
    return array_from(out, kind)


def take_texts(begins: Words, places: Words, ends: Longs, rows: Rows, kind: pa.DataType) -> pa.Array | None:
    """Return the texts, none of them null, at rows of several arrays; None where they are too long.

    Parameters
    ----------
    begins, places
        Addresses of the 32-bit offsets and of the bytes.
    """
    starts, taken = take_text_pieces(begins, places, ends, rows)
    if len(taken) > _MAX_BYTES:
        return None
    buffers = [None, _offsets_buffer(starts), pa.py_buffer(taken)]
    return pa.Array.from_buffers(kind, len(starts) - 1, buffers, null_count=0)


def _ends_of(rows: Sequence[Rows]) -> Longs:
    return np.fromiter(accumulate(map(len, rows)), dtype=np.int64, count=len(rows))


def _offsets_buffer(offsets: Longs | Rows) -> pa.Buffer:
    """Return the memory of a text column's offsets, none of which needs more than 32 bits."""
    if offsets.dtype == np.int32:
        return pa.py_buffer(offsets)
    narrow = empty(len(offsets), np.int32)
    np.copyto(narrow, offsets, casting="same_kind")
    return pa.py_buffer(narrow)


Later: TypeAlias = "pa.Array | Callable[[Calls], pa.Array]"
"""What will be a column when calls are made; or, once they are, gives that and adds more calls to be made."""


def take_column_later(column: pa.Array, rows: Rows, calls: Calls) -> Later | None:
    """Return what will hold the values at ``rows``, none of which is -1; None where they are of rarer types.

    Nobody may ask how many of them are null before the calls are made.
    """
    if isinstance(column, pa.DictionaryArray):
        indices = None if column.null_count else take_column_later(column.indices, rows, calls)
        return None if indices is None else encoded(indices, column.dictionary)
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return _take_text_later(column, rows, calls)
    if _bit_width(column.type) not in (8, 16, 32, 64):
        return None
    values = values_of(column)
    out = empty(len(rows), values.dtype)
    take_later(values, rows, out, calls)
    return array_from(out, column.type, _validity_later(column, rows, calls))


def _take_text_later(column: pa.Array, rows: Rows, calls: Calls) -> Callable[[Calls], pa.Array]:
    offsets, data = text_of(column)
    bitmap, starts = _validity_later(column, rows, calls), empty(len(rows) + 1, np.int32)
    number = len(calls)
    take_offsets_later(offsets, rows, starts, calls)

    def taken(more: Calls) -> pa.Array:
        size = calls.results[number]
        if size > _MAX_BYTES:
            return take_column(column, rows)
        texts = empty(size, np.uint8)
        take_bytes_later(offsets, data, rows, starts, texts, more)
        buffers = [bitmap, pa.py_buffer(starts), pa.py_buffer(texts)]
        return pa.Array.from_buffers(column.type, len(rows), buffers, null_count=0 if bitmap is None else -1)

    return taken


def _validity_later(column: pa.Array, rows: Rows, calls: Calls) -> pa.Buffer | None:
    """Return what will be the bitmap of the taken values; None where none is null."""
    if not column.null_count:
        return None
    out = empty((len(rows) + 7) // 8, np.uint8)
    take_bits_later(*bits_of(column), rows, out, calls)
    return pa.py_buffer(out)


def _bit_width(kind: pa.DataType) -> int:
    try:
        return int(kind.bit_width)
    except ValueError:
        return 0


def encoded(indices: pa.Array, dictionary: pa.Array) -> pa.DictionaryArray:
    """Return text as codes that are known to lie within the dictionary."""
    return pa.DictionaryArray.from_arrays(indices, dictionary, safe=False)


def plain(column: pa.Array) -> pa.Array:
    """Return an array without dictionary encoding."""
    if not isinstance(column, pa.DictionaryArray):
        return column
    if column.null_count or column.indices.type != pa.int32():
        return column.dictionary.take(column.indices)
    return take_column(column.dictionary, values_of(column.indices))


def is_shared_out(column: pa.Array) -> bool:
    """Return whether threads share the rows of a column that is taken."""
    if isinstance(column, pa.DictionaryArray):
        return False
    kind = column.type
    return pa.types.is_string(kind) or pa.types.is_binary(kind) or _bit_width(kind) in (8, 16, 32, 64)


def _take_values(column: pa.Array, rows: Rows, *, outer: bool, threads: Threads | None = None) -> pa.Array:
    values = values_of(column)
    if not len(values):
        # Only positions of -1 can point into an empty column.
        return pa.nulls(len(rows), column.type)
    out = empty(len(rows), values.dtype)
    spans = spans_of(len(rows), 1 if threads is None else _PARTS)

    def take_part(part: int) -> None:
        start, stop = spans[part]
        take(values, rows[start:stop], out[start:stop])

    each(take_part, len(spans), threads)
    bitmap, nulls = _validity(column, rows, outer=outer, threads=threads)
    return array_from(out, column.type, bitmap, nulls)


def _take_flags(column: pa.Array, rows: Rows, *, outer: bool) -> pa.Array:
    values, offset = flags_of(column)
    out = empty((len(rows) + 7) // 8, np.uint8)
    take_bits(values, offset, rows, out)
    bitmap, nulls = _validity(column, rows, outer=outer)
    return pa.Array.from_buffers(column.type, len(rows), [bitmap, pa.py_buffer(out)], null_count=nulls)


def _take_text(column: pa.Array, rows: Rows, *, outer: bool, threads: Threads | None) -> pa.Array:
    offsets, data = text_of(column)
    starts: Longs | Rows
    if threads is None and len(rows) < _MANY_TEXTS:
        starts, taken = take_bytes(offsets, data, rows)
    else:
        starts, taken = take_bytes_shared(offsets, data, rows, threads)
    if len(taken) > _MAX_BYTES:
        return column.take(_positions(rows, outer=outer))
    bitmap, nulls = _validity(column, rows, outer=outer, threads=threads)
    buffers = [bitmap, _offsets_buffer(starts), pa.py_buffer(taken)]
    return pa.Array.from_buffers(column.type, len(rows), buffers, null_count=nulls)


def _validity(
    column: pa.Array, rows: Rows, *, outer: bool, threads: Threads | None = None
) -> tuple[pa.Buffer | None, int]:
    """Return the bitmap of the taken values and how many are null."""
    if not column.null_count and not (outer and len(rows) and rows.min() < 0):
        return None, 0
    bits, offset = bits_of(column)
    out = empty((len(rows) + 7) // 8, np.uint8)
    spans = spans_of(len(out), 1 if threads is None else _PARTS)  # of whole bytes
    taken = mapped(
        lambda span: take_bits(bits, offset, rows[8 * span[0] : 8 * span[1]], out[slice(*span)]), spans, threads
    )
    return pa.py_buffer(out), len(rows) - sum(taken)


def _positions(rows: NDArray[Any], *, outer: bool) -> pa.Array:
    """Return positions as Arrow's own take wants them, null for -1."""
    missing = outer and len(rows) and rows.min() < 0
    bitmap = pa.py_buffer(np.packbits(rows >= 0, bitorder="little")) if missing else None
    return array_from(rows, pa.int32(), bitmap)
