"""Devices by name: the one place that knows which sets of kernels exist."""

from __future__ import annotations

import functools
import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from ..errors import ConfigError, DeviceUnavailable, suggestion
from .protocol import AsksTogether, Device
from .specs import Computed

if TYPE_CHECKING:
    import pyarrow as pa

    from ..dtypes import DataType
    from ..plan import KeySet
    from .decoding import Decoder
    from .remote import DeviceDescription

NAMES = ("auto", "cpu", "gpu")


def open_device(name: str) -> Device:
    """Return the kernels of a device.

    Parameters
    ----------
    name
        ``cpu``, ``gpu``, or ``auto`` for a GPU where there is one that works, else the CPU.

    Raises
    ------
    DeviceUnavailable
        If the device cannot be used here; the message says why.
    ConfigError
        If there is no such device.
    """
    if name == "auto":
        name = best_device()
    if name == "cpu":
        from .cpu.allocation import keep_freed_memory
        from .cpu.device import CpuDevice
        from .cpu.turns import shorten_turns

        keep_freed_memory()
        shorten_turns()
        return cast("Device", CpuDevice())  # a device takes only tables of its own, which the protocol cannot say
    if name == "gpu":
        from .gpu.device import GpuDevice  # raises DeviceUnavailable where pylibcudf does not load

        return cast("Device", GpuDevice())
    raise ConfigError(f"unknown device {name!r}{suggestion(name, NAMES)}")


@functools.cache
def best_device() -> str:
    """Return ``gpu`` where pylibcudf is installed and a GPU answers, else ``cpu``, also where one is simulated."""
    if importlib.util.find_spec("pylibcudf") is None or os.environ.get("VOLLEY_SIMULATE_GPU") == "1":
        return "cpu"
    try:
        return open_device("gpu").name
    except DeviceUnavailable:
        return "cpu"


def open_remote_device(
    describe: Callable[[], DeviceDescription], refuse: Callable[[Sequence[Computed]], Sequence[str | None]]
) -> Device:
    """Return the device of a cluster's workers, for a session that has none of its kind; see `RemoteDevice`."""
    from .remote import RemoteDevice

    return cast("Device", RemoteDevice(describe, refuse))


def is_remote(device: Device) -> bool:
    """Return whether a device is that of workers alone."""
    return isinstance(device, AsksTogether)


def open_decoder() -> Decoder:
    """Return the decoder of this machine's processor."""
    from .cpu.decoding.decode import CpuDecoder

    return CpuDecoder()


def key_set(dtype: DataType, columns: Sequence[pa.ChunkedArray]) -> KeySet | None:
    """Return the set of the values of some columns of one type; None where such a set is not worth having."""
    from .cpu import keysets

    return keysets.key_set(dtype, columns)


def register_serialization(device: Device) -> None:
    """Teach Dask, in this process, to send tables as a device has them in memory."""
    if device.account is None or is_remote(device):
        from .cpu.parcel import register
    else:
        from .gpu.serialization import register
    register()


def functions_without_kernel(name: str) -> dict[str, str]:
    """Return the functions of the catalogue that a device leaves to the CPU whatever their arguments, with the reasons.

    Raises
    ------
    DeviceUnavailable
        If the device's library does not load here.
    """
    if name != "gpu":
        return {}
    from ..expr.catalogue import FUNCTIONS
    from .gpu.project import without_kernel

    return without_kernel(FUNCTIONS)


def types_on_host(name: str) -> dict[str, str]:
    """Return for each operator of a device, and for casts, the types that it leaves to the CPU, or files to the host.

    Raises
    ------
    DeviceUnavailable
        If the device's library does not load here.
    """
    if name != "gpu":
        return {}
    from .gpu.limits import by_operator

    return by_operator()
