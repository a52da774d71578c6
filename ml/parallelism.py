"""One level of threads: ours. Libraries below are kept from starting or spinning threads of their own.

BLAS and OpenMP let idle threads spin. Several of our threads that each call a library with as many threads again, or a
busy neighbour on the same cores, then cost ten times the work itself (measured: a fit of 0.4 s took 30 s).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import ModuleType
from typing import Any


class _OneBlasThread:
    """Context in which BLAS runs on the calling thread; nests, and may be entered from many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._limit = _in_passing(lambda: _controller().limit(limits=1, user_api="blas"))
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0:
                _in_passing(self._limit.restore_original_limits)


one_blas_thread = _OneBlasThread()


def load_xgboost() -> ModuleType:
    """Import XGBoost so that its OpenMP threads sleep while they wait, unless the user has said otherwise."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when the library is loaded
    import xgboost

    return xgboost


def _in_passing(call: Callable[[], Any]) -> Any:
    """Run a call on a thread that ends at once.

    threadpoolctl lets only one living thread set limits, and the thread that lifts ours need not be the one that set
    it; the word of a thread that has ended can be taken back by any other.
    """
    with ThreadPoolExecutor(1) as passing:
        return passing.submit(call).result()


@cache
def _controller() -> Any:
    import scipy.linalg  # noqa: F401  # brings a BLAS of its own, which must be there to be found
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
