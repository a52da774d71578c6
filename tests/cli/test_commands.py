"""The commands as people run them, with real files, in processes of their own where signals or limits matter."""

from __future__ import annotations

import csv
import io
import os
import pty
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from volley.__main__ import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def trips(tmp_path: Path) -> Path:
    path = tmp_path / "trips.parquet"
    pq.write_table(pa.table({"dest": ["SFO", "LAX", "SFO", None], "delay": [5, -3, 20, 1]}), path)
    return path


# ------------------------------------------------------------------------------------- sql and explain


def test_a_query_without_files(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", "-c", "select 40 + 2 as answer"]) == 0
    assert capsys.readouterr().out.splitlines() == ["answer", "──────", "    42", "(1 row)"]


def test_files_are_tables(trips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query = "select dest, count(*) as n from trips group by dest order by n desc limit 1"
    assert main(["sql", str(trips), "-c", query]) == 0
    assert capsys.readouterr().out.splitlines()[2].split() == ["SFO", "2"]
    assert main(["sql", f"t={trips}", "-c", "select max(delay) as m from t"]) == 0
    assert "20" in capsys.readouterr().out
    assert main(["sql", "-c", f"select count(*) as n from '{trips}'"]) == 0
    assert "4" in capsys.readouterr().out


def test_parameters_and_query_files(trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "q.sql"
    text.write_text("select delay from trips where dest = $dest and delay > $least order by delay")
    arguments = ["sql", str(trips), "-f", str(text), "--param", "dest=SFO", "--param", "least=10", "--rows", "5"]
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["   20", "(1 row)"]


def test_the_query_may_come_from_standard_input(
    trips: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("select 1 as one"))
    assert main(["sql"]) == 0
    assert capsys.readouterr().out.startswith("one\n")


def test_without_a_query_a_terminal_gets_a_prompt(trips: Path) -> None:
    keys, terminal = pty.openpty()
    command = [sys.executable, "-m", "volley", "sql", str(trips), "--threads", "1"]
    environment = {**os.environ, "TERM": "dumb", "XDG_STATE_HOME": str(trips.parent)}
    running = subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    os.write(keys, b"select max(delay) as most from trips;\r.quit\r")
    out, _ = running.communicate(timeout=60)
    os.close(keys)
    os.close(terminal)
    assert running.returncode == 0
    assert "End a query with ; and Enter." in out
    assert "most\n────\n  20\n(1 row)\n" in out


def test_results_are_written_by_suffix(trips: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    assert main(["sql", str(trips), "-c", "select * from trips order by delay", "-o", str(out)]) == 0
    assert list(csv.reader(io.StringIO(out.read_text()))) == [
        ["dest", "delay"],
        ["LAX", "-3"],
        ["", "1"],
        ["SFO", "5"],
        ["SFO", "20"],
    ]


def test_a_pipe_gets_the_bytes(trips: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "volley",
        "sql",
        str(trips),
        "-c",
        "select delay from trips",
        "--format",
        "parquet",
    ]
    done = subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    assert pq.read_table(pa.BufferReader(done.stdout))["delay"].to_pylist() == [5, -3, 20, 1]


def test_explain_prints_each_stage(trips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for stage in ("logical", "optimized", "physical", "analyze"):
        query = "select dest, sum(delay) as s from trips where delay > 0 group by dest"
        assert main(["explain", str(trips), "-c", query, "--stage", stage]) == 0
        assert "sum(delay)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-c", "selec 1"], "line 1"),
        (["-c", "select dst from trips"], "did you mean 'dest'?"),
        (["-c", "select * from trip"], "did you mean 'trips'?"),
        (["-c", "select 1", "-o", "x.xyz"], "no format is known for the suffix"),
        (["-c", "select 1", "--memory-limit", "much"], "'much' is not a number of bytes"),
        (["-c", "select $x", "--param", "x"], "--param needs NAME=VALUE"),
        (["-f", "nowhere.sql"], "the script nowhere.sql cannot be read: No such file or directory"),
    ],
)
def test_mistakes_are_one_error_and_exit_code_1(
    trips: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sql", str(trips), *arguments]) == 1
    err = capsys.readouterr().err
    assert err.startswith("volley: error: ")
    assert message in err
    assert "Traceback" not in err


def test_missing_and_clashing_files(trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sql", str(tmp_path / "trip.parquet"), "-c", "select 1"]) == 1
    assert "trips.parquet" in capsys.readouterr().err
    assert main(["sql", str(trips), f"trips={trips}", "-c", "select 1"]) == 1
    assert "two files would be the table 'trips'" in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- run

JOB = """\
name: slow
sources: {trips: {path: trips.parquet}}
steps:
  - {name: first, sql: "select * from trips"}
  - {name: second, python: "slow:wait", inputs: [first]}
outputs: {dir: out, report: false, tables: {second: {format: csv}}}
"""


@pytest.fixture
def slow_job(trips: Path) -> Path:
    folder = trips.parent
    (folder / "job.yaml").write_text(JOB)
    (folder / "slow.py").write_text(
        "import pathlib, time\n"
        "def wait(first):\n"
        "    pathlib.Path(__file__).with_name('ready').touch()\n"
        "    time.sleep(60)\n"
        "    return first\n"
    )
    return folder / "job.yaml"


def start(job: Path, before: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "volley", "run", str(job)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        preexec_fn=before,  # noqa: PLW1509  # no threads here; resource limits need it
    )


def stored(job: Path) -> list[str]:
    return sorted(path.name for path in (job.parent / "out" / ".work").iterdir())


@pytest.mark.parametrize(("number", "said"), [(signal.SIGINT, "cancelled"), (signal.SIGTERM, "stopped by SIGTERM")])
def test_a_signal_leaves_a_job_that_goes_on(slow_job: Path, number: signal.Signals, said: str) -> None:
    running = start(slow_job)
    ready = slow_job.parent / "ready"
    deadline = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert err.splitlines()[-1] == f"volley: {said}: stopped in step second; the same command goes on from there"
    assert "Traceback" not in err
    assert stored(slow_job) == ["lock", "step-first"]
    assert not (slow_job.parent / "out" / "second.csv").exists()

    (slow_job.parent / "slow.py").write_text("def wait(first):\n    return first\n")
    again = start(slow_job)
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0
    assert "first                    sql       4 rows" in err
    assert "kept from an earlier run" in err
    assert "second.csv" in out


def test_a_killed_run_leaves_a_job_that_goes_on(slow_job: Path) -> None:
    running = start(slow_job)
    ready = slow_job.parent / "ready"
    deadline = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    running.kill()
    running.communicate(timeout=60)
    (slow_job.parent / "slow.py").write_text("def wait(first):\n    return first\n")
    assert main(["run", str(slow_job)]) == 0
    assert stored(slow_job) == ["lock", "step-first", "step-second"]


def test_no_room_to_write_is_one_clear_line(slow_job: Path) -> None:
    rows = 50_000
    noise = pa.array([os.urandom(8).hex() for _ in range(rows)])
    pq.write_table(pa.table({"dest": noise, "delay": range(rows)}), slow_job.parent / "trips.parquet")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    running = start(slow_job, limit)
    _, err = running.communicate(timeout=120)
    assert running.returncode == 1
    last = err.splitlines()[-1]
    assert last.startswith("volley: error: ")
    assert "Traceback" not in err
    assert stored(slow_job) == ["lock"]


def test_exit_codes_of_a_job(slow_job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (slow_job.parent / "slow.py").write_text("def wait(first):\n    return first\n")
    sys.modules.pop("slow", None)
    assert main(["run", str(slow_job), "--out", str(slow_job.parent / "o2")]) == 0
    assert "second.csv" in capsys.readouterr().out
    slow_job.write_text(JOB + "quality: [{on: first, not_null: [dest]}]\n")
    assert main(["run", str(slow_job)]) == 1
    said = capsys.readouterr()
    assert "failed: first: dest not null; found 1 of 4 rows failed (25%)" in said.out
    assert main(["run", str(slow_job), "--set", "quality.0.severity=warn", "--fresh", "--threads", "1"]) == 0
    assert "warning: first: dest not null" in capsys.readouterr().out


def test_a_second_run_waits_for_nobody(slow_job: Path) -> None:
    running = start(slow_job)
    ready = slow_job.parent / "ready"
    deadline = time.monotonic() + 60
    while not ready.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = start(slow_job)
    _, err = second.communicate(timeout=60)
    running.kill()
    running.communicate(timeout=60)
    assert second.returncode == 75  # it may succeed later
    assert "another run is writing to" in err
