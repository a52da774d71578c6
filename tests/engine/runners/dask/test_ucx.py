"""How a loop waits for UCX: woken by its file descriptor, with a stand-in for UCXX' worker and with the real one."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import volley as vl
from tests.support.workers import wait_until
from volley.engine.runners.dask import ClusterSettings, start_cluster, ucx


class Worker:
    """Stands in for UCXX' worker: what has come makes its descriptor readable until it is asked to wake again."""

    def __init__(self) -> None:
        self.epoll_file_descriptor, self._sender = os.pipe()
        os.set_blocking(self.epoll_file_descriptor, False)
        self.steps, self.came, self.completed = 0, 0, 0
        self.busy = 0

    def init_blocking_progress_mode(self) -> None:
        pass

    def send(self) -> None:
        """Let a message come."""
        self.came += 1
        os.write(self._sender, b"x")

    def progress_once(self) -> bool:
        self.steps += 1
        moved = self.completed < self.came
        self.completed += moved
        return moved

    def progress(self) -> None:
        pass

    def arm(self) -> bool:
        with suppress(BlockingIOError):
            os.read(self.epoll_file_descriptor, 4096)
        self.busy -= 1
        return self.busy < 0

    def close(self) -> None:
        os.close(self.epoll_file_descriptor)
        os.close(self._sender)


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """Yield a worker that nothing is swept for: what wakes must be the descriptor."""
    monkeypatch.setattr(ucx, "_SWEEP", 3600.0)
    monkeypatch.setattr(ucx, "_loops", {})
    made = Worker()
    yield made
    made.close()


async def received(progress: ucx.Progress, worker: Worker, messages: int) -> int:
    """Wait as UCXX does, and return how often that looked."""
    looks = 0
    while worker.completed < messages:
        looks += 1
        await progress.moved_on()
    return looks


def test_a_message_wakes_what_waits_for_it_and_nothing_runs_before(worker: Worker) -> None:
    async def main() -> None:
        progress = ucx.Progress(worker, asyncio.get_running_loop())
        waiting = asyncio.create_task(received(progress, worker, 1))
        await asyncio.sleep(0.05)
        steps = worker.steps
        await asyncio.sleep(0.05)
        assert worker.steps == steps
        assert not waiting.done()
        worker.send()
        assert await waiting == 1

    asyncio.run(main())


def test_others_go_on_waiting_where_one_gives_up(worker: Worker) -> None:
    async def main() -> None:
        progress = ucx.Progress(worker, asyncio.get_running_loop())
        first, second = (asyncio.create_task(received(progress, worker, 1)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0.01)
        assert first.cancelled()
        assert not second.done()
        worker.send()
        await second

    asyncio.run(main())


def test_where_ucx_has_more_to_do_it_is_asked_again(worker: Worker) -> None:
    async def main() -> None:
        progress = ucx.Progress(worker, asyncio.get_running_loop())
        worker.busy = 10_000
        waiting = asyncio.create_task(received(progress, worker, 1))
        await asyncio.sleep(0.01)
        worker.came += 1  # without a sign: it sleeps only once it is told that there is no more
        await asyncio.wait_for(waiting, 60)

    asyncio.run(main())


def test_what_waits_is_woken_by_who_comes_after(worker: Worker) -> None:
    """UCXX forgets whom it has told to move it on when its last connection ends, and tells another one at the next."""

    async def main() -> None:
        progress = ucx.Progress(worker, asyncio.get_running_loop())
        waiting = asyncio.create_task(received(progress, worker, 1))
        await asyncio.sleep(0.01)
        ucx.Progress(worker, asyncio.get_running_loop())
        worker.send()
        await asyncio.wait_for(waiting, 60)

    asyncio.run(main())


def test_of_those_who_move_ucx_on_the_last_looks_at_everything(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ucx, "_SWEEP", 0.001)
    sweeps: list[ucx.Progress] = []
    wake = ucx.Progress.wake
    monkeypatch.setattr(ucx.Progress, "wake", lambda own: (sweeps.append(own), wake(own)))

    async def main() -> None:
        made = [ucx.Progress(worker, asyncio.get_running_loop()) for _ in range(3)]
        sweeps.clear()
        while len(sweeps) < 20:
            await asyncio.sleep(0.001)
        assert set(sweeps) == {made[-1]}

    asyncio.run(main())


def test_connections_are_ended_by_the_loop_that_moves_ucx_on(worker: Worker) -> None:
    """Not by the thread that collects them, nor within what collects them."""
    ended: list[tuple[str, int]] = []
    end = ucx._on_the_loop(lambda name: ended.append((name, threading.get_ident())))
    end("without a loop")
    assert ended == [("without a loop", threading.get_ident())]

    async def main() -> None:
        ucx.Progress(worker, asyncio.get_running_loop())
        end("by its own thread")
        assert len(ended) == 1, "it may be UCX that runs"
        thread = threading.Thread(target=end, args=("by another",))
        thread.start()
        thread.join()
        assert len(ended) == 1
        await asyncio.sleep(0.01)

    asyncio.run(main())
    assert sorted(ended[1:]) == [(name, threading.get_ident()) for name in ("by another", "by its own thread")]


class Refusing:
    """Stands in for a connection whose peer is gone."""

    closed = 0

    def close_blocking(self, **_: int) -> None:
        self.closed += 1


def test_a_connection_that_does_not_come_about_is_closed_at_once() -> None:
    async def exchange(*, endpoint: Refusing, msg_tag: int) -> int:
        if msg_tag < 0:
            raise TimeoutError
        return msg_tag

    closing, endpoint = ucx._closing(exchange), Refusing()
    assert asyncio.run(closing(endpoint=endpoint, msg_tag=3)) == 3
    assert endpoint.closed == 0
    with pytest.raises(TimeoutError):
        asyncio.run(closing(endpoint=endpoint, msg_tag=-1))
    assert endpoint.closed == 1


def test_an_environment_that_says_how_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    application_context = pytest.importorskip("ucxx._lib_async.application_context")
    monkeypatch.setenv("UCXPY_PROGRESS_MODE", "blocking")
    before = application_context.BlockingMode
    ucx.wait_asleep()
    assert application_context.BlockingMode is before


def waits_asleep() -> bool:
    """Return whether every loop of this process that has UCX waits asleep."""
    application_context: Any = import_module("ucxx._lib_async.application_context")
    return all(isinstance(task, ucx.Progress) for task in application_context.ProgressTasks.values())


COLLECTED = """
import asyncio, gc, threading
from distributed.comm import connect, listen
import distributed_ucxx.ucxx
import ucxx._lib_async.endpoint as endpoint
from volley.engine.runners.dask import ucx

ended = []
end = endpoint._finalizer
endpoint._finalizer = lambda one: (ended.append(threading.current_thread()), end(one))
gc.disable()

async def answer(comm):
    await comm.write(await comm.read())

async def let_go(address):
    for _ in range(5):
        comm = await connect(address)
        await comm.write("x")
        await comm.read()
        comm.itself = comm

async def main():
    listener = await listen("ucx://127.0.0.1:0", answer)
    await let_go(listener.contact_address)
    before = len(ended)
    await asyncio.to_thread(gc.collect)
    await asyncio.sleep(0.1)
    listener.stop()
    return len(ended) - before

loop = ucx.loop_for("ucx://").asyncio_loop
closed = asyncio.run_coroutine_threadsafe(main(), loop).result()
print(closed, {thread.name for thread in ended})
"""


@pytest.mark.ucx
def test_what_another_thread_collects_ends_on_the_loop() -> None:
    pytest.importorskip("distributed_ucxx")
    command = [sys.executable, "-c", COLLECTED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines()[-1] == "5 {'IO loop'}"


@pytest.mark.ucx
def test_every_process_of_a_cluster_waits_asleep_and_sessions_share_one() -> None:
    pytest.importorskip("distributed_ucxx")
    with start_cluster(ClusterSettings(workers=2, protocol="ucx")) as started:
        frame = vl.DataFrame({"a": list(range(10))})
        with (
            vl.Session(cluster=started.scheduler_address) as session,
            vl.Session(cluster=started.scheduler_address) as other,
        ):
            for asked in (session, other, session):
                assert len(asked.collect(frame[frame.a > 4].plan)) == 5
            client = session.cluster.client
            assert other.cluster.client.loop is client.loop is started.loop
            assert waits_asleep()
            assert client.run_on_scheduler(waits_asleep)
            assert list(client.run(waits_asleep).values()) == [True, True]


@pytest.mark.ucx
def test_nannies_of_a_users_own_workers_wait_asleep(tmp_path: Path) -> None:
    pytest.importorskip("distributed_ucxx")
    with start_cluster(ClusterSettings(workers=1, protocol="ucx")) as started:
        address = started.scheduler_address
        command = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard"]
        command += ["--host", "127.0.0.1", "--local-directory", str(tmp_path)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as own, vl.Session(cluster=address) as session:
            client = session.cluster.client
            client.wait_for_workers(2, timeout=120)
            wait_until(lambda: list(client.run(waits_asleep, nanny=True).values()) == [True, True])
            own.terminate()
