"""What runs on the workers of a cluster gives what runs on threads."""

from __future__ import annotations

import random
from pathlib import Path

import pyarrow as pa
import pytest

import volley as vl
from tests.support.tpc import assert_same_rows, frames, texts
from tests.support.workers import copies
from volley.engine.frame import DataFrame
from volley.engine.runners.dask import coordinator, placement
from volley.sql import query

ROWS = 3_000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of orders in several files, so that there are several splits, and of people in one."""
    folder = tmp_path_factory.mktemp("orders")
    rng = random.Random(5)
    for part in range(5):
        ids = list(range(part * ROWS, (part + 1) * ROWS))
        orders = pa.table(
            {
                "id": ids,
                "who": [rng.randrange(200) if rng.random() < 0.9 else None for _ in ids],
                "price": [rng.randrange(10_000) / 4 for _ in ids],
                "tag": [f"t{rng.randrange(4)}" for _ in ids],
            }
        )
        vl.from_arrow(orders).to_parquet(folder / "orders" / f"{part}.parquet")
    people = pa.table({"who": [*range(0, 250, 2), 7], "name": [f"name {n}" for n in range(126)]})
    vl.from_arrow(people).to_parquet(folder / "people.parquet")
    return folder


FRAMES = {
    "scan": lambda o, p: o,
    "filter and project": lambda o, p: o[o.price > 2_000].assign(z=o.price * 2, s=o.tag.str.upper()),
    "no rows": lambda o, p: o[o.price < 0].groupby("tag").agg(n=("id", "size")),
    "group": lambda o, p: o.groupby(["who", "tag"]).agg(n=("id", "size"), m=("price", "mean"), s=("price", "std")),
    "count distinct": lambda o, p: o.groupby("tag").agg(n=("who", "nunique")),
    "inner join": lambda o, p: o.merge(p, on="who").sort_values(["id", "name"]),
    "left join": lambda o, p: o.merge(p, on="who", how="left").sort_values(["id", "name"]),
    "right join": lambda o, p: o.merge(p, on="who", how="right").sort_values(["who", "id", "name"]),
    "outer join": lambda o, p: o.merge(p, on="who", how="outer").sort_values(["who", "id", "name"]),
    "semi join": lambda o, p: o.merge(p, on="who", how="semi").sort_values("id"),
    "anti join": lambda o, p: o.merge(p, on="who", how="anti").sort_values("id"),
    "semi join of a few": lambda o, p: p.merge(o, on="who", how="semi").sort_values(["who", "name"]),
    "anti join of a few": lambda o, p: p.merge(o[o.id < 900], on="who", how="anti").sort_values(["who", "name"]),
    "anti join of a few by two keys": lambda o, p: (
        o[o.id < 99].merge(o[o.id > 14_000], on=["who", "tag"], how="anti").sort_values("id")
    ),
    "join of joins": lambda o, p: (
        o.merge(p, on="who", how="outer")
        .merge(o[o.id < 99], on="who", how="outer")
        .sort_values(["id_x", "id_y", "name"])
    ),
    "cross join": lambda o, p: o[o.id < 40].merge(p, how="cross").sort_values(["id", "name"]),
    "nearest": lambda o, p: vl.merge_asof(o, p, "who").sort_values("id"),
    "nearest by a key": lambda o, p: vl.merge_asof(
        o[["id", "tag"]], o[o.price < 300], "id", by="tag", direction="forward"
    ).sort_values("id"),
    "sort": lambda o, p: o.sort_values(["price", "id"], ascending=[False, True]),
    "top-k": lambda o, p: o.sort_values(["price", "id"]).limit(5),
    "limit": lambda o, p: o.limit(5_000, 4_321),
    "distinct": lambda o, p: o[["tag", "who"]].drop_duplicates().sort_values(["tag", "who"]),
    "first of each": lambda o, p: o.drop_duplicates("who").sort_values("who"),
    "union": lambda o, p: vl.concat([o, o.merge(p[["who"]], on="who", how="semi")]).sort_values("id"),
    "windows": lambda o, p: o.assign(
        before=o.id.shift(), total=o.groupby("who")["price"].transform("mean"), place=o.price.rank()
    ).sort_values("id"),
    "map batches": lambda o, p: o.map_batches(
        lambda t: pa.table({"double": pa.compute.multiply(t["price"], 2.0)}),
        {"double": "float64"},
        reads=["price"],
        keeps=True,
    ),
}


def both(frame: DataFrame, cluster: vl.Session) -> tuple[pa.Table, pa.Table]:
    """Return the rows that a plan gives on the cluster and on threads."""
    return DataFrame.from_plan(frame.plan, cluster).to_arrow(), frame.to_arrow()


JOINING = [name for name in FRAMES if "join" in name or name == "union"]


@pytest.mark.parametrize("name", JOINING)
def test_shuffled_joins_are_as_on_threads(
    name: str, files: Path, cluster: vl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    test_frames_are_as_on_threads(name, files, cluster)


@pytest.mark.parametrize("name", ["inner join", "left join", "semi join"])
def test_joins_whose_build_side_is_given_on_are_as_on_threads(
    name: str, files: Path, cluster: vl.Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placement, "FANOUT", 0)  # as if there were many more workers than have the rows
    monkeypatch.setattr(placement, "RELAY_BYTES", 0)
    client = cluster.cluster.client
    before = sum(client.run(copies).values())
    test_frames_are_as_on_threads(name, files, cluster)
    assert sum(client.run(copies).values()) > before


@pytest.mark.parametrize("name", FRAMES)
def test_frames_are_as_on_threads(name: str, files: Path, cluster: vl.Session) -> None:
    frame = FRAMES[name](vl.read_parquet(files / "orders"), vl.read_parquet(files / "people.parquet"))
    there, here = both(frame, cluster)
    assert there.schema.names == here.schema.names
    assert there.num_rows == here.num_rows
    if "mean" in str(there.schema) or name in ("group", "windows"):
        assert_same_rows(there, here)  # sums of floats depend on who added what
    else:
        assert there.to_pylist() == here.to_pylist()


@pytest.mark.parametrize("name", FRAMES)
@pytest.mark.usefixtures("chained")
def test_frames_in_one_task_are_as_on_threads(name: str, files: Path, cluster: vl.Session) -> None:
    test_frames_are_as_on_threads(name, files, cluster)


def test_rows_in_this_process_are_sent_to_the_workers(cluster: vl.Session, joins: str) -> None:
    table = pa.table({"a": [n % 97 for n in range(600_000)], "t": [f"text {n % 11}" for n in range(600_000)]})
    frame = vl.from_arrow(table)
    grouped = frame.groupby(["a", "t"]).agg(n=("a", "size")).merge(frame.drop_duplicates("a"), on="a")
    there, here = both(grouped.sort_values(["a", "t_x"]), cluster)
    assert there.num_rows == 97 * 11
    assert there.equals(here)


def test_the_keys_of_a_small_side_narrow_what_workers_read(files: Path, cluster: vl.Session) -> None:
    orders = vl.read_parquet(files / "orders")
    frame = orders.merge(vl.DataFrame({"id": [7, 11]}), on="id").sort_values("id")
    run = cluster.run(frame.plan)
    assert sum(table.num_rows for table in run.tables) == 2
    skipped = [operator.skipped_rows for stage in run.metrics.stages for operator in stage.operators.values()]
    assert sum(skipped) >= 4 * ROWS  # four of five files hold no such key


def test_a_build_side_is_fetched_once_though_scans_ask_for_its_keys(files: Path, cluster: vl.Session) -> None:
    orders = vl.read_parquet(files / "orders")
    dear = orders[orders.price > 2_000][["id", "tag"]]
    frame = orders[["id", "price"]].merge(dear, on="id").groupby("tag").agg(s=("price", "sum"))
    assert "in keys of stage 0" in frame.explain("physical")
    build, probe = cluster.run(frame.plan).metrics.stages[:2]
    received = sum(worker.received for worker in probe.workers.values())
    made = sum(worker.bytes for worker in build.workers.values())
    assert 0 < received < 1.5 * made


def test_rows_that_are_only_asked_for_their_keys_send_each_key_once(files: Path, cluster: vl.Session) -> None:
    orders, people = vl.read_parquet(files / "orders"), vl.read_parquet(files / "people.parquet")
    frame = people.merge(orders, on="who", how="anti")
    assert "building left" in frame.explain("physical")
    run = cluster.run(frame.plan)
    assert sum(table.num_rows for table in run.tables) == 25  # of who is 200 or more
    probe = next(stage for stage in run.metrics.stages if stage.number == len(run.metrics.stages) - 1)
    worker = max(probe.workers.values(), key=lambda each: each.rows)
    assert worker.rows <= 201 * worker.tasks  # as many keys as orders have, and none


def test_an_aggregate_of_no_rows_is_one_row(files: Path, cluster: vl.Session) -> None:
    frame = vl.read_parquet(files / "orders")
    none = query("select count(*) n, sum(price) s, min(tag) t from o where price < 0", {"o": frame})
    assert both(none, cluster)[0].to_pylist() == [{"n": 0, "s": None, "t": None}]


def test_a_fold_merges_the_states_of_all_tasks(files: Path, cluster: vl.Session) -> None:
    frame = vl.read_parquet(files / "orders")

    def add(total: float, table: pa.Table) -> float:
        return total + sum(table["price"].to_pylist())  # quarters, so that the order does not matter

    whole = DataFrame.from_plan(frame.plan, cluster).fold(float, add, lambda a, b: a + b)
    assert whole == frame.fold(float, add, lambda a, b: a + b) > 0


def test_rows_stream_in_order(files: Path, cluster: vl.Session) -> None:
    frame = DataFrame.from_plan(vl.read_parquet(files / "orders")[["id"]].plan, cluster)
    ids = [n for batch in cluster.stream(frame.plan) for n in batch.column(0).to_pylist()]
    assert ids == list(range(5 * ROWS))


def test_a_recursion_runs_its_rounds_on_the_workers(cluster: vl.Session) -> None:
    frame = query(
        "with recursive r(n) as (select 1 union all select n + 1 from r where n < 9) select sum(n) s from r", {}
    )
    assert DataFrame.from_plan(frame.plan, cluster).to_arrow().to_pylist() == [{"s": 45}]


def test_a_limit_ends_a_recursion_without_end(cluster: vl.Session) -> None:
    frame = query("with recursive r(n) as (select 1 union all select n + 1 from r) select n from r limit 4", {})
    found = DataFrame.from_plan(frame.plan, cluster).to_arrow()
    assert found["n"].to_pylist() == [1, 2, 3, 4]


@pytest.mark.parametrize("name", ["q03", "q13", "q21"])
def test_tpch(name: str, tpch: Path, cluster: vl.Session, joins: str) -> None:
    there, here = both(query((texts("tpch")[int(name[1:]) - 1]).read_text(), frames(tpch)), cluster)
    assert_same_rows(there, here)


@pytest.mark.cluster
@pytest.mark.parametrize("text", texts("tpch"), ids=lambda path: path.stem)
def test_all_of_tpch(text: Path, tpch: Path, cluster: vl.Session, joins: str) -> None:
    assert_same_rows(*both(query(text.read_text(), frames(tpch)), cluster))


@pytest.mark.cluster
@pytest.mark.parametrize("text", texts("tpcds"), ids=lambda path: path.stem)
def test_all_of_tpcds(text: Path, tpcds: Path, cluster: vl.Session, joins: str) -> None:
    assert_same_rows(*both(query(text.read_text(), frames(tpcds)), cluster))
