"""What people see while a job runs: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import io

import volley as vl
from volley.deploy.job.progress import LogProgress, TerminalProgress, choose_progress, describe
from volley.deploy.job.workspace import StepRecord

RECORD = StepRecord(key="k", name="people", kind="sql", fingerprint="f", rows=1234, bytes=5_000, seconds=0.5)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_a_bar_and_everything_else_lines() -> None:
    assert isinstance(choose_progress(Terminal()), TerminalProgress)
    assert isinstance(choose_progress(io.StringIO()), LogProgress)


class Pipe(io.StringIO):
    """Keeps what has come out at the other end."""

    seen = ""

    def flush(self) -> None:
        self.seen = self.getvalue()


def test_a_line_is_seen_at_once() -> None:
    pipe = Pipe()
    with LogProgress(pipe) as shown:
        shown.started(1, 2, "people", "sql")
        assert pipe.seen.endswith("[1/2] people (sql) …\n")
        shown.say("all is well")
        assert pipe.seen.endswith(" all is well\n")


def test_what_is_said_stands_above_the_bar() -> None:
    terminal = Terminal()
    with TerminalProgress(terminal) as shown:
        shown.started(1, 2, "people", "sql")
        shown.say("all is well")
    assert "all is well\n" in terminal.getvalue()


def test_a_step_is_one_line() -> None:
    assert describe(RECORD, reused=False) == "people                   sql       1,234 rows  5.0 kB  0.50 s"
    assert describe(RECORD, reused=True).endswith("kept from an earlier run")


def test_the_bar_leaves_only_finished_steps_on_the_screen() -> None:
    terminal = Terminal()
    with TerminalProgress(terminal) as shown:
        shown.started(1, 2, "people", "sql")
        shown.finished(1, 2, RECORD, reused=False)
        shown.started(2, 2, "scored", "predict")
    text = terminal.getvalue()
    assert "1,234 rows" in text
    assert "scored (predict)" in text
    assert text.endswith("\x1b[2K")  # the bar's line is cleared


def test_stages_of_a_query_are_shown_while_they_run() -> None:
    terminal = Terminal()
    with TerminalProgress(terminal) as shown, vl.Session(observer=shown.observer):
        vl.DataFrame({"a": [1, 2, 2]}).groupby("a").agg(n=("a", "size")).collect()
    assert "stage" in terminal.getvalue()
