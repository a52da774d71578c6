"""Typing at the prompt: keys, history, completion and leaving."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from pygments.token import Comment, Keyword, Name, Number, String

from tests.sql.shell.screens import Remembered
from volley.sql.shell import Shell
from volley.sql.shell.highlighting import VolleyLexer
from volley.sql.shell.prompt import default_history, open_history, run_shell


def type_keys(shell: Shell, keys: str, history: Path) -> None:
    with create_pipe_input() as terminal:
        terminal.send_text(keys)
        run_shell(shell, history=history, terminal=terminal, screen=DummyOutput())


def test_typing_over_several_lines_running_and_leaving(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    history = tmp_path / "state" / "history"
    type_keys(shell, "select count(*) as n\nfrom flights;\nselect nope;\n.quit\nselect 3;\n", history)
    assert screen.shown == ["[{'n': 2}]\n"]
    assert screen.errors[0].startswith("error: unknown column 'nope'")
    assert "+from flights;" in history.read_text()
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_control_c_drops_the_line_and_control_d_leaves(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    type_keys(shell, "select bro\x03select 7 as n;\n\x04", tmp_path / "history")
    assert screen.shown == ["[{'n': 7}]\n"]


def test_alt_enter_runs_without_a_semicolon(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    type_keys(shell, "select 7 as n\x1b\r.quit\n", tmp_path / "history")
    assert screen.shown == ["[{'n': 7}]\n"]


def test_up_finds_an_earlier_query_also_of_an_earlier_shell(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    type_keys(shell, "select 7 as n;\n.quit\n", tmp_path / "history")
    type_keys(shell, "\x1b[A\x1b[A\n.quit\n", tmp_path / "history")
    assert screen.shown == ["[{'n': 7}]\n"] * 2


def test_a_search_through_history_can_be_dropped(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    type_keys(shell, "select 1 as carrier;\n.quit\n", tmp_path / "history")
    type_keys(shell, "\x12carr\x03select 7 as n;\n.quit\n", tmp_path / "history")
    assert screen.shown == ["[{'carrier': 1}]\n", "[{'n': 7}]\n"]


def test_history_that_cannot_be_written_is_kept_in_memory(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    type_keys(shell, "select 1 as n;\n.quit\n", blocked / "history")
    assert screen.shown == ["[{'n': 1}]\n"]
    assert isinstance(open_history(blocked / "history"), InMemoryHistory)


def test_history_that_is_lost_on_the_way_is_no_error(shell: Shell, screen: Remembered, tmp_path: Path) -> None:
    path = tmp_path / "state" / "history"
    history = open_history(path)
    path.unlink()
    path.parent.rmdir()
    history.append_string("select 1;")
    assert history.get_strings() == ["select 1;"]
    assert list(history.load_history_strings()) == []


def test_history_lies_in_the_state_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_history() == tmp_path / "volley" / "sql_history"
    monkeypatch.setenv("XDG_STATE_HOME", "not/absolute")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_history() == tmp_path / "home" / ".local" / "state" / "volley" / "sql_history"

    def no_home() -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", no_home)
    assert default_history() is None
    assert isinstance(open_history(None), InMemoryHistory)


def test_colours() -> None:
    text = "select count(*), Median(count) -- all\nfrom data qualify x = 'o' and y > 15 and z is 'op"
    kinds = {value: kind for _, kind, value in VolleyLexer().get_tokens_unprocessed(text)}
    assert kinds["select"] is kinds["qualify"] is Keyword
    assert kinds["Median"] is Name.Function
    assert kinds["count"] is kinds["data"] is Name  # the last of both: a column and a table
    assert kinds["15"] in Number
    assert kinds["'o'"] in String
    assert kinds["-- all\n"] in Comment
    assert "".join(value for _, _, value in VolleyLexer().get_tokens_unprocessed(text)) == text
    command = list(VolleyLexer().get_tokens_unprocessed(".schema flights"))
    assert command[0] == (0, Name.Decorator, ".schema")
    assert "".join(value for _, _, value in command) == ".schema flights"
