"""A cluster for tests, and what makes its work on small tables that of a large query."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import volley as vl
from tests.support.simulated_gpu import SESSIONS, SWITCH
from volley.engine.frame import memory
from volley.engine.runners.dask import ClusterSettings, coordinator, placement, start_cluster

DEVICE = os.environ.get("VOLLEY_TEST_DEVICE", "cpu")
"""What the workers' tests compute with."""
CHOICE = DEVICE.partition("-")[0]
"""The same, as a session of another process chooses it."""


@contextmanager
def started(workers: int = 2) -> Iterator[vl.Session]:
    """Start workers and yield a session over them.

    The environment says which: ``VOLLEY_TEST_WORKERS`` how many at least, ``VOLLEY_TEST_PROTOCOL`` how they talk (tcp,
    ucx) and ``VOLLEY_TEST_DEVICE`` what computes (cpu, gpu-simulated).
    """
    workers = max(workers, int(os.environ.get("VOLLEY_TEST_WORKERS", "0")))
    settings = ClusterSettings(workers=workers, protocol=os.environ.get("VOLLEY_TEST_PROTOCOL", "tcp"))
    with pytest.MonkeyPatch.context() as patch:
        if DEVICE != "cpu":
            patch.setenv(SWITCH, "1")  # workers have the environment of who starts them
        cluster = start_cluster(settings)
        address = cluster.__enter__().scheduler_address
    try:
        session = SESSIONS[DEVICE](cluster=address)
        yield session
        session.close()
    finally:
        cluster.__exit__(None, None, None)


@contextmanager
def many_tasks(*, shuffled: bool) -> Iterator[None]:
    """Let a few rows in memory make several tasks and, if asked to, the smallest joins shuffle both sides."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory, "TASK_ROWS", 3)
        if shuffled:
            patch.setattr(coordinator, "BROADCAST_BYTES", 0)
        yield


def in_small_tasks(patch: pytest.MonkeyPatch) -> None:
    """Let the fewest bytes be worth a task of their own."""
    patch.setattr(placement, "SMALL_BYTES", 1)
    patch.setattr(placement, "ONE_TASK_BYTES", 1)
