"""Signals that end runs: heard at once, raised when the run has stopped.

What a handler raises appears wherever the main thread happens to be: between taking a lock and giving it back, inside
a wait, whose lock another thread then loses, or in a finaliser, where Python tells of it on the standard error stream
and goes on, so that a Ctrl-C would be lost. So while a run is on, a signal whose handler raises tells the run to stop,
and what was raised is raised when the run's threads have ended. Who cannot wait for that sends a second one.
"""

from __future__ import annotations

import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

# Python's own, without making enumerations of what they take and return, which takes longer than all else here.
_handler_of, _handle = inspect.unwrap(signal.getsignal), inspect.unwrap(signal.signal)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Whether a run has to stop. Has no lock: a signal's handler sets it, wherever the main thread is.

    Attributes
    ----------
    error
        What a signal's handler has raised, which the run ends with.
    at_once
        Whether a second signal came: nothing is waited for any more.
    """

    __slots__ = ("_asked", "at_once", "error")

    def __init__(self) -> None:
        self._asked = self.at_once = False
        self.error: BaseException | None = None

    def set(self) -> None:
        """Have the run stop."""
        self._asked = True

    def is_set(self) -> bool:
        """Return whether it has to."""
        return self._asked


_runs: list[Stop] = []
_before: dict[int, Callable[[int, FrameType | None], Any]] = {}


@contextmanager
def heard(stop: Stop) -> Iterator[None]:
    """Stop a run when a signal comes whose handler raises, and then raise that; in the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _runs:
        for number in _SIGNALS:
            if callable(handler := _handler_of(number)) and handler is not _hear:
                _before[number] = handler
                _handle(number, _hear)
    _runs.append(stop)
    try:
        yield
    finally:
        _runs.remove(stop)
        if not _runs:
            for known, handler in _before.items():
                if _handler_of(known) is _hear:
                    _handle(known, handler)
            _before.clear()
        if stop.error is not None:
            raise stop.error.with_traceback(None) from None


def _hear(number: int, frame: FrameType | None) -> None:
    try:
        _before[number](number, frame)
    except BaseException as error:
        untold = [stop for stop in _runs if stop.error is None]
        if not untold:
            for stop in _runs:
                stop.at_once = True
            raise
        for stop in untold:
            stop.error = error
            stop.set()
