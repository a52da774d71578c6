"""What can be seen of a query on a cluster while it runs and afterwards: all of it comes from the run."""

from __future__ import annotations

import itertools
import json
import logging
import re
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import coordinator
from volley.engine.runners.metrics import RunMetrics, Span

ROWS, FILES = 4_000, 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("watched")
    for part in range(FILES):
        rows = {"k": [(n * 7 + part) % 1_009 for n in range(ROWS)], "v": list(range(ROWS))}
        vl.from_arrow(pa.table(rows)).to_parquet(made / f"{part}.parquet")
    return made


@pytest.fixture
def shuffled(folder: Path, cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> DataFrame:
    """Return a frame whose rows move between workers."""
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    frame = DataFrame.from_plan(vl.read_parquet(folder).plan, cluster)
    return frame.merge(frame.groupby("k").agg(n=("v", "size")), on="k").groupby("n").agg(s=("v", "sum"))


class Watcher:
    """An observer that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.told.append((name, *arguments))

    def named(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for told, *arguments in self.told if told == name]  # type: ignore[misc]


def test_an_observer_is_told_of_the_rows_that_scans_have_read(folder: Path, cluster: vl.Session) -> None:
    watcher = Watcher()
    frame = vl.read_parquet(folder)
    session = vl.Session(cluster=cluster.cluster.client, device=cluster.device, observer=watcher)
    session.collect(frame.groupby("k").agg(n=("v", "size")).plan)
    ((stages, rows, size),) = watcher.named("run_started")
    assert rows == FILES * ROWS
    read = watcher.named("advanced")
    assert sum(told[1] for told in read) == rows  # those of buckets do not count twice
    assert sum(told[2] for told in read) == size > 0
    assert {told[0] for told in read} == {0}
    started, ended = watcher.named("stage_started"), watcher.named("stage_finished")
    assert len(started) == len(ended) == stages
    assert len(watcher.named("task_finished")) == sum(told[2] for told in started)
    assert watcher.told[-1] == ("run_finished",)


def test_what_workers_received_is_what_others_have_sent(shuffled: DataFrame, cluster: vl.Session) -> None:
    client = cluster.cluster.client

    def served(dask_worker: Any) -> tuple[int, int]:
        exchange = dask_worker.plugins["volley"].bench.exchange
        return exchange.served, exchange.pages

    before = client.run(served)
    metrics = cluster.run(shuffled.plan).metrics
    after = client.run(served)
    received = sum(worker.received for stage in metrics.stages for worker in stage.workers.values())
    sent = sum(after[name][0] - before[name][0] for name in after)
    assert received == sent > 0  # the few rows of the result come with the reports
    by_stage = defaultdict(int)
    for span in metrics.spans:
        by_stage[span.stage] += span.received
    for stage in metrics.stages:
        assert by_stage[stage.number] == sum(worker.received for worker in stage.workers.values())
        assert sum(worker.tasks for worker in stage.workers.values()) == stage.tasks


def test_explain_analyze_says_what_each_worker_did(shuffled: DataFrame, cluster: vl.Session) -> None:
    text = shuffled.explain("analyze")
    workers = set(cluster.cluster.client.scheduler_info()["workers"])
    line = re.compile(r"  (\S+://\S+): \d+ tasks, [\d,]+ rows, [\d.]+ \w+ made, [\d.]+ \w+ received, \d+\.\d{3} s")
    assert {found[1] for found in line.finditer(text)} == workers
    assert re.search(r"the busiest worker had \d\.\d\d times its share", text)


def test_the_timeline_is_a_chrome_trace(shuffled: DataFrame, cluster: vl.Session) -> None:
    metrics = cluster.run(shuffled.plan).metrics
    trace = json.loads(json.dumps(metrics.timeline()))
    assert_is_a_trace(trace)
    tasks = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    assert len(tasks) == sum(stage.tasks for stage in metrics.stages)
    assert {event["name"] for event in tasks} == {f"stage {stage.number} {stage.name}" for stage in metrics.stages}
    assert sum(event["args"]["received"] for event in tasks) > 0
    names = {event["args"]["name"] for event in trace["traceEvents"] if event["ph"] == "M"}
    assert names == set(cluster.cluster.client.scheduler_info()["workers"])


def assert_is_a_trace(trace: dict[str, Any]) -> None:
    """Check what the Trace Event Format asks of complete events and metadata, and that no row has two at once."""
    assert trace["displayTimeUnit"] in ("ms", "ns")
    rows = defaultdict(list)
    for event in trace["traceEvents"]:
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        if event["ph"] == "M":
            assert event["name"] == "process_name"
            assert isinstance(event["args"]["name"], str)
            continue
        assert event["ph"] == "X"
        assert isinstance(event["tid"], int)
        assert event["ts"] > 0
        assert event["dur"] >= 0
        rows[event["pid"], event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for spans in rows.values():
        for (_, ended), (begun, _) in itertools.pairwise(sorted(spans)):
            assert begun >= ended


def test_tasks_at_the_same_time_stand_in_rows_of_their_own() -> None:
    times = [(10.0, 12.0), (11.0, 14.0), (12.0, 13.0), (13.0, 15.0)]
    spans = [
        Span(stage=0, name="group", task=task, worker="tcp://a", begun=begun, ended=ended)
        for task, (begun, ended) in enumerate(times)
    ]
    trace = RunMetrics(spans=spans).timeline()
    assert_is_a_trace(trace)
    assert [event["tid"] for event in trace["traceEvents"] if event["ph"] == "X"] == [0, 1, 0, 0]


def test_the_log_has_the_query_of_every_record(
    shuffled: DataFrame, cluster: vl.Session, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="volley.query"):
        metrics = cluster.run(shuffled.plan).metrics
    records = [vars(record) for record in caplog.records if record.name == "volley.query"]
    assert {record["query"] for record in records} == {metrics.query}
    stages = [record for record in records if record["message"] == "stage ended"]
    assert [record["stage"] for record in stages] == [stage.number for stage in metrics.stages]
    assert all(record["workers"] in (1, 2) and record["skew"] >= 1 for record in stages)
    assert sum(record["received"] for record in stages) > 0


def scraped(address: str) -> dict[str, float]:
    """Return the metrics that a server shows, by name and labels."""
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
        text = answer.read().decode()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    }


def test_prometheus_finds_our_metrics_beside_those_of_dask(shuffled: DataFrame, cluster: vl.Session) -> None:
    pytest.importorskip("prometheus_client")
    client = cluster.cluster.client
    workers = client.scheduler_info()["workers"].values()
    places = [f"127.0.0.1:{worker['services']['dashboard']}" for worker in workers]
    before = [scraped(place) for place in places]
    metrics = cluster.run(shuffled.plan).metrics
    after = [scraped(place) for place in places]

    def grown(name: str, stage: str = "") -> float:
        key = f'{name}{{stage="{stage}"}}' if stage else name
        return sum(now.get(key, 0.0) - then.get(key, 0.0) for now, then in zip(after, before, strict=True))

    kinds = {stage.name for stage in metrics.stages}
    assert kinds >= {"group", "build", "partition", "collect"}
    for kind in kinds:
        of_kind = [stage for stage in metrics.stages if stage.name == kind]
        assert grown("volley_worker_tasks_total", kind) == sum(stage.tasks for stage in of_kind)
        done = [worker for stage in of_kind for worker in stage.workers.values()]
        assert grown("volley_worker_rows_total", kind) == sum(worker.rows for worker in done)
        assert grown("volley_worker_received_bytes_total", kind) == sum(worker.received for worker in done)
    assert grown("volley_worker_served_bytes_total") > 0
    assert all("volley_worker_held_bytes" in found and "dask_worker_threads" in found for found in after)


def test_stages_have_names_in_dask(shuffled: DataFrame, cluster: vl.Session) -> None:
    client = cluster.cluster.client
    cluster.run(shuffled.plan)

    def prefixes(dask_scheduler: Any) -> list[str]:
        return list(dask_scheduler.task_prefixes)

    assert set(client.run_on_scheduler(prefixes)) >= {"volley group", "volley build", "volley partition"}
