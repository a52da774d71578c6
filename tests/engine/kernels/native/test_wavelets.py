"""The k-th smallest of runs of positions, against sorting them."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 63, 64, 65, 500])
def test_smallest_of_runs(count: int, runs: int) -> None:
    rng = np.random.default_rng(count)
    numbers = rng.permutation(count).astype(np.int32)
    levels = max(1, (count - 1).bit_length())
    bits, zeros = np.empty((levels, count // 64 + 1), np.uint64), np.empty((levels, count // 64 + 1), np.int32)
    native.build_wavelets(numbers.copy(), np.empty_like(numbers), bits, zeros)
    cuts = np.sort(rng.integers(0, count + 1, (200, 2 * runs)), axis=1).astype(np.int32)
    cuts[::7, -2:] = cuts[::7, :-3:-1]  # a run may end before it starts: it is empty
    lows, highs = np.ascontiguousarray(cuts[:, ::2].T), np.ascontiguousarray(cuts[:, 1::2].T)
    inside = [np.sort(np.concatenate([numbers[a:b] for a, b in row.reshape(-1, 2)])) for row in cuts]
    wanted = np.array([rng.integers(-1, len(each)) for each in inside], np.int32)
    found = np.empty(len(cuts), np.int32)
    native.find_smallest(bits, zeros, count, lows, highs, wanted, np.empty(2 * runs, np.int32), found)
    assert found.tolist() == [-1 if k < 0 else each[k] for each, k in zip(inside, wanted, strict=True)]
