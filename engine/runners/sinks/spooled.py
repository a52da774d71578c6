"""Sinks of runs that have a limit of memory: what they keep may be spilled while they take more."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from ...errors import MemoryLimitExceeded
from ...exchange import Spool, Spools
from ...expr import Expr
from ...kernels.protocol import Table
from ...physical.stages import BuildSink, GroupSink, LimitSink
from ..spilled import BUCKETS, divided, in_ranges
from .base import LocalSink, Output, Parallel, SinkBase, SinkContext
from .rows import Build, Limit
from .states import Group, GroupLocal


class SpooledRows(SinkBase):
    """Rows by the hash of some columns, or all together; in each bucket they keep task order.

    All together, rows that are too many to be sorted at once are put into ranges of their order.
    """

    retains = True

    def __init__(self, context: SinkContext, keys: Sequence[Expr] = ()) -> None:
        super().__init__(context)
        self.keys = keys
        self.spools = spools_of(context)
        self.spool = self.spools.open()
        self.spool.divided = bool(keys)

    def local(self) -> LocalSink:
        return _Rows(self.spools, self.spool, self.keys)

    def finish(self, parallel: Parallel) -> Output:
        rows, order = self.spool, self.context.order
        if order and (rows.spilled or rows.bytes(0) > self.spools.most):
            self.spool = in_ranges(self.spools, rows, 0, order, parallel)
            rows.close()
        return Output(spool=self.spool)

    def abort(self) -> None:
        self.spool.close()
        super().abort()


class _Rows:
    """One thread's rows of the task at hand, until they are enough to be divided."""

    def __init__(self, spools: Spools, spool: Spool, keys: Sequence[Expr]) -> None:
        self.spools, self.spool, self.keys = spools, spool, keys
        self.tables: list[Table] = []
        self.held = 0

    def consume(self, task: int, *tables: Table) -> None:
        self.tables += tables
        self.held += sum(table.nbytes for table in tables)
        if self.held >= self.spools.task_bytes:
            self.finish_task(task)

    def finish_task(self, task: int) -> None:
        if self.tables:
            tables, self.tables, self.held = self.tables, [], 0
            self.spool.add(task, divided(self.spools.device, tables, self.keys, BUCKETS))


def spools_of(context: SinkContext) -> Spools:
    """Return what takes the rows of a sink of this module."""
    assert context.spools is not None
    return context.spools


class SpooledGroup(Group):
    """Partial aggregation per thread, drained by hash as often as the states take their share of the memory."""

    def __init__(self, context: SinkContext, sink: GroupSink) -> None:
        super().__init__(context, sink)
        self.spool = spools_of(context).open()
        self.spool.divided = True
        self.most = (context.memory.limit or 0) // (2 * context.threads)

    def local(self) -> LocalSink:
        with self._lock:
            made = _States(self, len(self.locals))
            self.locals.append(made)
        return made

    def finish(self, parallel: Parallel) -> Output:
        if self.spool.buckets:
            parallel([one.drain for one in self.locals if isinstance(one, _States)])
            self.locals.clear()
        else:  # as many buckets as the states' size asks for
            self.spool.add(0, super().finish(parallel).partitions)
            self.reserve(-self.reserved)
        return Output(spool=self.spool)

    def abort(self) -> None:
        self.spool.close()
        super().abort()


class _States(GroupLocal):
    """One thread's partial aggregation, and its number."""

    def __init__(self, sink: SpooledGroup, number: int) -> None:
        super().__init__(sink, sink.state_for_local())
        self.own, self.number = sink, number

    def consume(self, task: int, *tables: Table) -> None:
        self.state.update(*tables)
        held = self.state.nbytes
        if held <= self.own.most and self.own.try_reserve(held - self.counted):
            self.counted = held
        else:
            self.drain()

    def drain(self) -> None:
        """Put the states into buckets, and begin anew."""
        made = self.state.partials(BUCKETS)
        self.state = self.state.beside()
        self.own.reserve(-self.counted)
        self.counted = 0
        self.own.spool.add(self.number, made)


class SpooledBuild(Build):
    """Keeps the build side's rows; where their hash table would be too large, by the hash of their keys."""

    def __init__(self, context: SinkContext, sink: BuildSink) -> None:
        super().__init__(context, sink)
        self.spools = spools_of(context)
        self.spool: Spool | None = None
        self.most = self.spools.free // 2  # hash tables stay in memory until their stages end, and there may be several
        self._turn = threading.Lock()

    def local(self) -> LocalSink:
        return _BuildRows(self)

    def kept(self, task: int, tables: Sequence[Table]) -> bool:
        """Keep tables in memory, unless the rows are spooled, or are now."""
        size = sum(table.nbytes for table in tables)
        with self._turn:
            if self.spool is None and self.reserved + size <= self.most and self.try_reserve(size):
                self.tables.setdefault(task, []).extend(tables)
                return True
            self.spooled()
            return False

    def spooled(self) -> Spool:
        """Return the spool, which what was kept until now is put into."""
        if self.spool is None:
            self.spool = self.spools.open()
            self.spool.divided = True
            kept, self.tables = self.tables, {}
            for task in sorted(kept):
                self.spool.add(task, divided(self.spools.device, kept[task], self.spec.build_keys, BUCKETS))
            self.reserve(-self.reserved)
        return self.spool

    def finish(self, parallel: Parallel) -> Output:
        if self.spool is None:
            try:
                return self.built([table for task in sorted(self.tables) for table in self.tables[task]])
            except MemoryLimitExceeded:
                self.spooled()
        return Output(spool=self.spool)

    def abort(self) -> None:
        if self.spool is not None:
            self.spool.close()
        super().abort()


class _BuildRows:
    """One thread's rows of a build side."""

    def __init__(self, sink: SpooledBuild) -> None:
        self.sink = sink
        self.rows: _Rows | None = None

    def consume(self, task: int, *tables: Table) -> None:
        if self.rows is None and not self.sink.kept(task, tables):
            self.rows = _Rows(self.sink.spools, self.sink.spooled(), self.sink.spec.build_keys)
        if self.rows is not None:
            self.rows.consume(task, *tables)

    def finish_task(self, task: int) -> None:
        if self.rows is not None:
            self.rows.finish_task(task)


class SpooledLimit(Limit):
    """Takes rows in task order until it has enough."""

    def __init__(self, context: SinkContext, sink: LimitSink) -> None:
        super().__init__(context, sink)
        self.spool = spools_of(context).open()
        self.spool.divided = True

    def keep(self, table: Table) -> None:
        self.spool.add(0, [[table]])

    def abort(self) -> None:
        self.spool.close()
        super().abort()

    def finish(self, parallel: Parallel) -> Output:
        return Output(spool=self.spool)
