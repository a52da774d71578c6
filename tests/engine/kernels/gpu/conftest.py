"""Tests of the GPU device itself, on the simulator."""

from __future__ import annotations

import pytest

from tests.support.simulated_gpu import simulated_device
from volley.engine.kernels.protocol import Device


@pytest.fixture(scope="session")
def gpu() -> Device:
    return simulated_device()
