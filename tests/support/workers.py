"""What tests ask of a cluster's workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def outputs(dask_worker: Any) -> int:
    """Return how many outputs a worker holds; run on workers by ``Client.run``."""
    return len(dask_worker.plugins["volley"].bench.exchange.store._outputs)


def copies(dask_worker: Any) -> int:
    """Return how many copies of build sides a worker has taken to be given on; run on workers by ``Client.run``."""
    return dask_worker.plugins["volley"].bench.exchange.relay.taken


def remains(dask_worker: Any) -> dict[str, int]:
    """Return what a worker holds for queries, by kind; run on workers by ``Client.run``."""
    bench = dask_worker.plugins["volley"].bench
    store = bench.exchange.store
    return {
        "outputs": len(store._outputs),
        "bytes in memory": store.held,
        "bytes in files": store.spilled,
        "files": int(store._pieces._files._file is not None),
        "shared tables": len(bench._shared),
        "parts": len(dask_worker.plugins["volley"].parts._held),
        "tasks": len(dask_worker.state.tasks),
        "results": len(dask_worker.data),
    }


def lose_outputs(query: str, dask_worker: Any) -> None:
    """Let a worker lose what it has made for a query; run on workers by ``Client.run``."""
    dask_worker.plugins["volley"].bench.free(query)


def let_parts_go(dask_worker: Any) -> None:
    """Let a worker lose its parts; run on workers by ``Client.run``."""
    dask_worker.plugins["volley"].parts.free()


def tasks_known(dask_scheduler: Any) -> int:
    """Return how many tasks the scheduler knows; run on it by ``Client.run_on_scheduler``."""
    return len(dask_scheduler.tasks)


def set_store_limit(limit: int, dask_worker: Any) -> None:
    """Let a worker keep no more bytes of outputs in memory; run on workers by ``Client.run``."""
    dask_worker.plugins["volley"].bench.exchange.store.limit = limit


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for what others are doing; fail where it does not come."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)
