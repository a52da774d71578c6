"""Threads that work together: they wait between one work and the next, since to start one takes a while."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

TURN = 0.1
"""Seconds of one wait: a signal that the system hands to another thread is seen only on waking."""
KEPT = 10.0
"""Seconds that a thread waits for another run."""

Work: TypeAlias = Callable[[], None]

_numbers = count()
_waiting: list[Helper] = []  # taken from and added to by single calls, which no other thread comes between


class Helper:
    """A thread that does what it is told, and ends once nobody has told it anything for a while.

    Attributes
    ----------
    thread
        The thread.
    idle
        Set while it has nothing to do.
    """

    def __init__(self) -> None:
        self._told: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.idle = threading.Event()
        self.thread = threading.Thread(target=self._serve, name=f"volley-{next(_numbers)}", daemon=True)
        self.thread.start()

    def tell(self, work: Work) -> None:
        """Have it do something that must not raise."""
        self.idle.clear()
        self._told.put(work)

    def end(self) -> None:
        """Have it end once it has nothing to do."""
        self._told.put(None)

    def _serve(self) -> None:
        while True:
            try:
                work = self._told.get(timeout=KEPT)
            except queue.Empty:
                try:
                    _waiting.remove(self)
                except ValueError:  # a run has it
                    continue
                return
            if work is None:
                return
            try:
                work()
            finally:
                del work  # which holds the stage
                self.idle.set()


class Crew:
    """Threads that run one thing at a time, all of them together; taken on when they are first needed."""

    def __init__(self) -> None:
        self._helpers: list[Helper] = []

    def work(self, work: Work, threads: int, *, takes_part: bool) -> None:
        """Call something on several threads at once, and wait until it has ended on all of them.

        Parameters
        ----------
        work
            Must not raise.
        threads
            How many.
        takes_part
            Whether the caller's thread is one of them. A Ctrl-C is raised there, if it is the main thread: only when
            what it works at gives way to Python.
        """
        wanted = threads - 1 if takes_part else threads
        while len(self._helpers) < wanted:
            self._helpers.append(_taken_on())
        for helper in self._helpers[:wanted]:
            helper.tell(work)
        if takes_part:
            work()
        self.join()

    def join(self) -> None:
        """Wait until no thread works, in short turns."""
        for helper in self._helpers:
            while not helper.idle.wait(TURN):
                pass

    def dismiss(self) -> None:
        """Leave the threads to other runs; one that still works ends when it has nothing to do."""
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            if helper.idle.is_set():
                _waiting.append(helper)
            else:
                helper.end()


def waiting() -> list[threading.Thread]:
    """Return the threads that wait for another run."""
    return [helper.thread for helper in tuple(_waiting)]


def _taken_on() -> Helper:
    """Return a thread that waits, or a new one."""
    try:
        return _waiting.pop()
    except IndexError:
        return Helper()


os.register_at_fork(after_in_child=_waiting.clear)
