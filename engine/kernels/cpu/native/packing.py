"""Several columns' varying bits side by side in one word, so that what follows works on a single key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .arrays import NO_BITS, Bits, Longs, Words, missing
from .compile import kernel

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


def unsigned_extent(words: Words) -> tuple[int, int]:
    """Return the least and greatest of at least one word."""
    out = np.empty(2, dtype=np.uint64)
    _unsigned_extent(words, out)
    return int(out[0]), int(out[1])


def flag_outside(words: Words, least: int, greatest: int, flags: Bits) -> None:
    """Set the flag byte of rows whose word, as a signed integer, is not in ``[least, greatest]``."""
    _flag_outside(words, least, greatest - least, flags)


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
