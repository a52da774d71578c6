"""Jobs on a cluster: outputs in an object store, and the exit code that says whether to try again."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import fsspec
import pytest

import volley as vl
from tests.support.servers import ACCESS_KEY, SECRET_KEY, object_store
from tests.support.workers import wait_until
from volley.__main__ import main

JOB = """\
name: trips
session: {{cluster: {cluster}}}
sources: {{trips: {{path: trips}}}}
steps:
  - {{name: late, sql: "select * from trips where delay > 10"}}
  - {{name: worked, python: "work:worked", inputs: [late]}}
outputs:
  dir: out
  report: false
  tables:
    late: {{to: "{late}", partition_by: [dest], storage_options: {options}}}
    worked: {{format: csv}}
"""
WORK = """\
import time
from pathlib import Path

HERE = Path(__file__).parent

def hard(table):
    {body}
    return table

def worked(late):
    return late.map_batches(hard, {{"id": "int64", "delay": "int64", "dest": "string"}}, reads=["id", "delay", "dest"])
"""
ROWS = 400


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, Any]]:
    """Return how to reach an object store with a bucket."""
    with object_store() as options:
        fsspec.filesystem("s3", **options).mkdir("bucket")
        yield options


@pytest.fixture(autouse=True)
def _modules() -> Iterator[None]:
    yield
    sys.modules.pop("work", None)


def write_job(folder: Path, cluster: str, options: dict[str, Any], body: str = "pass") -> Path:
    """Write the job, its function and its data in two files; return the job file."""
    for part in range(2):
        ids = range(part * ROWS, (part + 1) * ROWS)
        rows = {"id": list(ids), "delay": [n % 40 for n in ids], "dest": ["Ayr" if n % 3 else "Cork" for n in ids]}
        vl.DataFrame(rows).to_parquet(folder / "trips" / f"{part}.parquet")
    (folder / "work.py").write_text(WORK.format(body=body))
    job = folder / "job.yaml"
    job.write_text(JOB.format(cluster=cluster, late=url_of(folder), options=json.dumps(options)))
    return job


def url_of(folder: Path) -> str:
    return f"s3://bucket/{folder.name}/late"


def objects(folder: Path, options: dict[str, Any]) -> list[str]:
    """Return what the store has for a job, temporary objects included."""
    store = fsspec.filesystem("s3", **options)
    store.invalidate_cache()
    return [str(name) for name in store.find("bucket") if folder.name in name]


def late_trips() -> list[int]:
    return [n for n in range(2 * ROWS) if n % 40 > 10]


def address_of(cluster: vl.Session) -> str:
    address: str = cluster.cluster.client.scheduler.address
    return address


def test_a_table_goes_to_an_object_store(
    cluster: vl.Session, tmp_path: Path, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    job = write_job(tmp_path, address_of(cluster), options)
    assert main(["run", str(job)]) == 0
    assert url_of(tmp_path) in capfd.readouterr().out
    back = vl.read_parquet(url_of(tmp_path), storage_options=options).sort_values("id")
    assert back.id.to_list() == late_trips()
    manifest = (tmp_path / "out" / "manifest.json").read_text()
    kept = {output["name"]: output for output in json.loads(manifest)["outputs"]}
    assert kept["late"]["path"] == url_of(tmp_path)
    assert kept["late"]["rows"] == len(late_trips())
    assert kept["late"]["bytes"] == fsspec.filesystem("s3", **options).du(url_of(tmp_path))
    assert kept["worked"]["path"] == "worked.csv"
    assert ACCESS_KEY not in manifest
    assert SECRET_KEY not in manifest
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".work", "manifest.json", "worked.csv"]
    assert main(["run", str(job)]) == 0  # what the manifest names is in the store, and not to be cleared away here
    assert "kept from an earlier run" in capfd.readouterr().err


def test_what_a_function_raises_on_a_worker_is_not_to_be_tried_again(
    cluster: vl.Session, tmp_path: Path, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    job = write_job(tmp_path, address_of(cluster), options, body='raise ValueError("no such thing")')
    assert main(["run", str(job)]) == 1
    assert "no such thing" in capfd.readouterr().err.splitlines()[-1]
    assert objects(tmp_path, options) == []
    assert not list((tmp_path / "out").glob("*.csv"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("bucket/late", "to needs a URL, not 'bucket/late'"),
        ("nowhere://bucket/late", "nowhere"),
    ],
)
def test_a_wrong_destination_is_told_at_its_line(
    wrong: str, message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    job = write_job(tmp_path, "tcp://127.0.0.1:1", {})
    job.write_text(job.read_text().replace(url_of(tmp_path), wrong).replace("session:", "#"))
    assert main(["run", str(job)]) == 2
    said = capfd.readouterr().err
    assert message in said
    assert "job.yaml:11" in said


def test_no_cluster_is_to_be_tried_again(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    job = write_job(tmp_path, f"tcp://127.0.0.1:{port}", {})
    with dask.config.set({"volley.connect": "1s"}):
        assert main(["run", str(job)]) == os.EX_TEMPFAIL
    assert f"no Dask scheduler answers at tcp://127.0.0.1:{port}" in capfd.readouterr().err


@contextmanager
def volley_cluster(port: int) -> Iterator[subprocess.Popen[str]]:
    """Run the command that starts a cluster; gives it once its workers are there."""
    command = [
        sys.executable,
        "-m",
        "volley",
        "cluster",
        "--workers",
        "2",
        "--memory-limit",
        "1GiB",
        "--port",
        str(port),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("2 workers at ")
            yield process
        finally:
            process.kill()


@pytest.mark.cluster
def test_a_lost_cluster_is_to_be_tried_again_and_finished_steps_are_kept(
    tmp_path: Path, options: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    waits = "begun = HERE / 'begun'\n    while not (HERE / 'go').exists(): begun.touch(); time.sleep(0.05)"
    job = write_job(tmp_path, f"tcp://127.0.0.1:{port}", options, body=waits)
    with volley_cluster(port) as process, dask.config.set({"volley.patience": "3s"}):

        def strike() -> None:
            wait_until((tmp_path / "begun").exists)
            process.kill()

        striking = threading.Thread(target=strike)
        striking.start()
        assert main(["run", str(job)]) == os.EX_TEMPFAIL
        striking.join()
    said = capfd.readouterr().err.splitlines()[-1]
    assert "scheduler" in said
    assert "(in step worked, python)" in said
    assert objects(tmp_path, options) == []
    (tmp_path / "go").touch()
    with volley_cluster(port):
        assert main(["run", str(job)]) == 0
    kept = [line for line in capfd.readouterr().err.splitlines() if "kept from an earlier run" in line]
    assert len(kept) == 1
    assert "late" in kept[0]
    back = vl.read_parquet(url_of(tmp_path), storage_options=options)
    assert sorted(back.id.to_list()) == late_trips()
    assert sorted(vl.read_csv(tmp_path / "out" / "worked.csv").id.to_list()) == late_trips()
