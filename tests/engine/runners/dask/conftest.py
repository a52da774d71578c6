"""One cluster of two worker processes for all tests that only need one to be there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import volley as vl
from volley.engine.runners.dask import coordinator


@pytest.fixture(scope="session")
def cluster() -> Iterator[vl.Session]:
    """Return a session over two worker processes."""
    session = vl.Session(cluster="local:2")
    yield session
    session.close()


@pytest.fixture(params=["broadcast", "shuffle"])
def joins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let joins send their build side to every worker, or let both sides meet by bucket."""
    if request.param == "shuffle":
        monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    return str(request.param)
