"""Names for the array kinds that kernels take, and the conventions that all of them share.

*Words* are 64-bit keys or values: integers reinterpreted, floats normalised by ``hashing.float_words``. *Rows* are
32-bit signed positions in a batch or table; ``-1`` stands for "no row" (a null group, no join partner). *Bits* are
Arrow validity bitmaps: least significant bit first, with a bit offset; an empty array means that every value is valid.
Nothing here knows Arrow's types.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from ....errors import ExecutionError
from .compile import device, instruction

copy8 = instruction("copy8")
copy4 = instruction("copy4")
lowest_bit = instruction("lowest_bit")
prefetch_read = instruction("prefetch_read")

T = TypeVar("T")
Words: TypeAlias = NDArray[np.uint64]
Longs: TypeAlias = NDArray[np.int64]
Doubles: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int32]
Bits: TypeAlias = NDArray[np.uint8]
Bytes: TypeAlias = NDArray[np.uint8]
# A scalar inside kernels, of whatever width numba infers; numpy's scalar types mean nothing there.
Number: TypeAlias = Any

NO_BITS: Final[Bits] = np.zeros(0, dtype=np.uint8)
MAX_ROWS: Final = 2**31 - 1
# Elements that a loop along an array asks for ahead: about a page.
_LEAD = 512
_KEPT_ROWS = 1 << 18


@device
def bit(bits: Bits, position: Number) -> Number:
    """Return whether the bit is set."""
    return (bits[np.uint64(position >> 3)] >> np.uint8(position & 7)) & np.uint8(1) != np.uint8(0)


@device
def missing(bits: Bits, position: Number) -> Number:
    """Return whether the value is null; an empty bitmap says that none is."""
    return len(bits) > 0 and (bits[np.uint64(position >> 3)] >> np.uint8(position & 7)) & np.uint8(1) == np.uint8(0)


@device
def read_ahead(values: NDArray[Any], i: Number) -> None:
    """Prefetch, in a loop along an array, what the loop will reach in about a page of memory.

    The processor's own prefetching starts anew in every page, and to find a page takes long in a virtual machine: a
    loop of a few nanoseconds a row over memory outside the cache ran half as fast without. Loops that the compiler
    turns into vector instructions must not have its branch.
    """
    if i & 7 == 0:
        prefetch_read(values, np.int64(i + _LEAD))


@device
def byte_at(bits: Bits, position: Number, count: Number) -> Number:
    """Return up to eight bits from ``position`` on as a number; bits beyond ``count`` are 0."""
    byte = np.int64(bits[np.uint64(position >> 3)])
    shift = position & 7
    if shift != 0 and shift + count > 8:
        byte |= np.int64(bits[np.uint64((position >> 3) + 1)]) << 8
    byte = (byte >> shift) & 0xFF
    if count < 8:
        byte &= (1 << count) - 1
    return byte


@device
def void_missing(bits: Bits, bit_offset: Number, null: Number, out: Words) -> None:
    """Write ``null`` where there is no value, looking at those of a byte of the bitmap at once."""
    if len(bits) == 0:
        return
    for i in range(0, len(out), 8):
        count = min(len(out) - i, 8)
        absent = byte_at(bits, bit_offset + i, count) ^ ((1 << count) - 1)
        while absent != 0:
            out[np.uint64(i) + lowest_bit(np.uint64(absent))] = null
            absent &= absent - 1


@device
def copy_bytes(source: Bytes, start: Number, target: Bytes, position: Number, length: Number) -> None:
    """Copy ``length`` bytes, in few wide moves, of which the last may overlap the one before; none goes beyond."""
    if length >= 8:
        for k in range(0, length - 8, 8):
            copy8(source, start + k, target, position + k)
        copy8(source, start + length - 8, target, position + length - 8)
    elif length >= 4:
        copy4(source, start, target, position)
        copy4(source, start + length - 4, target, position + length - 4)
    elif length > 0:
        target[position] = source[start]
        target[position + (length >> 1)] = source[start + (length >> 1)]
        target[position + length - 1] = source[start + length - 1]


def varied(one: T, **attributes: object) -> T:
    """Return a shallow copy of an object in which some attributes are others."""
    made = copy(one)
    vars(made).update(attributes)
    return made


def words_of(values: NDArray[Any]) -> Words:
    """Reinterpret a contiguous array of 8-byte elements as words, without a copy.

    Floats are reinterpreted bit by bit; as keys they must be normalised first (``hashing.float_words``).
    """
    return values.view(np.uint64)


def rows_out(out: Rows | None, length: int) -> Rows:
    """Return the first ``length`` elements of ``out``, or a fresh array where none is given or it is too short."""
    if length > MAX_ROWS:
        raise ExecutionError(f"a kernel takes at most {MAX_ROWS:,} rows at once, not {length:,}; use smaller batches")
    if out is None or len(out) < length:
        return np.empty(length, dtype=np.int32)
    return out[:length]


_ascending: list[Rows] = []


def ascending(length: int) -> Rows:
    """Return the row numbers from 0 on, not to be written to; those of a batch are made once."""
    if length > _KEPT_ROWS:
        return np.arange(length, dtype=np.int32)
    if not _ascending:
        made = np.arange(_KEPT_ROWS, dtype=np.int32)
        made.setflags(write=False)
        _ascending.append(made)
    return _ascending[0][:length]


def addresses(columns: Sequence[NDArray[Any]]) -> Words:
    """Return the memory addresses of columns, for kernels that work on any number of them.

    The caller must keep the columns alive, and of the lengths that a kernel takes them to have, while it uses these.
    """
    return np.array([column.__array_interface__["data"][0] for column in columns], dtype=np.uint64)
