"""What only a real GPU can show: ``pytest -m gpu``. A small part runs on the simulator, so that the code is run."""

from __future__ import annotations

import pytest

import volley as vl
from tests.support.real_gpu import DEVICES
from volley.engine.kernels.protocol import Device


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> Device:
    """The GPU of this machine, or a simulated one."""
    opened: Device = request.param()
    return opened


@pytest.fixture
def session(device: Device) -> vl.Session:
    """A session on it that leaves nothing to the CPU."""
    return vl.Session(device=device, threads=2, cpu_fallback=False)
