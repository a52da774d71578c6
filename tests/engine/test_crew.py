"""The threads of a run: as many as are asked for, all at once, the same ones again."""

import os
import threading
import time

import pytest

from tests.support.threads import left_over
from volley.engine import crew as crews
from volley.engine.crew import Crew, waiting


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


def test_threads_are_kept_from_one_work_to_the_next_and_for_the_next_crew():
    crew = Crew()
    first = names_of(crew, 3, takes_part=False)
    assert names_of(crew, 3, takes_part=False) == first
    assert set(names_of(crew, 2, takes_part=True)) < {*first, threading.current_thread().name}
    crew.dismiss()
    other = Crew()
    assert names_of(other, 3, takes_part=False) == first
    other.dismiss()


def test_two_crews_at_once_share_no_thread():
    one, other = Crew(), Crew()
    assert not {*names_of(one, 2, takes_part=False)} & {*names_of(other, 2, takes_part=False)}
    one.dismiss()
    other.dismiss()


def test_a_thread_that_nobody_tells_anything_ends_unless_a_run_has_it(monkeypatch):
    monkeypatch.setattr(crews, "KEPT", 0.01)
    monkeypatch.setattr(crews, "_waiting", [])
    crew = Crew()
    names = names_of(crew, 2, takes_part=False)
    time.sleep(0.1)
    assert names_of(crew, 2, takes_part=False) == names
    threads = [thread for thread in threading.enumerate() if thread.name in names]
    crew.dismiss()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert not waiting()


def test_a_child_process_has_threads_of_its_own():
    crew = Crew()
    names_of(crew, 2, takes_part=False)
    crew.dismiss()
    assert waiting()
    child = os.fork()
    if not child:
        os._exit(0 if not waiting() and len(names_of(Crew(), 2, takes_part=False)) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


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
