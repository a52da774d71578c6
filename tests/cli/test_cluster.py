"""``volley cluster`` and ``--cluster``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import volley as vl
from volley.__main__ import main


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
