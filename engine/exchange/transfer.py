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
from .files import Missing
from .memory import MemoryAccount
from .ordered import Stopped
from .relay import Relay
from .store import BucketStore, OutputId

STREAMS = 4
"""Pages that one reader asks for at the same time."""
MOST_PAGES = 5
"""Pages that are on their way to one reader, or have come and wait for it: it may be slower than those it asks. They
are so few, and so small, that the allocator keeps the memory of those that were read for the next ones."""
FETCH = "volley_fetch"
CHECKED = "VOLLEY_EXCHANGE_CHECKSUMS"
"""Environment variable: where it is 1, senders add a checksum to every frame, which receivers compare."""


_Arrival: TypeAlias = tuple[Request, Any, int]
"""A request with a page of its answer, or what went wrong, and the page's bytes."""


class Exchange:
    """Gives and takes buckets.

    Parameters
    ----------
    address
        Of this process, whose own buckets need no message; empty where others cannot call it.
    parcels
        Whether to ask for rows as memory that they lie in, which this process's comm must carry.

    Attributes
    ----------
    served, pages
        Bytes and messages given to others.
    relay
        What this process reads with all others.
    unread
        Account of the bytes that have come, and that their readers have not taken yet.
    """

    def __init__(
        self, device: Device, store: BucketStore, calls: Calls, address: str, *, parcels: bool = False
    ) -> None:
        self.device, self.store, self.calls, self.address, self.parcels = device, store, calls, address, parcels
        self.served, self.pages = 0, 0
        self.relay = Relay(self)
        self.unread = MemoryAccount()
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
        as_they_lie = parcels and not checked
        read = partial(self.store.page, outputs, first, last, start, parcels=as_they_lie)
        try:
            if as_they_lie and self.device.account is None:  # few copies: less than another thread costs
                page = read()
            else:
                page = await asyncio.get_running_loop().run_in_executor(self._packers, read)
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
        inbox = _Inbox(self.calls.loop, self.unread, min(STREAMS, len(asked)))
        streams = [self._start(asked, inbox) for _ in range(inbox.expecting)]
        try:
            for request in here:
                yield from self._own(request)
            while inbox.expecting:
                if stopped():
                    raise Stopped
                arrival = inbox.next()
                if arrival is None:
                    continue
                request, answer, size = arrival
                frames, counts = self._answer(request, answer)
                if arrived is not None:
                    arrived(size)
                for frame, counted in zip(frames, counts, strict=True):
                    yield from _by_task(self.device.unpack(frame, schema), counted)
                inbox.taken(size)
        finally:
            for stream in streams:
                stream.cancel()
            inbox.close()

    def _own(self, request: Request) -> Iterator[tuple[int, Sequence[Table]]]:
        try:
            yield from self.store.tables(request.outputs, request.first, request.last)
        except Missing:
            raise RowsLost(self.address, "the rows were freed", gone=True) from None

    def _start(self, asked: deque[Request], inbox: _Inbox) -> Future[None]:
        """Let the loop ask for what is to be asked for, page by page while there is room."""

        async def stream() -> None:
            while asked:
                request, start = asked.popleft(), 0
                while start is not None:
                    await inbox.room.acquire()
                    try:
                        answer = await asyncio.wait_for(self._ask(request, start), ANSWER_SECONDS)
                    except BaseException as error:
                        inbox.put(request, error, 0)
                        raise
                    start = answer.get("following")
                    inbox.put(request, answer, sum(map(_size, answer.get("frames", ()))))
            inbox.end()

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


class _Inbox:
    """Pages that have come for one reader: put in on the loop while there is room, taken by the reader's thread.

    Attributes
    ----------
    room
        How many more pages may be on their way or wait here.
    expecting
        Streams that have not ended, as far as the reader has read.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, account: MemoryAccount, streams: int) -> None:
        self._loop, self._account, self.expecting = loop, account, streams
        self.room = asyncio.Semaphore(MOST_PAGES)
        self._pages: SimpleQueue[_Arrival | None] = SimpleQueue()
        self._held = 0
        self._closed = False
        self._lock = threading.Lock()

    def put(self, request: Request, answer: Any, size: int) -> None:
        """Take a page of so many bytes, or what went wrong."""
        with self._lock:
            if self._closed:
                return
            self._held += size
            self._account.reserve(size, "exchange")
            self._pages.put((request, answer, size))

    def end(self) -> None:
        """Say that a stream has ended."""
        self._pages.put(None)

    def next(self) -> _Arrival | None:
        """Return what has come; None where a stream has ended, or after waiting a moment."""
        try:
            arrival = self._pages.get(timeout=TURN_SECONDS)
        except Empty:
            return None
        if arrival is None:
            self.expecting -= 1
        return arrival

    def taken(self, size: int) -> None:
        """Make room: the rows of a page were taken."""
        self._give_back(size)
        self._loop.call_soon_threadsafe(self.room.release)

    def close(self) -> None:
        """Take no more pages, and forget those that have come."""
        with self._lock:
            self._closed = True
        self._give_back(self._held)

    def _give_back(self, size: int) -> None:
        with self._lock:
            self._held -= size
        self._account.release(size)


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
