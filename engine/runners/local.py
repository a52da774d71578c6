"""The local runner: threads of this process pull tasks of one stage at a time.

A task is some splits of a scan, or a partition or bucket of an earlier stage. Its tables stream through the stage's
operators into the sink of the thread that pulled it. An exception in one thread, or Ctrl-C in the caller's, stops the
others at their next table and frees what the run holds.
"""

from __future__ import annotations

import itertools
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any, Self

from ..crew import TURN, Crew
from ..errors import Cancelled
from ..exchange import MemoryAccount, OrderedDelivery, Spools
from ..kernels.evaluation import forget
from ..kernels.protocol import Device, JoinTable, Table
from ..pages import gather_once
from ..physical.stages import (
    CollectSink,
    Stage,
    StageGraph,
)
from ..plan import KeySet
from .events import query_ended, stage_ended
from .interrupts import Stop, heard
from .limited import Limited
from .metrics import Counts, Observer, RunMetrics, StageMetrics
from .pipeline import TaskRunner, counters, tell_start, totals
from .result import RunResult
from .sinks import InOrder, LocalSink, Output, Parallel, SharedWork, SinkContext, SinkRun, open_sink
from .stage_tasks import StageTasks, calls_out, in_turn, worthwhile

_FEW_ROWS = 256 * 1024
"""Rows that are not worth a further thread."""
STREAM_DEPTH = 8
"""Tables that a streamed result may run ahead of its reader."""


class LocalRunner:
    """Executes stage graphs on threads.

    Parameters
    ----------
    device
        Whose kernels to call.
    threads
        How many threads work on a stage.
    memory_limit
        Most bytes held between operators, or None.
    spill_dir
        Where rows go that are more; the system's folder for temporary files if None.
    observer
        Is told of progress, or None.
    """

    def __init__(
        self,
        device: Device,
        *,
        threads: int,
        memory_limit: int | None = None,
        spill_dir: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.device, self.threads, self.observer = device, threads, observer
        self.memory_limit, self.spill_dir = memory_limit, spill_dir

    def execute(self, graph: StageGraph) -> RunResult:
        """Run all stages and return the result's tables in order."""
        with _Run(self, graph) as run, heard(run.cancelled):
            for stage in graph.stages:
                run.run_stage(stage)
            result = run.result()
        gather_once()  # for the next query
        return result

    def stream(self, graph: StageGraph) -> Iterator[Table]:
        """Run all stages and yield the result's tables in order while the last stage runs.

        Closing the iterator early stops the run.
        """
        *first, last = graph.stages
        if not isinstance(last.sink, CollectSink):
            raise TypeError("only a plan that gives rows can be streamed")
        with _Run(self, graph) as run:
            with heard(run.cancelled):
                for stage in first:
                    run.run_stage(stage)
            yield from run.stream_stage(run.divided(last))


class _Run:
    """One execution: its outputs by stage, memory account, metrics and stop signal."""

    def __init__(self, runner: LocalRunner, graph: StageGraph) -> None:
        self.device, self.threads, self.observer = runner.device, runner.threads, runner.observer
        self.graph = graph
        self.memory = MemoryAccount(runner.memory_limit)
        self.metrics = RunMetrics(query=os.urandom(6).hex())
        self.metrics.bus.see(self.device.account)
        self.outputs: dict[int, Output] = {}
        self.joins: dict[int, JoinTable] = {}
        self.last_readers = {need: stage.number for stage in graph.stages for need in stage.needs}
        self.asked = frozenset[tuple[int, int]]().union(*(stage.asks for stage in graph.stages))
        self.keys: dict[tuple[int, int], KeySet] = {}
        self.cancelled = Stop()
        self.crew = Crew()
        self.limited: Limited | None = None
        self.sparing = nullcontext() if runner.memory_limit is None else self.device.sparing(runner.memory_limit)
        if runner.memory_limit is not None:
            spools = Spools(self.device, self.memory, runner.spill_dir, self.threads)
            self.limited = Limited(graph, spools, self.outputs, self.cancelled.is_set)
        self.tasks = StageTasks(self.device, self.outputs, self.joins, self.keys, self.last_readers, self.limited)
        self.started = time.perf_counter()

    def __enter__(self) -> Self:
        self.sparing.__enter__()
        tell_start(self.observer, self.graph, self.metrics.query)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.metrics.seconds = time.perf_counter() - self.started
        query_ended(self.metrics, error)
        self.cancelled.set()
        self.sparing.__exit__(None, None, None)
        self.crew.dismiss()
        self.memory.release(sum(output.reserved for output in self.outputs.values()))
        self.outputs.clear()
        if self.limited is not None:
            self.limited.spools.close()
        self.joins.clear()
        self.keys.clear()
        forget()
        if self.observer is not None:
            self.observer.run_finished()

    def result(self) -> RunResult:
        output = self.outputs[len(self.graph.stages) - 1]
        self.metrics.seconds = time.perf_counter() - self.started
        self.metrics.peak_bytes = self.memory.peak
        self.metrics.bus.see(self.device.account)
        return RunResult(
            [t for tables in output.partitions for t in tables], output.written, output.value, self.metrics
        )

    @property
    def spilled(self) -> int:
        """Bytes written to files until now."""
        return 0 if self.limited is None else self.limited.spools.written

    def run_stage(self, stage: Stage) -> None:
        """Run a stage to its end and keep its output."""
        output = self._output(self.divided(stage))
        self.outputs[stage.number] = output
        if output.join is not None:
            self.joins[stage.number] = output.join
        self.keys.update({(stage.number, position): keys for position, keys in output.keys.items()})
        self._free_inputs(stage)

    def divided(self, stage: Stage) -> Stage:
        """Return a stage without probing tables of joins that were too large to be built."""
        return stage if self.limited is None else self.limited.divided(stage, self._output)

    def _output(self, stage: Stage) -> Output:
        """Run a stage to its end and return its output."""
        context = self._context(stage)
        sink = open_sink(stage.sink, context)
        work = _StageWork(self, stage, sink)
        try:
            work.run()
            work.raise_failure()
            if self.cancelled.is_set():
                raise Cancelled("the run was cancelled")
            output = work.finish()
        except BaseException:
            self.cancelled.set()
            try:
                if not self.cancelled.at_once:
                    self.crew.join()
            finally:  # also where a second Ctrl-C ends the wait
                sink.abort()
            raise
        work.close()
        return output

    def _context(self, stage: Stage) -> SinkContext:
        owner = f"stage {stage.number} ({stage.name})"
        keys = frozenset(position for number, position in self.asked if number == stage.number)
        made = SinkContext(self.device, self.memory, self.cancelled.is_set, owner, self.threads, keys)
        if self.limited is None:
            return made
        return replace(made, spools=self.limited.spools_of(stage), order=self.limited.order_of(stage))

    def _free_inputs(self, stage: Stage) -> None:
        """Drop outputs that no later stage reads."""
        added = [] if self.limited is None else self.limited.added()
        for need in [*(need for need, last in self.last_readers.items() if last == stage.number), *added]:
            self.joins.pop(need, None)
            output = self.outputs.pop(need)
            self.memory.release(output.reserved)
            if output.spool is not None:
                output.spool.close()

    def stream_stage(self, stage: Stage) -> Iterator[Table]:
        """Run the last stage in the background and yield its tables in task order."""
        stream = _Stream(self.cancelled, self.memory)
        work = _StageWork(self, stage, stream)

        def drive() -> None:
            try:
                work.run()
            except BaseException as error:  # noqa: BLE001  # carried to the reader's thread
                work.failures.append(error)
            finally:
                stream.ready.put(None)

        driver = threading.Thread(target=drive, name="volley-stream", daemon=True)
        driver.start()
        try:
            while (table := stream.next()) is not None:
                yield table
        finally:
            self.cancelled.set()
            while driver.is_alive():
                driver.join(TURN)
            stream.abort()
            work.close()
        work.raise_failure()


class _Stream(InOrder):
    """A sink that hands tables to a reader, in task order, at most `STREAM_DEPTH` ahead of it."""

    shared_work: SharedWork | None = None

    def __init__(self, cancelled: Stop, memory: MemoryAccount) -> None:
        self.ready: queue.SimpleQueue[Table | None] = queue.SimpleQueue()
        self.room = threading.Semaphore(STREAM_DEPTH)
        self.cancelled = cancelled
        self.delivery = OrderedDelivery(self._hand_over, cancelled.is_set, memory=memory)

    def _hand_over(self, table: Table) -> bool:
        while not self.room.acquire(timeout=TURN):
            if self.cancelled.is_set():
                return False
        self.ready.put(table)
        return True

    def next(self) -> Table | None:
        """Return the next table for the reader, who thereby makes room for another; None after the last."""
        while True:
            with suppress(queue.Empty):
                table = self.ready.get(timeout=TURN)
                self.room.release()
                return table

    def finish(self, parallel: Parallel) -> Output:
        return Output()

    def abort(self) -> None:
        """Drop what is buffered."""
        self.delivery.close()


class _StageWork:
    """The threads of one stage."""

    def __init__(self, run: _Run, stage: Stage, sink: SinkRun) -> None:
        self.run_, self.stage, self.sink = run, stage, sink
        self.threads = worthwhile(stage, sink, run.threads)
        self.tasks = run.tasks.of(stage, sink, self.threads)
        self.calls_out = calls_out(stage)
        free = sink.any_tasks and not self.calls_out and run.limited is None
        self.in_turn = iter(in_turn(self.tasks) if free else range(len(self.tasks)))  # each taken by a single call
        self.ended = [False] * len(self.tasks)
        self.task_ended = threading.Condition()
        self.runner = TaskRunner(run.device, stage, sink, run.joins, run.cancelled.is_set, run.observer)
        self.failures: list[BaseException] = []
        self.counts: list[Counts] = []  # one from each thread
        self.metrics = StageMetrics(stage.number, stage.name, partial(totals, stage, self.counts), len(self.tasks))
        self.metrics.bus.see(run.device.account)
        self.spilled = run.spilled
        self.started = time.perf_counter()

    def run(self) -> None:
        """Work through all tasks, or up to the first failure."""
        observer = self.run_.observer
        if observer is not None:
            total = sum(task.bytes for task in self.tasks)
            observer.stage_started(self.stage.number, self.stage.name, len(self.tasks), total)
        self._on_threads(self._work, max(1, min(self.threads, self._occupied())))

    def _occupied(self) -> int:
        """Return how many threads find work: one for each task, but for what a sink leaves to all."""
        rows = [task.rows for task in self.tasks]
        small = 0 not in rows and sum(rows) <= _FEW_ROWS
        return len(rows) if self.sink.shared_work is None or small else self.threads

    def parallel(self, thunks: Sequence[Callable[[], Any]]) -> list[Any]:
        """Run thunks on the stage's threads; results in order."""
        results: list[Any] = [None] * len(thunks)
        numbers = itertools.count()

        def work() -> None:
            while (number := next(numbers)) < len(thunks) and not self.run_.cancelled.is_set():
                results[number] = thunks[number]()

        self._on_threads(work, min(self.run_.threads, len(thunks)))
        self.raise_failure()
        return results

    def finish(self) -> Output:
        """Return the sink's output; the time that takes counts as the sink's."""
        begun = time.perf_counter()
        output = self.sink.finish(self.parallel)
        counted = counters(self.stage.pipelines[0])
        counted[-1].seconds = time.perf_counter() - begun
        self.counts.append({0: counted})
        return output

    def close(self) -> None:
        """Record the stage's metrics."""
        self.metrics.seconds = time.perf_counter() - self.started
        self.metrics.bus.see(self.run_.device.account)
        self.metrics.spilled = self.run_.spilled - self.spilled
        self.run_.metrics.stages.append(self.metrics)
        stage_ended(self.run_.metrics, self.metrics)
        if self.run_.observer is not None:
            self.run_.observer.stage_finished(self.stage.number)

    def raise_failure(self) -> None:
        """Raise the first error of any thread."""
        if self.failures:
            try:
                raise self.failures[0]
            finally:
                # Its traceback refers to this: what the run held would only go when Python looks for cycles.
                self.failures.clear()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # carried to the caller's thread
            self.failures.append(error)
            self.run_.cancelled.set()

    def _on_threads(self, work: Callable[[], None], count: int) -> None:
        """Run something on so many threads; the caller's is one of them, unless it has to see to a Ctrl-C soon."""
        self.run_.crew.work(partial(self._guarded, work), count, takes_part=not self.calls_out)

    def _work(self) -> None:
        local = self.sink.local()
        counts: Counts = {}
        self.counts.append(counts)
        while (number := next(self.in_turn, None)) is not None:
            if self.run_.cancelled.is_set() or self.runner.enough.is_set():
                break
            self._run_task(number, local, counts)
        if self.sink.shared_work is not None:
            self.sink.shared_work.help(self._no_more)

    def _no_more(self) -> bool:
        """Whether no task will bring anything any more."""
        stopped = self.run_.cancelled.is_set() or self.runner.enough.is_set()
        return stopped or all(self.ended)

    def _run_task(self, number: int, local: LocalSink, counts: Counts) -> None:
        task = self.tasks[number]
        if task.waits:
            self._wait_for_tasks_before(number)
        try:
            ended = self.runner.run(number, task, local, counts)
        finally:
            self.ended[number] = True
            with self.task_ended:
                self.task_ended.notify_all()
            if self.sink.shared_work is not None:
                self.sink.shared_work.wake()
        if ended and self.run_.observer is not None:
            self.run_.observer.task_finished(self.stage.number, task.rows, task.bytes)

    def _wait_for_tasks_before(self, number: int) -> None:
        """Wait until earlier tasks have ended, which other threads work on; or until nobody wants this one."""
        with self.task_ended:
            while not (all(self.ended[:number]) or self.run_.cancelled.is_set() or self.runner.enough.is_set()):
                self.task_ended.wait(0.05)
