"""Reports of tasks come beside Dask's word that they have ended; one that got lost is fetched."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from distributed.protocol import pickle

import volley as vl
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


def test_a_report_that_got_lost_is_fetched(
    cluster: vl.Session, gathered: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports_for(cluster.cluster.client), "_arrived", {})
    monkeypatch.setattr(Reports, "open", lambda self, query: None)
    assert groups(cluster).to_pydict() == {"a": [1, 2], "s": [3, 3]}
    assert gathered


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
