"""Stage sinks of the local runner: each keeps state per thread and turns it into the stage's output at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Any, Protocol, TypeAlias, TypeVar

from ..exchange import MemoryAccount, OrderedDelivery
from ..expr import Expr, NamedExpr
from ..kernels.decoding import key_set
from ..kernels.protocol import Device, GroupBy, JoinTable, Table, TopK
from ..physical.stages import (
    BuildSink,
    CollectSink,
    FoldSink,
    GroupSink,
    LimitSink,
    PartitionSink,
    ReduceSink,
    StageSink,
    TopKSink,
    WriteSink,
)
from ..plan import KeySet, SinkWriter, WrittenFile

T = TypeVar("T")
Parallel: TypeAlias = Callable[[Sequence[Callable[[], Any]]], list[Any]]
"""Runs thunks on the runner's threads and returns their results in order."""

PARTITION_BYTES = 4 * 1024 * 1024
"""Aim of state bytes per hash partition, where there are enough for every thread."""
LARGE_PARTITION_BYTES = 32 * 1024 * 1024
"""Most state bytes per hash partition."""
PARTITIONS_PER_THREAD = 4
"""Partitions of several sizes keep threads evenly busy; each costs steps that hold the interpreter's lock."""
MAX_PARTITIONS = 128


@dataclass(slots=True)
class Output:
    """What a stage leaves for later ones; ``reserved`` bytes are given back when its last reader is done.

    ``keys`` has the values of those keys of a built join that scans have asked for, by position.
    """

    partitions: list[list[Table]] = field(default_factory=list)
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
    """

    device: Device
    memory: MemoryAccount
    stopped: Callable[[], bool]
    owner: str
    threads: int = 1
    keys: frozenset[int] = frozenset()
    buckets: int | None = None
    shared: bool = False

    def filled(self, partitions: list[list[Table]]) -> list[list[Table]]:
        """Return hash partitions without the empty ones, unless their number is given."""
        return partitions if self.buckets is not None else [tables for tables in partitions if tables]


class LocalSink(Protocol):
    """The part of a sink that belongs to one thread."""

    def consume(self, task: int, table: Table) -> None:
        """Take a table of a task; raises `Stopped` when the stage needs no more."""
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
    """

    retains: bool

    def local(self) -> LocalSink:
        """Return the part for one thread."""
        ...

    def finish(self, parallel: Parallel) -> Output:
        """Return the output, once every task has ended."""
        ...

    def abort(self) -> None:
        """Give up: release memory and remove what is half made."""
        ...


def open_sink(sink: StageSink, context: SinkContext) -> SinkRun:
    """Start a stage's sink."""
    match sink:
        case CollectSink():
            return _Collect(context)
        case FoldSink():
            return _Fold(context, sink)
        case GroupSink():
            return _Group(context, sink)
        case ReduceSink():
            return _Reduce(context, sink)
        case BuildSink():
            return _Build(context, sink)
        case TopKSink():
            return _TopK(context, sink)
        case LimitSink():
            return _Limit(context, sink)
        case PartitionSink():
            return _Partition(context, sink)
        case WriteSink():
            return _OrderedWrite(context, sink) if sink.sink.single_writer else _TaskWrite(context, sink)


class _Base:
    """Memory accounting and no-op hooks shared by the sinks, each of which is its own local part unless it says so."""

    retains = False

    def __init__(self, context: SinkContext) -> None:
        self.context = context
        self.reserved = 0
        self._lock = threading.Lock()

    def reserve(self, size: int) -> None:
        self.context.memory.reserve(size, self.context.owner)
        with self._lock:
            self.reserved += size

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""

    def abort(self) -> None:
        self.context.memory.release(self.reserved)
        self.reserved = 0


class _Collect(_Base):
    """Keeps tables by task."""

    retains = True

    def __init__(self, context: SinkContext) -> None:
        super().__init__(context)
        self.tables: dict[int, list[Table]] = {}

    def local(self) -> LocalSink:
        return self

    def consume(self, task: int, table: Table) -> None:
        self.reserve(table.nbytes)
        self.tables.setdefault(task, []).append(table)

    def ordered(self) -> list[Table]:
        return [table for task in sorted(self.tables) for table in self.tables[task]]

    def finish(self, parallel: Parallel) -> Output:
        return Output(partitions=[self.ordered()], reserved=self.reserved)


class _Build(_Collect):
    """Keeps the build side's rows, then builds the hash table once."""

    def __init__(self, context: SinkContext, sink: BuildSink) -> None:
        super().__init__(context)
        self.spec = sink.spec

    def finish(self, parallel: Parallel) -> Output:
        tables = self.ordered()
        join = self.context.device.build_join(tables, self.spec, threads=self.context.threads)
        keys = self._key_sets(tables)
        self.tables.clear()
        self.reserve(join.nbytes - self.reserved)
        kept = {position: made for position, made in keys.items() if self.context.memory.try_reserve(made.nbytes)}
        self.reserved += sum(made.nbytes for made in kept.values())
        return Output(join=join, keys=kept, reserved=self.reserved)

    def _key_sets(self, tables: Sequence[Table]) -> dict[int, KeySet]:
        """Return the values of the keys that are asked for, where such a set is worth having."""
        found = {}
        for position in sorted(self.context.keys):
            made = keys_of(self.context.device, self.spec.build_keys[position], tables)
            if made is not None:
                found[position] = made
        return found


def keys_of(device: Device, key: Expr, tables: Sequence[Table]) -> KeySet | None:
    """Return the values of a key in tables, where such a set is worth having."""
    alone = [NamedExpr(name="key", expr=key)]
    return key_set(key.dtype, [device.to_arrow(device.project(table, alone)).column(0) for table in tables])


class _Partition(_Base):
    """Spreads rows by hash; within a partition they keep task order."""

    retains = True

    def __init__(self, context: SinkContext, sink: PartitionSink) -> None:
        super().__init__(context)
        self.keys, self.partitions = sink.keys, context.buckets or 16
        self.pieces: dict[int, list[list[Table]]] = {}

    def local(self) -> LocalSink:
        return self

    def consume(self, task: int, table: Table) -> None:
        self.reserve(table.nbytes)
        parts = self.context.device.hash_partition(table, self.keys, self.partitions)
        self.pieces.setdefault(task, []).append(parts)

    def finish(self, parallel: Parallel) -> Output:
        ordered = [parts for task in sorted(self.pieces) for parts in self.pieces[task]]
        by_partition = [[parts[p] for parts in ordered if parts[p].num_rows] for p in range(self.partitions)]
        return Output(partitions=self.context.filled(by_partition), reserved=self.reserved)


class _GroupLocal:
    """One thread's partial aggregation."""

    def __init__(self, sink: _Group) -> None:
        self.sink = sink
        self.state: GroupBy = sink.context.device.group_by(sink.spec)
        self.counted = 0

    def consume(self, task: int, table: Table) -> None:
        self.state.update(table)
        held = self.state.nbytes
        self.sink.reserve(held - self.counted)
        self.counted = held

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""


class _Group(_Base):
    """Partial aggregation per thread, drained into as many hash partitions as the states' size asks for."""

    def __init__(self, context: SinkContext, sink: GroupSink) -> None:
        super().__init__(context)
        self.spec = sink.spec
        self.locals: list[_GroupLocal] = []

    def local(self) -> LocalSink:
        made = _GroupLocal(self)
        with self._lock:
            self.locals.append(made)
        return made

    def finish(self, parallel: Parallel) -> Output:
        size = sum(one.counted for one in self.locals)
        count = self.context.buckets or _partition_count(size, self.context.threads)
        states = [state for one in self.locals for state in one.state.shared(self.context.threads)]
        drained: list[list[list[Table]]] = parallel([partial(state.partials, count) for state in states])
        merged = [[table for parts in drained for table in parts[p]] for p in range(count)]
        return Output(partitions=self.context.filled(merged), reserved=self.reserved)


def _partition_count(size: int, threads: int) -> int:
    """Return a power of two: one for small states, more for large ones."""
    enough = max(threads * PARTITIONS_PER_THREAD, size // LARGE_PARTITION_BYTES)
    wanted = max(1, min(MAX_PARTITIONS, size // PARTITION_BYTES, enough))
    return 1 << (wanted - 1).bit_length()


class _Reduce(_Base):
    """Aggregates each table to one row of states; keeps the rows in task order so that sums repeat exactly."""

    def __init__(self, context: SinkContext, sink: ReduceSink) -> None:
        super().__init__(context)
        self.accumulators, self.schema = sink.accumulators, sink.schema
        self.rows: dict[int, list[Table]] = {}

    def local(self) -> LocalSink:
        return self

    def consume(self, task: int, table: Table) -> None:
        self.rows.setdefault(task, []).append(self.context.device.reduce(table, self.accumulators))

    def finish(self, parallel: Parallel) -> Output:
        rows = [row for task in sorted(self.rows) for row in self.rows[task]]
        if not rows and not self.context.shared:
            empty = self.context.device.concat([], self.schema)
            rows = [self.context.device.reduce(empty, self.accumulators)]
        return Output(partitions=[rows])


class _Fold(_Base):
    """A state per task, merged in task order, so that the result does not depend on the number of threads."""

    def __init__(self, context: SinkContext, sink: FoldSink) -> None:
        super().__init__(context)
        self.sink = sink
        self.states: dict[int, Any] = {}

    def local(self) -> LocalSink:
        return self

    def consume(self, task: int, table: Table) -> None:
        state = self.states[task] if task in self.states else self.sink.initial()
        self.states[task] = self.sink.update(state, self.context.device.to_arrow(table))

    def finish(self, parallel: Parallel) -> Output:
        ordered = [self.states[task] for task in sorted(self.states)]
        if self.context.shared:
            return Output(value=[reduce(self.sink.merge, ordered)] if ordered else [])
        return Output(value=reduce(self.sink.merge, ordered or [self.sink.initial()]))


class _TopKLocal:
    """One thread's best rows."""

    def __init__(self, sink: _TopK, state: TopK) -> None:
        self.sink, self.state = sink, state
        self.rows, self.bytes, self.counted = 0, 0, 0

    def consume(self, task: int, table: Table) -> None:
        self.rows += table.num_rows
        self.bytes += table.nbytes
        held = self.bytes * min(self.sink.sink.k, self.rows) // max(1, self.rows)  # rows kept, of the mean size
        self.sink.reserve(held - self.counted)
        self.counted = held
        self.state.update(table)

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""


class _TopK(_Base):
    """Best rows per thread, then of all threads."""

    def __init__(self, context: SinkContext, sink: TopKSink) -> None:
        super().__init__(context)
        self.sink = sink
        self.locals: list[_TopKLocal] = []

    def _new(self) -> TopK:
        return self.context.device.top_k(self.sink.keys, self.sink.k, self.sink.schema)

    def local(self) -> LocalSink:
        made = _TopKLocal(self, self._new())
        with self._lock:
            self.locals.append(made)
        return made

    def finish(self, parallel: Parallel) -> Output:
        best = self._new()
        for one in self.locals:
            best.update(one.state.result())
        result = best.result()
        self.reserve(result.nbytes - self.reserved)
        return Output(partitions=[[result]], reserved=self.reserved)


class InOrder:
    """The thread's part of a sink that takes tables in task order through ``delivery``."""

    retains = True
    delivery: OrderedDelivery

    def local(self) -> LocalSink:
        """Return the sink itself: its delivery is shared by the threads."""
        return self

    def consume(self, task: int, table: Table) -> None:
        """Deliver a table when its turn comes; raises `Stopped` when no more are wanted."""
        self.delivery.put(task, table)

    def finish_task(self, task: int) -> None:
        """Let the next task deliver."""
        self.delivery.finish(task)


class _Limit(InOrder, _Base):
    """Takes rows in task order until it has enough."""

    def __init__(self, context: SinkContext, sink: LimitSink) -> None:
        super().__init__(context)
        self.skip = sink.offset
        self.left = sink.count
        self.tables: list[Table] = []
        self.delivery = OrderedDelivery(self._take, context.stopped, memory=context.memory)

    def _take(self, table: Table) -> bool:
        start = min(self.skip, table.num_rows)
        self.skip -= start
        length = table.num_rows - start
        if self.left is not None:
            length = min(length, self.left)
            self.left -= length
        if length:
            kept = table if length == table.num_rows else self.context.device.slice(table, start, length)
            self.reserve(kept.nbytes)
            self.tables.append(kept)
        return self.left is None or self.left > 0

    def abort(self) -> None:
        self.delivery.close()
        super().abort()

    def finish(self, parallel: Parallel) -> Output:
        return Output(partitions=[self.tables], reserved=self.reserved)


class _Write(_Base):
    """Writing that publishes at the end, or nothing at all."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context)
        self.sink = sink.sink
        if not context.shared:
            self.sink.open(sink.schema)

    def finish(self, parallel: Parallel) -> Output:
        self.close()
        return Output() if self.context.shared else Output(written=self.sink.commit())

    def write(self, writer: SinkWriter, table: Table) -> None:
        for batch in self.context.device.to_arrow(table).to_batches():
            writer.write(batch)

    def close(self) -> None:
        raise TypeError("a write sink closes its writers")

    def abort(self) -> None:
        super().abort()
        if self.context.shared:  # what a writer has not closed counts for nothing
            return
        with suppress(Exception):
            self.close()
        self.sink.abort()


class _OrderedWrite(InOrder, _Write):
    """One writer, rows in task order."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context, sink)
        self.writer = self.sink.writer(0)
        self.delivery = OrderedDelivery(self._put, context.stopped, memory=context.memory)

    def _put(self, table: Table) -> bool:
        self.write(self.writer, table)
        return True

    def close(self) -> None:
        self.writer.close()

    def abort(self) -> None:
        self.delivery.close()
        super().abort()


class _TaskWrite(_Write):
    """One writer per task, opened when its first rows come; at least one, so that the schema is always written."""

    def __init__(self, context: SinkContext, sink: WriteSink) -> None:
        super().__init__(context, sink)
        self.writers: dict[int, SinkWriter] = {}

    def local(self) -> LocalSink:
        return self

    def consume(self, task: int, table: Table) -> None:
        writer = self.writers.get(task)
        if writer is None:
            writer = self.writers[task] = self.sink.writer(task)
        self.write(writer, table)

    def finish_task(self, task: int) -> None:
        writer = self.writers.get(task)
        if writer is not None:
            writer.close()

    def finish(self, parallel: Parallel) -> Output:
        if self.context.shared:
            return Output()
        if not self.writers:
            self.sink.writer(0).close()
        return Output(written=self.sink.commit())

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()
