"""Buckets on their way between processes: a reader asks those who made them for pages, a few at a time.

What carries the messages is given from outside: `Calls` names an address and an operation, so that this works over any
of Dask's comms. A reader has at most `MOST_PAGES` that it has not read, which bounds what its process receives.
"""

from __future__ import annotations

import asyncio
import os
import threading
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias

from ..errors import ExecutionError
from ..kernels.protocol import Device, Table
from ..schema import Schema
from .calls import ANSWER_SECONDS, TURN_SECONDS, Calls, Request, RowsLost
from .ordered import Stopped
from .relay import Relay
from .store import BucketStore, Missing, OutputId

STREAMS = 4
"""Pages that one reader asks for at the same time."""
MOST_PAGES = 8
"""Pages that are on their way to one reader, or have come and wait for it: it may be slower than those it asks."""
FETCH = "volley_fetch"
CHECKED = "VOLLEY_EXCHANGE_CHECKSUMS"
"""Environment variable: where it is 1, senders add a checksum to every frame, which receivers compare."""


_Arrival: TypeAlias = "tuple[Request, Any] | None"
"""A request with a page of its answer, or with what went wrong; None where a stream has ended."""


class Exchange:
    """Gives and takes buckets.

    Parameters
    ----------
    address
        Of this process, whose own buckets need no message; empty where others cannot call it.
    parcels
        Whether to ask for rows as memory that they lie in, which this process's comm must carry.
    """

    def __init__(
        self, device: Device, store: BucketStore, calls: Calls, address: str, *, parcels: bool = False
    ) -> None:
        self.device, self.store, self.calls, self.address, self.parcels = device, store, calls, address, parcels
        self.served, self.pages = 0, 0
        self.relay = Relay(self)
        self._packers = ThreadPoolExecutor(2, thread_name_prefix="volley-pack")
        self._lock = threading.Lock()

    def free(self, query: str, stage: int | None = None) -> None:
        """Forget the outputs of a query, or of one of its stages; or of all queries of a client."""
        self.relay.free(query, stage)
        self.store.free(query, stage)

    def close(self) -> None:
        """Free everything."""
        self._packers.shutdown(wait=False, cancel_futures=True)
        self.store.close()

    async def serve(
        self,
        *,
        query: str,
        stage: int,
        tasks: Sequence[Sequence[int]],
        first: int,
        last: int,
        start: int = 0,
        parcels: bool = False,
    ) -> dict[str, Any]:
        """Answer a request for a page."""
        outputs = [OutputId(query, stage, task, attempt) for task, attempt in tasks]
        checked = os.environ.get(CHECKED) == "1"  # for which rows must be bytes on the host
        running = asyncio.get_running_loop()
        try:  # packing may copy rows: not on the thread that carries all messages
            read = partial(self.store.page, outputs, first, last, start, parcels=parcels and not checked)
            page = await running.run_in_executor(self._packers, read)
        except Missing:
            return {"status": "missing"}
        sums = [zlib.crc32(frame) for frame in page.frames] if checked else []
        self.pages += 1  # on the loop's thread alone
        self.served += sum(_size(frame) for frame in page.frames)
        return {
            "status": "OK",
            # The first frame of a message may be received behind its head, at any address; the others have their own.
            "lead": self.calls.frame(bytearray(8)),
            "frames": [self.calls.frame(frame) for frame in page.frames],
            "counts": page.counts,
            "following": page.following,
            "sums": sums,
        }

    def fetch(
        self,
        requests: Sequence[Request],
        schema: Schema,
        stopped: Callable[[], bool],
        arrived: Callable[[int], None] | None = None,
        *,
        relayed: bool = False,
    ) -> Iterator[tuple[int, Sequence[Table]]]:
        """Yield task and tables of what is asked for, in no order between tasks; ``arrived`` is told of bytes.

        Where it is ``relayed``, all workers read the same: they may have it from each other.

        Raises
        ------
        RowsLost
            Where a worker does not answer or does not have them.
        Stopped
            Where ``stopped`` says so while waiting.
        """
        here = [request for request in requests if request.worker in ("", self.address)]
        there = [request for request in requests if request.worker not in ("", self.address)]
        if relayed:
            for request in there:
                yield from self.relay.fetch(request, schema, stopped, arrived)
            there = []
        asked = deque(part for request in there for part in _shared_out(request, -(-STREAMS // len(there))))
        pages: SimpleQueue[_Arrival] = SimpleQueue()
        room = _Room(MOST_PAGES, self.calls.loop)
        streams = [self._start(asked, room, pages) for _ in range(min(STREAMS, len(asked)))]
        left = len(streams)
        try:
            for request in here:
                yield from self._own(request)
            while left:
                if stopped():
                    raise Stopped
                try:
                    arrival = pages.get(timeout=TURN_SECONDS)
                except Empty:
                    continue
                if arrival is None:
                    left -= 1
                    continue
                frames, counts = self._answer(*arrival)
                if arrived is not None:
                    arrived(sum(_size(frame) for frame in frames))
                for frame, counted in zip(frames, counts, strict=True):
                    yield from _by_task(self.device.unpack(frame, schema), counted)
                room.give_back()
        finally:
            for stream in streams:
                stream.cancel()

    def _own(self, request: Request) -> Iterator[tuple[int, Sequence[Table]]]:
        try:
            yield from self.store.tables(request.outputs, request.first, request.last)
        except Missing:
            raise RowsLost(self.address, "the rows were freed", gone=True) from None

    def _start(self, asked: deque[Request], room: _Room, pages: SimpleQueue[_Arrival]) -> Future[None]:
        """Let the loop ask for what is to be asked for, page by page while there is room, and put it into ``pages``."""

        async def stream() -> None:
            while asked:
                request, start = asked.popleft(), 0
                while start is not None:
                    await room.taken()
                    try:
                        answer = await asyncio.wait_for(self._ask(request, start), ANSWER_SECONDS)
                    except BaseException as error:
                        pages.put((request, error))
                        raise
                    start = answer.get("following")
                    pages.put((request, answer))
            pages.put(None)

        return asyncio.run_coroutine_threadsafe(stream(), self.calls.loop)

    def _ask(self, request: Request, start: int) -> Awaitable[Any]:
        return self.calls.call(
            request.worker,
            FETCH,
            query=request.query,
            stage=request.stage,
            tasks=request.tasks,
            first=request.first,
            last=request.last,
            start=start,
            parcels=self.parcels,
        )

    def _answer(self, request: Request, answer: Any) -> tuple[Any, Any]:
        """Return the frames of an answer, and what is counted of them."""
        if isinstance(answer, BaseException):
            if isinstance(answer, OSError | TimeoutError):  # every error of a comm is one of these
                raise RowsLost(request.worker, str(answer) or type(answer).__name__) from answer
            raise answer
        if answer["status"] != "OK":
            raise RowsLost(request.worker, "it does not have the rows", gone=True)
        frames = answer["frames"]
        for frame, expected in zip(frames, answer["sums"], strict=bool(answer["sums"])):
            if zlib.crc32(frame) != expected:
                raise ExecutionError(f"rows from {request.worker} arrived changed: the network or its memory is faulty")
        return frames, answer["counts"]


class _Room:
    """How many more pages may be on their way or wait to be read; taken on the loop, given back by the reader."""

    def __init__(self, pages: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._free = asyncio.Semaphore(pages)

    async def taken(self) -> None:
        """Take room for a page, when there is some."""
        await self._free.acquire()

    def give_back(self) -> None:
        """Give back that of a page that was read."""
        self._loop.call_soon_threadsafe(self._free.release)


def _size(frame: Any) -> int:
    """Return the bytes of a frame: a parcel knows its own, and spilled tables are bytes in any case."""
    own = getattr(frame, "nbytes", None)
    return int(own) if own is not None else memoryview(frame).nbytes


def _shared_out(request: Request, parts: int) -> Iterator[Request]:
    """Yield a request as several of neighbouring tasks, so that one is packed while another is on its way."""
    size = -(-len(request.tasks) // max(1, parts))
    for start in range(0, len(request.tasks), size):
        tasks = request.tasks[start : start + size]
        yield Request(request.worker, request.query, request.stage, tasks, request.first, request.last)


def _by_task(tables: Sequence[Table], counted: Sequence[Sequence[int]]) -> Iterator[tuple[int, Sequence[Table]]]:
    start = 0
    for task, number in counted:
        yield task, tables[start : start + number]
        start += number
