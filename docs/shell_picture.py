"""Takes the picture of ``volley sql`` that the documentation shows: drives it in tmux and draws the screen as SVG.

``python docs/shell_picture.py`` after changing how the shell looks; look at docs/images/shell.svg before committing it.
"""
# ruff: noqa: INP001  # a script among pages, no package

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.terminal import Terminal  # noqa: E402  # the root is on the path only now

WIDTH, HEIGHT = 92, 34
THEME = TerminalTheme(
    (255, 255, 255),
    (36, 41, 47),
    [
        (36, 41, 47),
        (207, 34, 46),
        (17, 99, 41),
        (77, 45, 0),
        (9, 105, 218),
        (130, 80, 223),
        (27, 124, 131),
        (110, 119, 129),
    ],
    [
        (87, 96, 106),
        (164, 14, 38),
        (26, 127, 55),
        (99, 60, 1),
        (33, 139, 255),
        (164, 117, 249),
        (49, 146, 170),
        (36, 41, 47),
    ],
)


def photographed() -> str:
    """Use the shell as a person would, and return the screen with its colours."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(XDG_STATE_HOME=folder, PYTHONPATH=str(ROOT))
        os.environ.pop("TMUX", None)
        data = ROOT / "examples" / "flights" / "data"
        (Path(folder) / "flights.parquet").symlink_to(data / "flights.parquet")
        (Path(folder) / "airlines.csv").symlink_to(data / "airlines.csv")
        command = f"clear; {sys.executable} -m volley sql flights.parquet airlines.csv"
        terminal = Terminal(Path(folder), command, width=WIDTH, height=HEIGHT)
        try:
            terminal.wait_for(r"^volley> *$")
            terminal.type("select name, count(*) as flights, round(avg(arr_delay), 1) as delay", "Enter")
            terminal.type("from flights join airlines using (carrier)", "Enter")
            terminal.type("where dest = 'SFO' group by name order by delay desc;", "Enter")
            terminal.wait_for(r" s\nvolley> *$")
            terminal.type("select dest, avg(arr_dealy) from flights group by dest;", "Enter")
            terminal.wait_for(r"\^\nvolley> *$")
            terminal.type("select origin, max(air", "Tab", "Tab")
            terminal.wait_for(r"airlines")
            time.sleep(0.5)
            return terminal.screen(coloured=True)
        finally:
            terminal.close()


def drawn(screen: str) -> str:
    """Return an SVG picture of a screen; its font is the reader's own monospaced one."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(screen.rstrip("\n")), end="")
    picture = console.export_svg(title="volley sql", theme=THEME, unique_id="shell")
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)
    picture = picture.replace("<svg ", '<svg xml:space="preserve" ', 1)  # texts may begin with spaces
    return picture.replace("Fira Code", "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace") + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "images" / "shell.svg").write_text(drawn(photographed()), encoding="utf-8")
