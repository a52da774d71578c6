"""Arrow arrays seen as numpy memory and back, without copies where the layout allows it.

The one place that knows Arrow's buffer layout: validity bitmap, values, offsets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import DTypeLike, NDArray

from ...arrow import to_arrow_type
from ...dtypes import INT64_DIGITS, DataType
from .native import NO_BITS, reuse
from .native.arrays import Bits, Words

Memory: TypeAlias = tuple[NDArray[Any], int]
"""Some memory as an array, and its address."""

_WIDTHS = {1: np.uint8, 2: np.uint16, 4: np.int32, 8: np.int64}


def empty(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array that may leave the kernels: a large one in memory that is used again when it dies.

    Small ones are pyarrow's, whose pool keeps such memory too, and wastes none of it.
    """
    kind = np.dtype(dtype)
    if length * kind.itemsize >= reuse.LEAST:
        return reuse.borrow(length, kind)
    return np.frombuffer(pa.allocate_buffer(length * kind.itemsize), dtype=kind, count=length)


def scratch(length: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array that does not leave the kernels: quicker to make than one in pyarrow's pool."""
    return np.empty(length, dtype=dtype)


def values_of(array: pa.Array) -> NDArray[Any]:
    """Return the values of a fixed-width array (not bool, not wider than 64 bits), null slots holding anything.

    Dates, times, timestamps and durations come as the integers they are stored as.
    """
    data = array.buffers()[1]
    dtype = storage(array.type)
    if data is None:
        return np.zeros(len(array), dtype=dtype)
    return np.frombuffer(data, dtype=dtype, count=array.offset + len(array))[array.offset :]


def storage(arrow: pa.DataType) -> np.dtype[Any]:
    """Return the dtype in which `values_of` gives values of a type."""
    if pa.types.is_integer(arrow) or pa.types.is_floating(arrow):
        kind: np.dtype[Any] = np.dtype(arrow.to_pandas_dtype())
        return kind
    return np.dtype(_WIDTHS[arrow.bit_width // 8])


def begins_of(columns: Sequence[pa.Array]) -> Words | None:
    """Return the addresses of columns of one type of 64 bits; None where it is another, or some values are null."""
    if not has_words(columns[0].type) or any(column.null_count for column in columns):
        return None
    begins = [column.buffers()[1].address + column.offset * 8 for column in columns]
    return np.array(begins, dtype=np.uint64)


def text_begins_of(columns: Sequence[pa.Array]) -> tuple[Words, Words] | None:
    """Return the addresses of texts' offsets and of their bytes; None where they are no texts, or some are null."""
    kind = columns[0].type
    if not (pa.types.is_string(kind) or pa.types.is_binary(kind)) or any(column.null_count for column in columns):
        return None
    stored = [column.buffers()[1:] for column in columns]
    if any(offsets is None for offsets, _ in stored):  # as may be where there are no texts
        return None
    begins = [offsets.address + column.offset * 4 for column, (offsets, _) in zip(columns, stored, strict=True)]
    places = [0 if data is None else data.address for _, data in stored]
    return np.array(begins, dtype=np.uint64), np.array(places, dtype=np.uint64)


def physical_type(dtype: DataType) -> pa.DataType:
    """Return the Arrow type in which this device holds values: decimals of at most 18 digits are in 64 bits."""
    if dtype.is_decimal and dtype.precision <= INT64_DIGITS:
        return pa.decimal64(dtype.precision, dtype.scale)
    return to_arrow_type(dtype)


def is_small(arrow: pa.DataType) -> bool:
    """Return whether this is the type of small decimals."""
    return bool(pa.types.is_decimal64(arrow))


def size_of(array: pa.Array) -> int:
    """Return about how many bytes an array refers to: as `pyarrow.Array.nbytes`, which gives the lock away, says."""
    kind = array.type
    if isinstance(array, pa.DictionaryArray):
        return size_of(array.indices) + size_of(array.dictionary)
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        offsets = text_of(array)[0]
        size = offsets.nbytes + int(offsets[-1]) - int(offsets[0])
    else:
        try:
            size = (len(array) * int(kind.bit_width) + 7) // 8
        except ValueError:  # of no fixed width
            return int(array.nbytes)
    return size + ((len(array) + 7) // 8 if array.null_count else 0)


def has_words(kind: pa.DataType) -> bool:
    """Return whether values of a type are stored as one word of 64 bits each."""
    return bool(pa.types.is_primitive(kind) or is_small(kind)) and kind.bit_width == 64


def halves_of(array: pa.Array) -> NDArray[np.int64]:
    """Return a decimal128 or interval array as pairs of words, shape (n, 2), low word first."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros((len(array), 2), dtype=np.int64)
    pairs = np.frombuffer(data, dtype=np.int64, count=2 * (array.offset + len(array)))
    return pairs.reshape(-1, 2)[array.offset :]


def bits_of(array: pa.Array) -> tuple[Bits, int]:
    """Return the validity bitmap and its bit offset; `NO_BITS` where nothing is null."""
    if pa.types.is_null(array.type):  # has no buffers at all
        return np.zeros(len(array) // 8 + 1, dtype=np.uint8), 0
    bitmap = array.buffers()[0] if array.null_count else None
    if bitmap is None and array.null_count:  # of type null: all is, and nothing is stored
        return np.zeros(len(array) // 8 + 1, dtype=np.uint8), 0
    return (NO_BITS, 0) if bitmap is None else (np.frombuffer(bitmap, dtype=np.uint8), array.offset)


def all_valid(array: pa.Array) -> pa.Array:
    """Return the array as one without nulls, of which the caller knows that none is asked for, where that is simple."""
    kind = array.type
    simple = pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_binary(kind)
    if not simple or not array.null_count:
        return array
    buffers = [None, *array.buffers()[1:]]
    return pa.Array.from_buffers(kind, len(array), buffers, null_count=0, offset=array.offset)


def flags_of(array: pa.Array) -> tuple[Bits, int]:
    """Return the value bitmap of a bool array and its bit offset."""
    data = array.buffers()[1]
    if data is None:
        return np.zeros(len(array) // 8 + 1, dtype=np.uint8), 0
    return np.frombuffer(data, dtype=np.uint8), array.offset


def bools_of(array: pa.Array) -> NDArray[np.bool_]:
    """Return a bool array's values, one byte each; null slots hold anything."""
    bits, offset = flags_of(array)
    skipped = offset >> 3
    flags = np.unpackbits(bits[skipped : (offset + len(array) + 7) >> 3], bitorder="little")
    return flags[offset - 8 * skipped :][: len(array)].view(np.bool_)


def present(array: pa.Array) -> NDArray[np.bool_]:
    """Return which values are not null, one byte each."""
    return bools_of(array.is_valid())


def text_of(array: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Return offsets of shape (n + 1,) and bytes of a string or binary array."""
    _, offsets, data = array.buffers()
    if offsets is None:
        return np.zeros(len(array) + 1, dtype=np.int32), np.zeros(0, dtype=np.uint8)
    count = array.offset + len(array) + 1
    starts = np.frombuffer(offsets, dtype=np.int32)[array.offset : count]
    return starts, np.zeros(0, np.uint8) if data is None else np.frombuffer(data, dtype=np.uint8)


def memory_of(array: pa.Array) -> list[Memory] | None:
    """Return the memory of an array of texts or 32- or 64-bit values that kernels read; None where there is none.

    The values, or offsets and bytes, and the validity bitmap where something is null.
    """
    buffers = array.buffers()
    bitmap, first, last = buffers[0], buffers[1], buffers[-1]
    if first is None or last is None or not len(array):
        return None
    start, count = array.offset, len(array)
    if len(buffers) > 2:
        offsets, data, step = first, last, 4
        if not data.size:
            return None
        starts, texts = np.frombuffer(offsets, np.int32, count + 1, start * step), np.frombuffer(data, np.uint8)
        memory: list[Memory] = [(starts, offsets.address + start * step), (texts, data.address)]
    else:
        step = array.type.bit_width // 8
        memory = [(np.frombuffer(first, _WIDTHS[step], count, start * step), first.address + start * step)]
    if array.null_count:
        memory.append((np.frombuffer(bitmap, dtype=np.uint8), bitmap.address))
    return memory


def validity(*arrays: pa.Array) -> pa.Buffer | None:
    """Return the bitmap of rows where every array is valid, from bit 0 on; None where nothing is null."""
    present: pa.Array | None = None
    for array in arrays:
        if array.null_count:
            valid = array.is_valid()
            present = valid if present is None else pc.and_(present, valid)
    if present is None:
        return None
    return present.buffers()[1] if present.offset == 0 else pa.concat_arrays([present]).buffers()[1]


def array_from(values: NDArray[Any], arrow: pa.DataType, bitmap: pa.Buffer | None = None, nulls: int = -1) -> pa.Array:
    """Return an array of a fixed-width type over contiguous values of its storage width."""
    nulls = 0 if bitmap is None else nulls
    return pa.Array.from_buffers(arrow, len(values), [bitmap, pa.py_buffer(values)], null_count=nulls)


def bools_from(values: NDArray[np.bool_], bitmap: pa.Buffer | None = None) -> pa.Array:
    """Return a bool array of numpy booleans."""
    packed = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(values), [bitmap, pa.py_buffer(packed)])
