"""Queries that nobody waits for any more leave nothing behind on the workers."""

from __future__ import annotations

import os
import signal
import threading
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import psutil
import pyarrow as pa
import pytest

import volley as vl
from tests.support.workers import outputs, wait_until
from volley.engine.exchange import OutputId
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import outputs as made


def test_a_cluster_listens_on_this_machine_only(cluster: vl.Session) -> None:
    here = psutil.Process()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a process may end while it is looked at
        listening = [
            connection.laddr.ip
            for process in (here, *here.children(recursive=True))
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert len(listening) >= 3  # the scheduler and two workers
    assert set(listening) == {"127.0.0.1"}


def test_ctrl_c_ends_the_tasks_on_the_workers(cluster: vl.Session, tmp_path: Path) -> None:
    started = tmp_path / "started"

    def slow(table: pa.Table) -> pa.Table:
        started.touch()
        time.sleep(0.05)
        return pa.table({"b": table["a"]})

    def interrupt() -> None:
        wait_until(started.exists)
        os.kill(os.getpid(), signal.SIGINT)

    for part in range(2):
        rows = pa.table({"a": list(range(200))})
        vl.from_arrow(rows).to_parquet(tmp_path / "in" / f"{part}.parquet", row_group_rows=1)
    frame = DataFrame.from_plan(vl.read_parquet(tmp_path / "in").plan, cluster)
    killer = threading.Thread(target=interrupt)
    killer.start()
    with pytest.raises(KeyboardInterrupt):
        frame.map_batches(slow, {"b": "int64"}, reads=["a"], keeps=True).to_arrow()
    killer.join()
    client = cluster.cluster.client
    wait_until(lambda: not any(client.processing().values()))
    wait_until(lambda: not any(client.run(outputs).values()))
    assert frame.limit(1).to_arrow().num_rows == 1  # the workers are free


def test_workers_forget_a_client_that_is_gone(cluster: vl.Session) -> None:
    client = cluster.cluster.client
    other = vl.Session(cluster=client.scheduler.address)
    name = other.cluster.client.id

    def leave(dask_worker: object) -> None:
        dask_worker.plugins["volley"].bench.exchange.store.put(OutputId(f"{name}/1", 0, 0, 1), [])  # type: ignore[attr-defined]

    client.run(leave)
    assert all(client.run(outputs).values())
    other.close()
    wait_until(lambda: not any(client.run(outputs).values()))


@pytest.mark.parametrize("much", [False, True])
def test_rows_that_were_read_go_with_their_query_or_at_once_where_they_are_many(
    cluster: vl.Session, monkeypatch: pytest.MonkeyPatch, *, much: bool
) -> None:
    told: list[list[int]] = []
    forget = cluster.cluster.forget

    def telling(query: str, stages: Sequence[int] = ()) -> None:
        told.append(list(stages))
        forget(query, stages)

    monkeypatch.setattr(cluster.cluster, "forget", telling)
    if much:
        monkeypatch.setattr(made, "SMALL_BYTES", 0)
    rows = vl.from_arrow(pa.table({"a": [n % 7 for n in range(100)]}))
    groups = rows.groupby("a").agg(n=("a", "size")).groupby("n").agg(m=("a", "size"))
    found = DataFrame.from_plan(groups.plan, cluster).to_arrow()
    assert found.to_pydict() == {"n": [14, 15], "m": [5, 2]}
    early = [stage for stages in told for stage in stages]
    assert len(early) == len(set(early))
    assert bool(early) is much
    assert told[-1] == []
    wait_until(lambda: not any(cluster.cluster.client.run(outputs).values()))
