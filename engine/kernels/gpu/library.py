"""The one place that loads pylibcudf and rmm, or the simulator in their place."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
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


def _load() -> tuple[Any, Any, Any, Any]:
    if SIMULATED:
        from .. import simulator

        return simulator, simulator.rmm, simulator.rmm.pylibrmm.stream, simulator.rmm.pylibrmm.device_buffer
    if importlib.util.find_spec("pylibcudf") is None:
        raise DeviceUnavailable(
            "pylibcudf is not installed (pip install 'volley-engine[gpu]'); leave device out or use device='cpu' "
            "(volley doctor shows what this machine has)"
        )
    try:
        parts = [importlib.import_module(f"rmm.pylibrmm.{name}") for name in ("stream", "device_buffer")]
        return importlib.import_module("pylibcudf"), importlib.import_module("rmm"), parts[0], parts[1]
    except Exception as error:  # the CUDA libraries fail in many ways where there is no driver
        raise DeviceUnavailable(f"pylibcudf does not load here: {error}") from error


if TYPE_CHECKING:
    import pylibcudf as plc
    import rmm
    from rmm.pylibrmm.device_buffer import DeviceBuffer, copy_device_to_ptr, copy_host_to_ptr, copy_ptr_to_host
    from rmm.pylibrmm.stream import DEFAULT_STREAM, Stream

    stand_in_code: Callable[[Callable[..., Any], tuple[Any, ...]], str] | None
    stand_in_launch: Callable[..., None] | None
else:
    plc, rmm, _streams, _buffers = _load()
    DEFAULT_STREAM, Stream = _streams.DEFAULT_STREAM, _streams.Stream
    DeviceBuffer, copy_device_to_ptr = _buffers.DeviceBuffer, _buffers.copy_device_to_ptr
    copy_host_to_ptr, copy_ptr_to_host = _buffers.copy_host_to_ptr, _buffers.copy_ptr_to_host
    stand_in_code, stand_in_launch = (plc.ptx.code_of, plc.ptx.launch) if SIMULATED else (None, None)
"""Gives what stands for the PTX of a function, for arguments of some types of numba's; None: compile it. The other runs
a function of groups over arrays of results, offsets and values."""


def use_context(number: int | None = None) -> int:
    """Make a device the calling thread's own, or the one that it would have; return which it is.

    A thread has none until it calls CUDA's runtime, which rmm does not do to wait for a stream.

    Raises
    ------
    DeviceUnavailable
        If the driver refuses.
    """
    if SIMULATED:
        return int(rmm.use_context(number))
    runtime = importlib.import_module("cuda.bindings.runtime")
    failure = None
    if number is None:
        failure, number = runtime.cudaGetDevice()
    if not failure:
        (failure,) = runtime.cudaSetDevice(number)
    if failure:
        raise DeviceUnavailable(f"CUDA gives no context for device {number}: {failure!r}")
    return int(number)


__all__ = [
    "DEFAULT_STREAM",
    "SIMULATED",
    "SWITCH",
    "DeviceBuffer",
    "Stream",
    "check_still_chosen",
    "copy_device_to_ptr",
    "copy_host_to_ptr",
    "copy_ptr_to_host",
    "plc",
    "rmm",
    "stand_in_code",
    "stand_in_launch",
    "use_context",
]
