"""Delivering the tables of concurrent tasks in task order, with bounded buffering.

Tasks are started in order, so the earliest unfinished task is always running: it delivers at once, while later tasks
buffer what they make and wait when the buffer, or the run's memory, is full. That cannot deadlock, and passes
``capacity`` bytes by one table at most.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..kernels.protocol import Table
from .memory import MemoryAccount


class Stopped(Exception):  # a signal, not an error: the stage needs no more rows
    """Raised into a task whose rows are no longer wanted."""


class OrderedDelivery:
    """Hands tables to ``deliver`` in (task, arrival) order.

    Parameters
    ----------
    deliver
        Called with one table at a time, never concurrently; returns False when no more are wanted.
    stopped
        Says whether the run was cancelled; checked while waiting.
    capacity
        Bytes that tasks running ahead may buffer, or a quarter of what the account allows.
    memory
        The account that is charged with what is buffered; a task waits rather than pass its limit.
    meanwhile
        Called by a task that has to wait, outside of all locks, again and again while it returns True.
    """

    def __init__(
        self,
        deliver: Callable[[Table], bool],
        stopped: Callable[[], bool],
        capacity: int = 256 * 1024 * 1024,
        memory: MemoryAccount | None = None,
        meanwhile: Callable[[], bool] = lambda: False,
    ) -> None:
        self._deliver, self._stopped, self._meanwhile = deliver, stopped, meanwhile
        self._memory = memory or MemoryAccount()
        self._capacity = capacity if self._memory.limit is None else min(capacity, self._memory.limit // 4)
        self._current = 0
        self._buffers: dict[int, list[Table]] = {}
        self._finished: set[int] = set()
        self._buffered = 0
        self._closed = False
        self._changed = threading.Condition()

    def put(self, task: int, table: Table) -> None:
        """Deliver or buffer a table of a task; raises `Stopped` when no more rows are wanted."""
        while not self._taken(task, table):
            if not self._meanwhile():
                with self._changed:
                    if task != self._current and not self._ended():
                        self._changed.wait(0.1)

    def _taken(self, task: int, table: Table) -> bool:
        """Deliver or buffer a table, if there is room."""
        with self._changed:
            if self._ended():
                raise Stopped
            if task == self._current:
                self._hand_over(table)
                return True
            if self._buffered > self._capacity or not self._memory.try_reserve(table.nbytes):
                return False
            self._buffers.setdefault(task, []).append(table)
            self._buffered += table.nbytes
            return True

    def finish(self, task: int) -> None:
        """Say that a task has no more tables; what waited behind it is delivered."""
        with self._changed:
            self._finished.add(task)
            while self._current in self._finished and not self._ended():
                self._finished.discard(self._current)
                self._current += 1
                for table in self._buffers.pop(self._current, ()):
                    if self._ended():
                        break  # what is still buffered is given back when the delivery is closed
                    self._give_back(table.nbytes)
                    self._hand_over(table)
            self._changed.notify_all()

    def _ended(self) -> bool:
        return self._closed or self._stopped()

    def _hand_over(self, table: Table) -> None:
        if not self._deliver(table):
            self._close()

    def close(self) -> None:
        """Drop what is buffered: nobody wants more."""
        with self._changed:
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._buffers.clear()
        self._give_back(self._buffered)
        self._changed.notify_all()

    def _give_back(self, size: int) -> None:
        self._buffered -= size
        self._memory.release(size)
