"""The prompt itself: keys, colours, completion and history."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style

from ...engine.errors import Terminated
from .completion import SqlCompleter
from .highlighting import VolleyLexer
from .shell import Shell

if TYPE_CHECKING:
    from prompt_toolkit.input import Input
    from prompt_toolkit.output import Output

_STYLE = Style.from_dict(
    {
        "prompt": "ansigreen bold",
        "continuation": "ansibrightblack",
        "pygments.keyword": "ansiblue bold",
        "pygments.name": "noinherit",
        "pygments.name.function": "ansicyan",
        "pygments.name.builtin": "ansimagenta",
        "pygments.name.decorator": "ansigreen bold",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.string.symbol": "ansiyellow",
        "pygments.literal.number": "ansimagenta",
        "pygments.comment": "ansibrightblack italic",
        "pygments.operator": "noinherit",
        "pygments.error": "noinherit",  # a quote that is still open is no mistake yet
    }
)


def run_shell(
    shell: Shell, *, history: Path | None = None, terminal: Input | None = None, screen: Output | None = None
) -> None:
    """Read and execute until the user leaves.

    Parameters
    ----------
    shell
        Runs what is typed.
    history
        File of earlier input; by default ``volley/sql_history`` in the user's state folder.
    terminal, screen
        Where keys come from and the prompt goes to; by default the process's terminal.
    """
    prompt: PromptSession[str] = PromptSession(
        history=open_history(history or default_history()),
        completer=SqlCompleter(shell.columns, shell.columns_of, shell.commands),
        complete_while_typing=False,
        auto_suggest=AutoSuggestFromHistory(),
        lexer=PygmentsLexer(VolleyLexer),
        style=_STYLE,
        multiline=Condition(_Unfinished(shell)),
        prompt_continuation=lambda width, *_: [("class:continuation", "…".rjust(width - 1) + " ")],
        key_bindings=_keys(),
        enable_open_in_editor=True,
        enable_suspend=True,
        search_ignore_case=True,
        input=terminal,
        output=screen,
    )
    while True:
        try:
            text = prompt.prompt(HTML("<prompt>volley></prompt> "))
        except Terminated:
            raise
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        if not shell.execute(text):
            return


class _Unfinished:
    """Whether what is typed goes on in another line.

    That is kept while history is searched: the prompt would otherwise look for its search in another place than where
    it began, which is an error.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell, self._last = shell, False

    def __call__(self) -> bool:
        app = get_app()
        if not app.layout.is_searching:
            self._last = not self._shell.is_finished(app.current_buffer.text)
        return self._last


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("escape", "enter")
    def run(event: KeyPressEvent) -> None:
        """Run what is typed, finished or not."""
        event.current_buffer.validate_and_handle()

    return keys


def default_history() -> Path | None:
    """Return where history is kept: in the state folder of the XDG base directories; None where there is no home."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if Path(state).is_absolute():
        return Path(state) / "volley" / "sql_history"
    try:
        return Path.home() / ".local" / "state" / "volley" / "sql_history"
    except RuntimeError:
        return None


def open_history(path: Path | None) -> History:
    """Keep history in a file that only its owner can read, or only in memory where it cannot be written."""
    if path is None:
        return InMemoryHistory()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with path.open("ab"):
            pass
    except OSError:
        return InMemoryHistory()
    return _PatientHistory(str(path))


class _PatientHistory(FileHistory):
    """History in a file that may become unreadable or full while the shell runs."""

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
