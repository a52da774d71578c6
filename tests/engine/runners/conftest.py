"""What tests of runners share."""

import pytest

from volley.engine.runners import local


@pytest.fixture
def accounts(monkeypatch):
    """Return the memory accounts of the runs of a test."""
    made = []

    class Watched(local.MemoryAccount):
        def __init__(self, limit=None):
            super().__init__(limit)
            made.append(self)

    monkeypatch.setattr(local, "MemoryAccount", Watched)
    return made
