"""The shell on a real terminal, driven by tmux: type, complete, run, cancel, recover, leave."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90
"""Seconds to wait for something to appear; only a broken shell takes them."""


class Terminal:
    """A terminal of its own tmux server, in which one command runs."""

    def __init__(self, folder: Path, command: str, *, width: int = 100, height: int = 30) -> None:
        found = shutil.which("tmux")
        assert found, "the shell's tests drive a terminal with tmux: install it (apt-get install tmux), or run .ci/run"
        self._tmux = [found, "-f", "/dev/null", "-S", str(folder / "tmux.socket")]
        size = ["-x", str(width), "-y", str(height)]
        # The shell stays when the command ends, so that its last words and its exit code can be read.
        self._run("new-session", "-d", *size, "-c", str(folder), f'{command}; echo "exit code $?"; exec sleep 1000')

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=30)
        return done.stdout

    def type(self, text: str, *keys: str) -> None:
        """Type a text, then press keys by their names."""
        if text:
            # tmux takes a last semicolon for its own.
            self._run("send-keys", "-l", "--", re.sub(r";$", r"\\;", text))
        if keys:
            self._run("send-keys", *keys)

    def screen(self) -> str:
        """Return what is on the screen."""
        return self._run("capture-pane", "-p")

    def wait_for(self, pattern: str) -> str:
        """Wait until a pattern matches the screen; return the screen."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            screen = self.screen()
            if re.search(pattern, screen, re.MULTILINE):
                return screen
            time.sleep(0.05)
        raise AssertionError(f"{pattern!r} did not appear; the screen shows:\n{self.screen()}")

    def process(self) -> int:
        """Return the process of the command."""
        shell = self._run("display-message", "-p", "#{pane_pid}").strip()
        return int(Path(f"/proc/{shell}/task/{shell}/children").read_text().split()[0])

    def close(self) -> None:
        """End the tmux server and what runs in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, timeout=30)


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
