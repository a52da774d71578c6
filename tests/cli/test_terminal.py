"""The shell on a real terminal, driven by tmux: type, complete, run, cancel, recover, leave."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    flights = {"dest": ["SFO", "LAX", "SFO"], "arr_delay": [5, -3, 20], "carrier": ["UA", "AA", "UA"]}
    wide = {f"column_{number:02}": [number] * 60 for number in range(30)}
    pq.write_table(pa.table(flights), tmp_path / "flights.parquet")
    pq.write_table(pa.table(wide), tmp_path / "wide.parquet")
    pq.write_table(pa.table({"n": range(60_000)}), tmp_path / "numbers.parquet")
    return tmp_path


@pytest.fixture
def terminal(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PAGER", "less")
    monkeypatch.delenv("LESS", raising=False)
    monkeypatch.delenv("TMUX", raising=False)
    opened = Terminal(
        folder, f"{sys.executable} -m volley sql flights.parquet wide.parquet numbers.parquet --threads 2"
    )
    yield opened
    opened.close()


PROMPT = r"^volley> *$"


def test_type_complete_run_cancel_recover_and_leave(terminal: Terminal, folder: Path) -> None:
    terminal.wait_for(PROMPT)

    # Tab knows the columns of the table that is named behind the cursor, and the only choice is put in.
    terminal.type("select carrier, max(arr_d", "Tab")
    terminal.wait_for(r"max\(arr_delay")
    terminal.type(") as most", "Enter")
    terminal.type("from fli", "Tab")
    terminal.wait_for(r"from flights")
    terminal.type(" group by carrier order by most;", "Enter")
    screen = terminal.wait_for(r"\d s\n" + PROMPT.removeprefix("^"))
    assert re.search(r"carrier +most\nstring +int64\n─+  ─+\nAA +-3\nUA +20\n\(2 rows\)\n", screen)

    # A mistake points at its place, and the session goes on.
    terminal.type("select dst", "Enter")
    terminal.type("  from flights;", "Enter")
    screen = terminal.wait_for(r"error: unknown column 'dst'")
    assert "did you mean 'dest'? (line 1, column 8)\n  select dst\n         ^\n" in screen

    # A query that tests 3.6 billion pairs is shown at work, and Ctrl-C ends it within a moment.
    terminal.type("select count(*) as pairs from numbers a join numbers b on a.n * b.n = 7;", "Enter")
    terminal.wait_for(r"stage \d")
    terminal.type("", "C-c")
    terminal.wait_for(r"^cancelled\n" + PROMPT.removeprefix("^"))
    terminal.type("select 40 + 2 as answer;", "Enter")
    screen = terminal.wait_for(r"^ +42\n\(1 row\)\n")
    assert "stage" not in screen
    assert "Traceback" not in screen

    # What is half typed is dropped; the arrow brings the last query back.
    terminal.type("select half a", "C-c")
    terminal.type("", "Up")
    terminal.wait_for(r"^volley> select 40 \+ 2 as answer;")
    terminal.type("", "C-c")
    terminal.type(".quit", "Enter")
    terminal.wait_for(r"^exit code 0")
    assert "select 40 + 2 as answer;" in (folder / "state" / "volley" / "sql_history").read_text()


def test_a_wide_and_long_table_fits_and_is_paged(terminal: Terminal) -> None:
    terminal.wait_for(PROMPT)
    terminal.type("select * from wide;", "Enter")
    screen = terminal.wait_for(r"^:")
    assert all(len(line) <= 100 for line in screen.splitlines())
    assert re.search(r"^column_00 .*  …  .* column_29$", screen, re.MULTILINE)
    terminal.type("G")
    terminal.wait_for(r"^\(first 50 rows; \.rows 0 prints all; \d+ of 30 columns not shown; \.mode line shows all\)")
    terminal.type("q")
    terminal.wait_for(PROMPT)
    terminal.type(".pager off", "Enter")
    terminal.type("select * from wide;", "Enter")
    terminal.wait_for(r"not shown; \.mode line shows all\)\n\d.* s\n" + PROMPT.removeprefix("^"))


def test_sigterm_ends_the_prompt_and_gives_the_terminal_back(terminal: Terminal) -> None:
    terminal.wait_for(PROMPT)
    os.kill(terminal.process(), signal.SIGTERM)
    terminal.wait_for(r"volley: stopped by SIGTERM\nexit code 143")
