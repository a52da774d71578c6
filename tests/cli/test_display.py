"""What a person at a terminal sees: fitted tables, safe cells, the pager, and the line of a running query."""

from __future__ import annotations

import datetime as dt
import io
import os
import shutil
import threading
from pathlib import Path

import pyarrow as pa
import pytest

import volley as vl
from volley.cli import display, meter, pager
from volley.cli.cells import value_text
from volley.cli.display import Display
from volley.cli.meter import Meter
from volley.cli.table import Layout, aligned, in_lines

# ------------------------------------------------------------------------------------------------ tables


def test_types_stand_below_the_names() -> None:
    table = pa.table({"n": pa.array([1], pa.int64()), "day": [dt.date(2020, 1, 2)], "tags": [["a"]]})
    text, hidden = aligned(table, Layout(types=True))
    assert text.splitlines() == [
        "    n  day         tags",
        "int64  date        list(string)",
        "─────  ──────────  ────────────",
        "    1  2020-01-02  [a]",
    ]
    assert hidden == 0


def test_columns_give_way_and_are_counted() -> None:
    table = pa.table({f"c{number}": ["x" * 10] for number in range(10)})
    text, hidden = aligned(table, Layout(width=40))
    assert hidden == 7
    assert [line.count("…") for line in text.splitlines()] == [1, 1, 1]
    assert all(len(line) <= 40 for line in text.splitlines())
    assert text.split()[:4] == ["c0", "c1", "…", "c9"]


def test_signs_that_are_two_columns_wide_keep_the_alignment() -> None:
    text, _ = aligned(pa.table({"city": ["東京", "Oslo"], "n": [1, 22]}), Layout())
    assert text.splitlines() == ["city   n", "────  ──", "東京   1", "Oslo  22"]
    shortened, _ = aligned(pa.table({"city": ["東京都千代田区"]}), Layout(cell=7))
    assert shortened.splitlines()[2] == "東京都…"


def test_long_values_are_shortened_unless_all_is_asked_for() -> None:
    table = pa.table({"text": ["x" * 60]})
    assert aligned(table, Layout())[0].splitlines()[2] == "x" * 47 + "…"
    assert aligned(table, Layout(cell=0))[0].splitlines()[2] == "x" * 60


def test_a_plan_is_shown_whole() -> None:
    table = pa.table({"plan": ["x" * 60, "  " + "y" * 60]})
    assert aligned(table, Layout(width=40)) == ("plan\n" + "─" * 62 + "\n" + "x" * 60 + "\n  " + "y" * 60 + "\n", 0)
    assert aligned(table.rename_columns(["text"]), Layout(width=40))[0].splitlines()[2] == "x" * 47 + "…"


def test_one_line_for_each_value() -> None:
    table = pa.table({"a": [1, None], "longer": ["x", "y"]})
    assert in_lines(table, Layout()).splitlines() == [
        "── row 1 ──",
        "     a  1",
        "longer  x",
        "── row 2 ──",
        "     a  NULL",
        "longer  y",
    ]


def test_a_table_without_columns_or_rows() -> None:
    assert aligned(pa.table({}), Layout(width=40))[0] == "\n\n"
    assert aligned(pa.table({"a": pa.array([], pa.int64())}), Layout())[0] == "a\n─\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("bell\x07 \x1b[2Jgone\r\n", "bell\\x07 \\x1b[2Jgone\\r\\n"),
        ([1, None, "a\tb"], "[1, NULL, a\\tb]"),
        ({"a": dt.date(2020, 1, 2), "b": [True]}, "{a: 2020-01-02, b: [true]}"),
        (b"\x00\xff", "0x00ff"),
        (float("nan"), "nan"),
        (1e300, "1e+300"),
        (dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC), "2020-01-02 03:04:05+00:00"),
        (pa.MonthDayNano([14, 1, 1_500_000_000]), "1 year 2 months 1 day 00:00:01.5"),
        (pa.MonthDayNano([0, -1, -1_234_567_250_000_000]), "-1 day -342:56:07.25"),
        (pa.MonthDayNano([0, 0, 0]), "00:00:00"),
    ],
)
def test_values_are_one_safe_line(value: object, text: str) -> None:
    assert value_text(value) == text


def test_a_float32_has_its_own_shortest_text() -> None:
    table = pa.table({"x": pa.array([0.1, None, float("nan"), 3.0], pa.float32())})
    assert [line.strip() for line in aligned(table, Layout())[0].splitlines()[2:]] == ["0.1", "NULL", "nan", "3.0"]


# -------------------------------------------------------------------------------------- pager and screen


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def on_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Let standard output be a small terminal; called by tests, for pytest sets the stream anew before each."""
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((60, 10)))
    return screen


def test_what_is_longer_than_the_screen_is_paged(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = on_terminal(monkeypatch)
    paged: list[str] = []
    monkeypatch.setattr(display, "page", paged.append)
    shown = Display(mode=None, rows=50, interactive=True)
    shown.present("line\n" * 8)
    assert (terminal.getvalue(), paged) == ("line\n" * 8, [])
    shown.present("line\n" * 9)
    assert paged == ["line\n" * 9]
    shown.commands()[".pager"].run("off")
    shown.present("line\n" * 20)
    assert len(paged) == 1
    Display(mode=None, rows=50, interactive=False).present("line\n" * 20)
    assert len(paged) == 1


def test_a_result_on_a_terminal_says_what_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    frame = vl.DataFrame({f"column_{number}": [number] * 3 for number in range(12)})
    text = Display(mode=None, rows=2, interactive=True).render(frame, action=False)
    assert text.endswith("(first 2 rows; .rows 0 prints all; 7 of 12 columns not shown; .mode line shows all)\n")
    assert text.splitlines()[1].split() == ["int64", "int64", "int64", "…", "int64", "int64"]
    text = Display(mode=None, rows=0, interactive=False).render(frame, action=False)
    assert text.endswith("(3 rows; 7 of 12 columns not shown; --format line shows all)\n")


def test_the_users_pager_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text(f'#!/bin/sh\n[ "$1" = -x ] && cat > {tmp_path}/seen\n')
    (tmp_path / "mine").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("PAGER", "mine -x")
    pager.page("größe\n")
    assert (tmp_path / "seen").read_text() == "größe\n"


def test_without_a_pager_the_text_is_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for unusable in ("", "not-installed", "unclosed 'quote"):
        monkeypatch.setenv("PAGER", unusable)
        assert pager.pager_command() is None
    pager.page("text\n")
    assert capsys.readouterr().out == "text\n"


def test_a_pager_that_is_left_early_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "true")
    pager.page("line\n" * 100_000)


@pytest.mark.parametrize("mode", ["parquet", "arrow"])
def test_a_binary_format_is_not_for_the_screen(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    on_terminal(monkeypatch)
    with pytest.raises(vl.VolleyError, match=rf"format {mode} is not for a terminal; give --output FILE or redirect"):
        Display(mode=mode, rows=50, interactive=False)
    with pytest.raises(vl.VolleyError, match=rf"format {mode} is not for a terminal; give \.output FILE"):
        Display(mode=None, rows=50, interactive=True).commands()[".mode"].run(mode)


def test_an_error_is_red_where_colours_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert display.coloured_error("error: no", True) == "\x1b[1;31merror:\x1b[0m no"
    assert display.coloured_error("error: no", False) == "error: no"
    monkeypatch.setenv("NO_COLOR", "1")
    assert display.coloured_error("error: no", True) == "error: no"


# ----------------------------------------------------------------------------------------------- meter


def running(monkeypatch: pytest.MonkeyPatch) -> Meter:
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((100, 10)))
    monkeypatch.setattr(meter, "_DELAY", 1000)
    shown = Meter(Terminal())
    shown.run_started(3, 4_000_000, 400 * 2**20)
    return shown


def test_the_line_says_share_rows_bytes_time_and_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = running(monkeypatch)
    assert shown.line(0.5) == " " * 23 + "0%  starting  0 rows  0 B of 400 MiB  0 s"
    shown.stage_started(0, "group", 8, 400 * 2**20)
    shown.advanced(0, 1_000_000, 100 * 2**20)
    assert shown.line(10) == "█████                 25%  stage 1/3 group  1.0M rows  100 MiB of 400 MiB  10 s"
    shown.advanced(0, 1_000_000, 100 * 2**20)
    # 25 % in 5 s: the other half in 10 s, whatever came before the first rows.
    assert shown.line(15).endswith("2.0M rows  200 MiB of 400 MiB  15 s  about 10 s left")
    shown.advanced(0, 2_000_000, 200 * 2**20)
    shown.stage_started(1, "sort", 4, 0)
    shown.task_finished(1, 0, 0)
    assert shown.line(125) == "task 1 of 4  stage 2/3 sort  4.0M rows  400 MiB of 400 MiB  2:05"
    shown.run_finished()


def test_what_is_left_goes_by_the_pace_of_the_stage_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = running(monkeypatch)
    shown.stage_started(0, "build", 1, 200 * 2**20)
    shown.advanced(0, 2_000_000, 200 * 2**20)
    shown.line(1)
    shown.stage_started(1, "all pairs", 1, 200 * 2**20)
    assert "left" not in shown.line(2)
    shown.advanced(1, 10_000, 2**20)
    shown.line(3)
    shown.advanced(1, 10_000, 2**20)
    assert shown.line(5).endswith("about 6:36 left")  # 198 MiB, of which one takes 2 s
    shown.run_finished()


def test_what_is_left_of_rows_without_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = running(monkeypatch)
    shown.run_started(1, 1000, 0)
    shown.stage_started(0, "collect", 1, 0)
    shown.advanced(0, 100, 0)
    shown.line(1)
    shown.advanced(0, 100, 0)
    assert shown.line(3).endswith("about 16 s left")
    shown.run_finished()


def test_the_line_is_no_longer_than_the_terminal_is_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = running(monkeypatch)
    monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((30, 10)))
    assert len(shown.line(1)) == 29
    shown.run_finished()


def test_the_line_is_drawn_after_a_moment_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = threading.Event()

    class Screen(Terminal):
        def write(self, text: str) -> int:
            drawn.set()
            return super().write(text)

    monkeypatch.setattr(meter, "_DELAY", 0.01)
    screen = Screen()
    shown = Meter(screen)
    with vl.Session(observer=shown, threads=1):
        frame = vl.DataFrame({"a": [1, 2]}).map_batches(lambda table: drawn.wait(30) and table, {"a": "int64"})
        assert frame.to_arrow().num_rows == 2
    assert "stage 1/1 collect" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[2K")
    silent = Meter(io.StringIO())
    with vl.Session(observer=silent):
        vl.DataFrame({"a": [1]}).to_arrow()
    assert not silent.enabled
