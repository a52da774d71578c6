"""The devices that must all behave alike, each behind tables that the tests cannot open either."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.support.opaque_device import OpaqueDevice
from tests.support.simulated_gpu import simulated_device
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import Device

DEVICES: dict[str, Callable[[], Device]] = {"cpu": CpuDevice, "gpu-simulated": simulated_device}


@pytest.fixture(params=DEVICES, scope="session")
def device(request: pytest.FixtureRequest) -> Device:
    """A device whose kernels are tested through the protocol only."""
    return OpaqueDevice(DEVICES[request.param]())


_CPU_ONLY = {"test_aggregate", "test_join", "test_keeping", "test_sort", "test_unnest", "test_window"}
"""Modules whose kernels the GPU device has not yet."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what a device has no kernels for yet."""
    items[:] = [
        item
        for item in items
        if not (item.path.stem in _CPU_ONLY and item.path.parent.name == "conformance" and "gpu-simulated" in item.name)
    ]
