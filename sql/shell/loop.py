"""Reading statements at a prompt and running them, one after the other, until the user leaves."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...engine.errors import Cancelled, VolleyError, suggestion
from ...engine.frame import DataFrame, Session
from ..frames import FrameCatalogue
from ..statements import execute
from .statements import is_finished, split

if TYPE_CHECKING:
    from prompt_toolkit.history import History
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

WELCOME = "Volley SQL. End a query with ; and press Enter. .help lists commands, .quit or Ctrl-D leaves.\n"
_HELP = """\
.help              this list
.tables            tables known by name
.schema [TABLE]    columns and types of a table, or of all
.timer [on|off]    say how long each query took
.quit              leave
A quoted path is a table: select * from 'data/*.parquet';
Ctrl-C drops what was typed, or cancels the running query. Tab completes.
"""


class Shell:
    """One conversation: a session, its tables and a place to write to.

    Parameters
    ----------
    session
        Runs the queries; its registered tables can be named.
    show
        Runs a frame and returns its rows as text, newline at the end.
    write
        Receives everything that is printed.
    dialect
        SQL dialect of the queries.
    """

    def __init__(
        self,
        session: Session,
        *,
        show: Callable[[DataFrame], str],
        write: Callable[[str], Any],
        dialect: str = "duckdb",
    ) -> None:
        self._session = session
        self._show = show
        self._write = write
        self._dialect = dialect
        self._timer = True
        self._commands: dict[str, Callable[[str], None]] = {
            ".help": lambda _: self._say(_HELP),
            ".tables": self._list_tables,
            ".schema": self._describe,
            ".timer": self._set_timer,
        }

    @property
    def commands(self) -> tuple[str, ...]:
        """The dot commands."""
        return (*self._commands, ".quit")

    def execute(self, text: str) -> bool:
        """Run what was typed; return whether to go on. Mistakes and cancelled queries are told, not raised."""
        stripped = text.strip()
        if stripped.startswith("."):
            return self._command(stripped.rstrip(";"))
        for statement in split(text, self._dialect):
            if not self._query(statement):
                break
        return True

    def tables(self) -> dict[str, list[str]]:
        """Return the columns of each table."""
        return {name: frame.columns for name, frame in self._session.tables.items()}

    def is_finished(self, text: str) -> bool:
        """Return whether Enter should run the text."""
        return is_finished(text, self._dialect)

    def _query(self, text: str) -> bool:
        started = time.perf_counter()
        try:
            catalogue = FrameCatalogue({}, session=self._session)
            self._write(self._show(execute(text, catalogue, self._session, dialect=self._dialect)))
        except (KeyboardInterrupt, Cancelled):
            self._write("cancelled\n")
            return False
        except VolleyError as error:
            self._write(f"error: {error}\n")
            return False
        if self._timer:
            self._write(f"{time.perf_counter() - started:.3f} s\n")
        return True

    def _command(self, text: str) -> bool:
        name, _, argument = text.partition(" ")
        if name in (".quit", ".exit"):
            return False
        command = self._commands.get(name)
        if command is None:
            self._say(f"error: unknown command {name}{suggestion(name, self.commands)}")
            return True
        try:
            command(argument.strip())
        except VolleyError as error:
            self._say(f"error: {error}")
        return True

    def _say(self, text: str) -> None:
        self._write(text if text.endswith("\n") else text + "\n")

    def _list_tables(self, _: str) -> None:
        names = sorted(self._session.tables)
        self._say("\n".join(names) if names else "no tables are registered; name a file in quotes instead")

    def _describe(self, name: str) -> None:
        tables = self._session.tables
        chosen = [known for known in tables if not name or known.lower() == name.lower()]
        if not chosen:
            unknown = f"error: unknown table {name!r}{suggestion(name, tables)}"
            self._say(unknown if tables else "no tables are registered")
        for known in chosen:
            self._say(known)
            for field in tables[known].schema:
                self._say(f"  {field}")

    def _set_timer(self, argument: str) -> None:
        if argument.lower() not in ("", "on", "off"):
            self._say("error: .timer takes on or off")
            return
        self._timer = not self._timer if not argument else argument.lower() == "on"
        self._say(f"timer {'on' if self._timer else 'off'}")


def run_shell(
    shell: Shell, *, history: Path | None = None, terminal: Input | None = None, screen: Output | None = None
) -> None:
    """Read and execute until the user leaves.

    Parameters
    ----------
    history
        File of earlier input; by default ``volley/sql_history`` in the user's state folder.
    terminal, screen
        Where keys come from and the prompt goes to; by default the process's terminal.
    """
    from prompt_toolkit import PromptSession
    from prompt_toolkit.application import get_app
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.lexers import PygmentsLexer
    from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]  # ships no types

    from .completion import SqlCompleter

    prompt: PromptSession[str] = PromptSession(
        history=_history(history or _default_history()),
        completer=SqlCompleter(shell.tables, shell.commands),
        complete_while_typing=False,
        lexer=PygmentsLexer(SqlLexer),
        multiline=Condition(lambda: not shell.is_finished(get_app().current_buffer.text)),
        prompt_continuation="     … ",
        input=terminal,
        output=screen,
    )
    while True:
        try:
            text = prompt.prompt("volley> ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if not shell.execute(text):
            return


def _default_history() -> Path:
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "volley" / "sql_history"


def _history(path: Path) -> History:
    """Keep history in a file, or only in memory where that cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError:
        return InMemoryHistory()
    return FileHistory(str(path))
