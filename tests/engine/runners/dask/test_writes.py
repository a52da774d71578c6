"""What a cluster writes appears once, whole or not at all, on file systems and in object stores."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pytest

import volley as vl
from tests.support.clusters import CHOICE, started
from tests.support.faults import arm
from tests.support.servers import ACCESS_KEY, SECRET_KEY, object_store
from tests.support.workers import wait_until
from volley.engine.dtypes import int64
from volley.engine.errors import ExecutionError
from volley.engine.frame import DataFrame
from volley.engine.schema import Field, Schema
from volley.io import sink_for

ROWS = 6_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files to read."""
    folder = tmp_path_factory.mktemp("rows")
    for part in range(6):
        ids = range(part * ROWS, (part + 1) * ROWS)
        vl.from_arrow(pa.table({"id": ids, "k": [n % 7 for n in ids]})).to_parquet(folder / f"{part}.parquet")
    return folder


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    """Return how to reach an object store with a bucket."""
    with object_store() as options:
        fsspec.filesystem("s3", **options).mkdir("bucket")
        yield options


def stored(options: dict[str, Any]) -> list[str]:
    """Return every object of the bucket, temporary ones included."""
    store = fsspec.filesystem("s3", **options)
    store.invalidate_cache()
    return sorted(name.removeprefix("bucket/") for name in store.find("bucket"))


def there(session: vl.Session, folder: Path) -> DataFrame:
    return DataFrame.from_plan(vl.read_parquet(folder).plan, session)


def stumbling(table: pa.Table) -> pa.Table:
    if 5 * ROWS in table["id"].to_pylist():
        raise ValueError("no such thing")
    return table


@pytest.mark.parametrize("partition_by", [[], ["k"]])
def test_an_object_store_has_the_rows_once(
    cluster: vl.Session, folder: Path, options: dict[str, Any], partition_by: list[str]
) -> None:
    url = "s3://bucket/out"
    there(cluster, folder).to_parquet(url, partition_by=partition_by, storage_options=options)
    back = DataFrame.from_plan(vl.read_parquet(url, storage_options=options).plan, cluster)[["id", "k"]]
    assert (
        back.sort_values("id").to_arrow().to_pydict()
        == vl.read_parquet(folder).sort_values("id").to_arrow().to_pydict()
    )
    before = stored(options)
    assert all(name.startswith("out/") for name in before)
    failing = there(cluster, folder).map_batches(stumbling, {"id": "int64", "k": "int64"}, reads=["id", "k"])
    with pytest.raises(ExecutionError, match="no such thing"):
        failing.to_parquet(url, storage_options=options)
    assert stored(options) == before  # the rows that were there, and nothing temporary


@pytest.mark.cluster
@pytest.mark.parametrize("after", [0, 1, 2])
def test_an_object_store_has_the_rows_once_when_a_worker_dies(
    folder: Path, options: dict[str, Any], tmp_path: Path, after: int
) -> None:
    url = f"s3://bucket/dies-{after}"
    flag = tmp_path / "flag"
    flag.touch()
    with started() as session:
        session.cluster.client.run(arm, "write", str(flag), after)
        there(session, folder).to_parquet(url, storage_options=options)
    assert not flag.exists()
    back = vl.read_parquet(url, storage_options=options).sort_values("id").to_arrow()
    assert back.equals(vl.read_parquet(folder).sort_values("id").to_arrow())
    assert not [name for name in stored(options) if "tmp-" in name]


def test_files_of_this_process_alone_are_read_and_written(cluster: vl.Session, folder: Path) -> None:
    url = "memory://cluster/out"
    rows = vl.read_parquet(folder)
    there(cluster, folder).to_parquet(url)
    back = DataFrame.from_plan(vl.read_parquet(url).plan, cluster)
    assert back.sort_values("id").to_arrow().equals(rows.sort_values("id").to_arrow())
    one = back.groupby("k").agg(n=("id", "size"))
    one.to_csv("memory://cluster/one.csv")
    assert DataFrame.from_plan(vl.read_csv("memory://cluster/one.csv").plan, cluster).n.sum() == 6 * ROWS


WRITER = """
import sys, time
import pyarrow as pa
import volley as vl
from volley.engine.frame import DataFrame
from volley.engine.schema import Field, Schema
from volley.io import sink_for

def slow(table):
    time.sleep(0.3)
    return pa.table({"x": table["id"]})

if __name__ == "__main__":
    where, rows, out, device = sys.argv[1:]
    session = vl.Session(cluster=where, device=device)
    frame = DataFrame.from_plan(vl.read_parquet(rows).plan, session)
    frame.map_batches(slow, {"x": "int64"}, reads=["id"], keeps=True).to_parquet(out)
"""


def test_logs_hold_no_credentials(cluster: vl.Session, folder: Path, options: dict[str, Any]) -> None:
    failing = there(cluster, folder).map_batches(stumbling, {"id": "int64", "k": "int64"}, reads=["id", "k"])
    with pytest.raises(ExecutionError) as caught:
        failing.to_parquet("s3://bucket/logged", storage_options=options)
    client = cluster.cluster.client
    said = f"{client.get_worker_logs()}{client.get_scheduler_logs()}{''.join(traceback.format_exception(caught.value))}"
    assert "no such thing" in said
    assert ACCESS_KEY not in said
    assert SECRET_KEY not in said


def test_nobody_else_can_look_into_temporary_directories(cluster: vl.Session, tmp_path: Path) -> None:
    folders = cluster.cluster.client.run(lambda dask_worker: dask_worker.local_directory)
    scratch = {next(p for p in Path(f).parents if p.name.startswith("volley-cluster-")) for f in folders.values()}
    assert [stat.S_IMODE(folder.stat().st_mode) for folder in scratch] == [0o700]
    sink = sink_for(tmp_path / "out")
    sink.open(Schema((Field("a", int64),)))
    (temporary,) = tmp_path.iterdir()
    assert stat.S_IMODE(temporary.stat().st_mode) == 0o700
    sink.commit()
    (tmp_path / "usual").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_what_a_client_was_writing_goes_with_it(cluster: vl.Session, tmp_path: Path) -> None:
    rows = vl.from_arrow(pa.table({"id": list(range(50))}))
    for part in range(40):
        rows.to_parquet(tmp_path / "rows" / f"{part:02d}.parquet")
    (tmp_path / "writer.py").write_text(WRITER)
    vl.DataFrame({"old": [1]}).to_parquet(tmp_path / "place" / "out")
    address = cluster.cluster.client.scheduler.address
    command = [
        sys.executable,
        str(tmp_path / "writer.py"),
        address,
        str(tmp_path / "rows"),
        str(tmp_path / "place" / "out"),
        CHOICE,
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment) as writer:
        wait_until(lambda: list((tmp_path / "place").glob(".out.tmp-*/**/*.parquet")))  # a task has begun
        writer.send_signal(signal.SIGKILL)
    wait_until(lambda: [path.name for path in (tmp_path / "place").iterdir()] == ["out"])
    assert vl.read_parquet(tmp_path / "place" / "out").to_arrow().to_pydict() == {"old": [1]}
