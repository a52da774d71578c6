"""Several columns' varying bits side by side in one word, so that what follows works on a single key."""

from __future__ import annotations

import numpy as np

from .arrays import Bits, Longs, Words, missing
from .compile import kernel

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
