"""Running statements and dot commands, one after the other, at a prompt or from a script."""

from __future__ import annotations

import os
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ...engine.errors import Cancelled, ConfigError, Terminated, VolleyError, suggestion, told
from ...engine.frame import DataFrame, Session
from ..frames import FrameCatalogue
from ..parse import dialect_named
from ..statements import execute
from .commands import Command, Leave, ShellCommands
from .pieces import Piece, habit, is_finished, pieces, placed

_DEEPEST_READ = 16
"""Scripts that may read one another before that is taken for a circle."""


class Screen(Protocol):
    """Where results and messages go, and how they look."""

    def render(self, frame: DataFrame, *, action: bool) -> str:
        """Run a frame and return what to print of it; ``action`` says that its rows tell what a statement did."""
        ...

    def present(self, text: str) -> None:
        """Print what `render` gave."""
        ...

    def say(self, text: str) -> None:
        """Print a message."""
        ...

    def complain(self, text: str) -> None:
        """Print an error."""
        ...

    def export(self, frame: DataFrame, path: str) -> None:
        """Write a frame to a file."""
        ...


class Shell:
    """One conversation: a session, its tables and a screen.

    Parameters
    ----------
    session
        Runs the queries; its registered tables can be named.
    screen
        Shows results and messages.
    dialect
        SQL dialect of the queries.
    params
        Values of parameters in the queries.
    commands
        Dot commands beside the shell's own.
    reopen
        Opens a session like the present one on another ``device`` or ``cluster``.
    timer
        Whether to say how long each statement took.
    """

    def __init__(
        self,
        session: Session,
        screen: Screen,
        *,
        dialect: str = "duckdb",
        params: Mapping[str, Any] | None = None,
        commands: Mapping[str, Command] | None = None,
        reopen: Callable[..., Session] | None = None,
        timer: bool = True,
    ) -> None:
        dialect_named(dialect)
        self.session = session
        self.screen = screen
        self.timer = timer
        self._dialect, self._params = dialect, dict(params or {})
        own = ShellCommands(self, reopen).table()
        last = {".quit": own.pop(".quit")}
        self.commands: dict[str, Command] = {**own, **(commands or {}), **last}
        self._last: DataFrame | None = None
        self._depth = 0
        self._file_columns: dict[str, list[str]] = {}

    # running

    def run(self, text: str, name: str = "") -> int:
        """Run a script up to its first error; return how many statements and commands it has.

        Parameters
        ----------
        text
            Statements, separated by semicolons, and dot commands on lines of their own.
        name
            Of the file it comes from, for errors.

        Raises
        ------
        VolleyError
            The first error, with its line in the script.
        """
        found = list(pieces(text, self._dialect))
        for piece in found:
            try:
                if piece.is_command:
                    self._command(piece.text)
                else:
                    self._statement(piece)
            except VolleyError as error:
                raise placed(error, piece, text, name, alone=len(found) == 1) from error.__cause__
        return len(found)

    def run_file(self, path: str) -> None:
        """Run a script in a file, as `run`.

        Raises
        ------
        ConfigError
            Where the file cannot be read, or scripts read one another in a circle.
        """
        if self._depth >= _DEEPEST_READ:
            raise ConfigError(f"{path} is read by itself, over and over")
        self._depth += 1
        try:
            self.run(script_text(Path(path).expanduser()), path)
        finally:
            self._depth -= 1

    def execute(self, text: str) -> bool:
        """Run what was typed; return whether to go on. Mistakes and cancelled queries are told, not raised."""
        try:
            self.run(habit(text) or text)
        except Leave:
            return False
        except Terminated:
            raise
        except (KeyboardInterrupt, Cancelled):
            self.screen.complain("cancelled")
        except VolleyError as error:
            self.screen.complain(f"error: {told(error)}")
            _debug()
        except Exception as error:  # noqa: BLE001  # whatever happens, the user keeps the session
            self.screen.complain(internal_error(error))
            _debug()
        return True

    def say(self, text: str) -> None:
        """Print a message."""
        self.screen.say(text)

    def export(self, frame: DataFrame, path: str) -> None:
        """Write a frame to a file."""
        self.screen.export(frame, path)

    # what commands and completion ask

    def is_finished(self, text: str) -> bool:
        """Return whether Enter should run the text."""
        return is_finished(text, self._dialect)

    def frame_of(self, text: str) -> DataFrame:
        """Return the frame of one statement over the session's tables."""
        catalogue = FrameCatalogue({}, session=self.session)
        # A script may have parameters of which each statement takes some; what none takes is the caller's to find.
        params = {name: value for name, value in self._params.items() if names_parameter(text, name)}
        text = text.rstrip().rstrip(";")
        return execute(text, catalogue, self.session, dialect=self._dialect, params=params or None)

    def last_frame(self) -> DataFrame:
        """Return the frame of the last query.

        Raises
        ------
        ConfigError
            Where there was none.
        """
        if self._last is None:
            raise ConfigError("there is no query yet")
        return self._last

    def tables(self) -> dict[str, DataFrame]:
        """Return the tables and readable views by name."""
        return FrameCatalogue({}, session=self.session).readable()

    def columns(self) -> dict[str, list[str]]:
        """Return the columns of each table."""
        return {name: frame.columns for name, frame in self.tables().items()}

    def columns_of(self, query: str) -> Sequence[str]:
        """Return the columns of a query; none where it is wrong. Remembered, because Tab asks again and again."""
        if query not in self._file_columns:
            try:
                self._file_columns[query] = self.frame_of(query).columns
            except Exception:  # noqa: BLE001  # what is still being typed may be anything
                return ()
        return self._file_columns[query]

    # pieces

    def _statement(self, piece: Piece) -> None:
        started = time.perf_counter()
        frame = self.frame_of(piece.text)
        text = self.screen.render(frame, action=piece.is_action)
        seconds = time.perf_counter() - started
        if piece.is_action:
            self._file_columns.clear()
        else:
            self._last = frame
        self.screen.present(text)
        if self.timer:
            self.say(f"{seconds:.3f} s")

    def _command(self, text: str) -> None:
        name, _, argument = text.partition(" ")
        name = {".exit": ".quit"}.get(name.lower(), name.lower())
        if name not in self.commands:
            near = suggestion(name, self.commands)
            hint = near if "did you mean" in near else "; .help lists the commands"
            raise ConfigError(f"unknown command {name}{hint}")
        self.commands[name].run(argument.strip())


def names_parameter(text: str, name: str) -> bool:
    """Return whether a text has a parameter of a name, ``$name``."""
    return re.search(rf"\${re.escape(name)}\b", text) is not None


def script_text(path: Path) -> str:
    """Return the text of a script.

    Raises
    ------
    ConfigError
        Where it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"the script {path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"the script {path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def internal_error(error: BaseException) -> str:
    """Return the one line about an error that nobody foresaw."""
    said = f"{type(error).__name__}: {' '.join(str(error).split())}".rstrip(": ")
    return f"internal error: {said} (a fault in Volley: please report it with what you ran; VOLLEY_DEBUG=1 shows where)"


def _debug() -> None:
    """Print the traceback of the error at hand where the user asked for it."""
    if debugging():
        traceback.print_exc()


def debugging() -> bool:
    """Return whether tracebacks are wanted: ``VOLLEY_DEBUG`` is set to anything but 0."""
    return os.environ.get("VOLLEY_DEBUG", "0") not in ("", "0")
