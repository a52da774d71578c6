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


def check_still_chosen() -> None:
    """Refuse to pass a simulator off as a GPU, or a GPU off as a simulator, where the switch was turned since.

    Raises
    ------
    DeviceUnavailable
        If what this process has loaded is not what is asked for now.
    """
    if (os.environ.get(SWITCH, "") == "1") != SIMULATED:
        loaded = "the simulator" if SIMULATED else "pylibcudf"
        raise DeviceUnavailable(f"this process has loaded {loaded}; set {SWITCH} before it starts")


def _load() -> tuple[Any, Any, Any]:
    if SIMULATED:
        from .. import simulator

        return simulator, simulator.rmm, simulator.rmm.Stream
    if importlib.util.find_spec("pylibcudf") is None:
        raise DeviceUnavailable(
            "pylibcudf is not installed (pip install 'volley-engine[gpu]'); leave device out or use device='cpu' "
            "(volley doctor shows what this machine has)"
        )
    try:
        streams = importlib.import_module("rmm.pylibrmm.stream")
        return importlib.import_module("pylibcudf"), importlib.import_module("rmm"), streams.Stream
    except Exception as error:  # the CUDA libraries fail in many ways where there is no driver
        raise DeviceUnavailable(f"pylibcudf does not load here: {error}") from error


if TYPE_CHECKING:
    import pylibcudf as plc
    import rmm
    from rmm.pylibrmm.stream import Stream
else:
    plc, rmm, Stream = _load()

__all__ = ["SIMULATED", "SWITCH", "Stream", "check_still_chosen", "plc", "rmm"]
