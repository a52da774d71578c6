"""Starts a scheduler and workers on this machine, which only it can reach unless told otherwise."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask
from distributed import LocalCluster, Security

from ...errors import ConfigError, DeviceUnavailable
from ...machine import available_cores

_SETTINGS = {
    # On a busy machine a process that takes the place of one that died may come later than the 15 s after which Dask
    # would give the place up.
    "distributed.deploy.lost-worker-timeout": "10 minutes",
    # Dask looks at the stack of every busy thread 100 times a second, and takes processor time away from it.
    "distributed.worker.profile.interval": "100ms",
}


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
        ``all`` or numbers such as ``0,1``: a worker for each of these GPUs; None for workers on the CPU.
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
        Where the protocol needs what is not given or not installed.
    DeviceUnavailable
        Where GPUs are asked for and cannot be used.
    """
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
    }
    if settings.memory_limit is not None:
        options["memory_limit"] = settings.memory_limit
    kind: Any = LocalCluster
    if settings.gpus is not None:
        kind = _gpu_cluster()
        del options["n_workers"]
        if settings.gpus != "all":
            options["CUDA_VISIBLE_DEVICES"] = settings.gpus
    else:
        options["processes"] = True
    # Spilled rows lie below this folder, which only its owner may read.
    with (
        tempfile.TemporaryDirectory(prefix="volley-cluster-", ignore_cleanup_errors=True) as folder,
        dask.config.set(_SETTINGS),
    ):
        try:
            started = kind(local_directory=folder, **options)
        except (OSError, ValueError, RuntimeError) as error:
            raise ConfigError(
                f"no cluster can be started with {settings.protocol} at {settings.host}: {error}"
            ) from error
        with started:
            yield started


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
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ConfigError(f"{what} needs the module {module}: pip install {distribution}")
