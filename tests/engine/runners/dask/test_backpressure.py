"""A worker holds few bytes of what it makes for others and of what it receives, however fast they are made or sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from volley.engine.exchange.transfer import MOST_PAGES
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import chains, coordinator

KIB = 1024
LIMIT, HAND_OVER, PAGE = 1_000 * KIB, 256 * KIB, 32 * KIB
FILES, ROWS = 60, 10_000
TABLE = 16 * ROWS
"""Bytes of a file's rows, which are read at once."""


def set_budget(budget: tuple[int | None, int, int], dask_worker: Any) -> None:
    """Let a worker's outputs, a sink and a page hold so many bytes, and count peaks from now; run on workers."""
    from volley.engine.exchange import pieces
    from volley.engine.runners.sinks import base

    exchange = dask_worker.plugins["volley"].bench.exchange
    exchange.store.limit, base.HAND_OVER_BYTES, pieces.PAGE_BYTES = budget
    exchange.store.memory.peak = exchange.store.memory.used
    exchange.unread.peak = exchange.unread.used


def peaks(dask_worker: Any) -> tuple[int, int, int]:
    """Return the most bytes of outputs in memory and of unread pages, and the unread ones now; run on workers."""
    exchange = dask_worker.plugins["volley"].bench.exchange
    return exchange.store.memory.peak, exchange.unread.peak, exchange.unread.used


def budget_of(dask_worker: Any) -> tuple[int | None, int, int]:
    from volley.engine.exchange import pieces
    from volley.engine.runners.sinks import base

    return dask_worker.plugins["volley"].bench.exchange.store.limit, base.HAND_OVER_BYTES, pieces.PAGE_BYTES


@pytest.fixture
def small(cluster: vl.Session) -> Iterator[vl.Session]:
    """Return the session over workers of a small budget."""
    client = cluster.cluster.client
    before = next(iter(client.run(budget_of).values()))
    client.run(set_budget, (LIMIT, HAND_OVER, PAGE))
    yield cluster
    client.run(set_budget, before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of 9.6 MB of rows."""
    made = tmp_path_factory.mktemp("rows")
    for part in range(FILES):
        ids = np.arange(part * ROWS, (part + 1) * ROWS)
        vl.from_arrow(pa.table({"id": ids, "v": ids % 1_000_003})).to_parquet(made / f"{part}.parquet")
    return made


def joined(folder: Path) -> DataFrame:
    """Return a frame that is scanned fast, shuffled whole and read slowly."""

    def slow(table: pa.Table) -> pa.Table:
        time.sleep(0.005)
        return pa.table({"w": table["id"]})

    rows = vl.read_parquet(folder)
    some = vl.read_parquet([folder / f"{part}.parquet" for part in range(10)]).assign(k=lambda frame: frame.id * 5)
    return rows.merge(some[["k"]], left_on="id", right_on="k", how="semi").map_batches(
        slow, {"w": "int64"}, reads=["id"]
    )


def assert_bounded(session: vl.Session, received: int) -> None:
    found = session.cluster.client.run(peaks).values()
    for outputs, unread, left in found:
        assert outputs <= LIMIT + HAND_OVER + TABLE
        assert unread <= MOST_PAGES * 2 * PAGE
        assert left == 0
    assert max(outputs for outputs, _, _ in found) >= LIMIT  # there was more than that
    assert received > 3 * MOST_PAGES * 2 * PAGE


@pytest.fixture(autouse=True)
def shuffled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)


def test_a_slow_reader_of_a_fast_scan(small: vl.Session, folder: Path) -> None:
    run = small.run(joined(folder).plan)
    assert sum(table.num_rows for table in run.tables) == 10 * ROWS
    workers = [worker for stage in run.metrics.stages for worker in stage.workers.values()]
    assert_bounded(small, sum(worker.received for worker in workers))


@pytest.mark.usefixtures("chained")
def test_stages_that_run_as_one_task(small: vl.Session, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chains, "ALONE_BYTES", 1 << 40)  # as where nothing is known of how much there is
    rows = vl.read_parquet(folder)
    others = rows.assign(k=rows.id)[["k"]]
    run = small.run(rows.merge(others, left_on="id", right_on="k").plan)
    assert sum(table.num_rows for table in run.tables) == FILES * ROWS
    made = [(stage.tasks, sum(worker.bytes for worker in stage.workers.values())) for stage in run.metrics.stages]
    assert [tasks for tasks, _ in made] == [1, 1]
    assert min(size for _, size in made) > 3 * (LIMIT + HAND_OVER)
    for outputs, unread, left in small.cluster.client.run(peaks).values():
        assert outputs <= LIMIT + HAND_OVER + 2 * TABLE
        assert unread <= MOST_PAGES * 2 * PAGE
        assert left == 0
