"""The simulated machine: memory and what is held in it, streams, traffic with the host, injected faults."""

from __future__ import annotations

import threading
from collections.abc import Collection
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from numpy.typing import NDArray

    from .rmm import DeviceMemoryResource, Stream


class SimulatorError(AssertionError):
    """The device did what would be wrong, undefined or impossible on a GPU."""


class MissingStream(SimulatorError):
    """A call was not given a stream or a memory resource by keyword."""


class StreamRace(SimulatorError):
    """Memory that one stream still writes was given to another stream."""


class UseAfterFree(SimulatorError):
    """A table that was released was used."""


class HostAccess(SimulatorError):
    """Host code read device memory without a copy."""


@dataclass(kw_only=True)
class FaultPlan:
    """Which allocations fail.

    Parameters
    ----------
    rate
        Share of allocations that fail, drawn with ``seed``.
    numbers
        Allocations that fail, counted from 1 from the plan's start.
    at_least
        Bytes below which no allocation fails: scalars and masks are too small to be what a real machine fails for.
    """

    rate: float = 0.0
    seed: int = 0
    numbers: Collection[int] = ()
    at_least: int = 0
    allocations: int = 0
    failures: int = 0
    _random: np.random.Generator = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng(self.seed)

    def strikes(self, nbytes: int) -> bool:
        """Return whether the next allocation, of so many bytes, fails."""
        if nbytes < self.at_least:
            return False
        self.allocations += 1
        struck = self.allocations in self.numbers or (self.rate > 0 and self._random.random() < self.rate)
        self.failures += struck
        return struck


@dataclass(kw_only=True)
class Traffic:
    """Bytes and copies across the bus."""

    to_device: int = 0
    to_host: int = 0
    copies_to_device: int = 0
    copies_to_host: int = 0


@dataclass(kw_only=True)
class Machine:
    """State of the one simulated GPU.

    Attributes
    ----------
    memory
        Bytes that it has.
    row_limit
        Most rows of a column; libcudf counts them with 32 bits.
    text_limit
        Bytes of a column's texts beyond which their offsets have 64 bits.
    pinnable, pinned
        Bytes of the host's memory that may be pinned, and that are.
    """

    memory: int = 16 << 30
    row_limit: int = 2**31 - 1
    text_limit: int = 2**31 - 1
    used: int = 0
    peak: int = 0
    pinnable: int = 8 << 30
    pinned: int = 0
    faults: FaultPlan | None = None
    traffic: Traffic = field(default_factory=Traffic)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _places: WeakValueDictionary[int, Buffer] = field(default_factory=WeakValueDictionary, repr=False)
    _next_place: int = 0x7E57_0000_0000_0000
    _random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7), repr=False)

    def take(self, nbytes: int) -> None:
        """Account for an allocation.

        Raises
        ------
        MemoryError
            As rmm does, where there is not enough or a fault was planned.
        """
        with self.lock:
            planned = nbytes > 0 and self.faults is not None and self.faults.strikes(nbytes)  # views take nothing
            if planned or self.used + nbytes > self.memory:
                raise MemoryError(f"std::bad_alloc: out_of_memory: simulated CUDA error at {nbytes} bytes")
            self.used += nbytes
            self.peak = max(self.peak, self.used)

    def give(self, nbytes: int) -> None:
        """Account for memory given back."""
        with self.lock:
            self.used -= nbytes

    def pin(self, nbytes: int) -> None:
        """Account for pinned memory, taken or, below 0, given back."""
        with self.lock:
            if self.pinned + nbytes > self.pinnable:
                raise MemoryError(f"std::bad_alloc: cudaHostAlloc of {nbytes} bytes: simulated CUDA error")
            self.pinned += nbytes

    def moved(self, *, to_device: int = 0, to_host: int = 0) -> None:
        """Count bytes across the bus."""
        with self.lock:
            self.traffic.to_device += to_device
            self.traffic.to_host += to_host
            self.traffic.copies_to_device += to_device > 0
            self.traffic.copies_to_host += to_host > 0

    def shuffled(self, rows: int) -> NDArray[np.int64]:
        """Return the positions of so many rows in an order that nobody may rely on."""
        with self.lock:
            return self._random.permutation(rows)

    def placed(self, buffer: Buffer) -> int:
        """Give a piece of memory an address."""
        with self.lock:
            place = self._next_place
            self._next_place += -(-buffer.extent // 256) * 256
            self._places[place] = buffer
            return place

    def at(self, address: int, nbytes: int) -> tuple[Buffer, int]:
        """Return the piece of memory that so many bytes from an address lie in, and where in it.

        Raises
        ------
        UseAfterFree
            If there is none, or no longer.
        """
        with self.lock:
            for place, buffer in self._places.items():
                if place <= address and address + nbytes <= place + buffer.extent:
                    return buffer, address - place
        raise UseAfterFree(f"{nbytes} bytes at {address:#x} are no device memory, or no longer")

    @contextmanager
    def failing(self, plan: FaultPlan) -> Iterator[FaultPlan]:
        """Let allocations fail by a plan."""
        before, self.faults = self.faults, plan
        try:
            yield plan
        finally:
            self.faults = before

    @contextmanager
    def limited(
        self, *, memory: int | None = None, row_limit: int | None = None, text_limit: int | None = None
    ) -> Iterator[None]:
        """Let the machine be smaller."""
        before = self.memory, self.row_limit, self.text_limit
        self.memory = before[0] if memory is None else memory
        self.row_limit = before[1] if row_limit is None else row_limit
        self.text_limit = before[2] if text_limit is None else text_limit
        try:
            yield
        finally:
            self.memory, self.row_limit, self.text_limit = before


_machine = Machine()


def machine() -> Machine:
    """Return the simulated machine."""
    return _machine


class Buffer:
    """A piece of device memory: values that only simulated kernels may see.

    Its address is a number that means nothing on this processor: who follows it there ends the process, as on a GPU.
    """

    __slots__ = ("__weakref__", "_address", "_array", "keeps", "mr", "nbytes", "stream", "ticket")

    def __init__(self, array: pa.Array, nbytes: int, mr: DeviceMemoryResource, stream: Stream) -> None:
        self.nbytes = 0
        self.mr = mr
        mr.take(nbytes)
        self.nbytes = nbytes
        self._array = array
        self._address = 0
        self.keeps: object = None
        self.stream = stream
        self.ticket = stream.launch()

    def __del__(self) -> None:
        if self.nbytes:
            self.mr.give(self.nbytes)

    @property
    def extent(self) -> int:
        """Bytes that it takes on a device, where a bool is a byte and not a bit; what lies in others counts none."""
        kind = getattr(self._array, "type", None)
        bits = getattr(kind, "bit_width", 8) if kind is None or _has_width(kind) else 8
        return max(self.nbytes, len(self._array) * max(1, bits // 8), 1)

    @property
    def address(self) -> int:
        """Where it lies; asked for the first time, it gets a place."""
        if not self._address:
            self._address = machine().placed(self)
        return self._address

    def check(self, stream: Stream) -> None:
        """Raise where another stream may still be writing."""
        if stream is not self.stream and not self.stream.finished(self.ticket):
            raise StreamRace("memory is read on one stream while another may still write it; synchronize it first")

    def open(self) -> Any:
        """Return the values, to a simulated kernel."""
        if current() is None:
            raise HostAccess("device memory was read from the host; copy it with to_arrow")
        return self._array


def _has_width(kind: pa.DataType) -> bool:
    try:
        return bool(kind.bit_width)
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Call:
    """A simulated call under way: its name, and where its work and its results go."""

    name: str
    stream: Stream
    mr: DeviceMemoryResource


_local = threading.local()


def current() -> Call | None:
    """Return the innermost simulated call of this thread."""
    calls: list[Call] = getattr(_local, "calls", [])
    return calls[-1] if calls else None


@contextmanager
def under_way(call: Call) -> Iterator[None]:
    """Let simulated kernels open device memory."""
    calls = _local.__dict__.setdefault("calls", [])
    calls.append(call)
    try:
        yield
    finally:
        calls.pop()
