"""What tests ask of a cluster's workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def outputs(dask_worker: Any) -> int:
    """Return how many outputs a worker holds; run on workers by ``Client.run``."""
    return len(dask_worker.plugins["volley"].bench.exchange.store._outputs)


def wait_until(true: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait for what others are doing; fail where it does not come."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends
        time.sleep(0.05)
