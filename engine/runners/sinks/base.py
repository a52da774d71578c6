"""What a stage's sink is to a runner, and what sinks share: the memory account, and tables taken in task order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import field
from typing import Any, Protocol, TypeAlias

from ...exchange import MemoryAccount, OrderedDelivery, Spool, Spools
from ...expr import SortKey
from ...kernels.protocol import Device, JoinTable, Table
from ...plan import KeySet, WrittenFile
from ...records import dataclass
from .shared_work import SharedWork

HAND_OVER_BYTES = 64 * 1024 * 1024
"""Rows that a sink keeps before it hands them over, where it can."""

Parallel: TypeAlias = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Runs thunks on the runner's threads and returns their results in order."""


@dataclass(slots=True)
class Output:
    """What a stage leaves for later ones; ``reserved`` bytes are given back when its last reader is done.

    ``keys`` has the values of those keys of a built join that scans have asked for, by position. In the place of
    partitions, or of a hash table too large to be built at once, ``spool`` has the rows.
    """

    partitions: list[list[Table]] = field(default_factory=list)
    spool: Spool | None = None
    join: JoinTable | None = None
    keys: dict[int, KeySet] = field(default_factory=dict)
    written: tuple[WrittenFile, ...] = ()
    value: Any = None
    reserved: int = 0


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What a sink may use: kernels, the memory account, whether the run was cancelled, and how many threads.

    Attributes
    ----------
    keys
        Positions of the join keys whose values are asked for.
    buckets
        How many hash partitions to make, a power of two, all of which are in the output; None to choose by size.
    shared
        Whether other processes have sinks of the same stage: then what is written is prepared, and made visible or
        removed, by who runs the stage.
    hand_over
        Takes part of the output before its end, by partition, in order; for one thread. None where all is kept.
    spools
        Takes rows for later stages, which it may spill. None where all are kept in memory.
    order
        What the stage's rows will be sorted by; empty where they will not.
    """

    device: Device
    memory: MemoryAccount
    stopped: Callable[[], bool]
    owner: str
    threads: int = 1
    keys: frozenset[int] = frozenset()
    buckets: int | None = None
    shared: bool = False
    hand_over: Callable[[list[list[Table]]], None] | None = None
    spools: Spools | None = None
    order: tuple[SortKey, ...] = ()

    def filled(self, partitions: list[list[Table]]) -> list[list[Table]]:
        """Return hash partitions without the empty ones, unless their number is given."""
        return partitions if self.buckets is not None else [tables for tables in partitions if tables]


class LocalSink(Protocol):
    """The part of a sink that belongs to one thread."""

    def consume(self, task: int, *tables: Table) -> None:
        """Take tables of a task; raises `Stopped` when the stage needs no more."""
        ...

    def finish_task(self, task: int) -> None:
        """Say that a task ended."""
        ...


class SinkRun(Protocol):
    """One execution of a stage's sink.

    Attributes
    ----------
    retains
        Whether tables are kept as they come, and therefore have to be settled.
    rows_per_thread
        Rows that lie in memory, and that nothing else is done with, below which a further thread is not worth it.
    any_tasks
        Whether it makes no difference which of the splits are one task, as long as their tables are the same.
    least_splits
        Splits of rows in memory that are one task at least, where it takes what `Device.chunked` gives; else 0.
    """

    retains: bool
    rows_per_thread: int
    any_tasks: bool
    least_splits: int

    @property
    def shared_work(self) -> SharedWork | None:
        """What a thread that has no task may help with; None where there never is anything."""
        ...

    def local(self) -> LocalSink:
        """Return the part for one thread."""
        ...

    def finish(self, parallel: Parallel) -> Output:
        """Return the output, once every task has ended."""
        ...

    def abort(self) -> None:
        """Give up: release memory and remove what is half made."""
        ...


class SinkBase:
    """Memory accounting and hooks shared by the sinks, each of which is its own local part unless it says so."""

    retains = False
    rows_per_thread = 1
    any_tasks = True
    least_splits = 0

    def __init__(self, context: SinkContext) -> None:
        self.context = context
        self.reserved = 0
        self._lock = threading.Lock()

    def reserve(self, size: int) -> None:
        """Charge the run with more bytes, which may be fewer than none."""
        self.context.memory.reserve(size, self.context.owner)
        with self._lock:
            self.reserved += size

    @property
    def shared_work(self) -> SharedWork | None:
        """Nothing but tasks has to be done."""
        return None

    def try_reserve(self, size: int) -> bool:
        """Charge the run with more bytes, unless it would pass its limit; return whether it was charged."""
        if not self.context.memory.try_reserve(size):
            return False
        with self._lock:
            self.reserved += size
        return True

    def hand_over(self) -> None:
        """Give away what is kept, where that is much and there is somebody to take it."""
        if self.context.hand_over is not None and self.reserved >= HAND_OVER_BYTES:
            self.context.hand_over(self.drained())
            self.reserve(-self.reserved)

    def drained(self) -> list[list[Table]]:
        """Return the rows that are kept, by partition, and keep them no longer."""
        raise TypeError("this sink keeps its rows to the end")

    def local(self: LocalSink) -> LocalSink:
        return self

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""

    def abort(self) -> None:
        self.context.memory.release(self.reserved)
        self.reserved = 0


class InOrder:
    """The thread's part of a sink that takes tables in task order through ``delivery``."""

    retains = True
    rows_per_thread = 1
    any_tasks = False  # of a later task that is large, much would have to wait for its turn
    least_splits = 0
    delivery: OrderedDelivery

    def local(self) -> LocalSink:
        """Return the sink itself: its delivery is shared by the threads."""
        return self

    def consume(self, task: int, *tables: Table) -> None:
        """Deliver tables when their turn comes; raises `Stopped` when no more are wanted."""
        for table in tables:
            self.delivery.put(task, table)

    def finish_task(self, task: int) -> None:
        """Let the next task deliver."""
        self.delivery.finish(task)
