"""The GPU device on the simulator, for tests; the process stays as it is for those that look for a real one."""

from __future__ import annotations

import os
from typing import Any

import volley as vl
from volley.engine.frame import session
from volley.engine.kernels.devices import open_device
from volley.engine.kernels.protocol import Device

SWITCH = "VOLLEY_SIMULATE_GPU"


def simulated_device() -> Device:
    """Return the GPU device; the first call in a process decides that it is simulated."""
    before = os.environ.get(SWITCH)
    os.environ[SWITCH] = "1"
    try:
        device = open_device("gpu")
    finally:
        if before is None:
            del os.environ[SWITCH]
        else:
            os.environ[SWITCH] = before
    assert device.name == "gpu (simulated)"
    return device


def simulated_session(**options: Any) -> vl.Session:
    """Return a session on the simulated GPU."""
    return vl.Session(device=simulated_device(), **options)


GPU = "gpu" if os.environ.get("VOLLEY_TEST_DEVICE") == "gpu" else "gpu-simulated"
"""What suites of every device run on besides the CPU: the simulator, or this machine's GPU where one is asked for."""


def gpu_session(**options: Any) -> vl.Session:
    """Return a session on that."""
    return vl.Session(device="gpu", **options) if GPU == "gpu" else simulated_session(**options)


def use_for_all_sessions() -> None:
    """Give it to every session of this process that chooses no device, and to those processes that it starts."""
    if GPU != "gpu":
        os.environ[SWITCH] = "1"
    device = open_device("gpu") if GPU == "gpu" else simulated_device()
    session.open_device = lambda name: device if name == "auto" else open_device(name)


SESSIONS = {"cpu": vl.Session, GPU: gpu_session}
"""Makers of sessions, by the name of the device that tests show."""
