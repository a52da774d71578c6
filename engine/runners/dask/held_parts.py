"""Parts of a result on the worker that made it; messages ask for work on them, which a thread of each part does.

Not tasks of Dask: the parts of one fit wait for each other, so that all must run at once however busy the workers are,
and an optimiser's hundred passes must not cost a hundred rounds through the scheduler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from distributed.protocol import pickle

from ...exchange import BucketStore, OutputId, belongs
from ...kernels.protocol import Device
from ..parts import Part, PartsLost
from .sending import from_bytes

HOLD, WORK = "volley_hold", "volley_work"


class HeldParts:
    """The parts that a worker holds, by query; each has a thread of its own.

    Parameters
    ----------
    address
        The worker's.
    stopped
        Says whether a query was stopped.
    """

    def __init__(
        self, device: Device, store: BucketStore, address: str, threads: int, stopped: Callable[[str], bool]
    ) -> None:
        self._device, self._store, self._threads, self._stopped = device, store, threads, stopped
        self._host = address.partition("://")[2].rpartition(":")[0].strip("[]")
        self._held: dict[str, tuple[Part, ThreadPoolExecutor]] = {}

    async def hold(self, query: str, outputs: Sequence[Sequence[Any]], number: int, count: int) -> str:
        """Make a part of what tasks have left here."""
        part = Part(
            number=number,
            count=count,
            threads=self._threads,
            host=self._host,
            device=self._device if self._resident else None,
            stopped=lambda: self._stopped(query),
        )
        thread = ThreadPoolExecutor(1, thread_name_prefix="volley-part")
        self._held[query] = part, thread
        made = [OutputId(query, *output) for output in outputs]
        part.tables = await asyncio.get_running_loop().run_in_executor(thread, self._tables, made)
        return "OK"

    async def work(self, query: str, call: bytes) -> bytes:
        """Call a pickled function on the part, and return its pickled result, or what it raised."""
        held = self._held.get(query)
        if held is None:
            return bytes(pickle.dumps((False, PartsLost("the rows were freed"))))
        part, thread = held
        answer: bytes = await asyncio.get_running_loop().run_in_executor(thread, _called, part, call)
        return answer

    def free(self, query: str | None = None) -> None:
        """Let go of a query's part, of those of all queries of a client, or of all."""
        for held in [held for held in list(self._held) if query is None or belongs(held, query)]:
            part, thread = self._held.pop(held)
            thread.shutdown(wait=False)
            part.tables.clear()
            part.kept.clear()

    def _tables(self, outputs: Sequence[OutputId]) -> list[Any]:
        found = self._store.tables(outputs, 0, 1)
        tables = (table for _, tables in found for table in tables)
        return list(tables) if self._resident else [self._device.to_arrow(table) for table in tables]

    @property
    def _resident(self) -> bool:
        """Whether the rows stay in the memory of a device of its own."""
        return self._device.account is not None


def _called(part: Part, call: bytes) -> bytes:
    try:
        function, args = from_bytes(call)
        return bytes(pickle.dumps((True, function(part, *args))))
    except Exception as error:  # noqa: BLE001 - raised again where it was asked for
        return bytes(pickle.dumps((False, error)))
