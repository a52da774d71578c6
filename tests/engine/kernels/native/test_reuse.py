"""Memory that is used again is never that of an array somebody still looks at."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from volley.engine.kernels.cpu.native import reuse
from volley.engine.kernels.cpu.native.reuse import borrow_words

LENGTH = 1 << 18


def address(array: np.ndarray) -> int:
    return int(array.ctypes.data)


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "_kept", [])


def test_memory_comes_back_when_the_array_is_gone() -> None:
    array = borrow_words(LENGTH)
    where = address(array)
    del array
    gc.collect()
    assert address(borrow_words(LENGTH - 5)) == where
    assert len(borrow_words(LENGTH - 5)) == LENGTH - 5


@pytest.mark.parametrize("length", [0, 1, 100, LENGTH, LENGTH + 3])
def test_arrays_begin_at_a_cache_line(length: int) -> None:
    for _ in range(3):
        array = borrow_words(length)
        array[:] = 1
        assert len(array) == length
        assert address(array) % 64 == 0
    assert address(borrow_words(LENGTH)) % 64 == 0


def test_memory_does_not_come_back_while_a_view_is_left() -> None:
    array = borrow_words(LENGTH)
    view = array[100:200].view(np.int64)[10:]
    view[:] = 7
    del array
    gc.collect()
    others = [borrow_words(LENGTH) for _ in range(3)]
    for other in others:
        other[:] = 1
    assert (view == 7).all()


def test_small_arrays_and_much_larger_memory_are_left_alone() -> None:
    large = borrow_words(4 * LENGTH)
    where = address(large)
    del large
    gc.collect()
    assert address(borrow_words(LENGTH)) != where
    assert address(borrow_words(3 * LENGTH)) == where
    borrow_words(10)
    assert all(len(one) >= LENGTH // 2 for one in reuse._kept)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reuse, "_MOST_KEPT", 20 * LENGTH)
    arrays = [borrow_words(LENGTH) for _ in range(5)]
    assert len(arrays) == 5
    del arrays
    gc.collect()
    assert sum(one.nbytes for one in reuse._kept) <= 20 * LENGTH
