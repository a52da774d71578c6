"""The shell: what statements and dot commands show, and what happens to mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql.shell.screens import Remembered
from volley.engine.errors import Cancelled, ConfigError, SqlError, Terminated
from volley.engine.frame import DataFrame, Session
from volley.sql.shell import Leave, Shell
from volley.sql.shell.pieces import is_finished


def test_a_query_prints_rows_and_time(shell: Shell, screen: Remembered) -> None:
    shell.timer = True
    assert shell.execute("select sum(delay) as n from flights;")
    assert screen.shown[0] == "[{'n': 30}]\n"
    assert screen.shown[1].endswith(" s\n")


def test_an_error_is_one_message_and_stops_the_text(shell: Shell, screen: Remembered) -> None:
    assert shell.execute("select 1 as a;\nselect dst from flights; select 1;")
    assert screen.shown == ["[{'a': 1}]\n"]
    assert screen.errors == [
        (
            "error: unknown column 'dst'; did you mean 'dest'? (line 2, column 8)\n"
            "  select dst from flights; select 1;\n         ^"
        )
    ]


def test_a_script_raises_its_first_error_with_its_line(shell: Shell, screen: Remembered) -> None:
    with pytest.raises(SqlError, match=r"unknown table 'flihgts'.*\(q\.sql, line 3, column 15\)"):
        shell.run("select 1 as a;\n\nselect * from flihgts;\nselect 2;\nselec 3", "q.sql")
    assert screen.shown == ["[{'a': 1}]\n"]


class Broken(Remembered):
    """Fails while a result is made, in the way that is set."""

    failure: BaseException

    def render(self, frame: DataFrame, *, action: bool) -> str:
        if frame.columns == ["slow"]:
            raise self.failure
        return "done\n"


@pytest.fixture
def broken() -> tuple[Shell, Broken]:
    screen = Broken()
    return Shell(Session(device="cpu", threads=1), screen, timer=False), screen


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_cancelled_query_leaves_the_session_running(stop: type[BaseException], broken: tuple[Shell, Broken]) -> None:
    shell, screen = broken
    screen.failure = stop()
    assert shell.execute("select 1 as slow; select 3 as skipped;")
    assert shell.execute("select 2 as quick;")
    assert (screen.errors, screen.shown) == (["cancelled"], ["done\n"])


def test_a_signal_to_end_is_not_taken_for_a_cancelled_query(broken: tuple[Shell, Broken]) -> None:
    shell, screen = broken
    screen.failure = Terminated()
    with pytest.raises(Terminated):
        shell.execute("select 1 as slow;")


def test_a_fault_of_ours_is_one_line(
    broken: tuple[Shell, Broken], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shell, screen = broken
    screen.failure = KeyError("the\nknob")
    assert shell.execute("select 1 as slow;")
    (said,) = screen.errors
    assert said.startswith("internal error: KeyError: 'the\\nknob' (a fault in Volley: please report it")
    assert "VOLLEY_DEBUG=1 shows where" in said
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("VOLLEY_DEBUG", "1")
    assert shell.execute("select 1 as slow;")
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_unknown_dialect_is_told_at_once(screen: Remembered) -> None:
    with pytest.raises(ConfigError, match="unknown SQL dialect 'duckdv'; did you mean 'duckdb'"):
        Shell(Session(device="cpu"), screen, dialect="duckdv")


# ---------------------------------------------------------------------------------------- dot commands


def said(shell: Shell, screen: Remembered, text: str) -> str:
    screen.shown.clear()
    shell.run(text)
    return screen.text


def test_tables_and_schema(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    assert said(shell, screen, ".tables") == "flights  2 columns\n"
    assert said(shell, screen, ".schema FLIGHTS") == "flights\n  dest   string\n  delay  int64\n"
    path = tmp_path / "it's.csv"
    path.write_text("a,b\n1,x\n")
    assert said(shell, screen, f".schema {path}") == f"{path}\n  a  int64\n  b  string\n"
    with pytest.raises(ConfigError, match=r"unknown table 'fligths'; did you mean 'flights'\?"):
        shell.run(".schema fligths")
    shell.run("drop table flights")
    for command in (".tables", ".schema"):
        assert "no table has a name yet" in said(shell, screen, command)


def test_help_lists_every_command(shell: Shell, screen: Remembered) -> None:
    text = said(shell, screen, ".help")
    assert set(shell.commands) == {line.split()[0] for line in text.splitlines() if line.startswith(".")}
    assert "Ctrl-C" in text
    assert said(shell, screen, ".help read") == ".read FILE  run a script\n"
    assert shell.execute("help")
    assert "Ctrl-C" in screen.text


@pytest.mark.parametrize("word", [".quit", ".exit", "quit", "EXIT;", "\\q", ".quit;"])
def test_leaving(shell: Shell, word: str) -> None:
    assert not shell.execute(word)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("\\d", "flights  2 columns\n"),
        ("\\dt+", "flights  2 columns\n"),
        ("\\d flights;", "flights\n  dest   string\n  delay  int64\n"),
    ],
)
def test_habits_of_psql(shell: Shell, screen: Remembered, typed: str, shown: str) -> None:
    assert is_finished(typed, "duckdb")
    assert shell.execute(typed)
    assert screen.text == shown


def test_a_habit_that_nothing_is_like_says_where_commands_are_listed(shell: Shell, screen: Remembered) -> None:
    assert shell.execute("\\gset")
    assert "unknown command .gset" in screen.errors[0]


def test_quit_ends_a_script(shell: Shell, screen: Remembered) -> None:
    with pytest.raises(Leave):
        shell.run("select 1 as a;\n.quit\nselect 2;")
    assert screen.shown == ["[{'a': 1}]\n"]


def test_read_runs_a_script_and_names_its_line(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    script = tmp_path / "q.sql"
    script.write_text("select 1 as a;\n.tables\nselect\n  nope;\n")
    with pytest.raises(SqlError) as caught:
        shell.run(f"select 0 as z;\n.read {script}")
    assert screen.shown == ["[{'z': 0}]\n", "[{'a': 1}]\n", "flights  2 columns\n"]
    assert str(caught.value).startswith("unknown column 'nope'")
    assert f"({script}, line 4, column 3)\n    nope;\n    ^" in str(caught.value)
    assert caught.value.__notes__ == ["in .read at line 2"]
    script.write_text(f".read {script}")
    with pytest.raises(ConfigError, match="is read by itself"):
        shell.run(f".read {script}")
    with pytest.raises(ConfigError, match=r"the script nowhere\.sql cannot be read: No such file"):
        shell.run(".read nowhere.sql")
    script.write_bytes(b"select '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8 text \\(byte 8\\)"):
        shell.run(f".read {script}")


def test_export_writes_the_last_result_or_a_table(shell: Shell, screen: Remembered) -> None:
    with pytest.raises(ConfigError, match="there is no query yet"):
        shell.run(".export a.csv")
    shell.run("select delay from flights limit 1; create table other as select 5 as five;")
    shell.run(".export a.csv\n.export 'b c.csv' other")
    assert screen.exported == {"a.csv": [{"delay": 10}], "b c.csv": [{"five": 5}]}


def test_explain_shows_a_plan(shell: Shell, screen: Remembered) -> None:
    assert said(shell, screen, ".explain select dest from flights where delay > 15;").startswith("Scan memory 2 rows")
    shell.run("select max(delay) from flights")
    assert "Aggregate" in said(shell, screen, ".explain")
    assert "FinalReduceExec" in said(shell, screen, ".explain physical")
    assert "held between operators" in said(shell, screen, ".explain analyze select count(*) from flights")


def test_timer_and_its_mistakes(shell: Shell, screen: Remembered) -> None:
    assert said(shell, screen, ".timer") == "timer on\n"
    assert said(shell, screen, ".timer OFF") == "timer off\n"
    with pytest.raises(ConfigError, match=r"\.timer takes on or off, not 'maybe'"):
        shell.run(".timer maybe")


def test_device_and_cluster_say_where_queries_run(shell: Shell, screen: Remembered) -> None:
    assert said(shell, screen, ".device") == "cpu, 1 thread of this process\n"
    before = shell.session
    assert said(shell, screen, ".device cpu") == "cpu, 1 thread of this process\n"
    assert shell.session is not before
    assert said(shell, screen, "select count(*) as n from flights") == "[{'n': 2}]\n"
    assert "no cluster" in said(shell, screen, ".cluster")
    with pytest.raises(ConfigError, match="cluster='nonsense' is no cluster; give 'local'"):
        shell.run(".cluster nonsense")
    with pytest.raises(ConfigError, match=r"\.device takes one of auto, cpu, gpu, not 'tpu'"):
        shell.run(".device tpu")


def test_an_unknown_command_is_told(shell: Shell, screen: Remembered) -> None:
    with pytest.raises(ConfigError, match=r"unknown command \.tabels; did you mean '\.tables'\?") as caught:
        shell.run("select 1;\n.tabels")
    assert caught.value.__notes__ == ["in .tabels at line 2"]
    assert shell.execute(".xyz")
    assert screen.errors == ["error: unknown command .xyz; .help lists the commands"]
