"""Stages in a row that read little are one Dask task, and no longer where one of them makes much."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import chains
from volley.engine.runners.dask.placement import SMALL_BYTES
from volley.sql import query

pytestmark = pytest.mark.usefixtures("chained")


@pytest.fixture
def files(tmp_path: Path) -> vl.DataFrame:
    """Return rows in three files."""
    for part in range(3):
        rows = pa.table({"a": [n % 7 for n in range(100)], "b": list(range(part * 100, part * 100 + 100))})
        vl.from_arrow(rows).to_parquet(tmp_path / f"{part}.parquet")
    return vl.read_parquet(tmp_path)


@pytest.fixture
def rounds(cluster: vl.Session, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many Dask tasks were submitted, by round."""
    client = cluster.cluster.client
    counts: list[int] = []
    submit = client.map

    def counting(function: Any, shared: list[bytes], *rest: Any, **options: Any) -> Any:
        counts.append(len(shared))
        return submit(function, shared, *rest, **options)

    monkeypatch.setattr(client, "map", counting)
    return counts


@pytest.fixture
def cautious(cluster: vl.Session) -> Iterator[None]:
    """Let workers stop a chain after each stage that makes anything."""

    def stop_after(size: int) -> None:
        from volley.engine.runners.dask import plugin

        plugin.SMALL_BYTES = size  # type: ignore[misc]

    cluster.cluster.client.run(stop_after, 0)
    yield
    cluster.cluster.client.run(stop_after, SMALL_BYTES)


def joined(frame: vl.DataFrame) -> vl.DataFrame:
    """A plan with joins of every kind of placement, an aggregation without keys and an order."""
    text = """
        select o.a, count(*) n, max(t.s) s, max(m.m) m
        from f o full join (select a, sum(b) s from f where a < 4 group by a) t on o.a = t.a, (select avg(b) m from f) m
        group by o.a order by o.a
    """
    return query(text, {"f": frame})


def test_small_stages_are_one_task(files: vl.DataFrame, cluster: vl.Session, rounds: list[int]) -> None:
    plan = joined(files).plan
    run = cluster.run(plan)
    assert rounds == [1]
    assert DataFrame.from_plan(plan, cluster).to_arrow().equals(DataFrame.from_plan(plan).to_arrow())
    assert len(run.metrics.stages) > 4
    assert sum(worker.tasks for stage in run.metrics.stages for worker in stage.workers.values()) == len(
        run.metrics.stages
    )


@pytest.mark.usefixtures("cautious")
def test_what_follows_a_stage_that_makes_much_is_planned_again(
    files: vl.DataFrame, cluster: vl.Session, rounds: list[int]
) -> None:
    plan = joined(files).plan
    run = cluster.run(plan)
    assert len(rounds) > 4
    assert len({stage.number for stage in run.metrics.stages}) == len(run.metrics.stages)  # each is told of once
    assert all(stage.seconds > 0 for stage in run.metrics.stages)
    assert DataFrame.from_plan(plan, cluster).to_arrow().equals(DataFrame.from_plan(plan).to_arrow())


def test_what_is_left_after_a_shuffled_join_is_one_task_with_what_follows(
    tmp_path: Path, cluster: vl.Session, rounds: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    vl.from_arrow(pa.table({"a": [1, -1], "c": ["x", "y"]})).to_parquet(tmp_path / "few.parquet")
    rng = random.Random(3)
    for part in range(3):
        rows = pa.table({"a": [rng.randrange(50) for _ in range(10_000)]})
        vl.from_arrow(rows).to_parquet(tmp_path / "many" / f"{part}.parquet")
    few, many = vl.read_parquet(tmp_path / "few.parquet"), vl.read_parquet(tmp_path / "many")
    plan = few.merge(many, on="a", how="semi").groupby("c").agg(n=("a", "size")).sort_values("c").plan
    assert "building left" in DataFrame.from_plan(plan).explain("physical")
    monkeypatch.setattr(chains, "ALONE_BYTES", 5_000)  # more than there is of a few rows, less than of many
    assert DataFrame.from_plan(plan, cluster).to_arrow().to_pydict() == {"c": ["x"], "n": [1]}
    assert rounds == [1, 2, 1]  # the few, the keys among many, and the rest


@pytest.fixture
def sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[vl.DataFrame, vl.DataFrame]:
    """Return few rows, and many that a chain does not take."""
    vl.from_arrow(pa.table({"a": [1, 2, -1], "c": ["x", "y", "y"]})).to_parquet(tmp_path / "few.parquet")
    rng = random.Random(5)
    for part in range(3):
        numbers = [n % 50 for n in range(10_000)]
        rng.shuffle(numbers)
        vl.from_arrow(pa.table({"a": numbers})).to_parquet(tmp_path / "many" / f"{part}.parquet")
    monkeypatch.setattr(chains, "ALONE_BYTES", 5_000)
    return vl.read_parquet(tmp_path / "few.parquet"), vl.read_parquet(tmp_path / "many")


def test_each_worker_makes_the_few_rows_for_itself_that_its_tasks_join(
    sides: tuple[vl.DataFrame, vl.DataFrame], cluster: vl.Session, rounds: list[int]
) -> None:
    few, many = sides
    run = cluster.run(many.merge(few, on="a").groupby("c").agg(n=("a", "size")).sort_values("c").plan)
    assert pa.concat_tables(cluster.device.to_arrow(table) for table in run.tables).to_pydict() == {
        "c": ["x", "y"],
        "n": [600, 600],
    }
    assert rounds == [2, 1]  # few and many, and what follows
    build = next(stage for stage in run.metrics.stages if stage.name == "build")
    assert sum(worker.rows for worker in build.workers.values()) == 3  # counted once
    assert {operator.rows for operator in build.operators.values()} == {3}


@pytest.mark.usefixtures("cautious")
def test_tasks_whose_few_rows_are_many_are_planned_again(
    sides: tuple[vl.DataFrame, vl.DataFrame], cluster: vl.Session, rounds: list[int]
) -> None:
    few, many = sides
    plan = many.merge(few, on="a").groupby("c").agg(n=("a", "size")).sort_values("c").plan
    assert DataFrame.from_plan(plan, cluster).to_arrow().to_pydict() == {"c": ["x", "y"], "n": [600, 600]}
    assert rounds[:2] == [2, 2]


def test_an_aggregation_without_keys_gives_its_row_of_no_rows(
    sides: tuple[vl.DataFrame, vl.DataFrame], cluster: vl.Session, rounds: list[int]
) -> None:
    few, many = sides
    text = "select count(*) n, max(many.a) m from many join few on many.a = few.a where few.c = 'xx'"
    plan = query(text, {"few": few, "many": many}).plan
    assert DataFrame.from_plan(plan, cluster).to_arrow().to_pylist() == [{"n": 0, "m": None}]
    assert rounds[0] == 2


@pytest.mark.parametrize("kind", ["rows that travel with tasks", "a limit", "much for many workers"])
def test_what_workers_would_not_make_alike_or_cheaply_is_made_by_one(
    kind: str,
    sides: tuple[vl.DataFrame, vl.DataFrame],
    cluster: vl.Session,
    rounds: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = sides
    if kind == "a limit":
        few = few.head(2)
    elif kind == "much for many workers":
        monkeypatch.setattr(chains, "_REPEATS", 0)
    else:
        few = vl.from_arrow(few.to_arrow())
    counted = many.merge(few, on="a").groupby("c").agg(n=("a", "size"))
    assert DataFrame.from_plan(counted.plan, cluster).to_arrow()["n"].to_pylist() == [600, 600]
    assert rounds == [1, 2, 1]


def test_a_function_that_may_take_long_is_shared_out(
    files: vl.DataFrame, cluster: vl.Session, rounds: list[int]
) -> None:
    frame = files.map_batches(lambda t: pa.table({"c": t["b"]}), {"c": "int64"}, reads=["b"], keeps=True)
    assert len(DataFrame.from_plan(frame.plan, cluster).to_arrow()) == 300
    assert rounds[0] == 2


def test_pairs_without_keys_are_shared_out(files: vl.DataFrame, cluster: vl.Session, rounds: list[int]) -> None:
    many = vl.concat([files] * 5)
    pairs = query("select count(*) n from many, many other where many.b <= other.b + many.a + 1000", {"many": many})
    assert DataFrame.from_plan(pairs.plan, cluster).to_arrow().to_pylist() == [{"n": 1_500 * 1_500}]
    assert max(rounds) > 1
