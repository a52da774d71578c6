"""Calls of kernels in turn end where a result is not the one expected, and take what each kernel takes."""

from __future__ import annotations

import numpy as np
import pytest

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import NO_BITS, Calls

IDS = np.arange(100, dtype=np.int32) % 10


def test_calls_are_made_in_turn() -> None:
    counts, sums, totals = np.zeros(10, dtype=np.int64), np.zeros((10, 2)), np.zeros(10)
    calls = Calls()
    for _ in range(3):
        calls.add(native.count_and_sum_f64, IDS, np.ones(100), sums, counts)
    calls.add(native.total_f64, sums, totals)
    calls.add(native.sum_i64, IDS, np.full(100, 2), NO_BITS, 0, counts)
    assert len(calls) == calls.run() == 5
    assert calls.results == [0] * 5
    assert totals.tolist() == [30.0] * 10
    assert counts.tolist() == [50] * 10


def test_calls_end_at_a_result_that_is_not_expected() -> None:
    sums = np.zeros(10, dtype=np.int64)
    calls = Calls()
    for value in (1, 2**62, 1):
        calls.add(native.sum_i64, IDS, np.full(100, value), NO_BITS, 0, sums)
    assert calls.run() == 1
    assert calls.results == [0, 1]
    calls = Calls()
    calls.add(native.sum_i64, IDS, np.full(100, 2**62), NO_BITS, 0, sums, expected=None)
    calls.add(native.sum_i64, IDS, np.full(100, 2**62), NO_BITS, 0, sums, otherwise=lambda: OverflowError("sum"))
    with pytest.raises(OverflowError, match="sum"):
        calls.run()


def test_the_signature_is_that_of_the_arrays() -> None:
    rows = native.values_within([np.arange(9), np.arange(5)], np.array([3]))
    assert [found.tolist() for found in rows] == [[0, 1, 2, 3], [0, 1, 2, 3]]
    rows = native.values_within([np.arange(9.0)], np.array([7.0]), greatest=True)
    assert rows[0].tolist() == [7, 8]


def test_what_does_not_fit_is_said() -> None:
    calls = Calls()
    calls.add(native.sum_i64, IDS, np.ones(100, dtype=np.int32), NO_BITS, 0, np.zeros(10, dtype=np.int64))
    with pytest.raises(TypeError, match="argument 2 does not fit"):
        calls.run()


def test_no_calls_are_fine() -> None:
    assert Calls().run() == 0
