"""How columns are given to pyarrow's encoder of Parquet: in which form, and whether with a dictionary.

What is given differs from the column's type only where Parquet stores the same values the same way: text as the
dictionary that the engine holds already, small decimals as the integers that they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .conform import conform_array

SAMPLE = 2048
"""Values by which to judge how many there are."""
_INT32_DIGITS, _INT64_DIGITS = 9, 18
_FEW = 2
"""A dictionary is given on that has at most one entry for so many rows."""
_WORTH = 0.5
"""Of the bytes of plain values, those with a dictionary above which it is not tried: pyarrow puts every value into
a hash table before it gives a dictionary up, and what is left compresses worse than plain values."""


def stored_column(pieces: Sequence[pa.Array], target: pa.DataType) -> pa.ChunkedArray:
    """Return the pieces of a column of type ``target`` as pyarrow is to encode them; may hold dictionaries."""
    if pa.types.is_decimal(target) and target.precision <= _INT64_DIGITS:
        return pa.chunked_array([_integers(piece, target) for piece in pieces], type=_integer_type(target))
    if pa.types.is_string(target) and all(map(_is_few, pieces)):
        whole = pa.chunked_array([conform_array(piece, target) for piece in pieces]).unify_dictionaries()
        if len(whole.chunk(0).dictionary) * _FEW <= len(whole) and _is_clean(whole.chunk(0).dictionary):
            return whole
    return pa.chunked_array([conform_array(piece, target, plain=True) for piece in pieces], type=target)


def _integer_type(target: pa.DataType) -> pa.DataType:
    return pa.int32() if target.precision <= _INT32_DIGITS else pa.int64()


def _integers(piece: pa.Array, target: pa.DataType) -> pa.Array:
    """Return decimals without their point."""
    small = conform_array(piece, pa.decimal64(target.precision, target.scale), plain=True)
    whole = pa.Array.from_buffers(pa.int64(), len(small), small.buffers(), small.null_count, small.offset)
    return (
        whole if target.precision > _INT32_DIGITS else pc.cast(whole, pa.int32(), safe=False)
    )  # under nulls is anything


def _is_few(piece: pa.Array) -> bool:
    return pa.types.is_dictionary(piece.type) and len(piece.dictionary) * _FEW <= len(piece)


def _is_clean(dictionary: pa.Array) -> bool:
    """Whether a dictionary has no entry twice, for pyarrow would store the values without it."""
    return bool(pc.count_distinct(dictionary, mode="all").as_py() == len(dictionary))


def wants_dictionary(column: pa.ChunkedArray) -> bool:
    """Return whether a column of this form is likely to be smaller with a dictionary, by a sample of its values."""
    kind = column.type
    if pa.types.is_dictionary(kind) or pa.types.is_nested(kind) or pa.types.is_null(kind):
        return True
    rows = len(column)
    step = max(1, rows // SAMPLE)
    taken = pa.chunked_array([chunk.take(_every(step, len(chunk))) for chunk in column.chunks], type=kind)
    values = len(taken) - taken.null_count
    if not values:
        return True
    seen = pc.count_distinct(taken).as_py()
    width = _width(taken, values)
    distinct = distinct_of(seen, values, rows)
    with_dictionary = distinct * width + rows * max(1, math.ceil(math.log2(distinct))) / 8
    return bool(with_dictionary <= _WORTH * rows * width)


def _every(step: int, rows: int) -> pa.Array:
    """Return the positions of a sample; `pyarrow.array` would import pandas, which takes longer than a small write."""
    positions = np.arange(0, rows, step)
    return pa.Array.from_buffers(pa.int64(), len(positions), [None, pa.py_buffer(positions)])


def _width(taken: pa.ChunkedArray, values: int) -> float:
    """Return the bytes of a plain value."""
    kind = taken.type
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return 4 + (pc.sum(pc.binary_length(taken)).as_py() or 0) / values
    return float(max(4, kind.bit_width // 8))


def distinct_of(seen: int, sample: int, rows: int) -> float:
    """Return about how many distinct values there are among rows, given those seen in a sample.

    Of ``d`` values that are equally frequent a sample of ``n`` shows ``d (1 - exp(-n / d))``.
    """
    if seen >= sample or sample >= rows:
        return float(rows if seen >= sample else seen)
    low, high = float(seen), float(rows)
    for _ in range(40):
        middle = (low + high) / 2
        if middle * -math.expm1(-sample / middle) < seen:
            low = middle
        else:
            high = middle
    return high
