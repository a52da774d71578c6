"""Starts a scheduler and workers on this machine, which only it can reach unless told otherwise."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any

import dask
from distributed import LocalCluster, Security
from distributed.protocol.pickle import dumps
from distributed.utils import silence_logging_cmgr

from ...errors import ConfigError, DeviceUnavailable
from ...machine import available_cores
from .ucx import loop_for

_SETTINGS = {
    # So long after a worker has died, Dask looks whether its place is taken, and gives the place up if it is not: also
    # where another worker has been there and has just died as well. Nobody would fill it again.
    "distributed.deploy.lost-worker-timeout": "36500 days",
    # Dask looks at the stack of every busy thread 100 times a second, and takes processor time away from it.
    "distributed.worker.profile.interval": "100ms",
    # 50 times a second each process measures how late its event loop is, which warns of what lasts for 3 s.
    "distributed.admin.tick.interval": "200ms",
}


_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SILENT, _HUSH_SECONDS = logging.CRITICAL + 1, 5.0
_CLOSE_SECONDS = 120.0
"""How long workers on a busy machine may take to end; those that do not are killed by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterSettings:
    """What to start.

    Attributes
    ----------
    workers
        Processes; one for each usable core if None.
    threads
        Of each worker.
    memory_limit
        Bytes for each worker; an even share of the machine's if None.
    protocol
        ``tcp``, ``tls`` or ``ucx``.
    host, port
        Where to listen; port 0 takes a free one.
    dashboard
        Address of Dask's dashboard, or None for none.
    gpus
        ``all`` or numbers such as ``0,1``: a worker for each of these GPUs; None for workers on the CPU. Where
        ``VOLLEY_SIMULATE_GPU=1`` is set, as many workers simulate them, two for ``all``.
    tls
        Files of authorities, certificate and private key, for ``tls``.
    """

    workers: int | None = None
    threads: int = 1
    memory_limit: int | None = None
    protocol: str = "tcp"
    host: str = "127.0.0.1"
    port: int = 0
    dashboard: str | None = None
    gpus: str | None = None
    tls: tuple[Path | None, Path | None, Path | None] = (None, None, None)


@contextmanager
def start_cluster(settings: ClusterSettings) -> Iterator[Any]:
    """Start a scheduler and workers, and end them with the context.

    Raises
    ------
    ConfigError
        Where the protocol needs what is not given or not installed, or a worker imports the program that starts it.
    DeviceUnavailable
        Where GPUs are asked for and cannot be used.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ConfigError(
            "workers import the program that starts them, and would start it again: put what it does below "
            "if __name__ == '__main__':"
        )
    if settings.dashboard is not None:
        _require("bokeh", "--dashboard", "bokeh")
    options: dict[str, Any] = {
        "n_workers": settings.workers or available_cores(),
        "threads_per_worker": settings.threads,
        "host": settings.host,
        "protocol": f"{settings.protocol}://",
        "scheduler_port": settings.port,
        # Without an address, both would serve their metrics and health on every interface, and at port 8787.
        "dashboard_address": settings.dashboard or f"{settings.host}:0",
        "worker_dashboard_address": f"{settings.host}:0",
        "security": _security(settings),
        "loop": loop_for(f"{settings.protocol}://"),
    }
    if settings.memory_limit is not None:
        options["memory_limit"] = settings.memory_limit
    kind: Any = LocalCluster
    if settings.gpus is None:
        options["processes"] = True
    elif os.environ.get(_SWITCH) == "1":
        listed = 2 if settings.gpus == "all" else len(settings.gpus.split(","))
        options |= {"processes": True, "n_workers": listed, "env": {_SWITCH: "1"}}
    else:
        kind = _gpu_cluster()
        options |= _GPU_OPTIONS
        # One worker for each GPU that is listed, or else that this process may see.
        options["n_workers"] = settings.workers
        options["CUDA_VISIBLE_DEVICES"] = None if settings.gpus == "all" else settings.gpus
    with ExitStack() as stack:
        folder = stack.enter_context(_scratch())
        stack.enter_context(dask.config.set(_SETTINGS))
        with _signals_later(), _apart_from_ctrl_c():
            try:
                started = kind(local_directory=folder, scheduler_kwargs={"local_directory": folder}, **options)
            except (OSError, ValueError, RuntimeError) as error:
                more = " (its workers have said why)" if isinstance(error, RuntimeError) else ""
                raise ConfigError(
                    f"no cluster can be started with {settings.protocol} at {settings.host}: {error}{more}"
                ) from error
            stack.callback(_end, started)
        yield started


@contextmanager
def _apart_from_ctrl_c() -> Iterator[None]:
    """Let the threads and processes that begin inside, and those that these begin, not hear of Ctrl-C.

    A terminal tells every process in front, and workers would end where only a query is to be stopped.
    """
    resource_tracker.ensure_running()  # else multiprocessing starts it with the first worker, which then hears all
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _signals_later() -> Iterator[None]:
    """Let signals wait that this process answers, for a cluster that is half there cannot be closed; not the second."""
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    answers: dict[int, Any] = {number: signal.getsignal(number) for number in _ENDING}
    answers = {number: answer for number, answer in answers.items() if callable(answer)}

    def note(number: int, frame: Any) -> None:
        came.append(number)
        if len(came) > 1:
            answers[number](number, frame)

    for number in answers:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, answer in answers.items():
            signal.signal(number, answer)
        if came:
            signal.raise_signal(came[0])


def _end(started: Any) -> None:
    with silence_logging_cmgr(_SILENT):
        with suppress(OSError, TimeoutError, RuntimeError):
            quiet = {"op": "run", "function": dumps(_hush)}
            started.sync(started.scheduler.broadcast, msg=quiet, on_error="ignore", callback_timeout=_HUSH_SECONDS)
        try:
            started.close(timeout=_CLOSE_SECONDS)
        except TimeoutError:
            for nanny in started.workers.values():
                with suppress(ProcessLookupError, TypeError):  # one that has ended has no number
                    os.kill(nanny.pid, signal.SIGKILL)
    # Dask would look for the scheduler's own folder when the interpreter ends, and complain that it is gone.
    own = getattr(started.scheduler, "_workdir", None)
    if own is not None:
        own.release()


def _hush() -> None:
    """Let Dask say nothing more in this process: in whichever order things end, some lose those they talk to."""
    for handler in logging.getLogger("distributed").handlers:
        handler.setLevel(_SILENT)


_SWITCH = "VOLLEY_SIMULATE_GPU"
_GPU_OPTIONS: dict[str, Any] = {
    # One pool for all of a process, in which UCX receives as well; the device takes it over.
    "rmm_async": True,
    "rmm_release_threshold": 0.9,
    # They load in seconds, and would do so within the first task.
    "pre_import": "pylibcudf,rmm,volley.engine.kernels.gpu.device",
    # Results of tasks are small reports: rows are in the exchange, whose tables the device spills itself.
    "device_memory_limit": None,
}
"""Options of ``LocalCUDACluster``; the flags of UCX's transports stay unset, for UCX to choose."""


def gpu_protocol() -> str:
    """Return how workers on GPUs talk where nobody says: by UCX, which sends between devices, where it is there."""
    simulated = os.environ.get(_SWITCH) == "1"
    return "ucx" if not simulated and find_spec("distributed_ucxx") is not None else "tcp"


@contextmanager
def _scratch() -> Iterator[str]:
    """Yield a folder for spilled rows, which only its owner may read; it goes with this process, however that ends.

    A shell removes it when it hears from this process or when this process is gone; workers cannot, who end with it.
    """
    folder = tempfile.mkdtemp(prefix="volley-cluster-")
    words = 'read _; for _ in 1 2 3 4 5; do rm -rf "$0"; [ -e "$0" ] || exit; sleep 1; done'
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    # In a session of its own, since Ctrl-C must not end it.
    shell = subprocess.Popen(  # noqa: S603 - these words are ours
        ["/bin/sh", "-c", words, folder], stdin=subprocess.PIPE, start_new_session=True, **quiet
    )
    try:
        yield folder
    finally:
        shell.communicate(b"\n")


def _security(settings: ClusterSettings) -> Security | None:
    if settings.protocol == "ucx":
        _require("distributed_ucxx", "--protocol ucx", "distributed-ucxx-cu13")
    if settings.protocol != "tls":
        return None
    if None in settings.tls:
        raise ConfigError(
            "protocol tls needs --tls-ca, --tls-cert and --tls-key: authorities, certificate, private key"
        )
    authorities, certificate, key = map(str, settings.tls)
    files = {"cert": certificate, "key": key}
    parts = {f"tls_{role}_{what}": files[what] for role in ("scheduler", "worker", "client") for what in files}
    return Security(require_encryption=True, tls_ca_file=authorities, **parts)


def _gpu_cluster() -> Any:
    _require("dask_cuda", "--gpus", "dask-cuda")
    from dask_cuda import LocalCUDACluster

    if not Path("/proc/driver/nvidia/version").is_file():
        raise DeviceUnavailable("--gpus needs an NVIDIA driver, and this machine has none")
    return LocalCUDACluster


def _require(module: str, what: str, distribution: str) -> None:
    if find_spec(module) is None:
        raise ConfigError(f"{what} needs the module {module}: pip install {distribution}")
