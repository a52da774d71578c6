"""Cutting scripts into statements and dot commands, and errors that say where in a script they are."""

from __future__ import annotations

import pytest

from volley.engine.errors import CastError, SqlError, UnsupportedOperation, told
from volley.sql.shell.pieces import Piece, is_finished, pieces, placed


def cut(text: str) -> list[tuple[str, int, int]]:
    return [(piece.text, piece.line, piece.column) for piece in pieces(text, "duckdb")]


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
        ("select 1;\n.tables", True),
        ("select 1\n.tables", False),
        ("select 'a\n.tables", False),
        ("", True),
        ("exit", True),
        ("QUIT;", True),
        ("help", True),
        ("exit now", False),
    ],
)
def test_enter_runs_what_is_finished(text: str, finished: bool) -> None:
    assert is_finished(text, "duckdb") is finished


def test_a_text_is_cut_at_semicolons_outside_quotes_and_comments() -> None:
    assert cut("select ';' ; select 2;\n;") == [("select ';'", 1, 1), ("select 2", 1, 14)]
    assert cut("-- one; two\nselect 1 /* ; */\n  ;\n\n  select $$a;b$$") == [
        ("select 1", 2, 1),
        ("select $$a;b$$", 5, 3),
    ]
    assert cut(" \n -- nothing\n;;") == []


def test_an_open_quote_takes_the_rest() -> None:
    assert cut("\n select 'abc; select 1") == [("select 'abc; select 1", 2, 2)]


def test_dot_commands_are_lines_where_no_statement_is_open() -> None:
    text = ".timer on;\nselect 1;\n  .read it's.sql\nselect a\n.5;\nselect b\n.c from x;\n.quit"
    found = list(pieces(text, "duckdb"))
    assert [(piece.text, piece.is_command) for piece in found] == [
        (".timer on", True),
        ("select 1", False),
        (".read it's.sql", True),
        ("select a\n.5", False),
        ("select b\n.c from x", False),
        (".quit", True),
    ]
    assert [(piece.line, piece.column) for piece in found] == [(1, 1), (2, 1), (3, 3), (4, 1), (6, 1), (8, 1)]


def test_a_long_script_is_cut_in_order() -> None:
    found = cut("select 1;\n" * 2000)
    assert found[-1] == ("select 1", 2000, 1)


@pytest.mark.parametrize("text", ["create table a as select 1", "DROP TABLE a", "copy a to 'b'", "set x = 1"])
def test_what_changes_something_is_an_action(text: str) -> None:
    assert Piece(text=text, line=1, column=1).is_action


@pytest.mark.parametrize("text", ["select 1", "(select 1)", "from t", "settings", "with a as (select 1) from a", ""])
def test_what_gives_rows_is_no_action(text: str) -> None:
    assert not Piece(text=text, line=1, column=1).is_action


SCRIPT = "select 1;\n  select a,\n  bb from t"
PIECE = Piece(text="select a,\n  bb from t", line=2, column=3)


def test_a_mistake_in_the_first_line_of_a_statement_is_moved_right_and_down() -> None:
    error = SqlError("unknown column 'a'", line=1, column=8, text=PIECE.text)
    said = str(placed(error, PIECE, SCRIPT, "", alone=False))
    assert said == "unknown column 'a' (line 2, column 10)\n    select a,\n           ^"


def test_a_mistake_in_a_later_line_is_moved_down() -> None:
    error = SqlError("unknown column 'bb'", line=2, column=3, text=PIECE.text)
    said = str(placed(error, PIECE, SCRIPT, "q.sql", alone=False))
    assert said == "unknown column 'bb' (q.sql, line 3, column 3)\n    bb from t\n    ^"


def test_a_mistake_without_a_place_is_at_its_statement() -> None:
    said = str(placed(SqlError("nested too deeply"), PIECE, SCRIPT, "", alone=False))
    assert said == "nested too deeply (line 2, column 3)\n    select a,\n    ^"


def test_what_is_not_supported_is_placed_too() -> None:
    inner = SqlError("ASOF JOIN is not supported in SQL", line=1, column=8, text=PIECE.text)
    moved = placed(UnsupportedOperation(str(inner), place=inner), PIECE, SCRIPT, "", alone=False)
    assert isinstance(moved, UnsupportedOperation)
    assert "(line 2, column 10)" in str(moved)


def test_an_error_of_a_run_names_the_line_of_its_statement() -> None:
    assert (
        told(placed(CastError("'x' is no int64"), PIECE, SCRIPT, "", alone=False))
        == "'x' is no int64 (in the statement at line 2)"
    )
    assert told(placed(CastError("'x' is no int64"), PIECE, PIECE.text, "", alone=True)) == "'x' is no int64"
