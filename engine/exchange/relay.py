"""Outputs that every worker reads travel as a tree: who has taken a copy gives it on, so that no link carries them all.

Nobody plans the tree. A reader asks the worker that made the rows whom to take them from; that one names itself to the
first `FANOUT` and sends others on to these, who do the same. Where a worker on the way dies, its readers ask the first
one again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from ..kernels.protocol import Table
from ..schema import Schema
from .calls import ANSWER_SECONDS, TURN_SECONDS, Request, RowsLost
from .files import Missing
from .ordered import Stopped
from .store import OutputId, belongs

if TYPE_CHECKING:
    from .transfer import Exchange

FANOUT = 4
"""How many readers take a copy from the same worker."""
DIRECT = "volley_direct"

_Key: TypeAlias = tuple[str, int, tuple[tuple[int, int], ...]]


class Relay:
    """The copies that one worker has taken, or is taking, and who takes them from it.

    Attributes
    ----------
    taken
        How many it has taken.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._readers: dict[_Key, list[str]] = {}
        self._sent_on: dict[_Key, int] = {}
        self._coming: dict[_Key, Future[bool]] = {}
        self._lock = Lock()
        self.taken = 0

    async def direct(
        self, *, query: str, stage: int, tasks: Sequence[Sequence[int]], reader: str, without: Sequence[str]
    ) -> dict[str, Any]:
        """Answer a reader with the worker that it takes all buckets of some tasks from; not those that it has tried."""
        key = query, stage, tuple((task, attempt) for task, attempt in tasks)
        with self._lock:
            readers = self._readers.setdefault(key, [])
            readers[:] = [known for known in readers if known not in without]
            if reader not in readers:
                if len(readers) >= FANOUT:
                    self._sent_on[key] = self._sent_on.get(key, 0) + 1
                    return {"status": "OK", "worker": readers[self._sent_on[key] % len(readers)]}
                readers.append(reader)
            coming = self._coming.get(key)
        if coming is not None:
            await asyncio.wrap_future(coming)
        if not self._exchange.store.has(_outputs(key)):
            return {"status": "missing"}
        return {"status": "OK", "worker": self._exchange.address}

    def fetch(
        self,
        request: Request,
        schema: Schema,
        stopped: Callable[[], bool],
        arrived: Callable[[int], None] | None,
    ) -> Iterator[tuple[int, Sequence[Table]]]:
        """Yield task and tables of all buckets that are asked for, from a copy of this worker's own."""
        key = request.query, request.stage, request.tasks
        while True:
            with self._lock:
                if self._exchange.store.has(request.outputs):
                    break
                coming = self._coming.get(key)
                mine: Future[bool] | None = Future() if coming is None else None
                if mine is not None:
                    self._coming[key] = mine
            if coming is not None:
                _waited(coming, stopped)
            elif mine is not None:
                try:
                    self._take(request, schema, stopped, arrived)
                finally:
                    with self._lock:
                        self._coming.pop(key, None)
                    mine.set_result(True)
        try:
            yield from self._exchange.store.tables(request.outputs, request.first, request.last)
        except Missing:
            raise Stopped from None  # freed while it was read: nobody wants the query's rows any more

    def free(self, query: str, stage: int | None = None) -> None:
        """Forget who reads the outputs of a query, of one of its stages, or of all queries of a client."""
        with self._lock:
            for known in (self._readers, self._sent_on):
                for key in [key for key in known if belongs(key[0], query) and stage in (None, key[1])]:
                    del known[key]

    def _take(
        self,
        request: Request,
        schema: Schema,
        stopped: Callable[[], bool],
        arrived: Callable[[int], None] | None,
    ) -> None:
        """Put a copy of what is asked for into this worker's store."""
        tried: list[str] = []
        at = request.worker
        found: dict[int, list[Table]] | None = None
        while found is None:
            asked = replace(request, worker=at)
            try:
                there = self._directed(asked, tried, stopped)
                if there != at:
                    at = there
                    continue
                found = {task: [] for task, _ in request.tasks}
                for task, tables in self._exchange.fetch([asked], schema, stopped, arrived):
                    found[task] += tables
            except RowsLost:
                if at == request.worker:
                    raise
                tried.append(at)
                at, found = request.worker, None
        for output in request.outputs:
            self._exchange.store.put(output, [found[output.task]])
        self.taken += 1

    def _directed(self, request: Request, tried: Sequence[str], stopped: Callable[[], bool]) -> str:
        """Return whom a worker names to take a copy from."""
        answering: Awaitable[Any] = self._exchange.calls.call(
            request.worker,
            DIRECT,
            query=request.query,
            stage=request.stage,
            tasks=request.tasks,
            reader=self._exchange.address,
            without=list(tried),
        )
        asked = asyncio.run_coroutine_threadsafe(asyncio.wait_for(answering, ANSWER_SECONDS), self._exchange.calls.loop)
        try:
            answer = _waited(asked, stopped)
        except (OSError, TimeoutError) as error:
            raise RowsLost(request.worker, str(error) or type(error).__name__) from error
        if answer["status"] != "OK":
            raise RowsLost(request.worker, "it does not have the rows", gone=True)
        return str(answer["worker"])


def _outputs(key: _Key) -> list[OutputId]:
    query, stage, tasks = key
    return [OutputId(query, stage, task, attempt) for task, attempt in tasks]


def _waited(future: Future[Any], stopped: Callable[[], bool]) -> Any:
    """Return what a future comes to; raises `Stopped` where nobody wants it any more."""
    while not future.done():
        if stopped():
            future.cancel()
            raise Stopped
        wait((future,), timeout=TURN_SECONDS)
    return future.result()
