"""The threads of a run: as many as are asked for, all at once, the same ones again."""

import threading

import pytest

from tests.support.threads import left_over
from volley.engine.runners.crew import Crew


def names_of(crew, count, *, takes_part):
    """Return the names of the threads that work, all of which must be at it at the same time."""
    names, all_of_them = [], threading.Barrier(count)

    def work():
        all_of_them.wait(60)
        names.append(threading.current_thread().name)

    crew.work(work, count, takes_part=takes_part)
    return sorted(names)


@pytest.mark.parametrize("takes_part", [True, False])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_so_many_threads_work_at_once(count, takes_part):
    crew = Crew()
    names = names_of(crew, count, takes_part=takes_part)
    assert len(set(names)) == count
    assert (threading.current_thread().name in names) is takes_part
    crew.dismiss()
    assert not left_over()


def test_threads_are_kept_from_one_work_to_the_next():
    crew = Crew()
    first = names_of(crew, 3, takes_part=False)
    assert names_of(crew, 3, takes_part=False) == first
    assert set(names_of(crew, 2, takes_part=True)) < {*first, threading.current_thread().name}
    crew.dismiss()


def test_one_thread_that_is_the_callers_starts_none():
    crew = Crew()
    before = threading.active_count()
    assert names_of(crew, 1, takes_part=True) == [threading.current_thread().name]
    assert threading.active_count() == before


def test_what_an_interrupt_left_behind_is_waited_for():
    crew, go_on = Crew(), threading.Event()
    ended = []

    def work():
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        go_on.wait(60)
        ended.append(1)

    with pytest.raises(KeyboardInterrupt):
        crew.work(work, 2, takes_part=True)
    assert not ended
    go_on.set()
    crew.join()
    assert ended
    crew.dismiss()
    assert not left_over()
