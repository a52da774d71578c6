"""How joins meet, for tests that hold either way."""

from __future__ import annotations

import pytest

from volley.engine.runners.dask import coordinator


@pytest.fixture(params=["broadcast", "shuffle"])
def joins(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let joins send their build side to every worker, or let both sides meet by bucket."""
    if request.param == "shuffle":
        monkeypatch.setattr(coordinator, "BROADCAST_BYTES", 0)
    return str(request.param)
