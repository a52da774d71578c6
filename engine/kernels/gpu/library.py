"""The one place that loads pylibcudf and rmm, or the simulator in their place."""

from __future__ import annotations

import importlib
import importlib.util
import os
from typing import TYPE_CHECKING, Any

from ...errors import DeviceUnavailable

SWITCH = "VOLLEY_SIMULATE_GPU"


SIMULATED = os.environ.get(SWITCH, "") == "1"
"""Whether the simulator stands in for pylibcudf in this process: decided once, when this module is first imported."""


def _load() -> tuple[Any, Any]:
    if SIMULATED:
        from .. import simulator

        return simulator, simulator.rmm
    if importlib.util.find_spec("pylibcudf") is None:
        raise DeviceUnavailable(
            "pylibcudf is not installed (pip install 'volley-engine[gpu]'); leave device out or use device='cpu' "
            "(volley doctor shows what this machine has)"
        )
    try:
        return importlib.import_module("pylibcudf"), importlib.import_module("rmm")
    except Exception as error:  # the CUDA libraries fail in many ways where there is no driver
        raise DeviceUnavailable(f"pylibcudf does not load here: {error}") from error


if TYPE_CHECKING:
    import pylibcudf as plc
    import rmm
else:
    plc, rmm = _load()

__all__ = ["SIMULATED", "SWITCH", "plc", "rmm"]
