"""A Dask cluster as a session sees it: connected to when first used, checked, and closed if the session started it."""

from __future__ import annotations

import atexit
import re
import time
import weakref
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from threading import Lock
from typing import Any

from distributed import Client, Security

from ...errors import ConfigError, TemporaryFailure
from ...exchange import BucketStore
from ...exchange.transfer import Exchange
from ...kernels.devices import is_remote, register_serialization
from ...kernels.protocol import Device, PackedTables
from ...kernels.remote import DeviceDescription
from ...kernels.sharing import Account
from ...kernels.specs import Computed
from .kubernetes import NAMED, scheduler_address
from .launch import ClusterSettings, gpu_protocol, start_cluster
from .placement import Slots
from .plugin import (
    ABOUT,
    FREE,
    PUT,
    REFUSE,
    STOP,
    Comms,
    VolleyNannyPlugin,
    VolleySchedulerPlugin,
    VolleyWorkerPlugin,
    versions,
)
from .sending import to_bytes
from .ucx import PREFIXES, loop_for
from .waiting import SCHEDULER_LOST, answering, waiting_seconds

_LOCAL = re.compile(r"local(?::([1-9]\d*))?")
_LOCAL_GPU = re.compile(r"local-gpu(?::(\d+(?:,\d+)*))?")
_HALT_SECONDS = 10.0
_TURN = 0.05
_ADDRESS = re.compile(r"(tcp|tls|ucx|ucxx|inproc)://\S+")


class Cluster:
    """Workers that run plans.

    Parameters
    ----------
    where
        ``"local"`` or ``"local:4"`` for worker processes on this machine, ``"local-gpu"`` or ``"local-gpu:0,1"`` for
        one process for each of its GPUs, the address of a scheduler (``"tcp://host:8786"``, ``"tls://…"``, ``"ucx://…"``),
        ``"kubernetes:NAME"`` or ``"kubernetes:NAMESPACE/NAME"`` for a DaskCluster, or a ``distributed.Client``, which
        stays open.
    device
        The session's, which must be the workers'.
    threads
        Threads for each worker of a cluster started here.

    Raises
    ------
    ConfigError
        Where ``where`` is none of these, or the workers cannot run this version of Volley.
    """

    def __init__(self, where: Any, device: Device, *, threads: int | None = None) -> None:
        given = isinstance(where, Client)
        known = (_LOCAL, _LOCAL_GPU, _ADDRESS, NAMED)
        if not given and not (isinstance(where, str) and any(pattern.fullmatch(where) for pattern in known)):
            raise ConfigError(
                f"cluster={where!r} is no cluster; give 'local', 'local:4', 'local-gpu', a scheduler's address such as "
                "'tcp://host:8786', 'kubernetes:NAME' for a DaskCluster, or a distributed.Client"
            )
        if not given and _LOCAL_GPU.fullmatch(where) and device.account is None:
            raise ConfigError(f"cluster={where!r} has workers on GPUs; leave device out, or use device='gpu'")
        self.where, self.device, self.threads = where, device, threads
        self._client: Client | None = None
        self._started = ExitStack()
        self._exchange: Exchange | None = None
        self._described: DeviceDescription | None = None
        self._stream: Any = None
        self._lock = Lock()
        atexit.register(_close, weakref.ref(self))  # a program may end without having closed its session

    @property
    def client(self) -> Client:
        """The client, connected, with Volley ready on all workers."""
        with self._lock:
            if self._client is None or not _is_connected(self._client):
                self._connect()
            assert self._client is not None
            stream = self._client.scheduler_comm
            if stream is not None and stream is not self._stream:  # connected again, and maybe to another scheduler
                _prepare(self._client, self.device)
                self._stream = stream
            return self._client

    @property
    def exchange(self) -> Exchange:
        """What fetches rows from workers to this process."""
        client = self.client
        if self._exchange is None:
            comms = Comms(client, client.loop.asyncio_loop)
            parcels = self.device.name == "cpu"
            self._exchange = Exchange(self.device, BucketStore(self.device), comms, "", parcels=parcels)
        return self._exchange

    @property
    def device_description(self) -> DeviceDescription:
        """What the workers compute with."""
        if self._described is None:
            client = self.client
            with answering(client):
                answers = client.sync(client.scheduler.broadcast, msg={"op": ABOUT})
            one = next(iter(answers.values()), None)
            if one is None:
                raise TemporaryFailure("the cluster has no workers, whose device must be known to plan for it")
            self._described = DeviceDescription(name=one["device"], batch_rows=one["batch_rows"])
        return self._described

    def refusals(self, parts: Sequence[Computed]) -> Sequence[str | None]:
        """Return why the device of the workers leaves parts of a plan to the CPU."""
        client, calls = self.client, self.exchange.calls
        with answering(client):
            worker = next(iter(client.nthreads()), None)
            if worker is None:
                raise TemporaryFailure("the cluster has no workers, whose device must be asked to plan for it")
            found: Sequence[str | None] = client.sync(calls.call, worker, REFUSE, parts=to_bytes(list(parts)))
        return found

    def slots(self) -> Slots:
        """Return how many workers and threads there are now."""
        client = self.client
        with answering(client):
            threads = client.nthreads()
        return Slots(max(1, len(threads)), max(1, sum(threads.values())))

    def put(self, worker: str, output: Any, frames: list[PackedTables], schema: Any) -> Any:
        """Send rows to a worker as the output of a task; returns their number and bytes."""
        comms = self.exchange.calls
        return self.client.sync(
            comms.call, worker, PUT, output=output, frames=[comms.frame(frame) for frame in frames], schema=schema
        )

    def accounts(self) -> dict[str, Account]:
        """Return what has crossed the bus of each worker's device until now; nothing for those without one."""
        if self.device.account is None:
            return {}
        client = self.client
        with answering(client):
            answers = client.sync(client.scheduler.broadcast, msg={"op": ABOUT}, on_error="ignore")
        return {worker: answer["account"] for worker, answer in answers.items() if isinstance(answer, dict)}

    def forget(self, query: str, stages: Sequence[int] = ()) -> None:
        """Let workers end a query's tasks and forget its rows; with ``stages``, only the rows of those."""
        message = {"op": FREE, "query": query, "stages": list(stages)} if stages else {"op": STOP, "query": query}
        client = self._client
        if client is None or client.status != "running":  # nobody is left who could be told
            return

        async def tell() -> None:
            with suppress(TemporaryFailure), answering(client):  # workers forget by themselves what a lost client left
                await client.scheduler.broadcast(msg=message, on_error="ignore")

        client.loop.add_callback(tell)

    def halt(self, query: str) -> None:
        """Let workers end a query's tasks, and wait until they have, but not for long."""
        message = {"op": STOP, "query": query, "wait": _HALT_SECONDS}
        client = self._client
        if client is None or client.status != "running":
            return
        with suppress(TemporaryFailure), answering(client):
            client.sync(client.scheduler.broadcast, msg=message, on_error="ignore", callback_timeout=2 * _HALT_SECONDS)

    def close(self) -> None:
        """Disconnect, and end the workers that were started here."""
        with self._lock:
            if self._exchange is not None:
                self._exchange.close()
            if self._client is not None and self._client is not self.where:
                self._client.close()
            self._started.close()
            self._client = self._exchange = None

    def _connect(self) -> None:
        if isinstance(self.where, Client):
            client = self.where
            if client.status in ("closed", "closing"):
                raise ConfigError("the distributed.Client that the session was given is closed; give it an open one")
        elif _LOCAL.fullmatch(self.where) or _LOCAL_GPU.fullmatch(self.where):
            settings = _settings(self.where, self.threads or 1)
            started = self._started.enter_context(start_cluster(settings))
            client = Client(started, set_as_default=False)
        else:
            address = scheduler_address(self.where) if NAMED.fullmatch(self.where) else self.where
            if address.startswith("tls:") and Security().get_connection_args("client").get("ssl_context") is None:
                raise ConfigError(
                    f"{address} needs certificates: set distributed.comm.tls.ca-file, client.cert and client.key in "
                    "Dask's configuration, or give a distributed.Client"
                )
            options = {"timeout": waiting_seconds("connect"), "set_as_default": False, "loop": loop_for(address)}
            try:
                client = Client(address, **options)
            except (OSError, TimeoutError) as error:
                raise TemporaryFailure(f"no Dask scheduler answers at {address}: {error}") from error
        try:
            _prepare(client, self.device)
        except BaseException:
            if client is not self.where:
                client.close()
            self._started.close()
            raise
        self._client, self._exchange, self._stream = client, None, client.scheduler_comm


def _is_connected(client: Client) -> bool:
    """Whether a client has its scheduler, after waiting for one that has lost it and tries to find it again.

    Raises
    ------
    TemporaryFailure
        Where it neither finds it nor gives up.
    """
    ends = time.monotonic() + waiting_seconds("connect") + waiting_seconds("patience")
    while client.status in ("connecting", "closing"):
        if time.monotonic() > ends:
            raise TemporaryFailure(SCHEDULER_LOST)
        time.sleep(_TURN)
    return bool(client.status == "running")


def _close(cluster: weakref.ref[Cluster]) -> None:
    known = cluster()
    if known is not None:
        known.close()


def _settings(where: str, threads: int) -> ClusterSettings:
    """Return what to start on this machine."""
    if (gpus := _LOCAL_GPU.fullmatch(where)) is not None:
        return ClusterSettings(threads=threads, gpus=gpus[1] or "all", protocol=gpu_protocol())
    local = _LOCAL.fullmatch(where)
    assert local is not None
    return ClusterSettings(workers=int(local[1] or 0) or None, threads=threads)


def _prepare(client: Client, device: Device) -> None:
    """Put Volley on scheduler and workers, and refuse those that differ from this process."""
    register_serialization(device)
    try:
        with answering(client):
            client.register_plugin(VolleySchedulerPlugin())
            if client.scheduler.address.startswith(PREFIXES):
                client.register_plugin(VolleyNannyPlugin())
            client.register_plugin(VolleyWorkerPlugin("cpu" if device.account is None else "gpu"))
    except (ImportError, AttributeError) as error:
        raise ConfigError(
            f"the cluster cannot load Volley ({error}); install volley-engine {versions()['volley-engine']} with the "
            "extra [cluster] for its scheduler and all workers"
        ) from error
    with answering(client):
        answers = client.sync(client.scheduler.broadcast, msg={"op": ABOUT})
    differences = _differences(answers, None if is_remote(device) else device.name)
    if differences:
        raise ConfigError("the cluster differs from this process: " + "; ".join(differences))


def _differences(answers: dict[str, Any], device: str | None) -> list[str]:
    """Return in what workers differ from this process; a device of None is that of whichever of them answers first."""
    named = next((answer["device"] for answer in answers.values()), "gpu") if device is None else device
    ours = {**versions(), "the device": named}
    found: dict[str, list[str]] = {}
    for worker, answer in sorted(answers.items()):
        for name, version in {**answer["versions"], "the device": answer["device"]}.items():
            if version != ours.get(name):
                found.setdefault(f"{name} is {version} on the workers and {ours.get(name)} here", []).append(worker)
    return [f"{text} ({', '.join(workers[:3])}{', …' if len(workers) > 3 else ''})" for text, workers in found.items()]
