"""Which device is chosen where none is named."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from volley.engine.errors import DeviceUnavailable
from volley.engine.kernels import devices


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    devices.best_device.cache_clear()
    yield
    devices.best_device.cache_clear()


def install(monkeypatch: pytest.MonkeyPatch, made: Any) -> None:
    """Let pylibcudf be installed, and the GPU's device be what ``made`` gives."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: SimpleNamespace() if name == "pylibcudf" else find_spec(name, *rest),
    )
    room = ModuleType("volley.engine.kernels.gpu.device")
    room.GpuDevice = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "volley.engine.kernels.gpu.device", room)


def test_a_gpu_that_answers_is_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, lambda: SimpleNamespace(name="gpu"))
    assert devices.open_device("auto").name == "gpu"
    assert devices.open_device("cpu").name == "cpu"


def test_libraries_without_a_gpu_are_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise DeviceUnavailable("no driver")

    install(monkeypatch, refuse)
    assert devices.open_device("auto").name == "cpu"
    with pytest.raises(DeviceUnavailable):
        devices.open_device("gpu")


def test_the_simulator_is_never_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOLLEY_SIMULATE_GPU", "1")
    install(monkeypatch, lambda: SimpleNamespace(name="gpu (simulated)"))
    assert devices.open_device("auto").name == "cpu"
