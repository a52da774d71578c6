"""Calls in phases: each is made once, after all of the phases before, whatever the threads; failures end the work."""

from __future__ import annotations

import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from volley.engine.kernels.cpu.native import phases as module
from volley.engine.kernels.cpu.native.arrays import Longs
from volley.engine.kernels.cpu.native.compile import kernel
from volley.engine.kernels.cpu.native.parallel import Threads
from volley.engine.kernels.cpu.native.phases import Phases, pieces_of

ROWS = 5_000


@kernel("void(const i64[], i64[], i64, i64)")
def add_before(values: Longs, out: Longs, start: int, stop: int) -> None:
    """Add to each value the one before it, which another call of the phase before may have written."""
    for i in range(start, stop):
        out[i] = values[i] + values[max(i - 1, 0)]


@kernel("void(i64[], i64, i64)")
def count_calls(own: Longs, weight: int, number: int) -> None:
    """Add a number of the call to what a thread has."""
    own[0] += weight * number
    own[1] += 1


def spans(size: int) -> list[tuple[int, int]]:
    return [(start, min(start + size, ROWS)) for start in range(0, ROWS, size)]


def expected(steps: int) -> list[int]:
    values = np.arange(ROWS)
    for _ in range(steps):
        values = values + values[np.maximum(np.arange(ROWS) - 1, 0)]
    return list(values.tolist())


def run_steps(threads: Threads | None, size: int, steps: int) -> list[int]:
    rooms = [np.arange(ROWS), np.zeros(ROWS, dtype=np.int64)]
    phases = Phases(threads)
    for step in range(steps):
        phases.add(add_before, rooms[step % 2], rooms[1 - step % 2], numbers=spans(size))
    assert len(phases) == steps * len(spans(size))
    phases.run()
    assert not len(phases)
    return list(rooms[steps % 2].tolist())


@pytest.mark.parametrize("size", [1, 700, ROWS])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_phase_sees_all_of_the_one_before(count: int, size: int) -> None:
    with Threads(count) as threads:
        for steps in (1, 2, 25):
            assert run_steps(threads, size, steps) == expected(steps)


def test_one_thread_needs_no_others() -> None:
    assert run_steps(None, 11, 4) == expected(4)


def test_calls_beside_the_phase_before_belong_to_it() -> None:
    first, second, both = np.arange(ROWS), np.arange(ROWS) * 3, np.zeros((2, ROWS), dtype=np.int64)
    sums = np.zeros(ROWS, dtype=np.int64)
    with Threads(3) as threads:
        phases = Phases(threads)
        phases.add(add_before, first, both[0], numbers=spans(100), beside=True)
        phases.add(add_before, second, both[1], numbers=spans(300), beside=True)
        phases.add(add_before, both[0], sums, numbers=spans(50))
        phases.run()
        phases.run()  # of nothing
    assert both[1].tolist() == [3 * value for value in expected(1)]
    assert sums.tolist() == expected(2)


def test_each_thread_has_its_own_arrays() -> None:
    own = [np.zeros(2, dtype=np.int64) for _ in range(3)]
    with Threads(3) as threads:
        phases = Phases(threads)
        phases.add(count_calls, own, 2, numbers=range(1000))
        phases.run()
    assert sum(array[0] for array in own) == 2 * sum(range(1000))
    assert sum(array[1] for array in own) == 1000


def test_there_may_be_no_calls() -> None:
    own = np.zeros(2, dtype=np.int64)
    phases = Phases(None)
    phases.add(count_calls, own, 1, numbers=[])
    phases.add(count_calls, own, 1, numbers=[5])
    phases.run()
    assert own.tolist() == [5, 1]


@pytest.mark.parametrize("count", [1, 3])
def test_what_does_not_fit_ends_the_work(count: int) -> None:
    right = np.zeros(2, dtype=np.int64)
    wrong = right[:0].reshape(0, 2)
    with Threads(count) as threads:
        phases = Phases(threads)
        phases.add(count_calls, right, 1, numbers=range(10))
        phases.add(count_calls, wrong, 1, numbers=range(10))
        phases.add(count_calls, right, 1, numbers=range(10))
        with pytest.raises(TypeError, match=r"kernel count_calls .*: argument 1 does not fit"):
            phases.run()
    assert right.tolist() == [sum(range(10)), 10]


def test_an_interrupt_ends_the_others_work(monkeypatch: pytest.MonkeyPatch) -> None:
    work, main = module._work, threading.current_thread()
    own = [np.zeros(2, dtype=np.int64) for _ in range(2)]
    waiting = threading.Event()

    def interrupted(*args: Any) -> int:
        if threading.current_thread() is main:
            waiting.wait(10)  # until the other has been there
            raise KeyboardInterrupt
        result = work(*args)
        waiting.set()
        while not args[3][0]:
            pass  # the interrupt ends the work
        return result

    monkeypatch.setattr(module, "_work", interrupted)
    with Threads(2) as threads:
        phases = Phases(threads)
        phases.add(count_calls, own, 1, numbers=range(10_000))
        with pytest.raises(KeyboardInterrupt):
            phases.run()
    assert sum(array[1] for array in own) == module._STAY


@pytest.mark.parametrize("rows", [0, 1, 1 << 17, (1 << 17) + 1, 3_000_000])
def test_pieces_cover_all_rows(rows: int) -> None:
    pieces = pieces_of(rows)
    assert pieces[0][0] == 0
    assert pieces[-1][1] == rows
    assert all(stop == start for (_, stop), (start, _) in pairwise(pieces))
    assert max(stop - start for start, stop in pieces) <= 1 << 17
