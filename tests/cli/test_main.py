"""The command line as people use it: help, exit codes, one line per error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from volley.__main__ import main
from volley.cli import doctor
from volley.cli.query import parameter, table_name
from volley.engine.errors import Cancelled, ConfigError

HEAVY = (
    *("numba", "pandas", "xgboost", "dask", "pyarrow", "numpy", "pydantic", "sqlglot", "rich", "yaml"),
    *("subprocess", "importlib.metadata"),
)
NOT_FOR_A_QUERY = (
    "pandas",
    "prompt_toolkit",
    "pygments",
    "pydantic",
    "yaml",
    "rich.progress",
    "xgboost",
    "dask",
    "asyncio",
)


def test_help_loads_nothing_heavy() -> None:
    code = "import sys; from volley.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "volley sql trips.parquet" in done.stdout
    assert "exit codes:" in done.stdout


def test_a_query_loads_only_what_it_needs(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("x,y\n1,a\n2,b\n")
    code = f"""
import sys
from volley.__main__ import main
main(["sql", {str(tmp_path / "t.csv")!r}, "-c", "select max(x) as most from t where y <> 'c'"])
print([name for name in {NOT_FOR_A_QUERY!r} if name in sys.modules], file=sys.stderr)
"""
    for _ in range(2):  # the first one may have to compile kernels, which takes more
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "most\n────\n   2\n(1 row)\n"
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("command", ["run", "demo", "sql", "explain", "doctor", "cluster", "render", "completion"])
def test_every_command_has_help_with_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert f"usage: volley {command}" in text
    assert text.count(f"  volley {command} ") + text.count(f"  volley {command}\n") + text.count("<(volley") >= 1


def test_no_command_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["run"], ["sql", "--threads", "0"], ["sql", "--rows", "-1"], ["sql", "-c", "x", "--format", "xls"]],
)
def test_wrong_arguments_are_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert "usage: volley" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.startswith("volley 0.")


def test_wrong_job_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("name: a\nsorces: {}\n")
    assert main(["run", str(job)]) == 2
    err = capsys.readouterr().err
    assert f"{job}:2:1: unknown key 'sorces' in the job; did you mean 'sources'?" in err
    assert "Traceback" not in err


def test_check_only_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = tmp_path / "job.yaml"
    job.write_text("name: a\nsources: {t: {path: t.csv}}\nsteps:\n  - name: u\n    sql: select x + 1 as y from t\n")
    (tmp_path / "t.csv").write_text("x\n1\n")
    assert main(["run", str(job), "--check"]) == 0
    assert capsys.readouterr().out == f"{job}: the job is valid\n"
    assert main(["run", str(job), "--check", "--set", "steps.u.sql=select z from t"]) == 2
    assert "--set steps.u.sql: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job.yaml", "t.csv"]
    assert main(["run", str(job), "--check", "--set", "sources.t.pth=x"]) == 2
    assert "--set sources.t.pth: unknown key 'pth'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("the knob is loose"), 1, "volley: error: the knob is loose\n"),
        (Cancelled("stopped in step a"), 130, "volley: cancelled: stopped in step a\n"),
        (KeyboardInterrupt(), 130, "volley: cancelled\n"),
        (
            ZeroDivisionError("oops"),
            1,
            (
                "volley: internal error: ZeroDivisionError: oops "
                "(a fault in Volley: please report it with what you ran; VOLLEY_DEBUG=1 shows where)\n"
            ),
        ),
    ],
)
def test_errors_become_one_line_and_a_code(
    error: BaseException, code: int, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    assert main(["doctor"]) == code
    assert capsys.readouterr().err == line


def test_notes_of_an_error_stand_on_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        error = ConfigError("the knob is loose")
        error.add_note("in step a, sql")
        raise error

    monkeypatch.setattr(doctor, "examine", fail)
    assert main(["doctor"]) == 1
    assert capsys.readouterr().err == "volley: error: the knob is loose (in step a, sql)\n"


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ConfigError("loose")

    monkeypatch.setattr(doctor, "examine", fail)
    with pytest.raises(ConfigError, match="loose"):
        main(["doctor", "--debug"])


def test_doctor_reports_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    text = capsys.readouterr().out
    for topic in ("machine", "devices", "libraries", "transports"):
        assert f"\n{topic}\n" in f"\n{text}"
    assert main(["doctor", "--json"]) == 0
    found = {entry["subject"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert found["pyarrow"]["state"] == "ok"
    assert found["cpu"]["state"] == "ok"


def test_doctor_fails_where_something_required_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "_REQUIRED", ("pyarrow", "no-such-library"))
    assert main(["doctor"]) == 1
    assert "✗ no-such-library    not installed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("trips.parquet", ("trips", "trips.parquet")),
        ("a/b/trips.csv.gz", ("trips", "a/b/trips.csv.gz")),
        ("t=a/b.csv", ("t", "t=a/b.csv"[2:])),
        ("data/2013/*.parquet", None),
        ("my-trips.csv", ("my_trips", "my-trips.csv")),
        ("trips/*.parquet", ("trips", "trips/*.parquet")),
        ("s3://bucket/trips/", ("trips", "s3://bucket/trips/")),
        ("year=2013/x.csv", ("year", "2013/x.csv")),
        ("*.csv", None),
    ],
)
def test_table_names_of_files(argument: str, expected: tuple[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(ConfigError, match="needs a table name: trips="):
            table_name(argument)
    else:
        assert table_name(argument) == expected


def test_parameters_of_a_query() -> None:
    given = ["a=5", "b=-0.5", "c=true", "d=null", "e=SFO", "f=x=y", "g="]
    assert dict(map(parameter, given)) == {
        "a": 5,
        "b": -0.5,
        "c": True,
        "d": None,
        "e": "SFO",
        "f": "x=y",
        "g": "",
    }
    with pytest.raises(ConfigError, match="--param needs NAME=VALUE, not 'dest'"):
        parameter("dest")
