"""BLAS is held to one thread while ours run, however often and from wherever it is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.linalg  # noqa: F401  # loads the BLAS that is looked at
from threadpoolctl import threadpool_info

from volley.ml.parallelism import one_blas_thread


def _blas_threads() -> list[int]:
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


def test_blas_gets_one_thread_and_its_own_back() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))
    before = _blas_threads()
    with one_blas_thread:
        assert set(_blas_threads()) == {1}
        with one_blas_thread:
            pass
        assert set(_blas_threads()) == {1}
    assert _blas_threads() == before


def test_threads_that_overlap_do_not_leave_it_limited() -> None:
    before = _blas_threads()

    def work(_: int) -> bool:
        with one_blas_thread:
            return set(_blas_threads()) == {1}

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(40)))
    assert _blas_threads() == before
