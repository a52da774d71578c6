"""`volley sql` without a person: scripts, formats, files, pipes and signals."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
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


def fed(text: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return main(["sql", *arguments])


# ---------------------------------------------------------------------------------------------- scripts


def test_a_script_shows_each_result(
    trips: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "-- two results\nselect max(delay) as most from trips;\n.timer off\nselect ';' as sign;\n.quit\nselect nope;"
    assert fed(text, monkeypatch, str(trips)) == 0
    assert capsys.readouterr().out == "most\n────\n  20\n(1 row)\ntimer off\nsign\n────\n;\n(1 row)\n"


def test_a_script_stops_at_its_first_error_with_its_line(
    trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "q.sql"
    script.write_text("select 1 as one;\n\nselect dest,\n\tdelya from trips;\nselec 3;\n")
    assert main(["sql", str(trips), "-f", str(script), "--format", "csv"]) == 1
    said = capsys.readouterr()
    assert said.out == '"one"\n1\n'
    assert said.err == (
        f"volley: error: unknown column 'delya'; did you mean 'delay'? ({script}, line 4, column 2)\n"
        "  \tdelya from trips;\n  \t^\n"
    )


def test_an_error_while_running_names_its_statement(
    trips: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fed("select 1;\nselect cast(dest as int) from trips;", monkeypatch, str(trips)) == 1
    err = capsys.readouterr().err
    assert err.startswith("volley: error: ")
    assert err.endswith("(in the statement at line 2)\n")
    assert main(["sql", str(trips), "-c", "select cast(dest as int) from trips"]) == 1
    assert "in the statement" not in capsys.readouterr().err


def test_what_statements_did_is_no_data(
    trips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "create table late as select * from trips where delay > 1; select count(*) as n from late; drop table late"
    assert fed(text, monkeypatch, str(trips), "--format", "jsonl") == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [{"n": 2}]
    assert fed(text, monkeypatch, str(trips), "-o", str(tmp_path / "n.csv")) == 0
    assert (tmp_path / "n.csv").read_text() == '"n"\n2\n'
    assert fed(text, monkeypatch, str(trips)) == 0
    assert "created" in capsys.readouterr().out


def test_a_file_takes_all_results_or_none(trips: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out.csv"
    out.write_text("older")
    assert main(["sql", "-c", "select 1 as a; select nope", "-o", str(out)]) == 1
    assert out.read_text() == "older"
    assert main(["sql", "-c", "select 1 as a; select 2 as b", "-o", str(out)]) == 0
    assert out.read_text() == '"a"\n1\n"b"\n2\n'
    assert main(["sql", "-c", "select 1 as a; select 2 as b", "-o", str(tmp_path / "two.parquet")]) == 1
    assert "two.parquet holds one result already, and parquet can hold no more" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "trips.parquet"]


def test_dot_commands_shape_the_output(
    trips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f"""
.mode csv
select 1 as a;
.output {tmp_path}/first.jsonl
select 1 as a;
select 2 as b;
.output
.mode line
select 'long text' as text, null as nothing;
.export {tmp_path}/last.parquet
.width 4
select 'long text' as text;
.rows 1
.mode table
select delay from trips;
"""
    assert fed(text, monkeypatch, str(trips)) == 0
    assert capsys.readouterr().out == (
        'mode csv\n"a"\n1\nmode line\n── row 1 ──\n   text  long text\nnothing  NULL\n(1 row)\n'
        "characters printed of a value: 4\n── row 1 ──\ntext  lon…\n(1 row)\n"
        "rows printed: 1\nmode table\ndel…\n────\n   5\n(first 1 row; --rows 0 prints all)\n"
    )
    assert (tmp_path / "first.jsonl").read_text() == '{"a": 1}\n{"b": 2}\n'
    assert pq.read_table(tmp_path / "last.parquet").to_pylist() == [{"text": "long text", "nothing": None}]


def test_each_statement_takes_the_parameters_that_it_names(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "select $a as a; select $b as b, $a as c; select 1 as d"
    given = ["--param", "a=1", "--param", "b=two", "--format", "jsonl"]
    assert fed(text, monkeypatch, *given) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"a": 1},
        {"b": "two", "c": 1},
        {"d": 1},
    ]
    assert fed(text, monkeypatch, *given, "--param", "ab=3") == 1
    assert "the text has no parameter $ab; remove --param ab=… or name it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no SQL in the text"),
        ("-- nothing\n;", "there is no SQL in the text"),
        (".mode xls", ".mode takes one of table, line, csv, tsv, json, jsonl, markdown, parquet, arrow, not 'xls'"),
        (".rows many", ".rows takes a whole number, not 'many'"),
        (".output a.xyz", "no format is known for the suffix of a.xyz"),
        (".export", ".export needs a file"),
        (".read nowhere.sql", "the script nowhere.sql cannot be read: No such file or directory"),
        (".pager maybe", ".pager takes on or off, not 'maybe'"),
    ],
)
def test_mistakes_in_scripts(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fed(text, monkeypatch) == 1
    err = capsys.readouterr().err
    assert err.startswith("volley: error: ")
    assert message in err


def test_a_script_given_as_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "q.sql"
    script.write_text("select 1")
    assert main(["sql", str(script), "-c", "select 1"]) == 1
    assert f"{script} is a script, not a table; give it with -f {script}" in capsys.readouterr().err


# ------------------------------------------------------------------------------------ pipes and signals


def start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "volley", "sql", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


@pytest.mark.parametrize("chosen", ["csv", "jsonl"])
def test_a_reader_that_goes_away_is_no_error(chosen: str) -> None:
    flights = ROOT / "examples" / "flights" / "data" / "flights.parquet"
    running = start(str(flights), "-c", "select * from flights", "--format", chosen)
    assert running.stdout is not None
    assert running.stderr is not None
    assert "year" in running.stdout.readline()
    running.stdout.close()
    assert running.wait(60) == 141
    assert running.stderr.read() == ""
    running.stderr.close()


def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "volley", "sql", "-c", "select 1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("volley: error: standard output cannot be written: no space is left; free some")
    assert done.stderr.count("\n") == 1


def test_a_terminal_without_our_signs_shows_others() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "volley", "sql", "-c", "select 'ü€' as sign"],
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert done.stdout.decode("latin-1") == "sign\n????\nü?\n(1 row)\n"


@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGINT, "volley: cancelled\n"), (signal.SIGTERM, "volley: stopped by SIGTERM\n")],
)
def test_signals_stop_a_query_and_leave_nothing(number: signal.Signals, said: str, tmp_path: Path) -> None:
    numbers = tmp_path / "numbers.parquet"
    pq.write_table(pa.table({"n": range(60_000)}), numbers)
    pairs = "select count(*) as pairs from numbers a join numbers b on a.n * b.n = 7"
    running = start(str(numbers), "-c", f"select 1 as a; {pairs}", "-o", str(tmp_path / "pairs.csv"))
    unfinished = tmp_path / ".pairs.csv.unfinished"
    deadline = time.monotonic() + 60
    while not (unfinished.exists() and unfinished.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.05)  # the first result is there, the second is at work
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    # To a shell both are the same: Python ends itself by a SIGINT that has come while it ran a text, as dataclasses do.
    assert running.returncode in {128 + number, -number if number == signal.SIGINT else 128 + number}
    assert err == said
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.parquet"]
