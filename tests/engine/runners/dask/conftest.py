"""How joins meet, for tests that hold either way."""

from __future__ import annotations

import pytest

from volley.engine.runners.dask import chains, coordinator


@pytest.fixture(autouse=True)
def no_chains(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let stages of few bytes be shared out as large ones are, except where `chained` asks otherwise."""
    if "chained" not in request.fixturenames:
        monkeypatch.setattr(chains, "ALONE_BYTES", 0)


@pytest.fixture
def chained() -> None:
    """Let stages in a row that read little run as one task, as they do outside of tests."""


@pytest.fixture(params=["broadcast", "shuffle"])
def joins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let joins send their build side to every worker, or let both sides meet by bucket."""
    if request.param == "shuffle":
        monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    return str(request.param)
