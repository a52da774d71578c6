"""The prompt: what is typed, what is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from volley.engine.errors import Cancelled
from volley.engine.frame import DataFrame, Session
from volley.sql.shell import Shell, run_shell
from volley.sql.shell.completion import SqlCompleter
from volley.sql.shell.statements import is_finished, split


@pytest.fixture
def printed() -> list[str]:
    return []


@pytest.fixture
def shell(printed: list[str]) -> Shell:
    session = Session(device="cpu", threads=1)
    session.register("flights", DataFrame({"dest": ["SFO", "LAX"], "delay": [10, 20]}, session=session))
    return Shell(session, show=lambda frame: f"{frame.to_arrow().to_pylist()}\n", write=printed.append)


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("select 1;", True),
        ("select 1", False),
        ("select ';", False),
        ("select ';';", True),
        ("select 1; -- done", True),
        ("/* select 1;", False),
        (".tables", True),
        ("", True),
    ],
)
def test_enter_runs_what_is_finished(text: str, finished: bool) -> None:
    assert is_finished(text, "duckdb") is finished


def test_a_text_is_split_at_semicolons_outside_quotes() -> None:
    assert split("select ';' ; select 2;\n;", "duckdb") == ["select ';'", "select 2"]
    assert split("select 'abc", "duckdb") == ["select 'abc"]


def test_a_query_prints_rows_and_time(shell: Shell, printed: list[str]) -> None:
    assert shell.execute("select sum(delay) as n from flights;")
    assert printed[0] == "[{'n': 30}]\n"
    assert printed[1].endswith(" s\n")


def test_an_error_is_one_message_and_stops_the_text(shell: Shell, printed: list[str]) -> None:
    assert shell.execute("select dst from flights; select 1;")
    assert len(printed) == 1
    assert printed[0].startswith("error: unknown column 'dst'; did you mean 'dest'? (line 1, column 8)\n")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_cancelled_query_leaves_the_session_running(stop: type[BaseException], printed: list[str]) -> None:
    def show(frame: DataFrame) -> str:
        if frame.columns == ["slow"]:
            raise stop
        return "done\n"

    shell = Shell(Session(device="cpu", threads=1), show=show, write=printed.append)
    shell.execute(".timer off")
    assert shell.execute("select 1 as slow; select 3 as skipped;")
    assert shell.execute("select 2 as quick;")
    assert printed == ["timer off\n", "cancelled\n", "done\n"]


def test_commands(shell: Shell, printed: list[str]) -> None:
    for command in (".tables", ".schema FLIGHTS", ".schema nope", ".timer maybe", ".tabels", ".help"):
        assert shell.execute(command)
    text = "".join(printed)
    assert "flights\n" in text
    assert "  dest: string\n  delay: int64\n" in text
    assert "error: unknown table 'nope'" in text
    assert "error: .timer takes on or off" in text
    assert "unknown command .tabels; did you mean '.tables'" in text
    assert ".schema [TABLE]" in text
    assert not shell.execute(".quit")


def completions(shell: Shell, text: str) -> list[str]:
    completer = SqlCompleter(shell.tables, shell.commands)
    return [found.text for found in completer.get_completions(Document(text), CompleteEvent())]


def test_completion_offers_columns_tables_functions_and_keywords(shell: Shell) -> None:
    assert completions(shell, "select des") == ["dest", "desc"]
    assert completions(shell, "select * from fli") == ["flights"]
    assert completions(shell, "select flights.d") == ["dest", "delay"]
    assert "substring" in completions(shell, "select subs")
    assert "HAVING" in completions(shell, "SELECT 1 HAV")
    assert completions(shell, ".sch") == [".schema"]
    assert completions(shell, "select ") == []


def type_keys(shell: Shell, keys: str, history: Path) -> None:
    with create_pipe_input() as terminal:
        terminal.send_text(keys)
        run_shell(shell, history=history, terminal=terminal, screen=DummyOutput())


def test_typing_over_several_lines_running_and_leaving(shell: Shell, printed: list[str], tmp_path: Path) -> None:
    history = tmp_path / "state" / "history"
    type_keys(shell, "select count(*) as n\nfrom flights;\nselect nope;\n.quit\nselect 3;\n", history)
    assert printed[0] == "[{'n': 2}]\n"
    assert printed[2].startswith("error: unknown column 'nope'")
    assert len(printed) == 3
    assert "+from flights;" in history.read_text()


def test_control_c_drops_the_line_and_control_d_leaves(shell: Shell, printed: list[str], tmp_path: Path) -> None:
    type_keys(shell, "select bro\x03select 7 as n;\n\x04", tmp_path / "history")
    assert printed[0] == "[{'n': 7}]\n"


def test_history_that_cannot_be_written_is_kept_in_memory(shell: Shell, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    type_keys(shell, ".quit\n", blocked / "history")
