"""What readers of buckets ask of other processes, and what carries their messages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, Protocol

from ..kernels.protocol import PackedTables
from ..records import dataclass
from .store import OutputId

ANSWER_SECONDS = 60.0
"""How long an answer may take before the one who was asked counts as lost for the attempt."""
TURN_SECONDS = 0.1
"""How often who waits looks whether the query was stopped."""


class RowsLost(Exception):  # a signal to the query's coordinator, not an error for users
    """Rows that a task needs cannot be had from the worker that made them.

    Attributes
    ----------
    worker
        Address that was asked.
    gone
        Whether it answered that it does not have them, rather than not at all.
    """

    def __init__(self, worker: str, reason: str, *, gone: bool = False) -> None:
        super().__init__(f"{worker}: {reason}")
        self.worker, self.reason, self.gone = worker, reason, gone

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rows_lost, (self.worker, self.reason, self.gone))


def _rows_lost(worker: str, reason: str, gone: bool) -> RowsLost:  # noqa: FBT001 - called by pickle, by position
    return RowsLost(worker, reason, gone=gone)


@dataclass(frozen=True, slots=True)
class Request:
    """Buckets ``first`` up to, not including, ``last`` of some tasks' outputs, all on one worker.

    Without a name it is the one that asks.
    """

    worker: str
    query: str
    stage: int
    tasks: tuple[tuple[int, int], ...]
    first: int
    last: int

    @property
    def outputs(self) -> list[OutputId]:
        """The outputs, by task and attempt."""
        return [OutputId(self.query, self.stage, task, attempt) for task, attempt in self.tasks]


class Calls(Protocol):
    """Carries messages to other processes."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop on which messages are sent."""
        ...

    def call(self, address: str, operation: str, **message: Any) -> Awaitable[Any]:
        """Send a message and return the answer; raises `OSError` where there is none."""
        ...

    def frame(self, packed: PackedTables) -> Any:
        """Return packed tables as part of a message that is not copied or pickled."""
        ...
