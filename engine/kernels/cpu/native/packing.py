"""Several columns' varying bits side by side in one word, so that what follows works on a single key."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Number, Rows, Words, missing
from .calls import Calls
from .compile import device, instruction, kernel

load_byte = instruction("load_byte")
load_row = instruction("load_row")
load_word = instruction("load_word")
prefetch_word = instruction("prefetch_word")

# What kernels are told of a key column: addresses, bytes of a value, the layout, and what stands for null.
_VALUES, _WIDTH, _BITS, _BIT_OFFSET, _LOW, SPAN, _SHIFT, _NULL, _FLAG, FIELDS = range(10)
ADDRESSES = (_VALUES, _BITS)
# Bytes of a value that is no word.
_INTS = 4
# Words that a loop along a column asks for ahead.
_LEAD = 512
_BLOCK = 256
_ZERO, _ONE = np.uint64(0), np.uint64(1)
_WORD = 0xFFFFFFFFFFFFFFFF

_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_GREATEST = np.int64(2**63 - 1)
_LEAST = np.int64(-(2**63))


@kernel("i64(const u64[], const u8[], i64, i64[])")
def _signed_extent(words: Words, bits: Bits, bit_offset: int, out: Longs) -> int:
    least, greatest = _GREATEST, _LEAST
    values = words.view(np.int64)
    if len(bits) == 0:
        for i in range(len(values)):
            least = min(least, values[i])
            greatest = max(greatest, values[i])
    else:
        for i in range(len(values)):
            if not missing(bits, bit_offset + i):
                least = min(least, values[i])
                greatest = max(greatest, values[i])
    out[0] = least
    out[1] = greatest
    return int(least <= greatest)


@kernel("void(const u64[], u64[])")
def _unsigned_extent(words: Words, out: Words) -> None:
    least, greatest = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(0)
    for i in range(len(words)):
        least = min(least, words[i])
        greatest = max(greatest, words[i])
    out[0] = least
    out[1] = greatest


@kernel("void(const u64[], u64, i64, u64[])")
def add_key(words: Words, least: int, shift: int, out: Words) -> None:
    """Add a column, less its minimum, to packed words: shifted left, or right by a negative ``shift``."""
    if shift >= 0:
        for i in range(len(words)):
            out[i] += (words[i] - least) << np.uint64(shift)
    else:
        for i in range(len(words)):
            out[i] += (words[i] - least) >> np.uint64(-shift)


@kernel("void(const u64[], u64, i64, u64[])")
def set_key(words: Words, least: int, shift: int, out: Words) -> None:
    """Write what `add_key` adds."""
    if shift >= 0:
        for i in range(len(words)):
            out[i] = (words[i] - least) << np.uint64(shift)
    else:
        for i in range(len(words)):
            out[i] = (words[i] - least) >> np.uint64(-shift)


@kernel("void(const u64[], u64, u64, u8[])")
def _flag_outside(words: Words, least: int, span: int, flags: Bits) -> None:
    for i in range(len(words)):
        flags[i] |= np.uint8((words[i] - least) > span)


@kernel("void(const u8[], u64[])")
def _void_flagged(flags: Bits, words: Words) -> None:
    for i in range(len(words)):
        if flags[i]:
            words[i] = _ALL


def signed_extent(words: Words, bits: Bits, bit_offset: int) -> tuple[int, int] | None:
    """Return the least and greatest valid word as signed integers; None where there is none."""
    out = np.empty(2, dtype=np.int64)
    if not _signed_extent(words, bits, bit_offset, out):
        return None
    return int(out[0]), int(out[1])


def extent_later(words: Words | Longs, out: Longs, calls: Calls) -> None:
    """Have the least and the greatest of at least one word written: as signed ones if their dtype is."""
    if words.dtype == np.int64:
        calls.add(_signed_extent, words.view(np.uint64), NO_BITS, 0, out, expected=1)
    else:
        calls.add(_unsigned_extent, words, out.view(np.uint64))


def unsigned_extent(words: Words) -> tuple[int, int]:
    """Return the least and greatest of at least one word."""
    out = np.empty(2, dtype=np.uint64)
    _unsigned_extent(words, out)
    return int(out[0]), int(out[1])


def flag_outside(words: Words, least: int, greatest: int, flags: Bits) -> None:
    """Set the flag byte of rows whose word, as a signed integer, is not in ``[least, greatest]``."""
    _flag_outside(words, least, greatest - least, flags)


class Source(NamedTuple):
    """A key column as it lies in memory.

    Attributes
    ----------
    values
        Words, or where none is null 32-bit integers.
    bits, bit_offset
        Their validity.
    null
        The word that stands for null; None where that is 0 and a flag.
    """

    values: Words | Rows
    bits: Bits
    bit_offset: int
    null: int | None

    def described(self, low: int, span: int, shift: int, flag: int) -> list[int]:
        """Return the fields that kernels read of the column, whose words less ``low`` are shifted in a packed key."""
        bits = self.bits.ctypes.data if len(self.bits) else 0
        null = 0 if self.null is None else self.null
        where = [self.values.ctypes.data, self.values.itemsize, bits, self.bit_offset]
        return [*where, low & _WORD, span, min(shift, 63), null & _WORD, flag]


@device
def add_part(columns: Words, j: Number, start: Number, size: Number, packed: Words) -> Number:
    """Add a column's part of some rows to their packed words, and the flags of nulls; return its greatest part."""
    address, bits, position = columns[j, _VALUES], columns[j, _BITS], np.int64(columns[j, _BIT_OFFSET]) + start
    low, shift, null, flag = columns[j, _LOW], columns[j, _SHIFT], columns[j, _NULL], columns[j, _FLAG]
    greatest = _ZERO
    for i in range(0, size, 8):
        prefetch_word(address, start + i + _LEAD)
    if bits != _ZERO:
        for i in range(size):
            at = position + i
            valid = (load_byte(bits, at >> 3) >> np.uint8(at & 7)) & np.uint8(1) != np.uint8(0)
            part = (load_word(address, start + i) if valid else null) - low
            greatest = max(greatest, part)
            packed[0, i] += part << shift
            packed[1, i] |= _ZERO if valid else flag
    elif columns[j, _WIDTH] == _INTS:
        for i in range(size):
            part = np.uint64(np.int64(load_row(address, start + i))) - low
            greatest = max(greatest, part)
            packed[0, i] += part << shift
    else:
        for i in range(size):
            part = load_word(address, start + i) - low
            greatest = max(greatest, part)
            packed[0, i] += part << shift
    return greatest


@device
def add_checked_part(columns: Words, j: Number, start: Number, size: Number, packed: Words) -> None:
    """Add a column's part of some rows to their packed words, and note which rows are null or beyond the layout."""
    address, bits, position = columns[j, _VALUES], columns[j, _BITS], np.int64(columns[j, _BIT_OFFSET]) + start
    low, span, shift = columns[j, _LOW], columns[j, SPAN], columns[j, _SHIFT]
    for i in range(0, size, 8):
        prefetch_word(address, start + i + _LEAD)
    if columns[j, _WIDTH] == _INTS:
        for i in range(size):
            part = np.uint64(np.int64(load_row(address, start + i))) - low
            packed[0, i] += part << shift
            packed[1, i] |= _ONE if part > span else _ZERO
    else:
        for i in range(size):
            part = load_word(address, start + i) - low
            packed[0, i] += part << shift
            packed[1, i] |= _ONE if part > span else _ZERO
    if bits != _ZERO:
        for i in range(size):
            at = position + i
            packed[1, i] |= np.uint64(~(load_byte(bits, at >> 3) >> np.uint8(at & 7)) & np.uint8(1))


@kernel("void(const u64[,], u64[,], u64[])")
def _pack_rows(columns: Words, packed: Words, out: Words) -> None:
    """Pack the keys of rows from columns as they lie in memory; all ones where one is null or beyond the layout."""
    block = packed.shape[1]
    for start in range(0, len(out), block):
        size = min(block, len(out) - start)
        for i in range(size):
            packed[0, i] = _ZERO
            packed[1, i] = _ZERO
        for j in range(len(columns)):
            add_checked_part(columns, j, start, size, packed)
        for i in range(size):
            out[start + i] = _ALL if packed[1, i] != _ZERO else packed[0, i]


class KeyPacking:
    """A layout in which several key columns, each within an extent, fit one word and leave a bit free.

    Parameters
    ----------
    extents
        Least and greatest word of each column, as signed integers; None for a column without values.
    """

    def __init__(self, extents: Sequence[tuple[int, int] | None]) -> None:
        self._extents = [(0, 0) if extent is None else extent for extent in extents]
        self._widths = [(greatest - least).bit_length() for least, greatest in self._extents]

    @property
    def fits(self) -> bool:
        """Whether there is such a layout."""
        return sum(self._widths) < 64

    def pack(self, columns: Sequence[Words]) -> Words:
        """Return one word per row: equal for equal keys; all ones, which no key has, for keys beyond the extents."""
        packed = np.zeros(len(columns[0]), dtype=np.uint64)
        flags: Bits | None = None
        shift = 0
        for column, (least, greatest), width in zip(columns, self._extents, self._widths, strict=True):
            if width:
                add_key(column, least, shift, packed)
            shift += width
            found = signed_extent(column, NO_BITS, 0) or (least, greatest)
            if found[0] < least or found[1] > greatest:
                flags = np.zeros(len(packed), dtype=np.uint8) if flags is None else flags
                flag_outside(column, least, greatest, flags)
        if flags is not None:
            _void_flagged(flags, packed)
        return packed

    def pack_later(self, sources: Sequence[Source], out: Words, calls: Calls) -> None:
        """Have a call write what `pack` gives, and all ones for rows with a null, to ``out``."""
        shifts = accumulate(self._widths, initial=0)
        described = [
            source.described(least, greatest - least, shift, 0)
            for source, (least, greatest), shift in zip(sources, self._extents, shifts, strict=False)
        ]
        calls.keep(*sources)
        calls.add(_pack_rows, np.array(described, dtype=np.uint64), np.empty((2, _BLOCK), dtype=np.uint64), out)
