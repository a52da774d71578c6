"""The devices that must all behave alike, each behind tables that the tests cannot open either."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.opaque_device import OpaqueDevice
from tests.support.real_gpu import real_device
from tests.support.simulated_gpu import simulated_device
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import Device

DEVICES: dict[str, Callable[[], Device]] = {
    "cpu": CpuDevice,
    "gpu-simulated": simulated_device,
    "gpu": real_device,
}
PARAMETERS = ["cpu", "gpu-simulated", pytest.param("gpu", marks=pytest.mark.gpu)]
"""`pytest -m gpu` runs the suite on a real device, in a process that has not loaded the simulator."""


@pytest.fixture(params=PARAMETERS, scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """A device whose kernels are tested through the protocol only."""
    return OpaqueDevice(DEVICES[request.param]())
