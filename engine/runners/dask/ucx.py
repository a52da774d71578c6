"""How processes of a cluster wait for messages over UCX: asleep, until UCX says that something has happened.

UCXX, as Dask's comm starts it, asks for every message again and again whether it has come, with `asyncio.sleep(0)`
between: each process of an idle cluster takes a whole core. Its other way, a thread that completes Python futures,
knows one event loop of a process only, and its threads do not always end or begin when a comm does. So here a loop
watches the file descriptor by which UCX wakes it, and what waits for messages looks once UCX has moved on. It is one
loop for all clients and clusters of a process: UCXX does not bear that one closes a connection while another moves on.

Nor does it bear that by another thread, or from within UCX, where Python's collector may run at any moment; and what
it collects it closes, while UCX moves on until that is done. So what ends a connection is left to the loop.

Nothing is changed where the environment says how UCXX is to wait (``UCXPY_PROGRESS_MODE``).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import lru_cache
from importlib import import_module
from types import SimpleNamespace
from typing import Any

from distributed.utils import LoopRunner

PREFIXES = ("ucx://", "ucxx://")
_TURNS = 16
"""How often one step of the loop looks for more before it lets others run."""
_SOON = 0.001
"""Seconds until the next look where UCX has more to do."""
_SWEEP = 0.05
"""Seconds after which everything is looked at in any case: what closes a connection moves on others' messages too."""
_CLOSE_NANOSECONDS = 10**10
"""How long UCXX may take to close a connection, as it does itself."""
_loops: dict[asyncio.AbstractEventLoop, Progress] = {}


class Progress:
    """Moves UCX on for one event loop, and wakes what waits for it there.

    Attributes
    ----------
    waiting
        What is to be woken.
    """

    def __init__(self, worker: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._worker, self._loop = worker, loop
        self.waiting: set[asyncio.Future[None]] = set()
        self._due = False
        for known in [known for known in _loops if known.is_closed()]:
            del _loops[known]
        if loop in _loops:  # UCXX forgets what it has begun when no connection is left; what waits goes on doing so
            self.waiting = _loops[loop].waiting
        _loops[loop] = self
        worker.init_blocking_progress_mode()
        loop.add_reader(worker.epoll_file_descriptor, self._step)
        self._sweep()

    async def moved_on(self) -> None:
        """Wait until UCX may have completed something."""
        future = self._loop.create_future()
        self.waiting.add(future)
        self._plan_step()  # what was just begun may need it, and must be looked at before UCX wakes this loop for it
        try:
            await future
        finally:
            self.waiting.discard(future)

    def wake(self) -> None:
        """Let everything that waits look again."""
        for future in self.waiting:
            if not future.done():
                future.set_result(None)

    def _plan_step(self, seconds: float = 0.0) -> None:
        if not self._due:
            self._due = True
            self._loop.call_later(seconds, self._planned_step)

    def _planned_step(self) -> None:
        self._due = False
        self._step()

    def _step(self) -> None:
        """Move UCX on as far as it goes, and ask it to wake this loop when there is more."""
        moved = armed = False
        for _ in range(_TURNS):
            while self._worker.progress_once():
                moved = True
            self._worker.progress()  # and cancel what is to be cancelled
            armed = self._worker.arm()
            if armed:
                break
        if moved:
            self.wake()
        if not armed:
            self._plan_step(_SOON)

    def _sweep(self) -> None:
        if _loops.get(self._loop) is not self:
            return
        self._step()
        self.wake()
        self._loop.call_later(_SWEEP, self._sweep)


def loop_for(address: str) -> Any:
    """Return the loop that is to talk to an address, or over a protocol; None where that may be any."""
    if not address.startswith(PREFIXES):
        return None
    wait_asleep()
    return _runner().loop


@lru_cache(maxsize=1)
def _runner() -> Any:
    """Return what runs the loop for as long as this process lives."""
    runner = LoopRunner()
    runner.start()
    return runner


def wait_asleep() -> None:
    """Let this process wait so, on every loop that has UCX or will have it; called on the loop that has, if one has."""
    if "UCXPY_PROGRESS_MODE" in os.environ:
        return
    libucxx: Any = import_module("ucxx._lib.libucxx")
    application_context: Any = import_module("ucxx._lib_async.application_context")
    if application_context.BlockingMode is Progress:
        return
    application_context.BlockingMode = Progress
    _close_on_the_loop(application_context)
    libucxx.asyncio = SimpleNamespace(**{**vars(asyncio), "sleep": _sleep})
    with suppress(RuntimeError):  # no loop runs here: nothing has begun yet
        loop = asyncio.get_running_loop()
        begun = application_context.ProgressTasks.get(loop)
        if begun is not None:
            loop.remove_reader(begun.worker.epoll_file_descriptor)
            begun.arm_task.cancel()
            begun.progress_task.cancel()
            application_context.ProgressTasks[loop] = Progress(begun.worker, loop)


def _close_on_the_loop(application_context: Any) -> None:
    """Let connections that are collected, or do not come about, end on the loop that moves UCX on."""
    endpoint: Any = import_module("ucxx._lib_async.endpoint")
    listener: Any = import_module("ucxx._lib_async.listener")
    for module in (endpoint, import_module("distributed_ucxx.ucxx")):
        names = vars(module)
        names["_finalizer"] = _on_the_loop(names["_finalizer"])
    for module in (application_context, listener):
        module.exchange_peer_info = _closing(module.exchange_peer_info)


def _on_the_loop(end: Callable[..., None]) -> Callable[..., None]:
    """Return what lets a function be called soon by the loop that moves UCX on; at once where there is none."""

    def soon(*arguments: Any) -> None:
        for loop in [known for known in list(_loops) if known.is_running()]:  # a copy: its thread may add one
            with suppress(RuntimeError):  # it was closed just now
                loop.call_soon_threadsafe(end, *arguments)
                return
        end(*arguments)

    return soon


def _closing(exchange: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the first exchange with a peer, closing what fails: else whoever collects the traceback would do so."""

    async def exchanged(*, endpoint: Any, **options: Any) -> Any:
        try:
            return await exchange(endpoint=endpoint, **options)
        except (Exception, asyncio.CancelledError):
            endpoint.close_blocking(period=_CLOSE_NANOSECONDS, max_attempts=1)
            raise

    return exchanged


async def _sleep(_seconds: float) -> None:
    """Stand in for `asyncio.sleep` where UCXX asks again and again."""
    progress = _loops.get(asyncio.get_running_loop())
    if progress is None:
        await asyncio.sleep(0)
    else:
        await progress.moved_on()
