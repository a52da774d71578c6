"""Signals that end runs also where Python loses the exceptions that their handlers raise.

What a handler raises appears wherever the main thread happens to be. In a finaliser, or in what is called when a weakly
referenced object goes, Python tells of it on the standard error stream and goes on: a Ctrl-C would be lost.
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
_runs: list[threading.Event] = []
_before: dict[int, Callable[[int, FrameType | None], Any]] = {}


@contextmanager
def heard(cancelled: threading.Event) -> Iterator[None]:
    """Set an event when a signal comes whose handler raises; in the main thread alone.

    Parameters
    ----------
    cancelled
        Tells a run to stop.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if not _runs:
        for number in _SIGNALS:
            if callable(handler := _handler_of(number)):
                _before[number] = handler
                _handle(number, _hear)
    _runs.append(cancelled)
    try:
        yield
    finally:
        _runs.remove(cancelled)
        if not _runs:
            for known, handler in _before.items():
                if _handler_of(known) is _hear:
                    _handle(known, handler)
            _before.clear()


def _hear(number: int, frame: FrameType | None) -> None:
    try:
        _before[number](number, frame)
    except BaseException:
        for cancelled in _runs:
            cancelled.set()
        raise
