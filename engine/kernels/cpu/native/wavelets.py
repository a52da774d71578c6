"""A wavelet matrix: the k-th smallest of the numbers in a run of positions, in one step per bit of the numbers.

Each level holds one bit of every number, the highest first, and passes the numbers on with those whose bit is 0 in
front, else in their order; a run of positions stays one among either kind (Claude, Navarro and Ordóñez 2015).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .arrays import Number, Rows, Words
from .compile import device, kernel


@device
def _ones(word: Number) -> Number:
    """Return how many bits are set."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((word * np.uint64(0x0101010101010101)) >> np.uint64(56))


@device
def _zeros_before(bits: Words, zeros: Rows, level: Number, position: Number) -> Number:
    """Return how many bits of a level are 0 before a position."""
    block = position >> 6
    below = (np.uint64(1) << np.uint64(position & 63)) - np.uint64(1)
    return np.int64(zeros[level, block]) + _ones(~bits[level, block] & below)


@kernel("void(i32[], i32[], u64[,], i32[,])")
def build_wavelets(numbers: Rows, spare: Rows, bits: NDArray[np.uint64], zeros: NDArray[np.int32]) -> None:
    """Fill the levels' bits, 64 to a block, and how many are 0 before each block.

    There is a block for the position behind the last, and a level for each bit that a number has. What ``numbers`` and
    ``spare`` hold is used up.
    """
    levels, n = len(bits), len(numbers)
    source, target = numbers, spare
    for level in range(levels):
        shift = levels - 1 - level
        seen = 0
        for block in range(bits.shape[1]):
            zeros[level, block] = seen
            word = np.uint64(0)
            for i in range(64 * block, min(64 * block + 64, n)):
                one = (source[i] >> shift) & 1
                word |= np.uint64(one) << np.uint64(i & 63)
                seen += 1 - one
            bits[level, block] = word
        front, back = 0, seen
        for i in range(n):
            if (source[i] >> shift) & 1:
                target[back] = source[i]
                back += 1
            else:
                target[front] = source[i]
                front += 1
        source, target = target, source


@kernel("void(const u64[,], const i32[,], i64, const i32[,], const i32[,], const i32[], i32[], i32[])")
def find_smallest(
    bits: NDArray[np.uint64],
    zeros: NDArray[np.int32],
    count: int,
    lows: NDArray[np.int32],
    highs: NDArray[np.int32],
    wanted: Rows,
    at: Rows,
    found: Rows,
) -> None:
    """Find number ``wanted[i]``, from 0 on, of the smallest of ``count`` in the runs ``[lows[r, i], highs[r, i])``.

    Where -1 is wanted, -1 is found. ``at`` is room for the start and the end of each run.
    """
    runs = len(lows)
    for i in range(len(wanted)):
        left, number = np.int64(wanted[i]), np.int64(0)
        if left < 0:
            found[i] = -1
            continue
        for r in range(runs):
            at[2 * r] = lows[r, i]
            at[2 * r + 1] = max(lows[r, i], highs[r, i])
        for level in range(len(bits)):
            inside = np.int64(0)
            for r in range(runs):
                inside += _zeros_before(bits, zeros, level, np.int64(at[2 * r + 1]))
                inside -= _zeros_before(bits, zeros, level, np.int64(at[2 * r]))
            number <<= 1
            if left < inside:
                for r in range(2 * runs):
                    at[r] = _zeros_before(bits, zeros, level, np.int64(at[r]))
            else:
                left -= inside
                number |= 1
                behind = _zeros_before(bits, zeros, level, np.int64(count))
                for r in range(2 * runs):
                    at[r] += behind - _zeros_before(bits, zeros, level, np.int64(at[r]))
        found[i] = number
