"""Runs one assignment: what its units read passes the stage, and the output stays in the exchange."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from threading import Lock
from typing import Any, TypeVar

from ...errors import Cancelled
from ...exchange import MemoryAccount, OutputId, Stopped, belongs
from ...exchange.transfer import Exchange
from ...expr import Expr
from ...kernels.evaluation import forget
from ...kernels.protocol import Device, JoinTable, Table
from ...physical.execute import merge_input
from ...physical.scan_keys import ScanKey
from ...physical.stages import JoinedInput, OutputInput, Probe, ReduceSink, RemainingInput, ScanInput, WriteSink
from ...plan import KeyFilter, KeySet, Sink
from ..metrics import Counts, OperatorMetrics
from ..pipeline import Task, TaskRunner, named_rows, read_split, rows_of
from ..sinks import Output, SinkContext, SinkRun, keys_of, open_sink, scan_bounds
from .assignment import Assignment, Buckets, Report, StagePlan, Unit

T = TypeVar("T")


class Bench:
    """What the tasks of one worker share: kernels, the exchange, hash tables and which queries were stopped."""

    def __init__(self, device: Device, exchange: Exchange) -> None:
        self.device, self.exchange = device, exchange
        self._stopped: dict[str, None] = {}  # in the order in which they were stopped
        self._working: Counter[str] = Counter()
        self._writes: dict[str, Sink] = {}
        self._shared: dict[tuple[str, int, str], Future[Any]] = {}
        self._lock = Lock()

    def stopped(self, query: str) -> bool:
        """Whether nobody wants a query's rows any more."""
        return query in self._stopped or query.partition("/")[0] in self._stopped

    def stop(self, query: str) -> None:
        """Let the tasks of a query, or of all queries of a client, end at their next table."""
        with self._lock:
            self._stopped[query] = None
            while len(self._stopped) > _MOST_STOPPED:
                del self._stopped[next(iter(self._stopped))]

    @contextmanager
    def working(self, plan: StagePlan) -> Iterator[None]:
        """Count a task of a query while it runs, and remember what it writes to."""
        with self._lock:
            self._working[plan.query] += 1
            if isinstance(plan.stage.sink, WriteSink):
                self._writes[plan.query] = plan.stage.sink.sink
        try:
            yield
        finally:
            with self._lock:
                self._working -= Counter((plan.query,))

    def works_on(self, query: str) -> bool:
        """Whether tasks of a query, or of a client's, still run."""
        return any(belongs(known, query) for known in list(self._working))

    def forget_writes(self, query: str) -> list[Sink]:
        """Forget what the tasks of a query, or of a client's, have written to, and return it."""
        with self._lock:
            return [self._writes.pop(known) for known in list(self._writes) if belongs(known, query)]

    def free(self, query: str, stage: int | None = None) -> None:
        """Forget what a query, or one of its stages, has left here."""
        self.exchange.free(query, stage)
        if stage is None:
            forget()
        with self._lock:
            for key in [key for key in self._shared if belongs(key[0], query) and stage in (None, key[1])]:
                del self._shared[key]

    def shared(self, query: str, stage: int, what: str, build: Callable[[], T]) -> T:
        """Return what every task makes alike of a broadcast build side, made by the first one that asks."""
        key = (query, stage, what)
        with self._lock:
            known = self._shared.get(key)
            mine = known is None
            future: Future[T] = Future() if known is None else known
            self._shared[key] = future
        if mine:
            try:
                future.set_result(build())
            except BaseException as error:
                with self._lock:  # the next to ask tries again
                    self._shared.pop(key, None)
                future.set_exception(error)
                raise
        return future.result()


def run(bench: Bench, assignment: Assignment) -> Report:
    """Run the units in order into one output, and return what there is of it.

    Raises
    ------
    RowsLost
        Where rows of an earlier stage cannot be had.
    Cancelled
        Where the query was stopped.
    """
    with bench.working(assignment.plan):
        return _Work(bench, assignment).run()


class _Work:
    def __init__(self, bench: Bench, assignment: Assignment) -> None:
        self.bench, self.assignment, self.plan = bench, assignment, assignment.plan
        self.device, self.stage = bench.device, assignment.plan.stage
        self.stopped = partial(bench.stopped, assignment.plan.query)
        self.counts: Counts = {}
        self.received = 0
        made = OutputId(self.plan.query, self.stage.number, assignment.task, assignment.attempt)
        self.draft = bench.exchange.store.draft(made)
        self.rows: list[int] = []
        self.bytes: list[int] = []

    def run(self) -> Report:
        begun, before = time.perf_counter(), self.device.account
        plan, assignment = self.plan, self.assignment
        account = MemoryAccount(plan.memory_limit)
        owner = f"stage {self.stage.number} ({self.stage.name})"
        shared = not (plan.alone and isinstance(self.stage.sink, ReduceSink))  # which gives a row even of no rows
        context = SinkContext(
            self.device, account, self.stopped, owner, buckets=plan.buckets, shared=shared, hand_over=self._hand_over
        )
        sink = open_sink(self.stage.sink, context)
        try:
            local = sink.local()
            runner = TaskRunner(self.device, self.stage, sink, self._broadcast(), self.stopped)
            numbered = isinstance(self.stage.sink, WriteSink) and not self.stage.sink.sink.single_writer
            for position, unit in enumerate(assignment.units):
                self._run_unit(runner, unit.number if numbered else position, unit, local)
                if runner.enough.is_set():
                    break
            if self.stopped():
                raise Cancelled("the run was cancelled")
            output = sink.finish(_one_by_one)
        except Stopped:
            self._give_up(sink)
            raise Cancelled("the run was cancelled") from None
        except BaseException:
            self._give_up(sink)
            raise
        report = self._keep(output)
        report.seconds = time.perf_counter() - begun
        report.begun = time.time() - report.seconds
        report.received = self.received
        report.accounts = before, self.device.account
        report.complete = not runner.enough.is_set()
        return report

    def _keep(self, output: Output) -> Report:
        self._hand_over(output.partitions)
        self.draft.keep()
        if self.stopped():  # while this was put: who stops has looked already
            self.bench.free(self.plan.query)
        return Report(
            worker=self.bench.exchange.address,
            task=self.assignment.task,
            attempt=self.assignment.attempt,
            rows=self.rows,
            bytes=self.bytes,
            value=output.value,
            packed=self._packed(output.partitions),
            counts=self.counts,
            spilled=self.bench.exchange.store.spilled,
        )

    def _packed(self, buckets: Sequence[Sequence[Table]]) -> bytes | None:
        """Return rows that the client reads for the report, where fetching them would take longer."""
        if not self.plan.for_client or sum(self.bytes) > _FEW_BYTES:  # what was handed over before counts
            return None
        tables = [table for bucket in buckets for table in bucket]
        packed = bytes(memoryview(self.device.pack(tables))) if tables else b""
        return packed if len(packed) <= _FEW_BYTES else None

    def _hand_over(self, partitions: Sequence[Sequence[Table]]) -> None:
        """Let the store have part of the output: it spills what is too much."""
        buckets = [self._joined(tables) for tables in partitions]
        rows = [sum(table.num_rows for table in tables) for tables in buckets]
        sizes = [sum(table.nbytes for table in tables) for tables in buckets]
        self.rows = [sum(both) for both in zip_longest(self.rows, rows, fillvalue=0)]
        self.bytes = [sum(both) for both in zip_longest(self.bytes, sizes, fillvalue=0)]
        self.draft.add(buckets)

    def _give_up(self, sink: SinkRun) -> None:
        sink.abort()
        self.draft.drop()

    def _joined(self, tables: Sequence[Table]) -> Sequence[Table]:
        """Return the tables of a bucket as one, where they are so small that moving each would cost more."""
        if len(tables) < 2 or sum(table.num_rows for table in tables) // len(tables) > _SMALL_ROWS:
            return tables
        return [self.device.concat(tables, tables[0].schema)]

    def _run_unit(self, runner: TaskRunner, number: int, unit: Unit, local: Any) -> None:
        pipeline = self.stage.pipelines[unit.pipeline]
        joins = runner.joins
        try:
            if unit.build is not None:
                probe = pipeline.operators[0]
                assert isinstance(probe, Probe)
                assert unit.buckets is not None
                own = {unit.build: self._built(probe, Buckets(unit.buckets.first, unit.buckets.last))}
                runner.joins = {**joins, **own}
            counted = OperatorMetrics()
            tables, where = partial(self._tables, unit, counted, runner.sink), self._where(unit)
            task = Task(pipeline, tables, 0, unit.rows, counted=counted, where=where)
            ended = runner.run(number, task, local, self.counts)
            if ended and unit.rest is not None and unit.build is not None:
                rest = self.stage.pipelines[unit.rest]
                remaining = runner.joins[unit.build].remaining
                runner.run(number, Task(rest, lambda: iter([remaining()]), 0, 0), local, self.counts)
        finally:
            runner.joins = joins

    def _where(self, unit: Unit) -> Callable[[int, int], str] | None:
        """Return what tells which rows of a scan some rows of a unit are."""
        source = self.stage.pipelines[unit.pipeline].input
        if unit.split is not None and isinstance(source, ScanInput):
            return partial(rows_of, unit.split, self._filters(source.keys))
        return partial(named_rows, unit.label) if unit.label else None

    def _tables(self, unit: Unit, counted: OperatorMetrics, sink: SinkRun) -> Iterator[Table]:
        source = self.stage.pipelines[unit.pipeline].input
        if isinstance(source, ScanInput):
            if unit.uploaded is not None:
                assert unit.buckets is not None
                yield from self._ordered(unit.uploaded, unit.buckets)
                return
            assert unit.split is not None
            filters = self._filters(source.keys) + scan_bounds(sink, source.top)
            yield from read_split(self.device, unit.split, source.node.schema, filters, counted)
            return
        assert not isinstance(source, RemainingInput | JoinedInput)
        assert unit.buckets is not None
        if unit.build is not None:  # a probing side, whose rows need no order
            for _, tables in self._fetched(source.stage, unit.buckets):
                yield from tables
            return
        yield from self._merged(source, unit.buckets)

    def _filters(self, keys: Sequence[ScanKey]) -> list[KeyFilter]:
        """Return what is known of the joins whose keys a scan makes use of."""
        exprs = {(asked.stage, asked.position): asked.key for asked in self.plan.asked}
        found = []
        for key in keys:
            expr = exprs.get((key.stage, key.position))
            if expr is not None:
                made = self.assignment.sources[key.stage].stage
                build = partial(self._keys, key.stage, expr)
                keys_there = self.bench.shared(self.plan.query, made, f"keys {key.position}", build)
                if keys_there is not None:
                    found.append(KeyFilter(key.column, keys_there))
        return found

    def _keys(self, stage: int, key: Expr) -> KeySet | None:
        return keys_of(self.device, key, self._ordered(stage, _ALL))

    def _merged(self, source: OutputInput, buckets: Buckets) -> Sequence[Table]:
        partition = self._ordered(source.stage, buckets)
        if not partition:
            return ()
        return merge_input(self.device, source, partition, threads=1)

    def _fetched(self, stage: int, buckets: Buckets) -> Iterator[tuple[int, Sequence[Table]]]:
        source = self.assignment.sources[stage]
        requests = source.requests(self.plan.query, buckets)
        relayed = buckets == _ALL and stage in self.plan.relayed
        return self.bench.exchange.fetch(requests, source.schema, self.stopped, self._arrived, relayed=relayed)

    def _arrived(self, size: int) -> None:
        self.received += size

    def _ordered(self, stage: int, buckets: Buckets) -> list[Table]:
        """Return the tables of all tasks in their order."""
        by_task = sorted(self._fetched(stage, buckets), key=lambda pair: pair[0])
        return [table for _, tables in by_task for table in tables]

    def _built(self, probe: Probe, buckets: Buckets) -> JoinTable:
        return self.device.build_join(self._ordered(probe.stage, buckets), probe.node.spec, threads=1)

    def _built_for_all(self, probe: Probe) -> JoinTable:
        """Return the hash table of all rows, and find what scans ask of their keys while the rows are here."""
        rows = self._ordered(probe.stage, _ALL)
        made = self.assignment.sources[probe.stage].stage
        for asked in self.plan.asked:
            if asked.stage == probe.stage:
                find = partial(keys_of, self.device, asked.key, rows)
                self.bench.shared(self.plan.query, made, f"keys {asked.position}", find)
        return self.device.build_join(rows, probe.node.spec, threads=1)

    def _broadcast(self) -> Mapping[int, JoinTable]:
        """Return the hash tables that all units share."""
        joins: dict[int, JoinTable] = {}
        for pipeline in {unit.pipeline for unit in self.assignment.units}:
            for probe in self.stage.pipelines[pipeline].operators:
                if isinstance(probe, Probe) and probe.stage in self.plan.broadcast and probe.stage not in joins:
                    build = partial(self._built_for_all, probe)
                    made = self.assignment.sources[probe.stage].stage
                    joins[probe.stage] = self.bench.shared(self.plan.query, made, "join", build)
        return joins


_SMALL_ROWS = 32 * 1024
_FEW_BYTES = 32 * 1024
"""Rows for the client up to so many bytes come with their task's report, which passes the scheduler."""
_MOST_STOPPED = 1_000
"""Queries of which a worker remembers that they were stopped: tasks of those before them have ended long ago."""
_ALL = Buckets(0, 1 << 30)


def _one_by_one(thunks: Sequence[Callable[[], Any]]) -> list[Any]:
    return [thunk() for thunk in thunks]
