"""Time of a call: the least of some runs after one that warms up."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


def least_seconds(run: Callable[[], Any], repeat: int) -> float:
    """Return the shortest of ``repeat`` runs."""
    run()
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return min(seconds)
