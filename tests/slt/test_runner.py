"""The runner of logic tests: the format's directives, layouts and rules, and what it reports."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from tests.slt.__main__ import main
from tests.slt.complete import complete
from tests.slt.engines import DuckDB, SQLite, Volley
from tests.slt.results import Answer, difference, same, sqlite_text
from tests.slt.runner import FAILED, PASSED, SKIPPED, UNSUPPORTED, Options, Report, run_file
from tests.slt.script import Loop, Query, ScriptError, Statement, parse

HERE = Path(__file__).parent


def run(tmp_path: Path, text: str, **options: object) -> Report:
    path = tmp_path / "a.test"
    path.write_text(text)
    return run_file(path, Volley, Options(**{"names": ("volley",), **options}))  # type: ignore[arg-type]


def verdicts(report: Report) -> list[str]:
    assert report.error is None
    return [outcome.verdict for outcome in report.outcomes]


def test_statements_and_queries_pass_or_fail_with_line_and_reason(tmp_path: Path) -> None:
    report = run(
        tmp_path, "statement ok\nselect 1\n\nquery IT\nselect 2, 'b'\n----\n2\nb\n\nquery I\nselect 3\n----\n4\n"
    )
    assert verdicts(report) == [PASSED, PASSED, FAILED]
    assert (report.outcomes[2].line, report.outcomes[2].reason) == (10, "row 1 is 3, expected 4")


def test_an_expected_error_must_come_and_be_like_the_pattern(tmp_path: Path) -> None:
    text = (
        "statement error\nselect zz from (select 1 as a)\n\n"
        "statement error unknown column\nselect zz from (select 1 as a)\n\n"
        "statement error other words\nselect zz from (select 1 as a)\n\nstatement error\nselect 1\n"
    )
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED, FAILED, FAILED]


def test_messages_of_other_engines_count_only_on_demand(tmp_path: Path) -> None:
    text = "statement error\nselect zz from (select 1 as a)\n----\nBinder Error\n"
    assert verdicts(run(tmp_path, text)) == [PASSED]
    assert verdicts(run(tmp_path, text, messages=True)) == [FAILED]


def test_unsupported_has_its_reason_and_what_needs_it_is_no_failure(tmp_path: Path) -> None:
    text = (
        "statement ok\ncreate trigger i after insert on t\n\nstatement error\nattach ':memory:' as x\n\n"
        "statement ok\ncreate type t as enum ('a')\n\nquery I\nselect b from t\n----\n1\n"
    )
    report = run(tmp_path, text)
    assert verdicts(report) == [UNSUPPORTED] * 4
    assert "CREATE is not supported in SQL" in report.outcomes[0].reason


def test_skipif_and_onlyif(tmp_path: Path) -> None:
    text = (
        "skipif volley # why\nstatement ok\nselect x\n\nonlyif mysql\nstatement ok\nselect x\n\n"
        "skipif mysql\nstatement ok\nselect 1\n"
    )
    assert verdicts(run(tmp_path, text)) == [SKIPPED, SKIPPED, PASSED]


def test_loops_nest_and_fill_in_their_variables(tmp_path: Path) -> None:
    text = (
        "loop i 1 3\n\nforeach t integer bigint\n\n"
        "skipif i=2\nquery I\nselect cast(${i} as ${t}) + 1\n----\n2\n\nendloop\n\nendloop\n\n"
        "foreach a,b 1,2 3,4\n\nquery II\nselect ${a}, {b} - 1\n----\n${a}\t${a}\n\nendloop\n"
    )
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED, SKIPPED, SKIPPED, PASSED, PASSED]


def test_sets_of_types_and_their_exceptions() -> None:
    (loop,) = parse("foreach t <integral> !hugeint !uhugeint\n\nstatement ok\nselect 1\n\nendloop\n")
    assert isinstance(loop, Loop)
    assert [row[0] for row in loop.values] == [
        "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint",
    ]  # fmt: skip


def test_require_of_something_unknown_ends_the_file(tmp_path: Path) -> None:
    report = run(tmp_path, "require parquet\n\nrequire spatial\n\nstatement ok\nselect 1\n")
    assert [(o.verdict, o.reason) for o in report.outcomes] == [(UNSUPPORTED, "require spatial")]


def test_halt_mode_and_unknown_directives(tmp_path: Path) -> None:
    text = (
        "mode skip\n\nstatement ok\nselect x\n\nmode unskip\n\nfrobnicate 1\n\n"
        "statement ok\nselect 1\n\nhalt\n\nstatement ok\nselect x\n"
    )
    report = run(tmp_path, text)
    assert verdicts(report) == [SKIPPED, UNSUPPORTED, PASSED]
    assert report.outcomes[1].reason == "directive frobnicate"


def test_load_begins_anew_and_finds_a_path_again(tmp_path: Path) -> None:
    text = (
        "load a.db\n\nstatement ok\ncreate table t as select 1 as a\n\nload\n\nstatement error\nselect a from t\n\n"
        "load a.db\n\nrestart\n\nquery I\nselect a from t\n----\n1\n"
    )
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED, PASSED]


def test_many_values_as_their_hash_in_either_style(tmp_path: Path) -> None:
    whole = hashlib.md5(b"0.5\n1\n", usedforsecurity=False).hexdigest()
    original = hashlib.md5(b"0.500\n1\n", usedforsecurity=False).hexdigest()
    for digest in (whole, original):
        assert verdicts(run(tmp_path, f"query RI\nselect 0.5, 1\n----\n2 values hashing to {digest}\n")) == [PASSED]
    assert verdicts(run(tmp_path, f"query RI\nselect 0.5, 2\n----\n2 values hashing to {whole}\n")) == [FAILED]


def test_a_label_holds_results_together(tmp_path: Path) -> None:
    text = "query I rowsort x\nselect 1\n\nquery I rowsort x\nselect 2 - 1\n\nquery I rowsort x\nselect 2\n"
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED, FAILED]


def test_statement_count(tmp_path: Path) -> None:
    text = "statement count 3\nselect 3\n\nstatement count 4\nselect 3\n"
    assert verdicts(run(tmp_path, text)) == [PASSED, FAILED]


def test_a_file_that_is_none_fails_once(tmp_path: Path) -> None:
    report = run(tmp_path, "statement ok\nselect 1\n\nloop i 0 3\n\nstatement ok\nselect 1\n")
    assert report.error == "line 4: the loop has no endloop"
    assert report.count(FAILED) == 1
    for text in (
        "endloop\n",
        "statement ok\n\n",
        "loop i a b\n",
        "skipif\nstatement ok\nselect 1\n",
        "statement count\nselect 1\n",
    ):
        with pytest.raises(ScriptError, match=r"line \d"):
            parse(text)


ANSWER = Answer(
    values=((1, 0.5, None), (20, float("nan"), "")), texts=(("1", "0.5", None), ("20", "nan", "")), kinds="IRT"
)


@pytest.mark.parametrize(
    "lines",
    [
        ("1\t0.5\tNULL", "20\tnan\t(empty)"),
        ("1", "0.5", "NULL", "20", "nan", "(empty)"),
        ("1  0.5  NULL", "20 nan (empty)"),
        ("1", "0.50000000001", "<REGEX>:N.*", "20", "nan", "<!REGEX>:x"),
    ],
)
def test_layouts(lines: tuple[str, ...]) -> None:
    assert difference(lines, ANSWER) is None


def test_rows_are_sorted_on_both_sides() -> None:
    assert (
        difference(("20\tnan\t(empty)", "1\t0.5\tNULL"), ANSWER)
        == "row 1 is 1 | 0.5 | NULL, expected 20 | nan | (empty)"
    )
    assert difference(("20\tnan\t(empty)", "1\t0.5\tNULL"), ANSWER, sort="rowsort") is None
    assert difference(("(empty)", "0.5", "1", "20", "NULL", "nan"), ANSWER, sort="valuesort") is None
    assert difference(("1\t0.5\tNULL",), ANSWER) == "2 rows, 1 expected"


def test_integers_are_compared_to_the_last_digit() -> None:
    assert not same("9223372036854775807", "9223372036854775806")
    assert same("1e3", "1000")
    assert same("true", "1")
    assert not same("0.333", "0.3333333")
    assert same("0.333", "0.3333333", rounded=True)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "I", "NULL"), (True, "I", "1"), (1.9, "I", "1"), (-1.9, "I", "-1"), ("12ab", "I", "12"), ("x", "I", "0"),
        (1, "R", "1.000"), (2 / 3, "R", "0.667"), ("", "T", "(empty)"), ("a\nb", "T", "a@b"), (2.0, "T", "2.0"),
        (0.1, "T", "0.1"),
    ],
)  # fmt: skip
def test_the_original_rules_of_printing(value: object, kind: str, text: str) -> None:
    assert sqlite_text(value, kind) == text


def test_an_original_file_compares_by_the_original_rules(tmp_path: Path) -> None:
    text = "query R\nselect 2.0 / 3\n----\n0.667\n\nquery I\nselect 7.0 / 2\n----\n3\n"
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED]
    assert verdicts(run(tmp_path, text, style="duckdb")) == [FAILED, FAILED]


def test_a_statement_that_runs_too_long_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.slt.engines.execute", lambda *_args, **_options: time.sleep(30))
    path = tmp_path / "a.test"
    path.write_text("query I\nselect 1\n")
    report = run_file(path, lambda: Volley(timeout=0.1), Options(names=("volley",)))
    assert report.outcomes[0].reason == "no answer within 0.1 s"


def test_complete_fills_types_and_results_and_compares_with_sqlite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.test"
    path.write_text(
        "query rowsort\nselect 2 as a, 'b' as b union all select 1, null\n\n"
        "query I\nselect 1\n----\n7\n\nquery\nselect 7 / 2\n\nskipif duckdb\nquery I\nselect 5\n----\n6\n"
    )
    assert complete(path, {}) == 0
    assert path.read_text() == (
        "query IT rowsort\nselect 2 as a, 'b' as b union all select 1, null\n----\n1\tNULL\n2\tb\n\n"
        "query I\nselect 1\n----\n1\n\nquery R\nselect 7 / 2\n----\n3.5\n\nskipif duckdb\nquery I\nselect 5\n----\n6\n"
    )
    said = capsys.readouterr()
    assert "3 results, SQLite has the same for 2 and others for 1" in said.out
    assert ":9: SQLite: row 1 is 3, expected 3.5" in said.err


def test_complete_says_where_duckdb_does_not_do_what_a_record_says(tmp_path: Path) -> None:
    path = tmp_path / "a.test"
    path.write_text("statement error\nselect 1\n")
    assert complete(path, {}) == 1


def test_the_oracles_run_files_too(tmp_path: Path) -> None:
    path = tmp_path / "a.test"
    path.write_text(
        "statement ok\ncreate table t(a int)\n\nstatement ok\ninsert into t values (1)\n\n"
        "query I\nselect a from t\n----\n1\n"
    )
    for engine in (DuckDB, SQLite):
        assert verdicts(run_file(path, engine, Options(names=(engine.name,)))) == [PASSED] * 3


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "good.test").write_text("query I\nselect 1\n----\n1\n")
    (tmp_path / "bad.slt").write_text("query I\nselect 1\n----\n2\n\nstatement ok\nattach ':memory:' as x\n")
    (tmp_path / "other.txt").write_text("nothing of ours\n")
    assert main([str(tmp_path), "--json", str(tmp_path / "all.json")]) == 1
    said = capsys.readouterr().out
    assert "bad.slt: 0 passed, 1 failed, 1 unsupported, 0 skipped" in said
    assert "line 1: row 1 is 1, expected 2" in said
    assert said.splitlines()[-1] == "2 files: 1 passed, 1 failed, 1 unsupported, 0 skipped"
    assert '"verdict": "unsupported"' in (tmp_path / "all.json").read_text()
    assert main([str(tmp_path / "inner")]) == 0
    with pytest.raises(SystemExit, match="2"):
        main(["/nowhere"])


def test_records_keep_what_their_header_says() -> None:
    query, statement = parse("query IT nosort lab-1\nselect 1\n----\n1\tx\n\nstatement error no (way|go)\nselect\n2\n")
    assert isinstance(query, Query)
    assert (query.types, query.sort, query.label, query.expected) == ("IT", "nosort", "lab-1", ("1\tx",))
    assert isinstance(statement, Statement)
    assert (statement.pattern, statement.sql) == ("no (way|go)", "select\n2")


def test_included_files_run_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "first.slt.part").write_text("statement ok\ncreate table t as select 1 as a\n")
    report = run(tmp_path, "include ./*.slt.part\n\nquery I\nselect a from t\n----\n1\n")
    assert verdicts(report) == [PASSED, PASSED]
    missing = run(tmp_path, "include nowhere.part\n\nquery I\nselect 1\n----\n1\n")
    assert [(o.verdict, o.reason) for o in missing.outcomes] == [
        (UNSUPPORTED, "include nowhere.part: there is no such file")
    ]


def test_column_names_retries_and_results_that_do_not_matter(tmp_path: Path) -> None:
    text = (
        "query IT colnames,rowsort\nselect x as a, 'k' as b from (values (2), (1)) v(x)\n----\na b\n1 k\n2 k\n\n"
        "query I rowsort retry 3 backoff 1s\nselect 1\n----\n1\n\n"
        "connection other\nquery T\nselect 'x'\n----\n<slt:ignore>\n\n"
        "query I\nselect 1\n----\n<FILE>:data/answer.csv\n"
    )
    assert verdicts(run(tmp_path, text)) == [PASSED, PASSED, PASSED, UNSUPPORTED]


def test_shell_commands_are_not_run(tmp_path: Path) -> None:
    report = run(tmp_path, "system ok\ntouch never\n\nquery I\nselect 1\n----\n1\n")
    assert [(o.verdict, o.reason) for o in report.outcomes] == [(UNSUPPORTED, "directive system"), (PASSED, "")]


def test_patterns_of_other_engines_count_only_on_demand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.slt"
    path.write_text("statement error Other engine's words: \\(x\\)\nselect zz from (select 1 as a)\n")
    assert main([str(path)]) == 0
    assert main([str(path), "--messages"]) == 1
    assert "expected one like" in capsys.readouterr().out
