"""Work in parts: every part is done once, results keep their order, errors reach the caller."""

from __future__ import annotations

import threading

import pytest

from volley.engine.kernels.cpu.native.parallel import Threads, each, mapped, spans_of


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("parts", [0, 1, 3, 200])
def test_each_part_is_done_once(count: int, parts: int) -> None:
    done: list[int] = []
    with Threads(count) as threads:
        each(done.append, parts, threads)
        assert mapped(lambda text: text * 2, map(str, range(parts)), threads) == [f"{n}{n}" for n in range(parts)]
    assert sorted(done) == list(range(parts))


def test_all_threads_take_part() -> None:
    met = threading.Barrier(3)
    with Threads(3) as threads:
        each(lambda _: met.wait(10), 3, threads)


@pytest.mark.parametrize("failing", [0, 7])
def test_an_error_ends_the_work(failing: int) -> None:
    def work(part: int) -> None:
        if part == failing:
            raise ValueError(f"part {part}")

    with Threads(2) as threads, pytest.raises(ValueError, match=f"part {failing}"):
        each(work, 50, threads)


def test_spans_cover_everything() -> None:
    assert spans_of(10, 3) == [(0, 3), (3, 6), (6, 10)]
