"""Sinks that keep less than they take: states of aggregates and folds, and the best rows."""

from __future__ import annotations

from functools import partial, reduce
from typing import Any

from ...expr import Column
from ...kernels.protocol import GroupBy, GroupsApart, ReducesTogether, Table, TopK
from ...kernels.specs import GroupSpec
from ...physical.scan_keys import TopKey
from ...physical.stages import FoldSink, GroupSink, ReduceSink, TopKSink
from ...plan import KeyFilter
from .base import LocalSink, Output, Parallel, SinkBase, SinkContext, SinkRun

HAND_OVER_STATES = 256 * 1024 * 1024
"""States that are handed over, where they can be: later rows of their groups come as further states."""
PARTITION_BYTES = 8 * 1024 * 1024
"""Aim of state bytes per hash partition, where there are enough for every thread."""
LARGE_PARTITION_BYTES = 32 * 1024 * 1024
"""Most state bytes per hash partition."""
PARTITIONS_PER_THREAD = 2
"""Partitions of several sizes keep threads evenly busy; each costs steps that hold the interpreter's lock."""
MAX_PARTITIONS = 128
ROWS_PER_THREAD, CHUNKED_ROWS_PER_THREAD = 1 << 22, 1 << 21
"""Rows in memory among which a further thread is worth it to find the first ones: by table, and as they lie there."""
ROWS_FOR_EACH = 16
"""As many for each that is wanted: every thread has that many to give to the one that puts all in order."""
SETTLED_BYTES = 64 * 1024
"""Bytes kept by a thread of which each forgets what it can, before one takes over what is left."""


class GroupLocal:
    """One thread's partial aggregation."""

    def __init__(self, sink: Group, state: GroupBy) -> None:
        self.sink, self.state = sink, state
        self.counted = 0

    def consume(self, task: int, *tables: Table) -> None:
        self.state.update(*tables)
        held = self.state.nbytes
        self.sink.reserve(held - self.counted)
        self.counted = held
        context = self.sink.context
        if context.hand_over is not None and context.buckets is not None and held >= HAND_OVER_STATES:
            context.hand_over(self.state.partials(context.buckets))
            self.state = self.state.beside()
            self.sink.reserve(-self.counted)
            self.counted = 0

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""


class Group(SinkBase):
    """Partial aggregation per thread, drained into as many hash partitions as the states' size asks for."""

    def __init__(self, context: SinkContext, sink: GroupSink) -> None:
        super().__init__(context)
        self.spec = sink.spec
        self.least_splits = int(context.spools is None and _reads_columns(sink.spec))
        self.locals: list[GroupLocal] = []

    def local(self) -> LocalSink:
        with self._lock:
            made = GroupLocal(self, self.state_for_local())
            self.locals.append(made)
        return made

    def state_for_local(self) -> GroupBy:
        """Return an empty state for another thread."""
        return self.locals[0].state.beside() if self.locals else self.context.device.group_by(self.spec)

    def finish(self, parallel: Parallel) -> Output:
        own = [one.state for one in self.locals]
        self.locals.clear()  # each has this sink: what they hold would wait for Python to look for cycles
        size = sum(state.partial_bytes for state in own)
        count = self.context.buckets or _partition_count(size, self.context.threads)
        kept = _absorbed(own, parallel, few=count == 1)
        merged = self._apart(kept, count)
        if merged is None:
            states = [state for one in kept for state in one.shared(self.context.threads)]
            drained: list[list[list[Table]]] = parallel([partial(state.partials, count) for state in states])
            merged = [[table for parts in drained for table in parts[p]] for p in range(count)]
        return Output(partitions=self.context.filled(merged), reserved=self.reserved)

    def _apart(self, states: list[GroupBy], count: int) -> list[list[Table]] | None:
        """Return groups in partitions as they lie, where one state has all and knows that they are complete."""
        if len(states) > 1 or self.context.buckets is not None or self.context.shared:
            return None
        return next((state.apart(count) for state in states if isinstance(state, GroupsApart)), None)


def _reads_columns(spec: GroupSpec) -> bool:
    """Return whether keys and arguments are columns, so that there is no value to blame for an error."""
    exprs = [key.expr for key in spec.keys]
    exprs += [each for one in spec.accumulators for each in (one.argument, one.filter) if each is not None]
    return all(isinstance(expr, Column) for expr in exprs)


def _absorbed(states: list[GroupBy], parallel: Parallel, *, few: bool) -> list[GroupBy]:
    """Return the states after they have taken over what others hold, in pairs, as far as they do."""
    while len(states) > 1:
        pairs = list(zip(states[::2], states[1::2], strict=False))
        steps = [partial(one.absorb, other, few=few) for one, other in pairs]
        taken: list[bool] = parallel(steps) if few and len(steps) > 1 else [step() for step in steps]
        if not all(taken):
            rest = [other for (_, other), gone in zip(pairs, taken, strict=True) if not gone]
            return [*states[::2], *rest]
        states = states[::2]
    return states


def _partition_count(size: int, threads: int) -> int:
    """Return a power of two: one for small states, more for large ones."""
    enough = max(threads * PARTITIONS_PER_THREAD, size // LARGE_PARTITION_BYTES)
    wanted = max(1, min(MAX_PARTITIONS, size // PARTITION_BYTES, enough))
    return 1 << (wanted - 1).bit_length()


class Reduce(SinkBase):
    """Aggregates each table to one row of states; keeps the rows in task order so that sums repeat exactly."""

    def __init__(self, context: SinkContext, sink: ReduceSink) -> None:
        super().__init__(context)
        self.accumulators, self.schema = sink.accumulators, sink.schema
        self.together = context.device if isinstance(context.device, ReducesTogether) else None
        self.rows: dict[int, list[Table]] = {}

    def consume(self, task: int, *tables: Table) -> None:
        settled = self.context.device.settle(*tables) if len(tables) > 1 else tables
        if self.together is not None:
            reduced = self.together.reduce_each(settled, self.accumulators)
        else:
            reduced = [self.context.device.reduce(table, self.accumulators) for table in settled]
        self.rows.setdefault(task, []).extend(reduced)

    def finish(self, parallel: Parallel) -> Output:
        rows = [row for task in sorted(self.rows) for row in self.rows[task]]
        if not rows and not self.context.shared:
            empty = self.context.device.concat([], self.schema)
            rows = [self.context.device.reduce(empty, self.accumulators)]
        return Output(partitions=[rows])


class Fold(SinkBase):
    """A state per task, merged in task order, so that the result does not depend on the number of threads."""

    any_tasks = False

    def __init__(self, context: SinkContext, sink: FoldSink) -> None:
        super().__init__(context)
        self.sink = sink
        self.states: dict[int, Any] = {}

    def consume(self, task: int, *tables: Table) -> None:
        state = self.states[task] if task in self.states else self.sink.initial()
        for table in tables:
            state = self.sink.update(state, self.context.device.to_arrow(table))
        self.states[task] = state

    def finish(self, parallel: Parallel) -> Output:
        ordered = [self.states[task] for task in sorted(self.states)]
        if self.context.shared:
            return Output(value=[reduce(self.sink.merge, ordered)] if ordered else [])
        return Output(value=reduce(self.sink.merge, ordered or [self.sink.initial()]))


class _TopKLocal:
    """One thread's best rows."""

    def __init__(self, sink: TopRows, state: TopK) -> None:
        self.sink, self.state = sink, state
        self.counted = 0

    def consume(self, task: int, *tables: Table) -> None:
        self.state.update(*tables)
        if not self.sink.try_reserve(self.state.nbytes - self.counted):
            self.state.settle()
            self.sink.reserve(self.state.nbytes - self.counted)
        self.counted = self.state.nbytes

    def finish_task(self, task: int) -> None:
        """Nothing to do between tasks."""


class TopRows(SinkBase):
    """Best rows per thread, then of all threads."""

    def __init__(self, context: SinkContext, sink: TopKSink) -> None:
        super().__init__(context)
        self.sink = sink
        self.state = context.device.top_k(sink.keys, sink.k, sink.schema)
        # Two take a millisecond. Of columns no value is to blame for an error.
        self.least_splits = 2 if all(isinstance(key.expr, Column) for key in sink.keys) else 0
        least = CHUNKED_ROWS_PER_THREAD if self.least_splits else ROWS_PER_THREAD
        self.rows_per_thread = max(least, ROWS_FOR_EACH * sink.k)
        self.locals: list[_TopKLocal] = []

    def local(self) -> LocalSink:
        with self._lock:
            made = _TopKLocal(self, self.state.beside())
            self.locals.append(made)
        return made

    def finish(self, parallel: Parallel) -> Output:
        best, *others = states = [one.state for one in self.locals] or [self.state]
        self.locals.clear()  # as a group's
        if others and any(state.nbytes > SETTLED_BYTES for state in states):
            parallel([state.settle for state in states])
        for state in others:
            best.absorb(state)
        result = best.result()
        self.reserve(result.nbytes - self.reserved)
        return Output(partitions=[[result]], reserved=self.reserved)


def scan_bounds(sink: SinkRun, top: TopKey | None) -> list[KeyFilter]:
    """Return what the scans of a sink's stage may test a column by, while the sink takes rows."""
    if top is None or not isinstance(sink, TopRows):
        return []
    bound = sink.state.scan_bound(alone=top.alone)
    return [] if bound is None else [KeyFilter(top.column, bound)]
