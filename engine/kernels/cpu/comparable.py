"""Nested values and intervals as byte strings whose order and equality are theirs.

Inside a list or struct nulls are values: equal to each other and greater than all others. Intervals compare as if a
month had 30 days and a day 24 hours. What is encoded: whole numbers by their bytes from the highest on with the sign
turned, text with a mark at its end that is less than what might follow, lists with a mark at theirs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...intervals import DAY
from ..constants import scalar_of
from .buffers import bits_of, halves_of, is_small, validity, values_of
from .functions.registry import Value
from .gather import plain
from .native import order_floats, order_integers
from .words import integers_of

_SIGN = np.int64(np.iinfo(np.int64).min)
_PRESENT, _NULL, _END, _TEXT_END = b"\x01", b"\x02", b"\x00", b"\x00\x00"


def needs_bytes(arrow: pa.DataType) -> bool:
    """Return whether values of a type are compared by way of bytes."""
    return bool(pa.types.is_nested(arrow) or pa.types.is_interval(arrow))


def comparable(value: Value) -> Value:
    """Return nested values or intervals as byte strings, nulls as nulls; other values as they are."""
    if not needs_bytes(value.type):
        return value
    if isinstance(value, pa.Scalar):
        return comparable(pa.repeat(value, 1))[0]
    encoded = _encoded(value)
    return pc.if_else(value.is_valid(), encoded, scalar_of(None, pa.binary())) if value.null_count else encoded


def interval_parts(array: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the months, days and microseconds of intervals; null slots hold anything."""
    halves = halves_of(array)
    small = np.ascontiguousarray(halves[:, 0]).view(np.int32).reshape(-1, 2).astype(np.int64)
    return small[:, 0], small[:, 1], halves[:, 1] // 1_000


def _encoded(array: pa.Array) -> pa.Array:
    """Return the bytes of each value, anything for nulls."""
    kind = array.type
    if pa.types.is_struct(kind):
        return _joined([_element(plain(array.field(position))) for position in range(kind.num_fields)], len(array))
    if pa.types.is_list(kind) or pa.types.is_map(kind) or pa.types.is_large_list(kind):
        offsets = array.offsets.cast(pa.int32())
        elements = _element(plain(array.values))
        lists = pa.ListArray.from_arrays(offsets, elements)
        return _joined([pc.binary_join(lists, scalar_of(b"", pa.binary())), _constant(_END)], len(array))
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return _text(array)
    if pa.types.is_interval(kind):
        months, days, micros = interval_parts(array)
        whole, rest = np.divmod(micros, DAY)
        return _fixed([months * 30 + days + whole, rest])
    if pa.types.is_null(kind):
        return _fixed([np.zeros(len(array), dtype=np.int64)])
    return _numbers(array)


def _numbers(array: pa.Array) -> pa.Array:
    bits, offset = bits_of(array)
    if pa.types.is_floating(array.type):
        floats = values_of(array).astype(np.float64, copy=False)
        words = order_floats(floats, bits=bits, bit_offset=offset, descending=False)
        return _fixed([words.view(np.int64) ^ _SIGN])
    if pa.types.is_decimal(array.type) and not is_small(array.type):
        pairs = halves_of(array)
        return _fixed([pairs[:, 1], pairs[:, 0] ^ _SIGN])
    numbers = integers_of(array)
    if pa.types.is_uint64(array.type):
        numbers = numbers ^ _SIGN
    words = order_integers(numbers, bits=bits, bit_offset=offset, descending=False)
    return _fixed([words.view(np.int64) ^ _SIGN])


def _fixed(numbers: list[NDArray[np.int64]]) -> pa.Array:
    """Return signed numbers, the first the highest, as bytes in their order."""
    width, rows = 8 * len(numbers), len(numbers[0])
    stacked = np.empty((rows, len(numbers)), dtype=">u8")
    for position, part in enumerate(numbers):
        stacked[:, position] = (part ^ _SIGN).view(np.uint64)
    offsets = np.arange(rows + 1, dtype=np.int32) * np.int32(width)
    return pa.Array.from_buffers(pa.binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(stacked)])


def _text(array: pa.Array) -> pa.Array:
    raw = array.cast(pa.binary()) if pa.types.is_string(array.type) else array
    if pc.any(pc.match_substring(raw, b"\0")).as_py():
        raw = pc.replace_substring(raw, pattern=b"\0", replacement=b"\0\xff")
    return _joined([raw, _constant(_TEXT_END)], len(array))


def _element(array: pa.Array) -> pa.Array:
    """Return the bytes of values that stand inside another, nulls too."""
    if pa.types.is_null(array.type):
        return pa.repeat(_constant(_NULL), len(array))
    marked = _joined([_constant(_PRESENT), _encoded(array)], len(array))
    return pc.if_else(array.is_valid(), marked, _constant(_NULL)) if array.null_count else marked


def _joined(parts: list[Any], rows: int) -> pa.Array:
    if not any(isinstance(part, pa.Array) for part in parts):
        return pa.repeat(_constant(b""), rows)
    return pc.binary_join_element_wise(*parts, _constant(b""))


def _constant(value: bytes) -> pa.Scalar:
    return scalar_of(value, pa.binary())


def intervals_of(months: NDArray[Any], days: NDArray[Any], micros: NDArray[Any], *parts: pa.Array) -> pa.Array:
    """Return intervals of whole numbers that fit; null where one of the ``parts`` is."""
    cells = np.empty(len(months), dtype=[("months", "<i4"), ("days", "<i4"), ("nanoseconds", "<i8")])
    cells["months"], cells["days"], cells["nanoseconds"] = months, days, micros * 1_000
    buffers = [validity(*parts), pa.py_buffer(cells.view(np.uint8))]
    return pa.Array.from_buffers(pa.month_day_nano_interval(), len(cells), buffers)
