"""A cluster that is not there yet: how long that is waited for, and that it may be tried again."""

from __future__ import annotations

import multiprocessing
import socket
import threading
from typing import Any

import dask
import pyarrow as pa
import pytest
from distributed import Client, LocalCluster

import volley as vl
from volley.engine.errors import ConfigError, TemporaryFailure, is_temporary
from volley.engine.frame import DataFrame
from volley.engine.runners.dask.waiting import waiting_seconds


def test_the_environment_sets_how_long() -> None:
    given = dask.config.collect_env({"DASK_VOLLEY__PATIENCE": "15m"})
    with dask.config.set(given):
        assert waiting_seconds("patience") == 900
    assert waiting_seconds("connect") == 15


def test_no_scheduler() -> None:
    session = vl.Session(cluster="tcp://127.0.0.1:9")
    told = pytest.raises(TemporaryFailure, match=r"no Dask scheduler answers at tcp://127.0.0.1:9")
    with dask.config.set({"volley.connect": "1s"}), session, told as caught:
        vl.sql("select count(*) from range(3)").to_arrow()
    assert is_temporary(caught.value)


@pytest.mark.cluster
def test_no_workers() -> None:
    with LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as empty:
        session = vl.Session(cluster=empty.scheduler_address)
        short = dask.config.set({"volley.patience": "1s"})
        with short, session, pytest.raises(TemporaryFailure, match="the cluster has no workers; start it again"):
            vl.sql("select count(*) from range(3)").to_arrow()


@pytest.mark.cluster
def test_no_workers_for_rows_in_memory() -> None:
    rows = vl.from_arrow(pa.table({"a": list(range(100_000))}))
    with LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as empty:
        session = vl.Session(cluster=empty.scheduler_address)
        short = dask.config.set({"volley.patience": "1s"})
        with short, session, pytest.raises(TemporaryFailure, match="the cluster has no workers; start it again"):
            DataFrame.from_plan(rows.plan, session).sort_values("a").to_arrow()
        more = threading.Timer(3.0, lambda: empty.scale(1))
        more.start()
        assert len(DataFrame.from_plan(rows.plan, session).sort_values("a").to_arrow()) == 100_000  # one was waited for
        session.close()


def test_a_scheduler_that_is_started_again_is_used() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options: dict[str, Any] = {"n_workers": 1, "processes": False, "protocol": "tcp", "host": "127.0.0.1"}
    options |= {"scheduler_port": port, "dashboard_address": None}
    with vl.Session(cluster=f"tcp://127.0.0.1:{port}") as session:
        rows = DataFrame.from_plan(vl.DataFrame({"a": [2, 1]}).plan, session).sort_values("a")
        for _ in range(2):  # the second time the client still looks for the first one
            with LocalCluster(**options):
                assert rows.to_arrow().to_pydict() == {"a": [1, 2]}


def test_a_client_that_is_closed(cluster: vl.Session) -> None:
    client = Client(cluster.cluster.client.scheduler.address, set_as_default=False)
    session = vl.Session(cluster=client)
    assert len(DataFrame.from_plan(vl.DataFrame({"a": [1]}).plan, session)) == 1
    client.close()
    with pytest.raises(ConfigError, match=r"the distributed.Client .* is closed; give it an open one"):
        DataFrame.from_plan(vl.DataFrame({"a": [1]}).plan, session).to_arrow()


def test_a_program_that_its_workers_would_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing.current_process(), "_inheriting", True, raising=False)  # as in their import
    with pytest.raises(ConfigError, match=r"put what it does below if __name__ == '__main__':"):
        vl.Session(cluster="local:1").cluster.client  # noqa: B018 - connects
