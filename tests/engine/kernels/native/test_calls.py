"""Calls of kernels in turn end where a result is not the one expected, and take what each kernel takes."""

from __future__ import annotations

import weakref

import numpy as np
import pytest

from volley.engine.kernels.cpu import native
from volley.engine.kernels.cpu.native import NO_BITS, Calls, Pattern
from volley.engine.kernels.cpu.native.packing import ADDRESSES, KeyPacking, Source

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
    numbers, floats = [np.arange(9), np.arange(5)], np.arange(9.0)
    begins, lengths = np.array([array.ctypes.data for array in numbers], np.uint64), np.array([9, 5])
    rows = native.values_within(begins, lengths, np.array([3]))
    assert [found.tolist() for _, found in rows] == [[0, 1, 2, 3], [0, 1, 2, 3]]
    begins = np.array([floats.ctypes.data], np.uint64)
    rows = native.values_within(begins, np.array([9]), np.array([7.0]), greatest=True)
    assert rows[0][1].tolist() == [7, 8]


def test_what_does_not_fit_is_said() -> None:
    calls = Calls()
    calls.add(native.sum_i64, IDS, np.ones(100, dtype=np.int32), NO_BITS, 0, np.zeros(10, dtype=np.int64))
    with pytest.raises(TypeError, match="argument 2 does not fit"):
        calls.run()


def test_no_calls_are_fine() -> None:
    assert Calls().run() == 0


def memory(*arrays: np.ndarray) -> list[tuple[np.ndarray, int]]:
    return [(array, array.ctypes.data) for array in arrays]


def addresses(*arrays: np.ndarray) -> np.ndarray:
    return np.array([[array.ctypes.data for array in arrays]], np.uint64)


def test_calls_are_made_again_with_other_memory() -> None:
    """Of two calls one reads the values as they are and one as words; what both write to stays the same."""
    sums, filled = np.zeros(10, dtype=np.int64), np.zeros(100, dtype=np.uint64)
    first, second = np.arange(100), np.full(100, 7)
    calls = Calls()
    calls.add(native.sum_i64, IDS, np.ones(100, dtype=np.int64), NO_BITS, 0, sums)
    begun = len(calls)
    calls.add(native.sum_i64, IDS, first, NO_BITS, 0, sums)
    calls.add(native.set_key, first.view(np.uint64), 0, 1, filled)
    assert Pattern(calls, begun, memory(first)).repeat(addresses(second), calls)
    assert calls.run() == 5
    assert sums.tolist() == [10 + 450 + 10 * digit + 70 for digit in range(10)]
    assert filled.tolist() == [14] * 100


def test_addresses_in_arguments_are_those_of_the_other_memory() -> None:
    first, second, out = np.arange(100, dtype=np.uint64), np.arange(100, 200, dtype=np.uint64), np.zeros(100, np.uint64)
    calls, packing = Calls(), KeyPacking([(0, 255), (0, 255)])
    packing.pack_later([Source(first, NO_BITS, 0, -1), Source(first, NO_BITS, 0, -1)], out, calls)
    calls.describe(calls.made[0].arguments[0], ADDRESSES)
    assert Pattern(calls, 0, memory(first)).repeat(addresses(second), calls)
    assert calls.run() == 2
    assert out.tolist() == [value * 257 for value in range(100, 200)]


def test_memory_that_was_the_same_must_be_the_same() -> None:
    sums, first, second = np.zeros(10, dtype=np.int64), np.arange(100), np.arange(100) * 2
    calls = Calls()
    calls.add(native.sum_i64, IDS, first, NO_BITS, 0, sums)
    calls.add(native.sum_i64, IDS, first, NO_BITS, 0, sums)
    pattern = Pattern(calls, 0, memory(first, first))
    assert not pattern.repeat(addresses(first, second), calls)
    assert len(calls) == 2
    assert pattern.repeat(addresses(second, second), calls)
    assert calls.run() == 4
    assert sums.sum() == 2 * (first.sum() + second.sum())


def test_a_pattern_of_calls_that_were_made_is_added_to_others() -> None:
    """Nothing but the others keeps what it needs: here the pattern, and the calls it was of, are gone before."""
    sums, first, second, third = np.zeros(10, dtype=np.int64), np.arange(100), np.arange(100) * 2, np.arange(100) * 3
    earlier, later = Calls(), Calls()
    earlier.add(native.sum_i64, IDS, first, NO_BITS, 0, sums)
    pattern = Pattern(earlier, 0, memory(first))
    assert earlier.run() == 1
    assert pattern.repeat(addresses(second), later)
    assert pattern.repeat(addresses(third), later)
    reference = weakref.ref(earlier)
    del earlier, pattern
    assert later.run() == 2
    assert sums.sum() == first.sum() + second.sum() + third.sum()
    del later
    assert reference() is None  # without looking for cycles
