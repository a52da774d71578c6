"""``volley cluster`` and ``--cluster``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

import volley as vl
from tests.support.workers import wait_until
from volley.__main__ import main
from volley.engine.runners.dask import launch


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Return the address of a cluster that the command has started."""
    command = [sys.executable, "-m", "volley", "cluster", "--workers", "1", "--memory-limit", "1GiB", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.fullmatch(r"1 workers at (tcp://127\.0\.0\.1:\d+)\n", said)
        assert found is not None, said
        yield found[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_queries_run_on_it(address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vl.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "x"]}).to_parquet(tmp_path / "t.parquet")
    query = ["-c", "select b, sum(a) n from t group by b order by b", "--cluster", address]
    assert main(["sql", str(tmp_path / "t.parquet"), *query, "--format", "csv"]) == 0
    assert capsys.readouterr().out == '"b","n"\n"x",4\n"y",2\n'
    assert main(["explain", str(tmp_path / "t.parquet"), *query, "--stage", "analyze"]) == 0
    assert re.search(r"127\.0\.0\.1:\d+: \d+ tasks", capsys.readouterr().out)


def test_several_clients_share_it(address: str) -> None:
    first, second = vl.Session(cluster=address), vl.Session(cluster=address)
    try:
        with first:
            one = vl.DataFrame({"a": [1, 2]})
        with second:
            two = vl.DataFrame({"a": [3]})
        assert one.to_arrow().to_pydict() == {"a": [1, 2]}
        assert two.to_arrow().to_pydict() == {"a": [3]}
    finally:
        first.close()
        second.close()


STARTING = 300.0
"""Seconds that processes may take to start and to end, on a machine that is busy."""

SLOW = """
import os, sys, time
from pathlib import Path
import volley as vl
from volley.engine.frame import DataFrame

BEGUN = Path(sys.argv[2])

def slow(table):
    BEGUN.touch()
    time.sleep(0.2)
    return table

def workers(session):
    return sorted(session.cluster.client.run(os.getpid).values())

if __name__ == "__main__":
    session = vl.Session(cluster=sys.argv[1])
    rows = DataFrame.from_plan(vl.DataFrame({"a": list(range(1000))}).plan, session)
    started = workers(session)
    try:
        while True:
            rows.map_batches(slow, {"a": "int64"}, reads=["a"]).to_arrow()
    except KeyboardInterrupt:
        print(len(rows.to_arrow()), "rows, the workers are", "the same" if workers(session) == started else "others")
    session.close()
"""


@contextmanager
def in_front(*command: str) -> Iterator[subprocess.Popen[str]]:
    """Run Python as a terminal runs what is in front of it: as the first of a group of processes."""
    piped: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, *command], start_new_session=True, **piped) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def press_ctrl_c(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Send what a terminal sends to the whole group, and return what is said until the first of it ends."""
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=STARTING)
    assert process.returncode == 0
    return said


@pytest.mark.cluster
def test_ctrl_c_ends_it_quietly_while_a_query_runs(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with in_front("-m", "volley", "cluster", "--workers", "2", "--memory-limit", "1GiB", "--port", "0") as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with in_front(str(tmp_path / "slow.py"), address, str(tmp_path / "begun")):
            wait_until((tmp_path / "begun").exists, STARTING)
            assert press_ctrl_c(process) == ("", "")


@pytest.mark.cluster
def test_ctrl_c_while_it_starts_is_quiet_as_well(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with in_front("-m", "volley", "cluster", "--workers", "2", "--memory-limit", "1GiB", "--port", "0") as process:
        wait_until(lambda: psutil.Process(process.pid).children(), STARTING)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=STARTING)
        assert (process.returncode, said) in [(0, ""), (130, "volley: cancelled\n")]  # which one, the moment decides


@pytest.mark.cluster
def test_ctrl_c_stops_a_query_and_no_workers(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    with in_front(str(tmp_path / "slow.py"), "local:2", str(tmp_path / "begun")) as process:
        wait_until((tmp_path / "begun").exists, STARTING)
        assert press_ctrl_c(process) == ("1000 rows, the workers are the same\n", "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cluster", "--protocol", "tls"], "protocol tls needs --tls-ca, --tls-cert and --tls-key"),
        (["sql", "-c", "select 1", "--cluster", "nowhere"], "cluster='nowhere' is no cluster; give 'local'"),
    ],
)
def test_mistakes_are_told(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) != 0
    assert message in capsys.readouterr().err


def test_a_dashboard_needs_bokeh(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(launch, "find_spec", lambda _: None)
    assert main(["cluster", "--dashboard", "127.0.0.1:0"]) == 1
    assert "--dashboard needs the module bokeh: pip install bokeh" in capsys.readouterr().err


@pytest.mark.cluster
def test_workers_on_gpus_serve_a_session_on_the_gpu() -> None:
    environment = {**os.environ, "VOLLEY_SIMULATE_GPU": "1"}
    command = [sys.executable, "-m", "volley", "cluster", "--gpus", "0,1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            found = re.fullmatch(r"2 workers at (tcp://\S+)\n", process.stdout.readline())
            assert found is not None
            query = [
                "sql",
                "-c",
                "select 40 + 2 as answer",
                "--format",
                "csv",
                "--device",
                "gpu",
                "--cluster",
                found[1],
            ]
            answer = subprocess.run(
                [sys.executable, "-m", "volley", *query], capture_output=True, text=True, check=True, env=environment
            )
            assert answer.stdout == '"answer"\n42\n'
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
