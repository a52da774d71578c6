"""Ctrl-C and other signals stop runs: all threads end, nothing is held and nothing half written."""

import os
import signal
import sys
import threading
import time

import pyarrow as pa
import pytest

import volley as vl
from tests.engine.runners.test_local import COLUMNS, every_sink, held, numbers
from tests.support.threads import left_over
from volley.engine.errors import Terminated
from volley.engine.frame.memory import MemorySource
from volley.engine.plan import Scan, ScanPlan


def test_ctrl_c_stops_all_threads_and_frees_the_run():
    started = threading.Event()
    calls = []

    def slow(table):
        started.set()
        calls.append(1)
        time.sleep(0.02)
        return table

    def interrupt():
        started.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    frame = numbers(1000, partitions=500, threads=2).map_batches(slow, {"n": "int64", "k": "int64"})
    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        frame.to_arrow()
    killer.join()
    assert len(calls) < 500
    assert not left_over()


def interrupted(frame, run):
    """Run a frame whose function waits, and send this process SIGINT when it is at work; return its calls."""
    calls, started = [], threading.Event()

    def slow(table):
        calls.append(1)
        started.set()
        time.sleep(0.02)
        return table

    def interrupt():
        started.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        run(frame.map_batches(slow, COLUMNS))
    killer.join()
    return len(calls)


def test_ctrl_c_stops_a_stream(accounts):
    frame = numbers(1000, partitions=500, threads=2)
    assert interrupted(frame, lambda slow: list(slow.iter_batches())) < 500
    assert interrupted(frame, lambda slow: list(every_sink(slow).iter_batches())) < 500
    assert not any(held(accounts))
    assert not left_over()


def test_ctrl_c_leaves_no_file(tmp_path):
    frame = numbers(1000, partitions=500, threads=2)
    interrupted(frame, lambda slow: slow.to_csv(str(tmp_path / "out.csv")))
    interrupted(frame, lambda slow: slow.to_parquet(str(tmp_path / "out"), partition_by=["k"]))
    assert list(tmp_path.iterdir()) == []


class _Dying:
    """Sends this process a signal while it is being freed, where Python loses what the signal's handler raises."""

    def __init__(self, number):
        self._number = number

    def __del__(self):
        os.kill(os.getpid(), self._number)
        for _ in range(100):
            pass


def _stop(number, frame):
    raise Terminated


class _Slow:
    """Batches for one thread, the caller's unless a server has them; with the second one something happens."""

    rows, bytes, partition, label, origin = 1000, 8000, None, "slow", None

    def __init__(self, happen, *, is_remote=False, batches=100):
        self.happen, self.is_remote, self.batches = happen, is_remote, batches
        self.reads, self.threads = 0, set()

    def read(self):
        self.threads.add(threading.current_thread())
        for n in range(self.batches):
            self.reads += 1
            if n == 1:
                self.happen()
            yield pa.record_batch({"n": pa.array([n], pa.int64()), "k": pa.array([n], pa.int64())})


def reading(happen, **options):
    """Return a frame whose rows are read batch by batch, and what is read."""
    split = _Slow(happen, **options)

    class Source(MemorySource):
        def scan(self, request):
            return ScanPlan(splits=(split,))

    table = pa.table({"n": pa.array([], pa.int64()), "k": pa.array([], pa.int64())})
    return vl.DataFrame.from_plan(Scan(source=Source(table)), vl.Session(threads=1)), split


def signalled(number):
    """Return a frame whose rows are read by the caller's thread, and what is read."""
    return reading(lambda: _Dying(number))


def interrupt_here():
    """Send this process SIGINT, and see to it."""
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(100):
        pass


def test_a_signal_comes_between_nothing_that_the_run_does():
    lock, reached = threading.Lock(), []

    def happen():
        lock.acquire()
        interrupt_here()
        lock.release()
        reached.append(1)

    frame, split = reading(happen)
    with pytest.raises(KeyboardInterrupt):
        frame.to_arrow()
    assert reached == [1]
    assert split.threads == {threading.main_thread()}
    assert split.reads < 100


def test_a_second_signal_is_raised_at_once():
    reached = []

    def happen():
        interrupt_here()
        reached.append(1)
        interrupt_here()
        reached.append(2)

    with pytest.raises(KeyboardInterrupt):
        reading(happen)[0].to_arrow()
    assert reached == [1]


def test_a_signal_with_the_last_rows_is_raised_though_the_run_is_done():
    frame, split = reading(interrupt_here, batches=2)
    with pytest.raises(KeyboardInterrupt):
        frame.to_arrow()
    assert split.reads == 2


@pytest.mark.parametrize(
    ("run", "is_remote", "others"),
    [
        (lambda frame, path: frame.to_arrow(), False, False),
        (lambda frame, path: frame.to_arrow(), True, True),
        (lambda frame, path: frame.map_batches(lambda table: table, COLUMNS).to_arrow(), False, True),
        (lambda frame, path: frame.to_csv(str(path)), False, True),
    ],
    ids=["rows", "server", "function", "file"],
)
def test_servers_functions_and_files_are_waited_for_by_other_threads(tmp_path, run, is_remote, others):
    frame, split = reading(lambda: None, is_remote=is_remote)
    run(frame, tmp_path / "out.csv")
    assert split.reads == 100
    assert (threading.main_thread() not in split.threads) is others


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_a_finaliser_stops_the_run_and_is_not_lost(monkeypatch, number):
    lost = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: lost.append(told.exc_type))
    frame, split = signalled(number)
    handlers = signal.getsignal(signal.SIGINT), signal.signal(signal.SIGTERM, _stop)
    try:
        with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else Terminated):
            frame.to_arrow()
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == (handlers[0], _stop)
    finally:
        signal.signal(signal.SIGTERM, handlers[1])
    assert not lost
    assert split.reads < 100


def test_a_signal_in_a_finaliser_stops_the_stages_before_a_stream_too():
    frame, split = signalled(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        list(frame.sort_values("n").iter_batches())
    assert split.reads < 100


def test_a_signal_that_the_user_handles_stops_nothing():
    frame = signalled(signal.SIGINT)[0]
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        assert frame.to_arrow().num_rows == 100
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_does_not_wait_for_a_function_that_never_ends(tmp_path):
    started, release, ended = threading.Event(), threading.Event(), threading.Event()
    interrupts = []

    def stuck(table):
        started.set()
        release.wait(250)
        ended.set()
        return table

    def twice(number, frame):
        if len(interrupts) < 2:
            interrupts.append(number)
            raise KeyboardInterrupt

    def interrupt():
        started.wait(60)
        while len(interrupts) < 2:  # of two in a row that nobody handles in between only one is seen
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.2)

    before = signal.signal(signal.SIGINT, twice)
    killer = threading.Thread(target=interrupt)
    killer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            numbers(10, partitions=1).map_batches(stuck, COLUMNS).to_csv(str(tmp_path / "out.csv"))
        assert len(interrupts) == 2
        assert not ended.is_set()
        assert list(tmp_path.iterdir()) == []
    finally:
        release.set()
        killer.join()
        signal.signal(signal.SIGINT, before)
    assert ended.wait(60)
