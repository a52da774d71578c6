"""Signals that stop a command: raised in the main thread, but not where Python would lose them or break by them."""

from __future__ import annotations

import _thread
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TURN = 0.02
"""Seconds after which a signal that came at a bad moment is sent again."""


@contextmanager
def stopped_by_signals() -> Iterator[list[int]]:
    """Let SIGINT, SIGTERM and SIGHUP stop the work; gives the signals received, the last one last.

    One that is ignored stays so: ``nohup`` asks for that, and a shell for what it runs in the background.
    """
    received = [int(signal.SIGINT)]
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def stop(number: int, frame: FrameType | None) -> None:
        if _is_bad_moment(frame):
            _thread.start_new_thread(_send_again, (number,))  # without a lock, which the main thread may have
            return
        received.append(number)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        from ..engine.errors import Terminated

        raise Terminated

    wanted = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in wanted}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def how(received: Sequence[int]) -> str:
    """Return what to say of the last signal received."""
    return "cancelled" if received[-1] == signal.SIGINT else f"stopped by {signal.Signals(received[-1]).name}"


def _is_bad_moment(frame: FrameType | None) -> bool:
    """Whether the main thread is where an exception does harm.

    Python's own code of imports would keep the lock that every import of every thread needs, and what is raised in a
    finaliser goes no further.
    """
    if frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        return True
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def _send_again(number: int) -> None:
    time.sleep(_TURN)
    os.kill(os.getpid(), number)
