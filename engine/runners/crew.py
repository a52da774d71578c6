"""The threads of a run: they wait between its stages, since to start one costs more than many a stage takes."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeAlias

TURN = 0.1
"""Seconds of one wait: a signal that the system hands to another thread is seen only on waking."""

Work: TypeAlias = Callable[[], None]


class _Helper:
    """A thread that does what it is told until it is told to end.

    Attributes
    ----------
    idle
        Set while it has nothing to do.
    """

    def __init__(self, name: str) -> None:
        self._told: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self.idle = threading.Event()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def tell(self, work: Work | None) -> None:
        self.idle.clear()
        self._told.put(work)

    def _serve(self) -> None:
        while (work := self._told.get()) is not None:
            try:
                work()
            finally:
                del work  # which holds the stage
                self.idle.set()


class Crew:
    """Threads that run one thing at a time, all of them together; started when they are first needed."""

    def __init__(self) -> None:
        self._helpers: list[_Helper] = []

    def work(self, work: Work, count: int, *, takes_part: bool) -> None:
        """Call something on several threads at once, and wait until it has ended on all of them.

        Parameters
        ----------
        work
            Must not raise.
        count
            How many threads.
        takes_part
            Whether the caller's thread is one of them. A Ctrl-C is raised there, if it is the main thread: only when
            what it works at gives way to Python.
        """
        wanted = count - 1 if takes_part else count
        while len(self._helpers) < wanted:
            self._helpers.append(_Helper(f"volley-{len(self._helpers)}"))
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
        """Let every thread end once it has nothing to do."""
        helpers, self._helpers = self._helpers, []
        for helper in helpers:
            helper.tell(None)
