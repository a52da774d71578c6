"""Runs a query's stages through the real coordinator, over workers that only count what they would do.

What the client decides is decided by the code that decides it for real: the cutting into stages, broadcast or shuffle,
units, groups, buckets. What workers would report is computed from the planner's estimates, spread evenly: it
knows no skew. What the client's own code takes of a processor is measured, not assumed.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from distributed.protocol import pickle

from volley.engine.exchange.pieces import PAGE_BYTES
from volley.engine.expr import SortKey
from volley.engine.physical.stages import (
    GroupSink,
    LimitSink,
    PartitionSink,
    Pipeline,
    Probe,
    ReduceSink,
    RemainingInput,
    Stage,
    StageGraph,
    TopKSink,
)
from volley.engine.runners.dask.assignment import Report, Unit
from volley.engine.runners.dask.coordinator import Coordinator
from volley.engine.runners.dask.placement import Slots
from volley.engine.runners.dask.tasks import Ran, Tasks

from .hardware import Hardware


@dataclass(slots=True)
class StageCost:
    """What one stage costs; bytes and messages of all workers, seconds as they pass."""

    number: int
    name: str
    tasks: int
    stored: float = 0.0
    made: float = 0.0
    local: float = 0.0
    nvlink: float = 0.0
    nic: float = 0.0
    messages: float = 0.0
    scheduler_bytes: float = 0.0
    held: float = 0.0
    most_from_one: float = 0.0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Seconds: reading, computing and network overlap; messages take the thread that computes, the rest waits."""
        return max(
            self.seconds.get("work", 0.0), self.seconds.get("serving", 0.0), self.seconds.get("scheduler", 0.0)
        ) + self.seconds.get("client", 0.0)

    @property
    def bound(self) -> str:
        """What most of the seconds are."""
        return max(self.seconds, key=lambda name: self.seconds[name]) if self.seconds else ""


class CountingTasks(Tasks):
    """Runs no task: reports what each would report, and adds up what it would cost."""

    def __init__(self, coordinator: SimulatedCoordinator) -> None:
        self.coordinator, self.hardware, self.query = coordinator, coordinator.hardware, coordinator.query
        self.stages: dict[int, Ran] = {}
        self.costs: list[StageCost] = []
        self.simulating = 0.0

    def workers(self) -> list[str]:
        return [str(number) for number in range(self.hardware.workers)]

    def close(self) -> None:
        """Nothing is under way."""

    def abandon(self, futures: Iterable[Any] | None = None) -> None:
        """Nothing is under way."""

    def run_chain(self, chain: Sequence[Ran], home: str | None) -> None:
        for ran in chain:
            alone = {0: home} if home and len(ran.tasks) == 1 else {}
            self._run(ran, range(len(ran.tasks)), alone, chained=ran is not chain[0])
            home = ran.done[0].worker

    def run(self, ran: Ran, tasks: Iterable[int], homes: Mapping[int, str] | None = None) -> None:
        self._run(ran, tasks, homes or {}, chained=False)

    def _run(self, ran: Ran, tasks: Iterable[int], homes: Mapping[int, str], *, chained: bool) -> None:
        begun = time.process_time()
        cost = StageCost(ran.plan.stage.number, ran.plan.stage.name, len(ran.tasks))
        shared = pickle.dumps((ran.plan, {known: self.source(made) for known, made in ran.reads.items()}))
        cost.seconds["client"] = time.process_time() - begun  # this the client does for real, once for a stage
        begun = time.process_time()
        work = _Work(self, ran, cost)
        tasks = list(tasks)
        busy: dict[str, float] = defaultdict(float)
        free = [(0.0, int(worker)) for worker in self.workers()]
        heapq.heapify(free)
        own = 0.0
        for task in tasks:
            if task % 64 == 0:
                own = len(pickle.dumps((task, 1, ran.tasks[task])))
            cost.scheduler_bytes += len(shared) + own
            ends, worker = (0.0, int(homes[task])) if task in homes else heapq.heappop(free)
            seconds = work.seconds(ran.tasks[task], worker)
            if task not in homes:
                heapq.heappush(free, (ends + seconds, worker))
            busy[str(worker)] += seconds
            ran.attempts[task] += 1
            ran.reports[task] = work.report(task, str(worker))
        cost.seconds["work"] = max(busy.values(), default=0.0)
        work.finish()
        hardware = self.hardware
        cost.seconds["scheduler"] = len(tasks) * hardware.task + cost.scheduler_bytes / hardware.pickled
        cost.seconds["client"] += len(tasks) * hardware.client_task
        if chained:  # goes with the task before
            cost.seconds["scheduler"], cost.scheduler_bytes = 0.0, 0.0
        cost.seconds["serving"] = work.serving()
        cost.held = sum(sum(report.bytes) for made in self.stages.values() for report in made.done)
        self.costs.append(cost)
        self.simulating += time.process_time() - begun
        for report in ran.done:  # the client's own bookkeeping, which is measured with the rest of it
            self.coordinator.count(ran, report)


class _Work:
    """What the tasks of one stage read, receive, compute and make."""

    def __init__(self, tasks: CountingTasks, ran: Ran, cost: StageCost) -> None:
        self.tasks, self.ran, self.cost, self.hardware = tasks, ran, cost, tasks.hardware
        self.plan, self.stage = ran.plan, ran.plan.stage
        self.units = [unit for task in ran.tasks for unit in task]
        self.read = [
            max(1.0, sum(_size(u) for u in self.units if u.pipeline == n)) for n in range(len(self.stage.pipelines))
        ]
        self.passed = [_bytes_through(pipeline) for pipeline in self.stage.pipelines]
        self.rows = [_rows_after(pipeline) for pipeline in self.stage.pipelines]
        self.groups = _groups(tasks.coordinator.graph, self.stage)
        self.served: dict[str, float] = defaultdict(float)
        self.sent: dict[str, float] = defaultdict(float)
        self.fetched: set[tuple[int, int]] = set()
        self.held: dict[int, dict[str, float]] = {}
        self.pieces: dict[tuple[int, int, int, int | None], float] = {}
        self._reports: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
        self._share = 0.0

    def seconds(self, units: tuple[Unit, ...], worker: int) -> float:
        """Return how long a worker is busy with a task."""
        stored, through, received, messages = 0.0, 0.0, [0.0, 0.0, 0.0], 0.0
        self._share = 0.0
        for unit in units:
            share = _size(unit) / self.read[unit.pipeline]
            self._share += share * self.rows[unit.pipeline]
            through += share * self.passed[unit.pipeline]
            if unit.split is not None:
                stored += unit.bytes
            if unit.buckets is not None:
                source = self.stage.pipelines[unit.pipeline].input.stage
                for known in (source, *([] if unit.build is None else [unit.build])):
                    b = unit.buckets
                    only = (b.first_task, b.last_task) if known == source else (0, None)
                    messages += self._fetch(known, b.first, b.last, only, worker, received)
        for known in self.plan.broadcast:
            if (known, worker) not in self.fetched:
                self.fetched.add((known, worker))
                messages += self._fetch(known, 0, 1 << 30, (0, None), worker, received)
        local, nvlink, nic = received
        cost, hardware = self.cost, self.hardware
        cost.stored, cost.messages = cost.stored + stored, cost.messages + messages
        cost.local, cost.nvlink, cost.nic = cost.local + local, cost.nvlink + nvlink, cost.nic + nic
        computing = through / hardware.pass_over + messages * hardware.message
        moving = max(nvlink / hardware.nvlink, nic / hardware.nic)
        reading = max(stored / hardware.storage, (through if stored else 0.0) / hardware.decode)
        return computing + max(moving, reading)

    def _fetch(
        self, known: int, first: int, last: int, only: tuple[int, int | None], worker: int, received: list[float]
    ) -> float:
        """Count what a worker asks of the others for some buckets; return how many messages that takes."""
        made = self.ran.reads[known]
        if made not in self.held:
            by_worker: dict[str, float] = defaultdict(float)
            for report in self.tasks.stages[made].done:
                by_worker[report.worker] += sum(report.bytes)
            self.held[made] = by_worker
        holders = self.held[made]
        share = self._piece(made, first, last, only)
        messages, gpus = 0.0, self.hardware.gpus
        for holder, size in holders.items():
            part = size * share
            if holder == str(worker):
                received[0] += part
                continue
            pages = max(1, math.ceil(part / PAGE_BYTES))
            messages += pages
            self.served[holder] += pages
            self.sent[holder] += part
            received[1 if int(holder) // gpus == worker // gpus else 2] += part
        return messages

    def _piece(self, made: int, first: int, last: int, only: tuple[int, int | None]) -> float:
        """Return which part of a stage's bytes some buckets of some tasks are."""
        key = (made, first, last, *only)
        if key not in self.pieces:
            reports = self.tasks.stages[made].done
            whole = sum(sum(report.bytes) for report in reports[:1]) or 1
            some = sum(sum(report.bytes[first:last]) for report in reports[:1])
            stop = len(reports) if only[1] is None else only[1]
            self.pieces[key] = some / whole * (stop - only[0]) / max(1, len(reports))
        return self.pieces[key]

    def report(self, task: int, worker: str) -> Report:
        """Return what a task reports of its output."""
        rows, buckets = self._made(self._share)
        width = self.plan.schema.row_width
        each, over = divmod(math.ceil(rows), buckets)
        shape = (each, over, buckets)
        if shape not in self._reports:
            counted = [each + (number < over) for number in range(buckets)]
            self._reports[shape] = counted, [count * width for count in counted]
        counted, sizes = self._reports[shape]
        self.cost.made += math.ceil(rows) * width
        return Report(worker=worker, task=task, attempt=1, rows=list(counted), bytes=list(sizes))

    def _made(self, rows: float) -> tuple[float, int]:
        """Return rows and buckets of a task's output, of the rows that reach its sink."""
        match self.stage.sink:
            case GroupSink(spec=spec):
                met = self.groups * -math.expm1(-rows / self.groups) if self.groups else rows
                return min(rows, met), self.plan.buckets if spec.keys else 1
            case PartitionSink():
                return rows, self.plan.buckets
            case ReduceSink():
                return 1.0, 1
            case TopKSink(k=k):
                return min(rows, float(k)), 1
            case LimitSink(count=count, offset=offset):
                return (rows if count is None else min(rows, float(count + offset))), 1
        return rows, 1

    def serving(self) -> float:
        """Return how long the busiest worker serves others: its Python, and its network card."""
        busiest = max(self.served.values(), default=0.0) * self.hardware.message
        sent = max(self.sent.values(), default=0.0)
        self.cost.most_from_one = sent
        return max(busiest, sent / self.hardware.nic)

    def finish(self) -> None:
        """Let go of what was only needed for this stage."""
        self._reports.clear()
        self.pieces.clear()


class _NoClient:
    """Stands where the coordinator expects a Dask client."""

    id = "simulated"
    scheduler_comm = None

    def subscribe_topic(self, *_: object) -> None:
        """Nobody reports."""


class SimulatedCoordinator(Coordinator):
    """The coordinator over workers that are not there."""

    def __init__(self, graph: StageGraph, hardware: Hardware) -> None:
        self.hardware = hardware
        cluster: Any = SimpleNamespace(
            client=_NoClient(),
            slots=lambda: Slots(hardware.workers, hardware.workers),
            forget=lambda *_: None,
            accounts=dict,
        )
        super().__init__(cluster, graph, memory_limit=None, observer=None)

    def _runs_tasks(self) -> CountingTasks:
        self.tasks: CountingTasks = CountingTasks(self)
        return self.tasks

    def _in_ranges(self, stage: Stage, number: int, keys: tuple[SortKey, ...]) -> int:
        """Leave rows that are sorted to one task: ranges are cut by samples of rows, and TPC-H sorts few."""
        return number

    def count(self, ran: Ran, report: Report) -> None:
        """Do what is done when a task has ended."""
        self._finished(ran, report)

    def finish(self) -> list[StageCost]:
        """Run all stages; the client's own seconds that are no stage's are shared out among them."""
        begun = time.process_time()
        self.run()
        own = time.process_time() - begun - self.tasks.simulating
        counted = sum(cost.seconds["client"] - cost.tasks * self.hardware.client_task for cost in self.tasks.costs)
        for cost in self.tasks.costs:
            cost.seconds["client"] += max(0.0, own - counted) / len(self.tasks.costs)
        return self.tasks.costs


def _size(unit: Unit) -> float:
    return float(unit.bytes or unit.rows or 1)


def _rows_after(pipeline: Pipeline) -> float:
    """Return how many rows a pipeline's last operator gives."""
    if isinstance(pipeline.input, RemainingInput):
        return 0.0
    nodes = [pipeline.input.node, *(o.node if isinstance(o, Probe) else o for o in pipeline.operators)]
    return float(nodes[-1].rows or 0.0)


def _bytes_through(pipeline: Pipeline) -> float:
    """Return the bytes that a pipeline's operators take, each its input's, and the sink's."""
    if isinstance(pipeline.input, RemainingInput):
        return 0.0
    nodes = [pipeline.input.node, *(o.node if isinstance(o, Probe) else o for o in pipeline.operators)]
    return sum((node.rows or 0.0) * node.schema.row_width for node in nodes)


def _groups(graph: StageGraph, stage: Stage) -> float:
    """Return how many groups the second phase of an aggregation is expected to find."""
    known = graph.stages[stage.number] if stage.number < len(graph.stages) else stage
    return float(known.ends[0].rows or 0.0) if isinstance(stage.sink, GroupSink) and known.ends else 0.0
