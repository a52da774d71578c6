"""Arithmetic of 64-bit integers modulo 2**64 in one pass; callers know, or ask for, bounds that rule out overflow."""

from __future__ import annotations

import numpy as np

from .arrays import Longs
from .compile import kernel


@kernel("void(const i64[], i64, i64, i64[])")
def affine_i64(values: Longs, factor: int, constant: int, out: Longs) -> None:
    """Write ``values * factor + constant``."""
    for i in range(len(values)):
        out[i] = values[i] * factor + constant


@kernel("void(const i64[], i64, const i64[], i64, i64[])")
def combine_i64(left: Longs, left_factor: int, right: Longs, right_factor: int, out: Longs) -> None:
    """Write ``left * left_factor + right * right_factor``."""
    for i in range(len(left)):
        out[i] = left[i] * left_factor + right[i] * right_factor


@kernel("void(const i64[], const i64[], i64[], i64[])")
def multiply_i64(left: Longs, right: Longs, out: Longs, extents: Longs) -> None:
    """Write products, and to ``extents`` the greatest absolute values of both sides, where negative ones count 1 less.

    So an extent is at most 2**63 - 1, also that of the least integer.
    """
    most_left = np.int64(0)
    most_right = np.int64(0)
    for i in range(len(left)):
        out[i] = left[i] * right[i]
        most_left = max(most_left, left[i] ^ (left[i] >> np.int64(63)))
        most_right = max(most_right, right[i] ^ (right[i] >> np.int64(63)))
    extents[0] = most_left
    extents[1] = most_right
