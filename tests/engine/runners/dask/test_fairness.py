"""Queries that keep each other back take turns, task by task: those of one client and those of several."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from distributed import Client

import volley as vl
from tests.support.clusters import in_small_tasks
from tests.support.workers import wait_until
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import placement

FILES, FEW = 20, 6
AHEAD = 4
"""Tasks of one query that two workers of a thread each have begun, or keep waiting for one that ends."""


class Turns:
    """Queries of which each task writes its query's name when it begins, and ends when it is let go: in that order."""

    def __init__(self, session: vl.Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.order, self._ended = folder / "order", folder / "ended"
        self.order.touch()
        self._ended.touch()
        self._files: dict[str, int] = {}
        self._threads = ThreadPoolExecutor(3)

    def start(self, name: str, files: int, session: vl.Session | None = None) -> Future[int]:
        """Start a query with a task for each of so many files, and return the number of rows to come."""
        order, ended = self.order, self._ended

        def tell(table: pa.Table) -> pa.Table:
            with order.open("ab", buffering=0) as file:
                file.write(name.encode())
                place = file.tell()
            while ended.stat().st_size < place:
                time.sleep(0.005)
            return pa.table({"b": table["a"]})

        self._files[name] = files
        paths = [self.folder / "in" / f"{number}.parquet" for number in range(files)]
        frame = DataFrame.from_plan(vl.read_parquet(paths).plan, session or self.session)
        told = frame.map_batches(tell, {"b": "int64"}, reads=["a"], keeps=True)
        future = self._threads.submit(lambda: told.to_arrow().num_rows)
        self._settle()
        return future

    def run(self) -> str:
        """Let one task end after the other, each when the queries have replaced the one before; return the order."""
        for _ in range(sum(self._files.values())):
            self._settle()
            with self._ended.open("ab") as file:
                file.write(b".")
        return self.order.read_text()

    def _settle(self) -> None:
        """Wait until the scheduler has as many tasks of each query as it may, and the workers have begun theirs."""
        client, ended = self.session.cluster.client, self._ended.stat().st_size
        left = Counter(self._files) - Counter(self.order.read_text()[:ended])
        expected = sum(min(AHEAD, number) for number in left.values())
        begun = ended + min(2, sum(left.values()))
        wait_until(lambda: self.order.stat().st_size == begun and client.run_on_scheduler(_tasks) == expected)

    def close(self) -> None:
        with self._ended.open("ab") as file:
            file.write(b"." * 1_000)
        self._threads.shutdown()


def _tasks(dask_scheduler: Any) -> int:
    return sum(1 for task in dask_scheduler.tasks.values() if task.state in ("processing", "queued", "no-worker"))


@pytest.fixture
def turns(cluster: vl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    monkeypatch.setattr(placement, "TASKS_PER_SLOT", FILES)  # a task for each file, as for large ones
    in_small_tasks(monkeypatch)
    for number in range(FILES):
        vl.from_arrow(pa.table({"a": [number]})).to_parquet(tmp_path / "in" / f"{number}.parquet")
    made = Turns(cluster, tmp_path)
    yield made
    made.close()


@pytest.fixture(params=["one client", "two clients"])
def other(request: pytest.FixtureRequest, cluster: vl.Session) -> Iterator[vl.Session]:
    """Return the session of the second query."""
    if request.param == "one client":
        yield cluster
        return
    with Client(cluster.cluster.client.scheduler.address, set_as_default=False) as client:
        yield vl.Session(cluster=client, device=cluster.device)


def test_a_short_query_does_not_wait_for_a_long_one(turns: Turns, other: vl.Session) -> None:
    long, short = turns.start("L", FILES), turns.start("s", FEW, other)
    order = turns.run()
    assert (short.result(60), long.result(60)) == (FEW, FILES)
    assert (order.count("L"), order.count("s")) == (FILES, FEW)
    assert order.rindex("s") < AHEAD + 2 * FEW + 2  # after what had come before it, one of the other's for each


def test_two_long_queries_take_turns(turns: Turns, other: vl.Session) -> None:
    first, second = turns.start("A", FILES), turns.start("B", FILES, other)
    order = turns.run()
    assert (first.result(60), second.result(60)) == (FILES, FILES)
    together = order[: min(order.rindex("A"), order.rindex("B"))]
    ahead = [together[:place].count("A") - together[:place].count("B") for place in range(len(together))]
    assert max(map(abs, ahead)) <= AHEAD + 1
