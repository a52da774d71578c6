"""Window kernels against numpy, row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from volley.engine.kernels.cpu import native

N = 500


@pytest.fixture(scope="module")
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


@pytest.fixture(scope="module")
def frames(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Runs of every kind: short and long, empty, upside down."""
    lows, highs = rng.integers(0, N + 1, (2, N)).astype(np.int32)
    highs[::3] = np.minimum(lows[::3] + 5, N)
    return lows, highs


def test_spans(rng: np.random.Generator) -> None:
    flags = (rng.random(N) < 0.2).astype(np.uint8)
    starts, ends = np.empty(N, np.int32), np.empty(N, np.int32)
    native.spans(flags, starts, ends)
    cuts = [0, *(i for i in range(1, N) if flags[i]), N]
    expected = [(a, b) for a, b in itertools.pairwise(cuts) for _ in range(a, b)]
    assert list(zip(starts.tolist(), ends.tolist(), strict=True)) == expected
    native.spans(flags[:0], starts[:0], ends[:0])


def test_groups_are_spread_and_sorted_stably(rng: np.random.Generator) -> None:
    sizes = np.array([0, 1, 2, 15, 16, 17, 33, 64, 100, 257, 1000])
    ids = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int32)
    words = rng.integers(0, 2**64, len(ids), dtype=np.uint64) >> rng.choice(np.array([0, 61], np.uint64), len(ids))
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows, keys = np.empty(len(ids), np.int32), np.empty(len(ids), np.uint64)
    native.spread_groups(ids, words, offsets[:-1].copy(), rows, keys)
    assert (rows == np.argsort(ids, kind="stable")).all()
    native.sort_groups(offsets, keys, rows, np.empty_like(keys), np.empty_like(rows))
    assert (rows == np.lexsort([words, ids])).all()
    assert (keys == words[rows]).all()


def test_steps_and_distances() -> None:
    changed = np.array([1, 0, 0, 1, 0], np.uint8)
    native.mark_steps(np.array([5, 5, 6, 6, 6], np.uint64), changed)
    assert changed.tolist() == [1, 0, 1, 1, 0]
    numbers = np.empty(3, np.int64)
    native.scatter_distances(
        np.array([0, 0, 2], np.int32), np.array([0, 1, 2], np.int32), np.array([2, 0, 1], np.int32), numbers
    )
    assert numbers.tolist() == [2, 1, 1]


def test_search_in_any_order_of_limits(rng: np.random.Generator) -> None:
    keys = np.concatenate([np.sort(rng.integers(0, 40, N // 2)), np.sort(rng.integers(0, 40, N // 2))]).astype(
        np.uint64
    )
    limits = rng.integers(0, 45, N).astype(np.uint64)
    starts = np.repeat(np.array([0, N // 2], np.int32), N // 2)
    ends = np.repeat(np.array([N // 2, N], np.int32), N // 2)
    for after, side in enumerate(("left", "right")):
        found = np.empty(N, np.int32)
        native.search_sorted(keys, limits, starts, ends, after, found)
        expected = [s + np.searchsorted(keys[s:e], x, side) for s, e, x in zip(starts, ends, limits, strict=True)]
        assert found.tolist() == expected


def test_positions_away_stay_within_their_span() -> None:
    starts, ends = np.array([0, 0, 0, 3, 3], np.int32), np.array([3, 3, 3, 5, 5], np.int32)
    found = np.empty(5, np.int32)
    for distance, expected in [(-1, [0, 0, 1, 3, 3]), (2, [2, 3, 3, 5, 5]), (0, [0, 1, 2, 3, 4])]:
        native.rows_away(starts, ends, distance, found)
        assert found.tolist() == expected


def test_float_sums(rng: np.random.Generator, frames: tuple[np.ndarray, np.ndarray]) -> None:
    values = rng.normal(size=N)
    values[7], values[400] = np.inf, np.nan
    tree, total = np.zeros(2 * N), np.zeros(N)
    native.build_sums(values, tree)
    native.add_sums(tree, *frames, total)
    np.testing.assert_allclose(total, [values[a:b].sum() for a, b in zip(*frames, strict=True)], rtol=1e-12, atol=1e-12)


def test_running_sums_lose_nothing_to_large_terms() -> None:
    values = np.array([1.0, 1e100, 1.0, -1e100, np.inf, 1.0])
    lows, highs = np.zeros(6, np.int32), np.arange(1, 7, dtype=np.int32)
    total = np.zeros(6)
    native.running_sums(values, lows, highs, total)
    assert total.tolist() == [1.0, 1e100, 1e100, 2.0, np.inf, np.inf]
    again = np.zeros(6)
    native.running_sums(values, lows, highs[::-1].copy(), again)  # frames that shrink are summed afresh
    assert again.tolist() == total.tolist()[::-1]


def test_integer_sums_of_any_size(rng: np.random.Generator, frames: tuple[np.ndarray, np.ndarray]) -> None:
    values = rng.integers(-(2**63), 2**63 - 1, N, dtype=np.int64)
    low, high = np.empty(N + 1, np.int64), np.empty(N + 1, np.int64)
    native.prefix_sums(values, low, high)
    sums = np.zeros(N, np.int64), np.zeros(N, np.int64)
    for prefix, total in zip((low, high), sums, strict=True):
        native.add_differences(prefix, *frames, total)
    wide = native.join_halves(*sums)
    expected = [sum(values[a:b].tolist()) for a, b in zip(*frames, strict=True)]
    assert [(h << 64) + (v & 2**64 - 1) for v, h in zip(sums[0].tolist(), sums[1].tolist(), strict=True)] == expected
    assert wide == sum(not -(2**63) <= total < 2**63 for total in expected) > 0


@pytest.mark.parametrize("running", [False, True])
def test_least_words(rng: np.random.Generator, frames: tuple[np.ndarray, np.ndarray], running: bool) -> None:
    words = rng.integers(0, 50, N).astype(np.uint64)
    valid = (rng.random(N) < 0.7).astype(np.uint8)
    best = np.full(N, -1, np.int32)
    lows, highs = (np.zeros(N, np.int32), frames[1]) if running else frames
    if running:
        native.running_least(words, valid, lows, highs, best)
    else:
        tree = np.empty(2 * N, np.int32)
        native.build_least(words, valid, tree)
        native.find_least(words, tree, lows, highs, best)
    for a, b, found in zip(lows, highs, best.tolist(), strict=True):
        rows = [i for i in range(a, b) if valid[i]]
        assert found == min(rows, key=lambda i: (words[i], i), default=-1)


def test_moments(rng: np.random.Generator, frames: tuple[np.ndarray, np.ndarray]) -> None:
    values = rng.normal(size=N) + 1e6
    valid = (rng.random(N) < 0.7).astype(np.uint8)
    trees = tuple(np.zeros(2 * N) for _ in range(3))
    found = tuple(np.zeros(N) for _ in range(3))
    native.build_moments(values, valid, *trees)
    native.add_moments(*trees, *frames, *found)
    for a, b, count, square in zip(*frames, found[0], found[2], strict=True):
        kept = values[a:b][valid[a:b] != 0]
        assert count == len(kept)
        assert square == pytest.approx(kept.var() * len(kept) if len(kept) else 0.0, rel=1e-6, abs=1e-6)
