"""A worker that dies costs time, never rows, and never a hang."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import in_small_tasks, started
from tests.support.faults import MOMENTS, SORT_MOMENTS, arm
from tests.support.workers import outputs, wait_until
from volley.engine.errors import ExecutionError, UserFunctionError, told
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import coordinator

ROWS = 5_000


@pytest.fixture(scope="module")
def mortals() -> Iterator[vl.Session]:
    """Return a session over workers that may be killed: new ones take their place."""
    with started(3) as session:
        yield session


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("orders")
    rng = random.Random(9)
    for part in range(9):
        ids = list(range(part * ROWS, (part + 1) * ROWS))
        rows = {"id": ids, "who": [rng.randrange(5_000) for _ in ids], "price": [rng.randrange(999) for _ in ids]}
        vl.from_arrow(pa.table(rows)).to_parquet(folder / f"{part}.parquet")
    return folder


def joined(o: DataFrame) -> DataFrame:
    """A plan with scans, shuffles, joins and a sorted result."""
    totals = o.groupby("who").agg(total=("price", "sum"), n=("id", "size"))
    return o[o.price > 500].merge(totals, on="who").groupby("n").agg(s=("total", "sum"), k=("id", "size"))


@pytest.fixture
def armed(mortals: vl.Session, tmp_path: Path) -> Callable[..., Path]:
    """Return what makes one worker die at a moment; its answer is the flag, which goes with the worker."""

    def set_up(moment: str, after: int = 0) -> Path:
        client = mortals.cluster.client
        client.wait_for_workers(3, timeout=60)
        flag = tmp_path / "flag"
        flag.touch()
        client.run(arm, moment, str(flag), after)
        return flag

    return set_up


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(moment, marks=() if moment == "send" else pytest.mark.cluster)
        for moment in MOMENTS
        if moment != "write"
    ],
)
def test_rows_are_whole_when_a_worker_dies(
    moment: str,
    mortals: vl.Session,
    orders: Path,
    armed: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    plan = joined(vl.read_parquet(orders))
    expected = plan.to_arrow()
    flag = armed(moment)
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(expected)
    assert not flag.exists()  # one has died


@pytest.mark.cluster
@pytest.mark.parametrize(("moment", "after"), [("scan", 2), ("join", 0), ("join", 1), ("finish", 4), ("report", 6)])
@pytest.mark.usefixtures("chained")
def test_rows_are_whole_when_a_worker_dies_in_a_chain(
    moment: str, after: int, mortals: vl.Session, orders: Path, armed: Callable[..., Path]
) -> None:
    orders_here = vl.read_parquet(orders)
    totals = orders_here.groupby("who").agg(total=("price", "sum"), n=("id", "size"))
    plan = joined(orders_here).merge(totals[["n"]].drop_duplicates(), on="n").sort_values("n")
    expected = plan.to_arrow()
    flag = armed(moment, after)
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(expected)
    assert not flag.exists()


@pytest.mark.parametrize(
    "moment",
    [
        pytest.param(moment, marks=() if moment == "cut" else pytest.mark.cluster)
        for moment in ("scan", *SORT_MOMENTS, "send", "receive", "finish", "report")
    ],
)
def test_an_order_is_whole_when_a_worker_dies(
    moment: str, mortals: vl.Session, orders: Path, armed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "SORT_BYTES", 0)
    in_small_tasks(monkeypatch)
    plan = vl.read_parquet(orders).sort_values(["price", "id"])
    expected = plan.to_arrow()
    flag = armed(moment)
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(expected)
    assert not flag.exists()


@pytest.mark.cluster
def test_a_result_is_whole_when_a_worker_that_has_part_of_it_dies(
    mortals: vl.Session, orders: Path, armed: Callable[..., Path]
) -> None:
    plan = vl.read_parquet(orders)[["id", "price"]]  # nothing is sent but the result
    flag = armed("send")
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(plan.to_arrow())
    assert not flag.exists()


def test_what_is_written_is_there_once_when_a_worker_dies(
    mortals: vl.Session, orders: Path, armed: Callable[..., Path], tmp_path: Path
) -> None:
    frame = vl.read_parquet(orders)
    flag = armed("write")
    DataFrame.from_plan(frame.plan, mortals).to_parquet(tmp_path / "out")
    assert not flag.exists()
    back = vl.read_parquet(tmp_path / "out").sort_values("id").to_arrow()
    assert back.equals(frame.sort_values("id").to_arrow())
    assert [path.name for path in tmp_path.iterdir()] == ["out"]  # nothing temporary is left beside it


def test_only_what_was_lost_is_made_again(
    mortals: vl.Session, orders: Path, armed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    sources = coordinator.Tasks.source

    def counting(tasks: coordinator.Tasks, number: int) -> object:
        before = tasks.recomputed
        found = sources(tasks, number)
        made.append(tasks.recomputed - before)
        return found

    monkeypatch.setattr(coordinator.Tasks, "source", counting)
    plan = vl.read_parquet(orders).groupby("who").agg(n=("id", "size"))
    expected = plan.to_arrow()
    armed("send")
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(expected)
    assert 0 < sum(made) < 9  # of nine tasks that read a file, those of one worker


@pytest.mark.cluster
def test_a_task_that_prefers_a_worker_goes_on_when_all_of_them_die(
    mortals: vl.Session, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = mortals.cluster.client
    client.wait_for_workers(3, timeout=60)
    submit, struck = coordinator.Tasks._submit, []

    def deadly(*args: Any) -> Any:
        submitted = submit(*args)
        if args[-1] is not None and not struck:  # Dask remembers the preferred worker
            struck.append(args[-1])
            for pid in client.run(os.getpid).values():
                os.kill(pid, signal.SIGKILL)
        return submitted

    monkeypatch.setattr(coordinator.Tasks, "_submit", deadly)
    plan = vl.read_parquet(orders).sort_values("id", ascending=False).limit(5)
    assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(plan.to_arrow())
    assert struck


@pytest.mark.parametrize("status", ["pending", "lost"])
def test_a_task_whose_worker_died_as_it_ended_is_run_again(status: str) -> None:
    tasks = coordinator.Tasks.__new__(coordinator.Tasks)
    future: Any = SimpleNamespace(status=status)  # as Dask's is between the loss of a result and the next try
    assert tasks._raise_failure(future, []) is None  # type: ignore[func-returns-value]


def test_an_error_of_the_users_own_is_not_tried_again(mortals: vl.Session, orders: Path, tmp_path: Path) -> None:
    calls = tmp_path / "calls"

    def bad(table: pa.Table) -> pa.Table:
        with calls.open("a") as file:
            file.write("x")
        raise ValueError("no such thing")

    frame = DataFrame.from_plan(vl.read_parquet(orders / "3.parquet").plan, mortals)
    with pytest.raises(ExecutionError, match="ValueError: no such thing") as caught:
        frame.map_batches(bad, {"x": "int64"}, reads=["id"], keeps=True).to_arrow()
    assert len(calls.read_text()) == 1
    assert f"in rows 0 to {ROWS - 1:,} of {orders / '3.parquet'}" in caught.value.__notes__


def test_an_error_names_the_row_and_its_values(mortals: vl.Session, orders: Path) -> None:
    def bad(id: int) -> int:  # noqa: A002 - the column's name
        if id == 4 * ROWS + 321:
            raise ValueError("no such thing")
        return id

    orders_there = DataFrame.from_plan(vl.read_parquet(orders).plan, mortals)
    frame = orders_there.assign(x=vl.udf(bad, dtype="int64", compile=False)(orders_there.id))
    with pytest.raises(UserFunctionError) as caught:
        frame.to_arrow()
    place = f"(in row 321 of {orders / '4.parquet'})"
    assert told(caught.value) == f"bad raised ValueError: no such thing; for id = {4 * ROWS + 321} {place}"
    sent = DataFrame.from_plan(vl.from_arrow(pa.table({"a": list(range(200_000))})).plan, mortals)
    with pytest.raises(ExecutionError) as caught:
        sent.assign(b=1 // (sent.a - 150_000)).to_arrow()
    assert told(caught.value).endswith("(for a = 150000) (in row 150,000 of memory[0:200000])")


def test_workers_forget_a_query_that_has_ended(mortals: vl.Session, orders: Path) -> None:
    frame = DataFrame.from_plan(joined(vl.read_parquet(orders)).plan, mortals)
    client = mortals.cluster.client
    client.wait_for_workers(3, timeout=60)
    frame.to_arrow()
    wait_until(lambda: not any(client.run(outputs).values()))  # they are told, and nobody waits for that


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_ten_random_deaths_each(
    seed: int, mortals: vl.Session, orders: Path, armed: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = random.Random(seed)
    plan = joined(vl.read_parquet(orders))
    expected = plan.to_arrow()
    for _ in range(10):
        monkeypatch.setattr(coordinator, "BROADCAST_BYTES", rng.choice([0, 1 << 26]))
        armed(rng.choice([moment for moment in MOMENTS if moment != "write"]))
        assert DataFrame.from_plan(plan.plan, mortals).to_arrow().equals(expected)
