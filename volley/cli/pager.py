"""Showing a text that is longer than the screen through the user's pager."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def pager_command() -> list[str] | None:
    """Return the pager to start: ``$PAGER``, else less, else more; None where there is none."""
    asked = os.environ.get("PAGER", "").strip()
    if asked:
        with suppress(ValueError):  # a quote that is never closed
            command = shlex.split(asked)
            if shutil.which(command[0]):
                return command
    found = shutil.which("less") or shutil.which("more")
    return [found] if found else None


def too_long(text: str) -> bool:
    """Return whether a text needs more lines than the screen has, with one left for the prompt."""
    return text.count("\n") >= shutil.get_terminal_size().lines - 1


def page(text: str) -> None:
    """Show a text in the pager; print it where there is none."""
    command = pager_command()
    if command is None:
        sys.stdout.write(text)
        return
    # less: leave the text on the screen, pass colours, chop long lines (the arrow keys scroll sideways).
    environment = {"LESS": "RSX", **os.environ}
    with _ctrl_c_is_the_pagers(), suppress(BrokenPipeError):  # left before the end of the text
        try:
            subprocess.run(command, input=text.encode(), env=environment, check=False)  # noqa: S603  # the user's own
        except OSError:
            sys.stdout.write(text)


@contextmanager
def _ctrl_c_is_the_pagers() -> Iterator[None]:
    """Leave Ctrl-C to the pager, which uses it to stop a search."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
