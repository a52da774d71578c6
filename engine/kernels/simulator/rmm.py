"""What stands for ``rmm``: streams and memory resources; ``mr`` and ``pylibrmm.stream`` are reached as there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .machine import SimulatorError, machine
from .signatures import signature

_thread = threading.local()


def use_context(number: int | None = None) -> int:
    """Stand for ``cudaSetDevice``: the calling thread may then wait for the default stream."""
    _thread.has_context = True
    return number or 0


class Stream:
    """A queue of work. What was launched is finished only after ``synchronize``."""

    destroyed: ClassVar[int] = 0
    """How many are no more, while objects made on them may live and would give memory back to them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        signature("rmm.pylibrmm.stream.Stream").bind(*args, **kwargs)
        use_context()
        self._launched = 0
        self._finished = 0
        self._copies: list[Callable[[], None]] = []

    def __del__(self) -> None:
        type(self).destroyed += 1

    def synchronize(self) -> None:
        """Wait for all work; copies to and from the host are done only now."""
        if self.is_default() and not getattr(_thread, "has_context", False):
            raise SimulatorError("invalid device context(201): this thread has called nothing of CUDA's runtime yet")
        waiting, self._copies = self._copies, []
        for copy in waiting:
            copy()
        self._finished = self._launched

    def copies(self, copy: Callable[[], None]) -> None:
        """Leave a copy to be done by the time that the stream is finished."""
        self._copies.append(copy)

    def is_default(self) -> bool:
        """Whether this is the default stream."""
        return self is DEFAULT_STREAM

    def launch(self) -> int:
        """Return the number of a new piece of work."""
        self._launched += 1
        return self._launched

    def finished(self, ticket: int) -> bool:
        """Return whether a piece of work is known to be over."""
        return ticket <= self._finished


DEFAULT_STREAM = Stream()


class DeviceMemoryResource:
    """Where device memory comes from, with an account of what is out."""

    def __init__(self) -> None:
        self.bytes_out = 0
        self._lock = threading.Lock()

    def take(self, nbytes: int) -> None:
        """Allocate."""
        machine().take(nbytes)
        with self._lock:
            self.bytes_out += nbytes

    def give(self, nbytes: int) -> None:
        """Deallocate."""
        with self._lock:
            self.bytes_out -= nbytes
        machine().give(nbytes)


class CudaMemoryResource(DeviceMemoryResource):
    """Plain allocations."""


class CudaAsyncMemoryResource(DeviceMemoryResource):
    """The driver's pool."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        signature("rmm.mr.CudaAsyncMemoryResource").bind(*args, **kwargs)
        super().__init__()


class StatisticsResourceAdaptor(DeviceMemoryResource):
    """Another resource, with an account of what is out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("rmm.mr.StatisticsResourceAdaptor").bind(*args, **kwargs).arguments
        super().__init__()
        self.upstream_mr: DeviceMemoryResource = bound["upstream_mr"]

    @property
    def allocation_counts(self) -> SimpleNamespace:
        """What is out."""
        return SimpleNamespace(current_bytes=self.bytes_out)


class PinnedHostMemoryResource(DeviceMemoryResource):
    """Memory of the host that the device reaches: real addresses, overwritten once they are given back."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[int, NDArray[np.uint8]] = {}

    def allocate(self, *args: Any, **kwargs: Any) -> int:
        """Return the address of so many bytes."""
        bound = signature("rmm.mr.PinnedHostMemoryResource.allocate").bind(*args, **kwargs).arguments
        piece = np.full(bound["nbytes"], 0xCD, np.uint8)
        machine().pin(piece.nbytes)
        self._held[piece.ctypes.data] = piece
        return piece.ctypes.data

    def deallocate(self, *args: Any, **kwargs: Any) -> None:
        """Take memory back."""
        bound = signature("rmm.mr.PinnedHostMemoryResource.deallocate").bind(*args, **kwargs).arguments
        piece = self._held.pop(bound["ptr"])
        if piece.nbytes != bound["nbytes"]:
            raise SimulatorError(f"{piece.nbytes} bytes were allocated, and {bound['nbytes']} given back")
        piece.fill(0xCD)
        machine().pin(-piece.nbytes)


class PoolMemoryResource(DeviceMemoryResource):
    """Another resource's memory, in parts."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("rmm.mr.PoolMemoryResource").bind(*args, **kwargs).arguments
        super().__init__()
        if bound.get("initial_pool_size", 1) % 256:
            raise ValueError("Initial pool size must be a multiple of 256")
        self.upstream_mr: PinnedHostMemoryResource = bound["upstream_mr"]

    def allocate(self, *args: Any, **kwargs: Any) -> int:
        """Return the address of so many bytes."""
        return self.upstream_mr.allocate(*args, **kwargs)

    def deallocate(self, *args: Any, **kwargs: Any) -> None:
        """Take memory back."""
        self.upstream_mr.deallocate(*args, **kwargs)


_current: list[DeviceMemoryResource] = [CudaMemoryResource()]


def get_current_device_resource() -> DeviceMemoryResource:
    """Return the resource of calls that take none."""
    return _current[0]


def set_current_device_resource(mr: DeviceMemoryResource) -> None:
    """Replace the resource of calls that take none."""
    _current[0] = mr


def available_device_memory() -> tuple[int, int]:
    """Return free and all bytes."""
    return machine().memory - machine().used, machine().memory


mr = SimpleNamespace(
    DeviceMemoryResource=DeviceMemoryResource,
    CudaMemoryResource=CudaMemoryResource,
    CudaAsyncMemoryResource=CudaAsyncMemoryResource,
    StatisticsResourceAdaptor=StatisticsResourceAdaptor,
    PinnedHostMemoryResource=PinnedHostMemoryResource,
    PoolMemoryResource=PoolMemoryResource,
    available_device_memory=available_device_memory,
    get_current_device_resource=get_current_device_resource,
    set_current_device_resource=set_current_device_resource,
)
pylibrmm = SimpleNamespace(stream=SimpleNamespace(Stream=Stream, DEFAULT_STREAM=DEFAULT_STREAM))
"""``device_buffer`` joins in its own file, which needs this one."""
