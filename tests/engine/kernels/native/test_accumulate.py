"""Grouped aggregates against pandas and exact Python arithmetic, over two batches and a merge."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from volley.engine.kernels.cpu import native

from .conftest import GREATEST, LEAST, Column, column

GROUPS = 13


@pytest.fixture(params=["valid", "nullable", "all null", "empty"])
def valid(request: pytest.FixtureRequest, rng: np.random.Generator) -> NDArray[np.bool_] | None:
    n = 0 if request.param == "empty" else 4001
    return {"nullable": rng.random(n) < 0.7, "all null": np.zeros(n, np.bool_)}.get(request.param)


def ids_for(data: Column, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return groups of rows; -1 for some, and the last group for none."""
    return rng.integers(-1, GROUPS - 1, len(data.values)).astype(np.int32)


def run(kernel: Any, ids: NDArray[np.int32], data: Column, *state: NDArray[Any]) -> list[Any]:
    """Run a kernel over two batches."""
    half = len(ids) // 2
    return [
        kernel(ids[part], data.values[part], data.bits, data.bit_offset + part.start, *state)
        for part in (slice(0, half), slice(half, len(ids)))
    ]


def grouped(ids: NDArray[np.int32], data: Column, reduce: Callable[[list[Any]], Any]) -> list[Any]:
    """Reduce the valid values of each group in Python; None for a group without any."""
    kept = [data.values[(ids == g) & data.valid].tolist() for g in range(GROUPS)]
    return [reduce(values) if values else None for values in kept]


def floats(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    values = rng.normal(size=n) * 10.0 ** rng.integers(-8, 9, n)
    values[::97] = -0.0
    return values


def length(valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> int:
    return 0 if request.node.callspec.params["valid"] == "empty" else 4001


def test_count(rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> None:
    data = column(np.zeros(length(valid, request), np.int64), valid)
    ids = ids_for(data, rng)
    counts = np.zeros(GROUPS, np.int64)
    native.count_valid(ids, data.bits, data.bit_offset, counts)
    assert counts.tolist() == np.bincount(ids[(ids >= 0) & data.valid], minlength=GROUPS).tolist()


def test_groups_with_a_value(
    rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest
) -> None:
    data = column(np.zeros(length(valid, request), np.int64), valid)
    ids = ids_for(data, rng)
    flags = np.zeros(GROUPS, np.uint8)
    native.mark_groups(ids, data.bits, data.bit_offset, flags)
    assert np.flatnonzero(flags).tolist() == np.unique(ids[(ids >= 0) & data.valid]).tolist()


def test_integer_sums(
    rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest
) -> None:
    n = length(valid, request)
    small = column(rng.integers(-(2**50), 2**50, n), valid)
    ids = ids_for(small, rng)
    sums = np.zeros(GROUPS, np.int64)
    assert run(native.sum_i64, ids, small, sums) == [0, 0]
    assert sums.tolist() == [total or 0 for total in grouped(ids, small, sum)]

    large = column(rng.integers(LEAST, GREATEST, n, endpoint=True), valid)
    wide = np.zeros((GROUPS, 2), np.int64)
    run(native.sum_i64_wide, ids, large, wide)
    assert exact(wide) == [total or 0 for total in grouped(ids, large, sum)]

    twice = np.zeros((GROUPS, 2), np.int64)
    groups = np.arange(GROUPS, dtype=np.int32)
    for _ in range(2):
        assert not native.sum_i128(groups, wide, native.NO_BITS, 0, twice)
    assert exact(twice) == [2 * total for total in exact(wide)]


def exact(wide: NDArray[np.int64]) -> list[int]:
    return [(high << 64) + (low & (2**64 - 1)) for low, high in wide.tolist()]


@pytest.mark.parametrize(
    ("values", "overflow"),
    [([GREATEST, 1], True), ([LEAST, -1], True), ([GREATEST, -1, 1], False), ([LEAST, GREATEST], False)],
)
def test_overflow_is_reported(values: list[int], overflow: bool) -> None:
    ids, sums = np.zeros(len(values), np.int32), np.zeros(1, np.int64)
    assert bool(native.sum_i64(ids, np.array(values), native.NO_BITS, 0, sums)) is overflow
    if not overflow:
        assert sums[0] == sum(values)


@pytest.mark.parametrize(("first", "second"), [((2**127 - 1), 1), (-(2**127), -1)])
def test_overflow_of_128_bits_is_reported(first: int, second: int) -> None:
    pairs = [[x & (2**64 - 1), x >> 64] for x in (first, second)]
    values = np.array([[a - 2**64 if a >= 2**63 else a, b] for a, b in pairs], np.int64)
    sums = np.zeros((1, 2), np.int64)
    assert native.sum_i128(np.zeros(2, np.int32), values, native.NO_BITS, 0, sums)
    assert not native.sum_i128(np.zeros(1, np.int32), values[:1], native.NO_BITS, 0, np.zeros((1, 2), np.int64))


def test_float_sums(rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> None:
    data = column(floats(rng, length(valid, request)), valid)
    ids = ids_for(data, rng)
    sums, totals = np.zeros((GROUPS, 2)), np.zeros(GROUPS)
    run(native.sum_f64, ids, data, sums)
    native.total_f64(sums, totals)
    expected = [total or 0.0 for total in grouped(ids, data, math.fsum)]
    np.testing.assert_allclose(totals, expected, rtol=2e-16, atol=0)

    merged = sums.copy()
    native.merge_sum_f64(np.arange(GROUPS, dtype=np.int32)[::-1].copy(), sums, merged)
    native.total_f64(merged, totals)
    np.testing.assert_allclose(totals, np.add(expected, expected[::-1]), rtol=1e-15, atol=1e-300)


def test_float_sums_of_infinities_and_nan() -> None:
    values = np.array([np.inf, 1.0, np.inf, -np.inf, np.nan, 1.0, 1e308, 1e308])
    ids = np.array([0, 0, 1, 1, 2, 2, 3, 3], np.int32)
    sums, totals = np.zeros((4, 2)), np.zeros(4)
    native.sum_f64(ids, values, native.NO_BITS, 0, sums)
    native.total_f64(sums, totals)
    np.testing.assert_array_equal(totals, [np.inf, np.nan, np.nan, np.inf])


@pytest.mark.parametrize("greatest", [False, True])
def test_extremes_of_128_bits(
    rng: np.random.Generator,
    valid: NDArray[np.bool_] | None,
    request: pytest.FixtureRequest,
    greatest: bool,
) -> None:
    n = length(valid, request)
    marks = np.array([LEAST, -1, 0, 5, GREATEST])
    halves = np.stack([rng.choice(marks, n), rng.choice(marks[1:-1], n)], axis=1)
    rows = column(np.arange(n), valid)
    ids = ids_for(rows, rng)
    start = [0, LEAST if greatest else GREATEST]
    state = np.array([start] * GROUPS)
    native.extreme_i128(ids, halves, rows.bits, rows.bit_offset, greatest, state)
    numbers = exact(halves)
    best = grouped(ids, rows, lambda found: (max if greatest else min)(numbers[int(i)] for i in found))
    assert exact(state) == [exact(np.array([start]))[0] if number is None else number for number in best]


@pytest.mark.parametrize("greatest", [False, True])
def test_extremes(
    rng: np.random.Generator,
    valid: NDArray[np.bool_] | None,
    request: pytest.FixtureRequest,
    greatest: bool,
) -> None:
    n = length(valid, request)
    data = column(rng.choice(np.array([LEAST, -1, 0, 5, GREATEST]), n), valid)
    ids = ids_for(data, rng)
    start = LEAST if greatest else GREATEST
    state = np.full(GROUPS, start, np.int64)
    run(native.max_i64 if greatest else native.min_i64, ids, data, state)
    reduce = max if greatest else min
    assert state.tolist() == [start if x is None else x for x in grouped(ids, data, reduce)]

    values = rng.choice(np.array([np.nan, np.inf, -np.inf, -0.0, 2.5]), n)
    values[ids == 3] = np.nan
    real = column(values, valid)
    found = np.full(GROUPS, -np.inf if greatest else np.nan)
    run(native.max_f64 if greatest else native.min_f64, ids, real, found)

    def with_nan_greatest(values: list[float]) -> float:
        numbers = [x for x in values if not math.isnan(x)]
        if greatest and len(numbers) < len(values):
            return math.nan
        return reduce(numbers) if numbers else math.nan

    empty = -np.inf if greatest else np.nan
    np.testing.assert_array_equal(found, [empty if x is None else x for x in grouped(ids, real, with_nan_greatest)])


def test_first_row(rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> None:
    data = column(rng.integers(0, 2**60, length(valid, request)), valid)
    ids = ids_for(data, rng)
    rows = np.full(GROUPS, -1, np.int32)
    native.first_row(ids, data.bits, data.bit_offset, rows)
    assert [None if row < 0 else data.values[row] for row in rows] == grouped(ids, data, lambda values: values[0])


def test_moments(rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> None:
    data = column(1e6 + rng.normal(size=length(valid, request)), valid)
    ids = ids_for(data, rng)
    state, other = np.zeros((GROUPS, 3)), np.zeros((GROUPS, 3))
    half = len(ids) // 3
    native.moments_f64(ids[:half], data.values[:half], data.bits, data.bit_offset, state)
    native.moments_f64(ids[half:], data.values[half:], data.bits, data.bit_offset + half, other)
    native.merge_moments(np.arange(GROUPS, dtype=np.int32), other, state)
    frame = pd.DataFrame({"id": ids, "x": data.values})[data.valid & (ids >= 0)]
    expected = frame.groupby("id")["x"].agg(["count", "mean", "var"]).reindex(range(GROUPS))
    assert state[:, 0].tolist() == expected["count"].fillna(0).tolist()
    some = state[:, 0] > 1
    np.testing.assert_allclose(state[some, 1], expected["mean"][some], rtol=1e-14)
    np.testing.assert_allclose(state[some, 2] / (state[some, 0] - 1), expected["var"][some], rtol=1e-9)


def test_comoments(rng: np.random.Generator, valid: NDArray[np.bool_] | None, request: pytest.FixtureRequest) -> None:
    data = column(1e6 + rng.normal(size=length(valid, request)), valid)
    other = 0.3 * data.values + rng.normal(size=len(data.values)) - 1e5
    ids, state = ids_for(data, rng), np.zeros((GROUPS, 6))
    native.comoments_f64(ids, data.values, other, data.bits, data.bit_offset, state)
    for group in range(GROUPS):
        rows = data.valid & (ids == group)
        assert state[group, 0] == rows.sum()
        if state[group, 0]:
            apart = [each[rows] - each[rows].mean() for each in (data.values, other)]
            np.testing.assert_allclose(state[group, 1:3], [data.values[rows].mean(), other[rows].mean()], rtol=1e-13)
            expected = [(apart[i] * apart[j]).sum() for i, j in ((0, 0), (1, 1), (0, 1))]
            np.testing.assert_allclose(state[group, 3:], expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("n", [0, 1, 5000])
@pytest.mark.parametrize("reach", [10, 2**31, 2**63 - 1])
def test_total_of_integers_in_128_bits(rng: np.random.Generator, n: int, reach: int) -> None:
    for low, high in ((-reach, reach), (-reach, 0), (0, reach)):
        values = rng.integers(low, high, n)
        out = np.full((1, 2), 7)
        native.total_i64(values, out)
        assert (int(out[0, 1]) << 64) + int(out[0, 0]) % 2**64 == sum(values.tolist())


@pytest.mark.parametrize("n", [0, 1, native.SUM_LANES, 5000])
def test_floats_of_one_group_are_added_exactly(rng: np.random.Generator, n: int) -> None:
    values = rng.standard_normal(n) * 10.0 ** rng.integers(-12, 12, n)
    lanes, sums, total = np.zeros((2, native.SUM_LANES)), np.zeros((1, 2)), np.zeros(1)
    native.sum_lanes_f64(values, lanes)
    native.merge_sum_f64(np.zeros(native.SUM_LANES, np.int32), np.ascontiguousarray(lanes.T), sums)
    native.total_f64(sums, total)
    np.testing.assert_allclose(total[0], math.fsum(values.tolist()), rtol=2e-16, atol=0)
    whole = np.zeros(1)
    native.whole_sum_f64(values, np.zeros((2, native.SUM_LANES)), np.zeros((1, 2)), whole)
    assert whole == total
    if n:
        values[n // 2] = np.inf
        native.whole_sum_f64(values, np.zeros((2, native.SUM_LANES)), np.zeros((1, 2)), whole)
        assert whole == np.inf


@pytest.mark.parametrize("groups", [3, 90_000])
def test_counting_and_adding_in_one_pass(rng: np.random.Generator, groups: int) -> None:
    ids = rng.integers(-1, groups, 5000).astype(np.int32)
    values = rng.random(len(ids))
    sums, counts = np.zeros((groups, 2)), np.zeros(groups, np.int64)
    native.count_and_sum_f64(ids, values, sums, counts)
    expected_sums, expected_counts = np.zeros((groups, 2)), np.zeros(groups, np.int64)
    native.sum_f64(ids, values, native.NO_BITS, 0, expected_sums)
    native.count_valid(ids, native.NO_BITS, 0, expected_counts)
    assert (sums == expected_sums).all()
    assert (counts == expected_counts).all()
