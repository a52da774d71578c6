"""Window kernels against numpy, row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native.windowing import SCRATCH_WORDS, SPARE_KEYS

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
    sizes = np.array([0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 64, 100, 191, 192, 193, 257, 1000])
    ids = rng.permutation(np.repeat(np.arange(len(sizes)), sizes)).astype(np.int32)
    words = rng.integers(0, 2**64, len(ids), dtype=np.uint64) >> rng.choice(np.array([0, 61], np.uint64), len(ids))
    words[rng.random(len(ids)) < 0.1] = 2**64 - 1  # as nulls may have
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    rows, keys = np.empty(len(ids), np.int32), np.empty(len(ids) + SPARE_KEYS, np.uint64)
    native.spread_groups(ids, words, offsets[:-1].copy(), rows, keys)
    assert (rows == np.argsort(ids, kind="stable")).all()
    in_order, begins = np.empty_like(rows), np.zeros(len(ids), np.uint8)
    scratch = np.empty(SCRATCH_WORDS, np.uint64)
    native.sort_groups(offsets, keys, rows, np.empty(len(ids), np.uint64), in_order, begins, scratch)
    assert (in_order == np.lexsort([words, ids])).all()
    pairs = np.stack([ids.astype(np.uint64), words])[:, in_order]
    assert begins.tolist() == [1, *(pairs[:, 1:] != pairs[:, :-1]).any(axis=0).tolist()]


def test_ranks_and_numbers() -> None:
    rows, ranks = np.array([2, 0, 1, 4, 3], np.int32), np.empty(5, np.int64)
    partitions, peers = np.array([1, 0, 0, 1, 0], np.uint8), np.array([1, 0, 1, 1, 1], np.uint8)
    native.write_ranks(rows, partitions, peers, 0, ranks)
    assert ranks.tolist() == [1, 3, 1, 2, 1]
    native.write_ranks(rows, partitions, peers, 1, ranks)
    assert ranks.tolist() == [2, 3, 1, 2, 1]


@pytest.mark.parametrize("by_rows", [0, 1])
def test_running_totals_are_those_of_frames(rng: np.random.Generator, by_rows: int) -> None:
    partitions = (rng.random(N) < 0.05).astype(np.uint8)
    partitions[0] = 1
    peers = partitions | (rng.random(N) < 0.6).astype(np.uint8)
    rows = rng.permutation(N).astype(np.int32)
    starts, ends, after = (np.empty(N, np.int32) for _ in range(3))
    native.spans(partitions, starts, ends)
    native.spans(peers, ends, after)
    highs = np.arange(1, N + 1, dtype=np.int32) if by_rows else after
    values = rng.normal(size=N)
    values[rng.integers(0, N, 5)] = [np.inf, np.nan, -0.0, 1e300, -1e300]
    expected, total = np.zeros(N), np.empty(N)
    native.running_sums(values[rows], starts, highs, expected)
    native.running_totals(values, rows, partitions, peers, by_rows, total)
    assert total[rows].tobytes() == expected.tobytes()
    integers = rng.integers(-(2**63), 2**63 - 1, N, dtype=np.int64)
    low, high = np.empty(N, np.int64), np.empty(N, np.int64)
    native.running_halves(integers, rows, partitions, peers, by_rows, low, high)
    native.join_halves(low, high)
    for place, row in enumerate(rows):
        sums = sum(integers[rows[starts[place] : highs[place]]].tolist())
        assert (int(high[row]) << 64) + (int(low[row]) % 2**64) == sums


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
