"""Queries that keep each other back take turns, task by task: those of one client and those of several."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from distributed import Client

import volley as vl
from tests.support.workers import wait_until
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import placement

FILES, FEW = 40, 6
AHEAD = 4
"""Tasks of one query that two workers of a thread each have begun, or keep waiting for one that ends."""


class Turns:
    """Queries of which each task writes its query's name into a file when it begins; no task ends before `go`."""

    def __init__(self, session: vl.Session, folder: Path) -> None:
        self.session, self.folder = session, folder
        self.order, self._gate = folder / "order", folder / "gate"
        self._gate.touch()
        self._threads = ThreadPoolExecutor(3)

    def start(self, name: str, files: int, session: vl.Session | None = None) -> Future[int]:
        """Start a query with a task for each of so many files, and return the number of rows to come."""
        order, gate = self.order, self._gate

        def tell(table: pa.Table) -> pa.Table:
            with order.open("a") as file:
                file.write(name)
            while gate.exists():
                time.sleep(0.01)
            return pa.table({"b": table["a"]})

        paths = [self.folder / "in" / f"{number}.parquet" for number in range(files)]
        frame = DataFrame.from_plan(vl.read_parquet(paths).plan, session or self.session)
        told = frame.map_batches(tell, {"b": "int64"}, reads=["a"], keeps=True)
        return self._threads.submit(lambda: told.to_arrow().num_rows)

    def known(self, tasks: int) -> None:
        """Wait until the scheduler knows so many tasks."""
        client = self.session.cluster.client
        wait_until(lambda: client.run_on_scheduler(_tasks) >= tasks)

    def begun(self) -> str:
        return self.order.read_text() if self.order.exists() else ""

    def go(self) -> None:
        """Let tasks end."""
        self._gate.unlink()

    def close(self) -> None:
        self._gate.unlink(missing_ok=True)
        self._threads.shutdown()


def _tasks(dask_scheduler: Any) -> int:
    return sum(1 for task in dask_scheduler.tasks.values() if task.state in ("processing", "queued", "no-worker"))


@pytest.fixture
def turns(cluster: vl.Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Turns]:
    monkeypatch.setattr(placement, "TASKS_PER_SLOT", FILES)  # a task for each file, as for large ones
    monkeypatch.setattr(placement, "SMALL_BYTES", 1)
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
    long = turns.start("L", FILES)
    wait_until(lambda: turns.begun() == "LL")
    turns.known(AHEAD)
    short = turns.start("s", FEW, other)
    turns.known(2 * AHEAD)
    turns.go()
    assert (short.result(60), long.result(60)) == (FEW, FILES)
    order = turns.begun()
    assert (order.count("L"), order.count("s")) == (FILES, FEW)
    assert order.rindex("s") < AHEAD + 2 * (FEW + AHEAD)  # after what had come before, one of the other's for each


def test_two_long_queries_take_turns(turns: Turns, other: vl.Session) -> None:
    first = turns.start("A", FILES)
    wait_until(lambda: turns.begun() == "AA")
    turns.known(AHEAD)
    second = turns.start("B", FILES, other)
    turns.known(2 * AHEAD)
    turns.go()
    assert (first.result(60), second.result(60)) == (FILES, FILES)
    order = turns.begun()
    together = order[: order.rindex("A") + 1] if order.endswith("B") else order[: order.rindex("B") + 1]
    ahead: Callable[[int], int] = lambda place: together[:place].count("A") - together[:place].count("B")  # noqa: E731
    assert max(abs(ahead(place)) for place in range(len(together))) <= 2 * AHEAD
