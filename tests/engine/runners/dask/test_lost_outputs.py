"""What a worker has made may be lost at any moment of a query, and is made again: the rows are those of threads.

A worker's loss is played here without ending it, after each of the reports that a query's tasks give, one query each.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import in_small_tasks
from tests.support.tpc import assert_same_rows
from tests.support.workers import lose_outputs
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import chains, coordinator, placement, uploads
from volley.engine.runners.parts import Part
from volley.sql import query

ROWS = 200


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files whose keys are few and differ from file to file: most hash buckets have no rows."""
    folder = tmp_path_factory.mktemp("rows")
    rng = random.Random(11)
    for part in range(4):
        ids = list(range(part * ROWS, (part + 1) * ROWS))
        rows = {"id": ids, "who": [part for _ in ids], "word": [rng.choice("abc") for _ in ids]}
        vl.from_arrow(pa.table(rows)).to_parquet(folder / f"{part}.parquet")
    return folder


def ids_of(part: Part) -> list[int]:
    tables = part.tables if part.device is None else map(part.device.to_arrow, part.tables)
    return [number for table in tables for number in table["id"].to_pylist()]


class Losses:
    """Loses the outputs of the worker whose task gave the n-th report of a query.

    Attributes
    ----------
    seen
        How many reports have come.
    """

    def __init__(self, session: vl.Session, number: int) -> None:
        self.client, self.number, self.seen = session.cluster.client, number, 0

    def heard(self, by: coordinator.Coordinator, worker: str) -> None:
        """Count a report; the client learns of the loss as it does from a reader that finds a worker gone."""
        self.seen += 1
        if self.seen == self.number:
            self.client.run(lose_outputs, by.query, workers=[worker])
            by.tasks.lose(worker)


@contextmanager
def losing(session: vl.Session, number: int) -> Iterator[Losses]:
    """Let one worker lose all that it has made, after a report."""
    losses = Losses(session, number)
    finished = coordinator.Coordinator._finished

    def hearing(self: coordinator.Coordinator, ran: Any, report: Any) -> None:
        finished(self, ran, report)
        losses.heard(self, report.worker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coordinator.Coordinator, "_finished", hearing)
        yield losses


def at_every_moment(session: vl.Session) -> Iterator[Losses]:
    """Yield for each report that a query gives; the caller runs it once each time."""
    number = 0
    while True:
        number += 1
        with losing(session, number) as losses:
            yield losses
        if losses.seen < number:
            assert number > 1
            return


def shared_out(patch: pytest.MonkeyPatch) -> None:
    """Let the fewest rows be shared out, by two tasks, shuffled and cut into ranges."""
    patch.setattr(placement, "TASKS_PER_SLOT", 1)
    patch.setattr(coordinator, "BROADCAST_BYTES", 0)
    patch.setattr(coordinator, "SORT_BYTES", 0)
    in_small_tasks(patch)


@pytest.fixture(params=["shared out", "in chains", "in part in chains", "in chains before tasks"])
def how(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages be shared out, run as one task, some of them as one task or by each worker: those that read little."""
    if request.param == "shared out":
        shared_out(monkeypatch)
    else:
        few = {"in part in chains": 8_000, "in chains before tasks": 2_000}
        monkeypatch.setattr(chains, "ALONE_BYTES", few.get(request.param, 1 << 21))
        in_small_tasks(monkeypatch)


QUERIES = {
    "joins": """
        select o.who, o.word, count(*) n, max(t.s) s from f o
        full join (select who, sum(id) s from f where id % 3 = 0 group by who) t on o.who = t.who
        group by o.who, o.word order by 1, 2
    """,
    "range sort": "select * from f order by word desc, id",
    "sort of joined rows": "select a.id, b.word from f a join f b on a.id = b.id order by b.word, a.id",
    "no keys": "select count(*) n, sum(a.id) s from f a join f b on a.id = b.id",
    "rows of one task alone": "select count(*) n from f where id % 800 < 150",
    "reductions of reductions": """
        select (select max(id) from f) - avg(id) d, count(distinct word) w from f where id > (select avg(id) from f)
    """,
    "windows": """
        select id, sum(id) over (partition by word order by id) s, rank() over (order by word) r from f order by id
    """,
    "union": "select who, id from f where id < 300 union all select who, max(id) from f group by who order by 2, 1",
    "groups of rows that meet few": """
        select f.word, count(*) n, sum(t.id) s from f join (select id from f where who = 1) t on f.id = t.id
        group by f.word order by 1
    """,
    "top": """
        select f.id, m.who from f join (select who, max(id) m from f group by who) m on f.id = m.m
        order by 1 desc limit 2
    """,
}


ALWAYS = "rows of one task alone", "range sort", "groups of rows that meet few"
"""Those that every run of the tests takes."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in ALWAYS else pytest.mark.cluster) for n in QUERIES])
@pytest.mark.usefixtures("how")
def test_rows_are_whole(name: str, files: Path, cluster: vl.Session) -> None:
    plan = query(QUERIES[name], {"f": vl.read_parquet(files)}).plan
    expected = DataFrame.from_plan(plan).to_arrow()
    for losses in at_every_moment(cluster):
        found = DataFrame.from_plan(plan, cluster).to_arrow()
        try:
            assert_same_rows(found, expected)
        except AssertionError as error:
            error.add_note(f"after report {losses.number}")
            raise


@pytest.mark.parametrize("function", ["fold", "parts"])
def test_what_is_made_of_rows_where_they_are_is_whole(
    function: str, files: Path, cluster: vl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared_out(monkeypatch)
    frame = DataFrame.from_plan(vl.read_parquet(files).plan, cluster)
    for _ in at_every_moment(cluster):
        if function == "fold":
            ids = frame.fold(list, lambda found, table: found + table["id"].to_pylist(), lambda a, b: a + b)
        else:
            with cluster.parts(frame.plan) as parts:
                ids = [number for part in parts.map(ids_of) for number in part]
        assert sorted(ids) == list(range(4 * ROWS))


def test_rows_that_the_client_has_sent_are_sent_again(cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> None:
    shared_out(monkeypatch)
    monkeypatch.setattr(uploads, "_INLINE_BYTES", 0)
    frame = vl.from_arrow(pa.table({"a": list(range(1_000))}))
    plan = frame.merge(frame, on="a").sort_values("a").plan
    for _ in at_every_moment(cluster):
        assert DataFrame.from_plan(plan, cluster).to_arrow()["a"].to_pylist() == list(range(1_000))
