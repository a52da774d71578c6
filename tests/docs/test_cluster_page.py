"""The commands and programs of the page about clusters do what the page says, at ports that are free and with a worker
or two; those that need several machines run on this one."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import volley as vl
from tests.docs.markdown import ROOT
from tests.support.workers import wait_until
from volley.cli.arguments import build_parser

PAGE = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
STARTING = 300.0
"""Seconds that processes may take to start on a machine that is busy."""
PROGRAMS = {"volley": [sys.executable, "-m", "volley"], "dask": [sys.executable, "-m", "dask"]}
pytestmark = [pytest.mark.timeout(1200)]


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)


def commands() -> list[list[str]]:
    """Return the commands of the page's terminals, as words."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    return [shlex.split(line.removeprefix("$ ")) for block in blocks for line in block.splitlines() if line[:1] == "$"]


def programs() -> list[str]:
    """Return the page's programs."""
    return re.findall(r"^```py\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def here(text: str, port: int) -> str:
    """Return a command or program of the page as this machine can run it."""
    for shown, real in {
        "8786": str(port),
        "10.0.0.5:8787": "127.0.0.1:0",
        "10.0.0.5": "127.0.0.1",
        "10.0.0.6": "127.0.0.1",
        "local:4": "local:1",
        "--workers 4": "--workers 1",
        "--nworkers 8": "--nworkers 2",
        "8GiB": "2GiB",
    }.items():
        text = text.replace(shown, real)
    return text


def started_with(*beginning: str, port: int) -> list[str]:
    """Return the one command of the page that begins so, as this machine can run it."""
    (found,) = [command for command in commands() if command[: len(beginning)] == list(beginning)]
    program, *words = shlex.split(here(shlex.join(found), port))
    return [*PROGRAMS[program], *words]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@contextmanager
def running(command: list[str], said: Path) -> Iterator[subprocess.Popen[str]]:
    """Run what stays until it is stopped; what it says goes to a file."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with (
        said.open("w") as out,
        subprocess.Popen(command, stdout=out, stderr=out, text=True, env=environment) as process,
    ):
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STARTING)
            finally:
                process.kill()


def ran(command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what ends."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def test_volley_knows_every_command_of_the_page() -> None:
    shown = [command for command in commands() if command[0] == "volley"]
    within = [shlex.split(text) for text in re.findall(r"`(volley [a-z]+ [^`]*)`", PAGE)]
    assert len(shown) == 3
    for command in [*shown, *within]:
        assert build_parser().parse_args(command[1:]).execute is not None


@pytest.mark.cluster
def test_one_machine(port: int, tmp_path: Path) -> None:
    (program,) = [text for text in programs() if "local:4" in text]
    Path("program.py").write_text(here(program, port))
    assert "ORD" in ran([sys.executable, "program.py"]).stdout  # the airport that most flew to
    said = Path("said")
    with running([*started_with("volley", "cluster", port=port), "--port", str(port)], said):
        wait_until(lambda: "\n" in said.read_text(), STARTING)
        assert said.read_text() == f"1 workers at tcp://127.0.0.1:{port}\n"
        query = started_with("volley", "sql", port=port)
        logged = ran([*query, "--format", "jsonl"], VOLLEY_LOG="json")
        rows = [json.loads(line) for line in logged.stdout.splitlines()]
        expected = vl.sql("select dest, count(*) n from 'examples/flights/data/flights.parquet' group by dest")
        assert sorted(map(str, rows)) == sorted(map(str, expected.to_arrow().to_pylist()))
        (shown,) = map(json.loads, re.findall(r"^```json\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE))
        records = [json.loads(line) for line in logged.stderr.splitlines()]
        ended = [record for record in records if record["message"] == "stage ended"]
        assert [set(record) for record in ended] == [set(shown)] * len(ended)
        assert {record["query"] for record in records} == {ended[0]["query"]}
        job = yaml.safe_load(Path("examples/flights/job.yaml").read_text())
        ran(started_with("volley", "run", port=port))
        assert set(job["outputs"]["tables"]) <= {path.stem for path in Path("flights-out").iterdir()}
    assert said.read_text() == f"1 workers at tcp://127.0.0.1:{port}\n"  # and nothing as it ended


@pytest.mark.cluster
def test_several_machines(port: int, request: pytest.FixtureRequest) -> None:
    volleys = logging.getLogger("volley")
    request.addfinalizer(lambda: (volleys.handlers.clear(), volleys.setLevel(logging.NOTSET)))
    _, several, timeline, logs = programs()
    scheduler, worker = (started_with("dask", kind, port=port) for kind in ("scheduler", "worker"))
    with running(scheduler, Path("scheduler")) as first, running(worker, Path("worker")) as second:
        wait_until(lambda: "Registered to" in Path("worker").read_text(), STARTING)
        names: dict[str, Any] = {"vl": vl}
        for program in (several, timeline, logs):
            exec(here(program, port), names)
        trace = json.loads(Path("trace.json").read_text())
        assert {event["name"] for event in trace["traceEvents"]} >= {"stage 0 group"}
        processes = [
            p
            for process in (first, second)
            for p in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True))
        ]
        listening = {c.laddr.ip for p in processes for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN}
        assert listening == {"127.0.0.1"}
