"""Where the results of ``volley sql`` go and how they look, and the dot commands that change it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from ..engine.errors import ConfigError
from ..engine.frame import DataFrame
from ..sql.shell import Command, choice, switched
from . import output
from .meter import Meter
from .pager import page, too_long
from .sql import FORMATS
from .table import Layout, aligned, in_lines

_PRINTED = ("table", "line")
_ON_OFF = ("on", "off")


class Display:
    """The screen of a shell.

    Parameters
    ----------
    mode
        Format of results; None for that of the file's suffix, or a table.
    rows
        Rows that are printed of a result; 0 for all.
    file
        Where results go instead of the screen.
    interactive
        Whether a person is at the prompt: then results are paged and files appear after each result, otherwise files
        appear when the script has ended.
    meter
        Shows how far a query is.

    Raises
    ------
    ConfigError
        Where the file's suffix names no format, or a binary format would go to a terminal.
    """

    def __init__(
        self, *, mode: str | None, rows: int, file: Path | None = None, interactive: bool, meter: Meter | None = None
    ) -> None:
        self._mode = mode or "table"
        self._file_mode = ""
        self._rows, self._cell = rows, 48
        self._interactive, self._paged = interactive, interactive
        self._meter = meter
        self._file: output.OutputFile | None = None
        if file is not None:
            self._open(file, output.choose_format(mode, file))
        self._check_terminal(self._mode)

    # what the shell asks

    def render(self, frame: DataFrame, *, action: bool) -> str:
        """Run a frame; return what to print of it."""
        chosen = self._mode if self._file is None else self._file_mode
        if action and (self._file is not None or chosen not in _PRINTED):
            return ""  # what a statement did is no part of the data that is asked for
        streamed = self._file is None and chosen not in _PRINTED
        if self._meter is not None:  # rows that appear while the query runs would break the line apart
            self._meter.enabled = sys.stderr.isatty() and not (streamed and sys.stdout.isatty())
        if self._file is not None:
            self._file.add(frame, chosen)
            if self._interactive:
                self._file.publish()
            return f"written to {self._file.path}\n" if self._interactive else ""
        if streamed:
            output.write(frame, chosen, None)
            return ""
        return self._text(frame, chosen)

    def present(self, text: str) -> None:
        """Print a result, through the pager where it is longer than the screen."""
        with output.written_to("standard output"):
            if self._paged and sys.stdout.isatty() and too_long(text):
                sys.stdout.flush()
                page(text)
            else:
                sys.stdout.write(text)
            sys.stdout.flush()

    def say(self, text: str) -> None:
        """Print a message; a long one through the pager."""
        self.present(text if text.endswith("\n") else text + "\n")

    def complain(self, text: str) -> None:
        """Print an error."""
        sys.stdout.flush()
        print(coloured_error(text, sys.stderr.isatty()), file=sys.stderr, flush=True)

    def export(self, frame: DataFrame, path: str) -> None:
        """Write a frame to a file by its suffix."""
        target = Path(path).expanduser()
        chosen = self._format_of(target)
        if self._meter is not None:
            self._meter.enabled = sys.stderr.isatty()
        output.write(frame, chosen, target)
        if self._interactive:
            self.say(f"written to {path}")

    def publish(self) -> None:
        """Let the file of results appear."""
        if self._file is not None:
            self._file.publish()

    def close(self) -> None:
        """Remove what was not published."""
        if self._file is not None:
            self._file.discard()

    # the text of a result

    def _text(self, frame: DataFrame, chosen: str) -> str:
        more = self._rows > 0
        table = (frame.limit(self._rows + 1) if more else frame).to_arrow()
        more = more and table.num_rows > self._rows
        shown = table.slice(0, self._rows) if more else table
        terminal = sys.stdout.isatty()
        width = shutil.get_terminal_size().columns if terminal else None
        layout = Layout(width=width, cell=self._cell, types=terminal)
        if chosen == "line":
            text, hidden = in_lines(shown, layout), 0
        else:
            text, hidden = aligned(shown, layout)
        all_rows = ".rows 0" if self._interactive else "--rows 0"
        facts = [
            f"first {_counted(self._rows, 'row')}; {all_rows} prints all" if more else _counted(table.num_rows, "row")
        ]
        if hidden:
            wide = ".mode line" if self._interactive else "--format line"
            facts.append(f"{hidden} of {_counted(table.num_columns, 'column')} not shown; {wide} shows all")
        return f"{text}({'; '.join(facts)})\n"

    # commands

    def commands(self) -> dict[str, Command]:
        """Return the dot commands that change the settings."""
        shown = "|".join(FORMATS)
        return {
            ".mode": Command(usage=f"[{shown}]", summary="how results look", run=self._set_mode, offers=FORMATS),
            ".output": Command(
                usage="[FILE]",
                summary="write results to a file; alone: print them again",
                run=self._redirect,
                offers="data",
            ),
            ".rows": Command(usage="[N]", summary="rows that are printed of a result; 0 for all", run=self._set_rows),
            ".width": Command(
                usage="[N]", summary="characters that are printed of a value; 0 for all", run=self._set_cell
            ),
            ".pager": Command(
                usage="[on|off]",
                summary="$PAGER for what is longer than the screen",
                run=self._set_paged,
                offers=_ON_OFF,
            ),
        }

    def _set_mode(self, argument: str) -> None:
        if argument:
            mode = choice(".mode", argument, FORMATS)
            self._check_terminal(mode)
            self._mode = self._file_mode = mode
        self.say(f"mode {self._mode if self._file is None else self._file_mode}")

    def _redirect(self, argument: str) -> None:
        path = argument.strip("'\"")
        if path:
            target = Path(path).expanduser()
            self._open(target, self._format_of(target))
        else:
            self.publish()
            self._file = None
        if self._interactive:
            self.say(f"results go to {path}; .output prints them again" if path else "results are printed")

    def _format_of(self, path: Path) -> str:
        """Return the format of the suffix; without one that of the screen."""
        return output.choose_format(None if path.suffix else self._mode, path)

    def _open(self, path: Path, mode: str) -> None:
        self.publish()
        self._file, self._file_mode = output.OutputFile(path), mode

    def _set_rows(self, argument: str) -> None:
        self._rows = _number(".rows", argument, self._rows)
        self.say(f"rows printed: {self._rows or 'all'}")

    def _set_cell(self, argument: str) -> None:
        self._cell = _number(".width", argument, self._cell)
        self.say(f"characters printed of a value: {self._cell or 'all'}")

    def _set_paged(self, argument: str) -> None:
        self._paged = switched(".pager", argument, now=self._paged)
        self.say(f"pager {'on' if self._paged else 'off'}")

    def _check_terminal(self, mode: str) -> None:
        if mode in output.BINARY and self._file is None and (self._interactive or sys.stdout.isatty()):
            how = ".output FILE" if self._interactive else "--output FILE or redirect the output"
            raise ConfigError(f"format {mode} is not for a terminal; give {how}")


def coloured_error(text: str, terminal: bool) -> str:  # noqa: FBT001
    """Return an error with its first word in red where colours are wanted."""
    head, colon, rest = text.partition(":")
    plain = not terminal or "NO_COLOR" in os.environ or os.environ.get("TERM") == "dumb"
    return text if plain or not colon else f"\x1b[1;31m{head}:\x1b[0m{rest}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _number(name: str, argument: str, now: int) -> int:
    if not argument:
        return now
    if not argument.isdecimal():
        raise ConfigError(f"{name} takes a whole number, not {argument!r}")
    return int(argument)
