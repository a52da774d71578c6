"""Arithmetic of 64-bit integers, against numpy."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native

EDGES = [0, 1, -1, 2**63 - 1, -(2**63), 2**31, -(2**31)]


@pytest.mark.parametrize("n", [0, 1, 7, 1000])
def test_combinations_wrap_as_numpy_does(rng: np.random.Generator, n: int) -> None:
    left, right = rng.integers(-(2**63), 2**63 - 1, (2, n))
    out = np.empty(n, dtype=np.int64)
    native.affine_i64(left, 100, -7, out)
    assert (out == left * np.int64(100) - np.int64(7)).all()
    native.combine_i64(left, 10, right, -3, out)
    assert (out == left * np.int64(10) - right * np.int64(3)).all()


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("side", [0, 1])
def test_a_product_tells_how_large_its_factors_were(rng: np.random.Generator, edge: int, side: int) -> None:
    factors = rng.integers(-1000, 1000, (2, 500))
    factors[side, 321] = edge
    out, extents = np.empty(500, dtype=np.int64), np.empty(2, dtype=np.int64)
    native.multiply_i64(factors[0], factors[1], out, extents)
    assert (out == factors[0] * factors[1]).all()
    assert extents.tolist() == [max(value if value >= 0 else -value - 1 for value in row) for row in factors.tolist()]


def test_lanes_take_turns_and_leave_out_what_is_left_out() -> None:
    ids = np.array([0, 0, 0, 0, 0, 2, -1, 1, -1], dtype=np.int32)
    out = np.empty_like(ids)
    native.split_lanes(ids, out)
    assert out[ids >= 0].tolist() == [0, 1, 2, 3, 0, 9, 7]
    assert (out[ids < 0] < 0).all()
