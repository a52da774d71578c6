"""One cluster of two worker processes for all tests that only need one to be there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import volley as vl
from volley.engine.runners.dask import ClusterSettings, coordinator, start_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[vl.Session]:
    """Return a session over two worker processes; ``VOLLEY_TEST_PROTOCOL=ucx`` lets them talk UCX."""
    with start_cluster(ClusterSettings(workers=2, protocol=os.environ.get("VOLLEY_TEST_PROTOCOL", "tcp"))) as started:
        session = vl.Session(cluster=started.scheduler_address)
        yield session
        session.close()


@pytest.fixture(params=["broadcast", "shuffle"])
def joins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let joins send their build side to every worker, or let both sides meet by bucket."""
    if request.param == "shuffle":
        monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    return str(request.param)
