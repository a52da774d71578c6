"""The GPU of this machine, for tests marked ``gpu``; where there is none they are skipped, with the reason."""

from __future__ import annotations

import os

import pytest

from tests.support.simulated_gpu import SWITCH, simulated_device
from volley.engine.errors import DeviceUnavailable
from volley.engine.kernels.devices import open_device
from volley.engine.kernels.protocol import Device

SUITES = ("tests/engine/kernels/conformance", "tests/gpu")
"""What ``pytest -m gpu`` collects: other files load the simulator, and a process has one or the other."""


def real_device() -> Device:
    """Return the device of this machine, or skip the test."""
    if os.environ.get(SWITCH) == "1":
        pytest.skip(f"{SWITCH}=1 asks for the simulator; unset it to test a GPU")
    try:
        return open_device("gpu")
    except DeviceUnavailable as error:
        pytest.skip(f"no GPU: {error}")


DEVICES = [
    pytest.param(simulated_device, id="gpu-simulated"),
    pytest.param(real_device, id="gpu", marks=pytest.mark.gpu),
]
"""Both kinds, for suites that are short on one and whole on the other."""
