"""Slow workers, full disks, cut connections, and schedulers and clients that end: an answer or a clear error, and
nothing left behind."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import dask
import psutil
import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import CHOICE, started
from tests.support.proxy import proxy
from tests.support.workers import outputs, remains, set_store_limit, wait_until
from volley.engine.errors import TemporaryFailure, WriteError
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import ClusterSettings, coordinator, start_cluster

ROWS = 40_000
STARTING = 300.0
"""Seconds that the processes of a cluster may take to start on a machine that is busy."""

SLOW_CLIENT = """
import os, sys, time
import pyarrow as pa
import volley as vl
from volley.engine.frame import DataFrame

def slow(table):
    time.sleep(0.2)
    return pa.table({"b": table["id"]})

def unspilled(dask_worker):
    dask_worker.plugins["volley"].bench.exchange.store.limit = 0

if __name__ == "__main__":
    where, folder, device = sys.argv[1:]
    session = vl.Session(cluster=where, device=device)
    client = session.cluster.client
    client.run(unspilled)
    rows = DataFrame.from_plan(vl.read_parquet(folder).plan, session)
    counted = rows.groupby("id").agg(n=("k", "size")).map_batches(slow, {"b": "int64"}, reads=["id"], keeps=True)
    print(*client.run(os.getpid).values(), flush=True)
    while True:
        counted.to_arrow()
"""


OPEN_CLIENT = """
import sys
import volley as vl
from volley.engine.frame import DataFrame

if __name__ == "__main__":
    folder, device = sys.argv[1:]
    session = vl.Session(cluster="local:2", device=device)
    print(len(DataFrame.from_plan(vl.read_parquet(folder).plan, session).groupby("id").agg(n=("k", "size"))))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files to read."""
    folder = tmp_path_factory.mktemp("rows")
    for part in range(6):
        ids = range(part * ROWS, (part + 1) * ROWS)
        vl.from_arrow(pa.table({"id": ids, "k": [n % 97 for n in ids]})).to_parquet(folder / f"{part}.parquet")
    return folder


def grouped(folder: Path, session: vl.Session | None = None) -> pa.Table:
    """Return the rows of a query with shuffles."""
    rows = vl.read_parquet(folder)
    plan = rows.groupby("id").agg(n=("k", "size"), k=("k", "max")).merge(rows, on="id").sort_values("id")
    return (plan if session is None else DataFrame.from_plan(plan.plan, session)).to_arrow()


@contextmanager
def running(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Run Python with its temporary files in a folder, and end it."""
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def is_running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_spilled(pid: int, folder: Path) -> bool:
    """Return whether a process has a file without a name in a folder: what is spilled is gone with its process."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if (target := str(descriptor.readlink())).startswith(str(folder)) and target.endswith(" (deleted)"):
                return True
    return False


@pytest.mark.cluster
def test_a_client_that_is_killed_takes_its_workers_and_their_files_along(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_CLIENT)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with running(str(tmp_path / "slow.py"), "local:2", str(folder), CHOICE, folder=scratch) as client:
        assert client.stdout is not None
        pids = [int(pid) for pid in client.stdout.readline().split()]
        assert len(pids) == 2
        wait_until(lambda: any(has_spilled(pid, scratch) for pid in pids), STARTING)
        client.kill()
    wait_until(lambda: not any(map(is_running, pids)))
    wait_until(lambda: not list(scratch.iterdir()))


@pytest.mark.cluster
def test_a_program_that_closes_nothing_ends_quietly(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "open.py").write_text(OPEN_CLIENT)
    command = [sys.executable, str(tmp_path / "open.py"), str(folder), CHOICE]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=STARTING, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout == f"{6 * ROWS}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["open.py"]


def test_workers_are_free_when_a_client_is_killed(cluster: vl.Session, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW_CLIENT)
    here = cluster.cluster.client
    where = here.scheduler.address
    with running(str(tmp_path / "slow.py"), where, str(folder), CHOICE, folder=tmp_path) as client:
        assert client.stdout is not None
        assert client.stdout.readline()
        wait_until(lambda: any(here.run(outputs).values()))
        client.kill()
    wait_until(lambda: not any(here.processing().values()))
    wait_until(lambda: not any(any(left.values()) for left in here.run(remains).values()))
    here.run(set_store_limit, 1 << 40)
    assert grouped(folder, cluster).num_rows == 6 * ROWS


@pytest.mark.cluster
@pytest.mark.timeout(2 * STARTING)  # it starts two clusters
def test_a_scheduler_that_ends_is_told_and_one_that_comes_back_is_used(folder: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "volley", "cluster", "--workers", "2", "--memory-limit", "1GiB", "--port", str(port)]
    destination = tmp_path / "out"
    vl.DataFrame({"old": [1]}).to_parquet(destination)
    session = vl.Session(cluster=f"tcp://127.0.0.1:{port}")
    with dask.config.set({"volley.patience": "3s"}):
        with running(*command, folder=scratch) as program:
            assert program.stdout is not None
            assert program.stdout.readline()
            processes = psutil.Process(program.pid).children(recursive=True)
            rows = DataFrame.from_plan(vl.read_parquet(folder).plan, session)
            assert len(rows) == 6 * ROWS  # connected

            begun = scratch / "begun"

            def slow(table: pa.Table) -> pa.Table:
                import time

                begun.touch()
                time.sleep(600)
                return table

            def kill() -> None:
                wait_until(begun.exists, STARTING)
                program.kill()

            threading.Thread(target=kill).start()
            with pytest.raises(TemporaryFailure, match=r"scheduler .*; start it again and repeat the query"):
                rows.map_batches(slow, {"id": "int64", "k": "int64"}, reads=["id", "k"]).to_parquet(destination)
        assert vl.read_parquet(destination).to_arrow().to_pydict() == {"old": [1]}
        wait_until(lambda: not any(is_running(process.pid) for process in processes))
        begun.unlink()
        wait_until(lambda: not list(scratch.iterdir()))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "scratch"]  # nor beside the destination
        with running(*command, folder=scratch) as again:
            assert again.stdout is not None
            assert again.stdout.readline()
            assert grouped(folder, session).num_rows == 6 * ROWS
            session.close()


@pytest.mark.cluster
def test_a_worker_that_stands_still_for_a_while_only_takes_time(cluster: vl.Session, folder: Path) -> None:
    expected = grouped(folder)
    pid = next(iter(cluster.cluster.client.run(os.getpid).values()))
    going = threading.Timer(4.0, os.kill, (pid, signal.SIGCONT))
    os.kill(pid, signal.SIGSTOP)
    going.start()
    try:
        assert grouped(folder, cluster).equals(expected)
    finally:
        going.join()


def limit_files(limit: int | None, dask_worker: Any) -> None:
    """Let a worker write files of so many bytes at most, as a quota does."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if limit is None else limit, hard))


@pytest.fixture
def full(cluster: vl.Session) -> Iterator[str]:
    """Yield the address of a worker whose disk is full, and which would like to spill."""
    client = cluster.cluster.client
    worker = min(client.run(os.getpid))
    client.run(set_store_limit, 0)
    client.run(limit_files, 1, workers=[worker])
    yield worker
    client.run(limit_files, None, workers=[worker])
    client.run(set_store_limit, 1 << 40)


def test_rows_stay_in_memory_where_the_disk_of_a_worker_is_full(
    full: str, cluster: vl.Session, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    client = cluster.cluster.client
    spilled: dict[str, int] = {}
    run = coordinator.Tasks.run

    def looking(*args: Any) -> None:
        run(*args)
        for worker, left in client.run(remains).items():
            spilled[worker] = max(spilled.get(worker, 0), left["bytes in files"])

    monkeypatch.setattr(coordinator.Tasks, "run", looking)
    assert grouped(folder, cluster).equals(grouped(folder))
    assert spilled.pop(full) == 0
    assert all(spilled.values())  # the others have spilled theirs
    wait_until(lambda: not any(any(left.values()) for left in client.run(remains).values()))


def test_a_full_disk_under_what_is_written_leaves_what_was_there(
    full: str, cluster: vl.Session, folder: Path, tmp_path: Path
) -> None:
    vl.DataFrame({"old": [1]}).to_parquet(tmp_path / "out")
    frame = DataFrame.from_plan(vl.read_parquet(folder).plan, cluster)
    with pytest.raises(WriteError, match=r"cannot write '.*out': the file is larger than the system allows"):
        frame.to_parquet(tmp_path / "out")
    assert vl.read_parquet(tmp_path / "out").to_arrow().to_pydict() == {"old": [1]}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.cluster
def test_connections_that_are_cut_cost_time_only(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with start_cluster(ClusterSettings(workers=1)) as one, proxy(port) as between:
        command = ["-m", "distributed.cli.dask_worker", one.scheduler_address, "--nthreads", "1", "--no-nanny"]
        command += ["--listen-address", f"tcp://127.0.0.1:{port}", "--no-dashboard"]
        command += ["--contact-address", f"tcp://127.0.0.1:{between.port}", "--local-directory", str(tmp_path)]
        with running(*command, folder=tmp_path), vl.Session(cluster=one.scheduler_address) as session:
            session.cluster.client.wait_for_workers(2, timeout=120)
            between.cuts = [200_000, 50_000, 400_000, 100_000, 1_000, 300_000]
            assert grouped(folder, session).equals(grouped(folder))
            assert between.done > 2


def places_waited_for() -> list[float]:
    """Return in how many seconds the cluster of a scheduler's loop looks at places that workers have left."""
    loop: Any = asyncio.get_running_loop()
    return [timer.when() - loop.time() for timer in loop._scheduled if "_update_worker_status" in repr(timer)]


@pytest.mark.cluster
def test_a_worker_in_the_place_of_one_that_died_is_used(folder: Path) -> None:
    with started() as session:
        client = session.cluster.client
        before = client.run(os.getpid)
        os.kill(next(iter(before.values())), signal.SIGKILL)
        wait_until(lambda: len(client.nthreads()) == 2 and set(client.nthreads()) != set(before))
        plan = vl.read_parquet(folder).groupby("id").agg(n=("k", "size")).plan

        def used() -> set[str]:
            return {worker for stage in session.run(plan).metrics.stages for worker in stage.workers}

        wait_until(lambda: used() - set(before))
        # Dask gives a place up where it finds it empty so long after a worker has left it.
        waiting = client.run_on_scheduler(places_waited_for)
        assert waiting
        assert min(waiting) > 365 * 86_400
