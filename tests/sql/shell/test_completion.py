"""What Tab offers."""

from __future__ import annotations

from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent, Completion
from prompt_toolkit.document import Document

from volley.engine.frame import DataFrame
from volley.sql.shell import Shell
from volley.sql.shell.completion import SqlCompleter
from volley.sql.shell.statement_text import statement_around, tables_in


@pytest.fixture(autouse=True)
def tables(shell: Shell) -> None:
    for name, columns in {
        "planes": {"tailnum": ["a"], "year": [1]},
        "odd": {"Two Words": [1], "select": [2], "größe": [3]},
    }.items():
        shell.session.register(name, DataFrame(columns, session=shell.session))


def found(shell: Shell, text: str) -> list[Completion]:
    """Return what is offered at the bar in the text, or at its end."""
    before, _, after = text.partition("|")
    completer = SqlCompleter(shell.columns, shell.columns_of, shell.commands)
    return list(completer.get_completions(Document(before + after, len(before)), CompleteEvent()))


def offered(shell: Shell, text: str) -> list[str]:
    return [completion.text for completion in found(shell, text)]


def test_columns_tables_functions_and_keywords(shell: Shell) -> None:
    assert offered(shell, "select des") == ["dest", "desc", "describe"]
    assert offered(shell, "select * from fli") == ["flights"]
    assert offered(shell, "select flights.d") == ["dest", "delay"]
    assert "substring" in offered(shell, "select subs")
    assert offered(shell, "sel") == ["select"]
    assert offered(shell, "") == offered(shell, "select 1;\n")
    assert "with" in offered(shell, "")


def test_keywords_are_written_as_the_user_writes(shell: Shell) -> None:
    assert "HAVING" in offered(shell, "SELECT 1 HAV")
    assert "having" in offered(shell, "SELECT 1 hav")
    assert offered(shell, "SELECT 1 FROM flights ") == ["dest", "delay", "flights", "planes", "odd"]


def test_only_columns_of_the_statements_tables(shell: Shell) -> None:
    assert offered(shell, "select | from planes")[:2] == ["tailnum", "year"]
    assert "dest" not in offered(shell, "select | from planes")
    assert offered(shell, "select d| from planes; select 1 from flights")[:1] != ["dest"]
    assert offered(shell, "select p.| from flights f join planes as p on true") == ["tailnum", "year"]
    assert offered(shell, "select * from flights f, planes p where f.d|") == ["dest", "delay"]


def test_tables_are_offered_where_a_table_stands(shell: Shell) -> None:
    assert offered(shell, "select * from ") == ["flights", "planes", "odd"]
    assert offered(shell, "select * from flights, p") == ["planes"]
    assert offered(shell, "select * from flights join pl") == ["planes"]
    assert "read_parquet" in offered(shell, "select * from read_")
    assert offered(shell, "describe od") == ["odd"]


def test_queries_in_with_and_from_have_columns(shell: Shell) -> None:
    text = "with late as (select dest as airport, delay from flights) select | from late"
    assert offered(shell, text)[:2] == ["airport", "delay"]
    assert "late" in offered(shell, "with late as (select 1 as x) select * from |")
    two = "with a as (select 1 as one), b as (select one + 1 as two from a) select b.| from b"
    assert offered(shell, two) == ["two"]
    assert offered(shell, "select s.| from (select year as y from planes) s") == ["y"]
    assert offered(shell, "with a as (select nope) select a.| from a") == []


def test_names_that_need_quotes_get_them(shell: Shell) -> None:
    assert offered(shell, "select t| from odd")[:1] == ['"Two Words"']
    assert offered(shell, 'select "Tw| from odd') == ['"Two Words"']
    assert offered(shell, 'select odd."| from odd') == ['"Two Words"', '"select"', '"größe"']
    assert offered(shell, "select gr| from odd")[0] == "größe"
    assert '"select"' in offered(shell, "select sel| from odd")
    (completion,) = found(shell, 'select "Tw| from odd')
    assert completion.start_position == -3


def test_types_follow_a_cast(shell: Shell) -> None:
    assert offered(shell, "select delay::va") == ["varchar"]


def test_paths_are_offered_in_quotes(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("data/it's.csv", "data/b.parquet", "data/notes.doc", "days.csv.gz", ".hidden.csv"):
        (tmp_path / name).write_text("x,y\n1,2\n")
    assert offered(shell, "select * from 'da") == ["data/", "days.csv.gz'"]
    assert offered(shell, "select * from 'data/") == ["b.parquet'", "it''s.csv'"]
    assert offered(shell, "select * from read_csv(['days.csv.gz', 'data/b") == ["b.parquet'"]
    assert offered(shell, f"select * from '{tmp_path}/data/b") == ["b.parquet'"]
    assert offered(shell, "copy flights to 'data/b") == ["b.parquet'"]
    assert offered(shell, "select * from flights where dest = 'd") == []
    assert offered(shell, "select * from 's3://da") == []
    assert offered(shell, "select * from 'nowhere/da") == []
    assert offered(shell, "select | from 'data/it''s.csv'")[:2] == ["x", "y"]
    assert offered(shell, "select t.| from read_csv('data/it''s.csv') t") == ["x", "y"]


def test_dot_commands_and_their_arguments(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "q.sql").touch()
    (tmp_path / "q.csv").touch()
    assert offered(shell, ".sch") == [".schema"]
    assert offered(shell, ".schema pl") == ["planes"]
    assert offered(shell, ".timer o") == ["on", "off"]
    assert offered(shell, ".read q") == ["q.sql"]
    assert offered(shell, ".export q") == ["q.csv"]
    assert offered(shell, ".nope ") == []


def test_a_fault_while_completing_offers_nothing(shell: Shell) -> None:
    def fail() -> dict[str, list[str]]:
        raise RuntimeError("broken on purpose")

    completer = SqlCompleter(fail, shell.columns_of, shell.commands)
    assert list(completer.get_completions(Document("select d"), CompleteEvent())) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select 1", []),
        ("select * from a, b as c left join d e on a.x = e.x where y in (select z from f)", ["a", "c", "e", "f"]),
        ("select * from a where exists (select 1 from b)", ["a", "b"]),
        ("insert into t select * from u", ["t", "u"]),
        ("select * from s.t", ["t"]),
        ('select * from "My Table" m', ["m"]),
        ("select * from (select * from a", ["a"]),
        ("select * from a -- , b\n join /* c */ d using (k)", ["a", "d"]),
        ("with x as (select 1), y(n) as (select 2) select * from x", ["x", "x"]),
        ("select extract(year from d) from t", ["d", "t"]),
    ],
)
def test_tables_of_a_statement(text: str, expected: list[str]) -> None:
    assert [table.alias for table in tables_in(text)] == expected


def test_the_statement_at_the_cursor() -> None:
    assert statement_around("select ';' a; select b; c", 18) == (" select b", 5)
    assert statement_around("select 1", 3) == ("select 1", 3)


def test_views_made_at_the_prompt_have_columns(shell: Shell) -> None:
    shell.run("create view v as select 1 as first, 2 as second")
    assert offered(shell, "select v.| from v") == ["first", "second"]
