"""Device memory: the pool, a stream for each thread, retry when memory runs out, spilling, and bytes across the bus.

Memory runs out in two steps. `run` tries a call of pylibcudf again after it moved tables that nobody works with to the
host: a call changes nothing until it succeeds, so it may be repeated. What still does not fit raises
`OutOfDeviceMemory`, and `in_halves` repeats the kernel on halves of its rows.
"""

from __future__ import annotations

import functools
import gc
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, cast

from ...errors import MemoryLimitExceeded
from ..sharing import Account
from .library import DeviceBuffer, Stream, plc, rmm, use_context
from .spilling import STAGING_BYTES, HostStore

if TYPE_CHECKING:
    from .batch import GpuTable

P = ParamSpec("P")
T = TypeVar("T")

ATTEMPTS = 30
"""Times that a call is tried before its rows are halved; other threads may give memory back meanwhile."""

_POOL_KEEPS = 0.9
"""Share of the device's memory that the pool does not give back to the driver."""


class OutOfDeviceMemory(MemoryLimitExceeded):
    """The device has no room for a kernel's result, even after spilling."""


class TooManyRows(OutOfDeviceMemory):
    """A kernel's result has more rows than libcudf can count; fewer at once are what helps, as where memory is out."""


@dataclass(slots=True)
class Ledger:
    """Bytes that crossed between host and device, and what was computed on the CPU instead.

    What is counted in a ledger is counted in the one ``around`` it, too.
    """

    to_device: int = 0
    to_host: int = 0
    spilled: int = 0
    to_files: int = 0
    retries: int = 0
    splits: int = 0
    fallbacks: dict[str, int] = field(default_factory=dict)
    around: Ledger | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(
        self,
        *,
        to_device: int = 0,
        to_host: int = 0,
        spilled: int = 0,
        to_files: int = 0,
        retries: int = 0,
        splits: int = 0,
    ) -> None:
        """Count."""
        with self._lock:
            self.to_device += to_device
            self.to_host += to_host
            self.spilled += spilled
            self.to_files += to_files
            self.retries += retries
            self.splits += splits
        if self.around is not None:
            self.around.add(
                to_device=to_device,
                to_host=to_host,
                spilled=spilled,
                to_files=to_files,
                retries=retries,
                splits=splits,
            )

    def fell_back(self, function: str, rows: int) -> None:
        """Count rows of a function that the CPU computed."""
        with self._lock:
            self.fallbacks[function] = self.fallbacks.get(function, 0) + rows
        if self.around is not None:
            self.around.fell_back(function, rows)


@contextmanager
def counted() -> Iterator[Ledger]:
    """Count what crosses the bus within the block, in all threads."""
    global _ledger  # noqa: PLW0603 - one account for the process
    before, _ledger = _ledger, Ledger(around=_ledger)
    try:
        yield _ledger
    finally:
        _ledger = before


_total = _ledger = Ledger()


def ledger() -> Ledger:
    """Return the account of what crossed the bus."""
    return _ledger


def account() -> Account:
    """Return what has crossed since the process began, and the device memory that is in use."""
    total = _total
    return Account(
        to_device=total.to_device,
        to_host=total.to_host,
        spilled=total.spilled,
        to_files=total.to_files,
        kept=pool().in_use,
        retries=total.retries,
        splits=total.splits,
    )


class _Pool:
    """The memory resource of all threads, the tables that may be spilled, and where they go."""

    def __init__(self) -> None:
        driver = rmm.mr.get_current_device_resource()
        if isinstance(driver, rmm.mr.CudaMemoryResource):  # what rmm begins with: each allocation asks the driver
            _, total = rmm.mr.available_device_memory()
            driver = rmm.mr.CudaAsyncMemoryResource(release_threshold=int(total * _POOL_KEEPS))
        self.resource = rmm.mr.StatisticsResourceAdaptor(driver)  # counts, which costs little beside an allocation
        # Some calls take no resource; they use the current one.
        rmm.mr.set_current_device_resource(self.resource)
        self.tables: weakref.WeakSet[GpuTable] = weakref.WeakSet()
        self.spilled = HostStore()
        self.staging = DeviceBuffer(size=STAGING_BYTES, stream=stream(), mr=self.resource)
        stream().synchronize()
        self.lock = threading.Lock()

    @property
    def in_use(self) -> int:
        """Bytes of device memory that are allocated."""
        return int(self.resource.allocation_counts.current_bytes)


@functools.cache
def pool() -> _Pool:
    """Return the pool, made when it is first asked for."""
    return _Pool()


@functools.cache
def _device() -> int:
    """Return the device of the thread that asked for one first, which is that of all others, too."""
    return use_context()


class _Lent:
    """A stream lent to a thread, for another one once that thread has ended.

    Streams are never destroyed: hash tables of joins and other objects of libcudf give their memory back to the stream
    that they were made on, whenever that is, and crash where it is gone.
    """

    _idle: ClassVar[list[Stream]] = []

    def __init__(self) -> None:
        use_context(_device())
        try:
            self.stream = self._idle.pop()
        except IndexError:
            self.stream = Stream()

    def __del__(self) -> None:
        self._idle.append(self.stream)


_thread = threading.local()


def stream() -> Stream:
    """Return the stream of this thread."""
    lent: _Lent | None = getattr(_thread, "lent", None)
    if lent is None:
        lent = _thread.lent = _Lent()
    return lent.stream


def kernel(function: Callable[P, T]) -> Callable[P, T]:
    """Finish the thread's stream before a function of the protocol returns: other threads may take its result."""

    @functools.wraps(function)
    def finished(*args: P.args, **kwargs: P.kwargs) -> T:
        own = stream()
        try:
            return function(*args, **kwargs)
        finally:
            own.synchronize()

    return finished


def run(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of pylibcudf on this thread's stream with the pool's memory, again where memory ran out.

    Raises
    ------
    OutOfDeviceMemory
        If there is no room after all that can be spilled was.
    """
    return _tried(cast("Callable[..., T]", function), args, {**kwargs, "stream": stream(), "mr": pool().resource})


def by_columns(compute: Callable[[plc.Table], plc.Table], table: plc.Table) -> plc.Table:
    """Compute a table column by column or all at once: half of the columns at a time where memory runs out."""
    try:
        return compute(table)
    except OutOfDeviceMemory:
        columns = table.columns()
        if len(columns) < 2:
            raise
    ledger().add(splits=1)
    middle = len(columns) // 2
    rows = table.num_rows()
    parts = [by_columns(compute, plc.Table(part, rows)) for part in (columns[:middle], columns[middle:])]
    return plc.Table([column for part in parts for column in part.columns()], parts[0].num_rows())


def on_stream(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of pylibcudf that takes a stream and no memory resource; else as `run`."""
    return _tried(cast("Callable[..., T]", function), args, {**kwargs, "stream": stream()})


def retried(call: Callable[[], T]) -> T:
    """Call what takes neither stream nor memory resource and changes nothing where it fails, as `run` does."""
    return _tried(call, (), {})


def _tried(function: Callable[..., T], args: Sequence[Any], kwargs: dict[str, Any]) -> T:
    for attempt in range(ATTEMPTS):
        try:
            return function(*args, **kwargs)
        except MemoryError as error:
            if attempt + 1 == ATTEMPTS:
                raise OutOfDeviceMemory(f"the GPU has no memory left: {error}") from error
            ledger().add(retries=1)
            make_room()
        except OverflowError as error:
            raise TooManyRows(
                f"a column of the GPU has at most 2,147,483,647 rows ({error}); use more partitions or smaller batches"
            ) from error
    raise AssertionError("unreachable")


def make_room() -> int:
    """Move every table that is held to the host; return how many bytes.

    A table that a kernel works with right now keeps its columns until that kernel is over: spilling it is no mistake,
    it only frees nothing yet.
    """
    stream().synchronize()
    gc.collect(0)
    with pool().lock:
        tables = list(pool().tables)
    return sum(table.spill() for table in tables)


def in_halves(
    table: GpuTable, compute: Callable[[GpuTable], GpuTable], joined: Callable[[Sequence[GpuTable]], GpuTable]
) -> GpuTable:
    """Compute over all rows at once or, where memory runs out, over halves, quarters, … in order."""
    try:
        return compute(table)
    except OutOfDeviceMemory:
        if table.num_rows < 2:
            raise
    ledger().add(splits=1)
    middle = table.num_rows // 2
    parts = [table.part(0, middle), table.part(middle, table.num_rows - middle)]
    return joined([in_halves(part, compute, joined) for part in parts])
