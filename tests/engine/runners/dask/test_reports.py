"""Reports of tasks come beside Dask's word that they have ended; one that got lost is fetched."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from distributed.protocol import pickle

import volley as vl
from volley.engine.exchange.calls import Request
from volley.engine.frame import DataFrame
from volley.engine.runners.dask.assignment import Report
from volley.engine.runners.dask.reports import Reports, reports_for


@pytest.fixture
def gathered(cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many results each round has brought from the workers to the client."""
    client = cluster.cluster.client
    rounds: list[int] = []
    gather = client.gather

    def counting(futures: list[Any]) -> Any:
        rounds.append(len(futures))
        return gather(futures)

    monkeypatch.setattr(client, "gather", counting)
    return rounds


def groups(cluster: vl.Session) -> pa.Table:
    rows = vl.from_arrow(pa.table({"a": [1, 1, 2], "b": [1, 2, 3]}))
    return DataFrame.from_plan(rows.groupby("a").agg(s=("b", "sum")).plan, cluster).to_arrow()


def test_reports_need_no_round_of_their_own(cluster: vl.Session, gathered: list[int]) -> None:
    assert groups(cluster).to_pydict() == {"a": [1, 2], "s": [3, 3]}
    assert gathered == []


def test_the_end_of_a_task_does_not_wait_for_messages_after_its_report(cluster: vl.Session) -> None:
    intervals = cluster.cluster.client.run(lambda dask_worker: dask_worker.batched_stream.interval)
    assert set(intervals.values()) == {0.0}
    groups(cluster)
    client = cluster.cluster.client

    def interval(dask_scheduler: Any) -> float:
        return dask_scheduler.client_comms[client_id].interval

    client_id = client.id
    assert client.run_on_scheduler(interval) == 0.0


def test_a_report_that_got_lost_is_fetched(
    cluster: vl.Session, gathered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports_for(cluster.cluster.client), "_arrived", {})
    monkeypatch.setattr(Reports, "open", lambda self, query: None)
    assert groups(cluster).to_pydict() == {"a": [1, 2], "s": [3, 3]}
    assert gathered


@pytest.fixture
def fetched(cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the stages whose rows the client has asked workers for."""
    stages: list[int] = []
    exchange = cluster.cluster.exchange
    fetch = exchange.fetch

    def counting(requests: list[Request], *others: Any) -> Any:
        stages.extend(request.stage for request in requests)
        return fetch(requests, *others)

    monkeypatch.setattr(exchange, "fetch", counting)
    return stages


def test_few_rows_come_with_the_report(cluster: vl.Session, fetched: list[int]) -> None:
    assert groups(cluster).to_pydict() == {"a": [1, 2], "s": [3, 3]}
    none = DataFrame.from_plan(vl.from_arrow(pa.table({"a": [1, 2]})).query("a > 2").plan, cluster)
    assert none.to_arrow().to_pydict() == {"a": []}
    assert fetched == []


def test_many_rows_are_fetched_from_workers(cluster: vl.Session, fetched: list[int]) -> None:
    rows = pa.table({"a": range(100_000)})
    assert DataFrame.from_plan(vl.from_arrow(rows).plan, cluster).to_arrow().equals(rows)
    assert fetched


def test_reports_are_kept_for_open_queries_and_taken_once() -> None:
    reports = Reports()
    one = Report(worker="w", task=0, attempt=1, rows=[3], bytes=[24])
    event = {"query": "client/q", "ticket": 7, "packed": pickle.dumps([one])}
    reports.receive(event)
    assert reports.take("client/q", 7) is None
    reports.open("client/q")
    reports.receive(event)
    assert reports.take("client/q", 7) == [one]
    assert reports.take("client/q", 7) is None
    reports.receive(event)
    reports.close("client/q")
    assert reports.take("client/q", 7) is None
