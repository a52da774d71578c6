"""What stands on each worker: the exchange, reached by handlers of the worker's own server, and the tasks' function."""

from __future__ import annotations

import asyncio
import importlib.metadata
import logging
import platform
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any

from distributed import Nanny, Scheduler, Worker, get_worker
from distributed.diagnostics.plugin import NannyPlugin, SchedulerPlugin, WorkerPlugin
from distributed.protocol import Serialize

from ...exchange import BucketStore, OutputId
from ...exchange.relay import DIRECT
from ...exchange.transfer import FETCH, Exchange
from ...kernels.devices import open_device, register_serialization
from ...kernels.protocol import Device, PackedTables
from ...logs import configure_from_environment
from .assignment import Assignment, Report, Source, StagePlan
from .held_parts import HOLD, WORK, HeldParts
from .placement import SMALL_BYTES
from .reports import hasten, pass_on, send
from .sending import from_bytes
from .telemetry import SchedulerTelemetry, Telemetry
from .ucx import PREFIXES, wait_asleep
from .work import Bench, run

NAME = "volley"
ABOUT, STOP, FREE, PUT, REFUSE = "volley_about", "volley_stop", "volley_free", "volley_put", "volley_refuse"
_CONNECT_SECONDS = 5.0
_TURN = 0.02
_GONE_SECONDS = 60.0
"""How long the tasks of a client that is gone may take to end before what they write is removed."""
_SHARE = 0.4
"""Part of a worker's memory that outputs may take before they are spilled."""
_COMPARED = ("volley-engine", "pyarrow", "numpy", "numba", "pandas", "dask", "distributed")
_LOG = logging.getLogger("volley.task")
_LOG.addHandler(logging.NullHandler())  # who asked for the query is told of its failure


class Comms:
    """Messages over a server's or client's pool of Dask comms, whichever protocol they speak."""

    def __init__(self, owner: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._owner, self._loop = owner, loop

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The owner's event loop."""
        return self._loop

    async def call(self, address: str, operation: str, **message: Any) -> Any:
        """Send a message and return the answer."""
        from distributed.core import send_recv

        pool = self._owner.rpc
        comm = await pool.connect(address, timeout=_CONNECT_SECONDS)
        try:
            return await send_recv(comm, op=operation, **message)
        finally:
            pool.reuse(address, comm)

    def frame(self, packed: PackedTables) -> Any:
        """Return packed tables, or a parcel, as a frame that goes as it is."""
        try:
            return Serialize(memoryview(packed))
        except TypeError:  # a parcel, which is several buffers
            return Serialize(packed)


class VolleyWorkerPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed ships no types
    """Gives a worker its exchange; registered once, also with workers that come later."""

    name = NAME
    idempotent = True

    def __init__(self, device: str = "auto") -> None:
        self.device = device

    def setup(self, worker: Worker) -> None:
        """Open the device and answer messages."""
        limit = worker.memory_manager.memory_limit
        device = open_device(self.device)
        register_serialization(device)
        store = BucketStore(device, limit=int(limit * _SHARE) if limit else None, folder=worker.local_directory)
        comms = Comms(worker, worker.loop.asyncio_loop)
        exchange = Exchange(device, store, comms, worker.address, parcels=carries_parcels(worker.address, device))
        self.bench = Bench(device, exchange)
        self.parts = HeldParts(device, store, worker.address, worker.state.nthreads, self.bench.stopped)
        self.telemetry = Telemetry(exchange)
        self.telemetry.register()
        configure_from_environment()
        if worker.address.startswith(PREFIXES):
            wait_asleep()
        hasten(worker.batched_stream, 0.0)  # Dask's word that a task has ended would wait 2 ms, for its report's sake
        worker.handlers.update(self._handlers())

    def teardown(self, worker: Worker) -> None:
        """Let go of everything."""
        for operation in self._handlers():
            worker.handlers.pop(operation, None)
        self.telemetry.unregister()
        self.parts.free()
        self.bench.exchange.close()

    def _handlers(self) -> dict[str, Callable[..., Any]]:
        return {
            FETCH: self.bench.exchange.serve,
            DIRECT: self.bench.exchange.relay.direct,
            ABOUT: self.about,
            STOP: self.stop,
            FREE: self.free,
            PUT: self.put,
            REFUSE: self.refuse,
            HOLD: self.parts.hold,
            WORK: self.parts.work,
        }

    async def about(self) -> dict[str, Any]:
        """Answer with the versions that must agree, the device, and what has crossed its bus."""
        device = self.bench.device
        own = {"device": device.name, "account": device.account, "batch_rows": device.batch_rows}
        return {"versions": versions(), **own}

    async def refuse(self, parts: bytes) -> list[str | None]:
        """Answer why the device would leave each of some pickled parts of a plan to the CPU."""
        refusal = self.bench.device.refusal
        return [None if refusal is None else refusal(part) for part in from_bytes(parts)]

    async def stop(self, query: str, wait: float = 0.0) -> str:
        """Let a query's tasks end, waiting so many seconds for them, and forget its rows.

        Where the query is all those of a client, which is gone, what it was writing is removed, since it cannot.
        """
        self.bench.stop(query)
        self.bench.free(query)
        self.parts.free(query)
        loop = asyncio.get_running_loop()
        ends = loop.time() + wait
        while self.bench.works_on(query) and loop.time() < ends:
            await asyncio.sleep(_TURN)
        for sink in self.bench.forget_writes(query):
            if "/" not in query:
                await loop.run_in_executor(None, sink.abort)
        return "OK"

    async def free(self, query: str, stages: Sequence[int]) -> str:
        """Forget rows of stages that nobody reads any more."""
        for stage in stages:
            self.bench.free(query, stage)
        return "OK"

    async def put(self, output: Sequence[Any], frames: Sequence[PackedTables], schema: Any) -> list[int]:
        """Keep rows that the client has sent as the output of a task; answer with their number and bytes."""
        device = self.bench.device
        tables = [table for frame in frames for table in device.unpack(frame, schema)]
        self.bench.exchange.store.put(OutputId(*output), [tables])
        return [sum(table.num_rows for table in tables), sum(table.nbytes for table in tables)]


class VolleyNannyPlugin(NannyPlugin):  # type: ignore[misc]  # distributed ships no types
    """Lets what starts workers anew, and talks to them over UCX, sleep between their messages."""

    name = NAME
    idempotent = True

    def setup(self, nanny: Nanny) -> None:
        """Wait asleep from now on."""
        wait_asleep()


class VolleySchedulerPlugin(SchedulerPlugin):  # type: ignore[misc]  # distributed ships no types
    """Tells workers to forget the queries of a client that is gone."""

    name = NAME
    idempotent = True

    async def start(self, scheduler: Scheduler) -> None:
        """Let the scheduler pass on what workers report, without delay, and show what it has to do for Volley."""
        self.scheduler = scheduler
        if scheduler.address.startswith(PREFIXES):
            wait_asleep()
        pass_on(scheduler)
        for stream in scheduler.stream_comms.values():
            hasten(stream)
        with suppress(ImportError, ValueError):  # no library, or shown already
            from prometheus_client import REGISTRY

            REGISTRY.register(SchedulerTelemetry(scheduler))

    def add_worker(self, scheduler: Scheduler, worker: str) -> None:
        """Let messages to a new worker go without delay."""
        hasten(scheduler.stream_comms.get(worker))

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Stop its queries, whose names begin with the client's."""
        message = {"op": STOP, "query": client, "wait": _GONE_SECONDS, "reply": False}
        scheduler.loop.add_callback(scheduler.broadcast, msg=message, on_error="ignore")


def run_assignments(shared: bytes, own: bytes) -> list[Report]:
    """Run assignments one after the other, in their two pickled parts, on the worker whose thread calls.

    Those that come after one with much output are left to the client, which can then share them out.
    """
    worker = get_worker()
    plugin = worker.plugins[NAME]
    ticket, tasks = from_bytes(own)
    reports: list[Report] = []
    for (plan, sources), (task, attempt, units) in zip(_shared(shared), tasks, strict=True):
        if reports and sum(reports[-1].bytes) > SMALL_BYTES:
            break
        assigned = Assignment(plan=plan, task=task, attempt=attempt, units=units, sources=sources)
        if plan.repeated:
            make = partial(_told, plugin, assigned)
            reports.append(plugin.bench.shared(plan.query, plan.stage.number, f"attempt {attempt}", make))
        else:
            reports.append(_told(plugin, assigned))
    send(worker, plan.query, ticket, reports)
    return reports


def _told(plugin: VolleyWorkerPlugin, assigned: Assignment) -> Report:
    """Run an assignment, and tell of it."""
    plan = assigned.plan
    told = {"query": plan.query, "stage": plan.stage.number, "sink": plan.title}
    told |= {"task": assigned.task, "attempt": assigned.attempt}
    try:
        report = run(plugin.bench, assigned)
    except BaseException as error:
        plugin.telemetry.count(plan.title, None)
        _LOG.warning("task failed", extra={**told, "error": f"{type(error).__name__}: {error}"})
        raise
    plugin.telemetry.count(plan.title, report)
    made = {"rows": sum(report.rows), "bytes": sum(report.bytes), "received": report.received}
    _LOG.debug("task ended", extra={**told, **made, "seconds": round(report.seconds, 6)})
    return report


@lru_cache(maxsize=8)
def _shared(packed: bytes) -> list[tuple[StagePlan, dict[int, Source]]]:
    """Return what tasks of a stage share, unpickled once."""
    shared: list[tuple[StagePlan, dict[int, Source]]] = from_bytes(packed)
    return shared


def carries_parcels(address: str, device: Device) -> bool:
    """Whether messages to an address may carry tables as they lie in memory: that of a GPU only over UCX."""
    return device.name == "cpu" or (device.name == "gpu" and address.startswith(PREFIXES))


def versions() -> dict[str, str]:
    """Return the versions that client and workers must share."""
    found = {"python": platform.python_version()}
    for name in _COMPARED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return found
