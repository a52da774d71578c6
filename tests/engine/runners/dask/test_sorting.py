"""A full sort is cut into ranges: each worker sorts some, none gathers all, and ties stay in the order of the input."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import in_small_tasks
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import coordinator
from volley.sql import query

ROWS = 4_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with rows in six files: keys with nulls, ties and NaN, and one number for each row."""
    folder = tmp_path_factory.mktemp("rows")
    rng = random.Random(3)
    for part in range(6):
        rows = {
            "word": [rng.choice(["", "a", "ab", "b", None]) for _ in range(ROWS)],
            "x": [rng.choice([float("nan"), None, -0.0, 0.0, rng.random()]) for _ in range(ROWS)],
            "n": [rng.randrange(50) for _ in range(ROWS)],
            "tags": [[rng.randrange(3)] * rng.randrange(3) for _ in range(ROWS)],
            "number": list(range(part * ROWS, (part + 1) * ROWS)),
        }
        vl.from_arrow(pa.table(rows)).to_parquet(folder / f"{part}.parquet")
    return folder


@pytest.fixture(autouse=True)
def cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few bytes be as many as it takes to cut rows into ranges."""
    monkeypatch.setattr(coordinator, "SORT_BYTES", 0)
    in_small_tasks(monkeypatch)


@pytest.mark.parametrize(
    "order",
    [
        "n",
        "n desc",
        "word nulls first, n desc",
        "x desc nulls first, word",
        "x, n",
        "abs(n - 20), word desc nulls last",
    ],
)
def test_rows_come_in_order(order: str, files: Path, cluster: vl.Session) -> None:
    frame = query(f"select * from t order by {order}", {"t": vl.read_parquet(files)})
    there, here = DataFrame.from_plan(frame.plan, cluster).to_arrow(), frame.to_arrow()
    assert there["number"].to_pylist() == here["number"].to_pylist()
    assert there["tags"].equals(here["tags"])


def test_every_worker_sorts_a_part(files: Path, cluster: vl.Session) -> None:
    run = cluster.run(vl.read_parquet(files).sort_values(["number"], ascending=False).plan)
    last = run.metrics.stages[-1]
    made = [worker.rows for worker in last.workers.values()]
    assert len(made) == 2
    assert max(made) < 0.7 * 6 * ROWS
    assert [stage.name for stage in run.metrics.stages] == ["collect", "sample", "range", "collect"]


def test_samples_and_ranges_are_taken_where_the_rows_are(
    files: Path, cluster: vl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = cluster.cluster.client
    submit, homes = client.map, []

    def spying(*arguments: Any, key: list[Any], workers: list[str] | None, **options: Any) -> Any:
        homes.extend((name.split("-")[0], workers) for name, *_ in key)
        return submit(*arguments, key=key, workers=workers, **options)

    monkeypatch.setattr(client, "map", spying)
    run = cluster.run(vl.read_parquet(files).sort_values("number").plan)
    made = [[address] for address, worker in run.metrics.stages[0].workers.items() for _ in range(worker.tasks)]
    for kind in ("volley sample", "volley range"):
        assert sorted(home for name, home in homes if name == kind and home) == sorted(made)


def test_one_value_for_all_rows_is_one_range(files: Path, cluster: vl.Session) -> None:
    frame = query("select number, 1 as one from t order by one", {"t": vl.read_parquet(files)})
    there = DataFrame.from_plan(frame.plan, cluster).to_arrow()
    assert there["number"].to_pylist() == list(range(6 * ROWS))


def test_a_limit_far_down_and_what_reads_a_sort_twice(files: Path, cluster: vl.Session) -> None:
    frame = vl.read_parquet(files).sort_values(["word", "number"])
    both = vl.concat([frame.limit(9_000, 5_000), frame.limit(10)])[["number"]]
    assert DataFrame.from_plan(both.plan, cluster).to_arrow().equals(both.to_arrow())
