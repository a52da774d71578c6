"""What a run did: rows, seconds and bytes by stage and operator; and how others may watch it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from ..kernels.sharing import Account
from ..quantities import format_bytes


@dataclass(slots=True)
class OperatorMetrics:
    """Totals of one operator over all tasks; seconds are summed over threads.

    ``expected_rows`` and ``expected_bytes`` are what the plan expected, None where nobody asked. Of a scan,
    ``stored_rows`` and ``stored_bytes`` are what its source set out to read, ``skipped_rows`` and ``skipped_bytes``
    what it need not read of the plan's splits once the keys of a join were known.
    """

    rows: int = 0
    bytes: int = 0
    batches: int = 0
    seconds: float = 0.0
    expected_rows: float | None = None
    expected_bytes: float | None = None
    stored_rows: int = 0
    stored_bytes: int = 0
    skipped_rows: int = 0
    skipped_bytes: int = 0

    def add(self, rows: int, size: int, seconds: float, tables: int = 1) -> None:
        """Count a table, or several."""
        self.rows += rows
        self.bytes += size
        self.batches += tables
        self.seconds += seconds

    def merge(self, other: OperatorMetrics) -> None:
        """Add the totals of another thread."""
        self.rows += other.rows
        self.bytes += other.bytes
        self.batches += other.batches
        self.seconds += other.seconds
        self.stored_rows += other.stored_rows
        self.stored_bytes += other.stored_bytes
        self.skipped_rows += other.skipped_rows
        self.skipped_bytes += other.skipped_bytes

    def expect(self, rows: float | None, row_width: int) -> None:
        """Add to what is expected."""
        if rows is not None:
            self.expected_rows = (self.expected_rows or 0.0) + rows
            self.expected_bytes = (self.expected_bytes or 0.0) + rows * row_width

    def __str__(self) -> str:
        rows, size = f"{self.rows:,} rows", format_bytes(self.bytes)
        if self.expected_rows is not None:
            rows += f" of ~{self.expected_rows:,.0f}"
        if self.expected_bytes is not None:
            size += f" of ~{format_bytes(self.expected_bytes)}"
        stored = f"; read {self.stored_rows:,} rows, {format_bytes(self.stored_bytes)}" if self.stored_bytes else ""
        if self.skipped_rows:
            stored += f"; known keys skipped {self.skipped_rows:,} rows, {format_bytes(self.skipped_bytes)}"
        return f"{rows}; {size} in {self.batches:,} batches{stored}; {self.seconds:.3f} s"


Counts: TypeAlias = dict[int, list[OperatorMetrics]]
"""What was counted of pipelines, by their places in the stage: of the input, the operators and the sink, in order."""


def add_counts(total: Counts, more: Counts) -> None:
    """Add what was counted elsewhere."""
    for place, steps in more.items():
        for counted, other in zip(total.setdefault(place, [OperatorMetrics() for _ in steps]), steps, strict=True):
            counted.merge(other)


@dataclass(slots=True)
class Bus:
    """What a device with memory of its own has moved between the first and the last account of a piece of work."""

    first: Account | None = None
    last: Account | None = None

    def see(self, account: Account | None) -> None:
        """Take up an account; they may come in any order, as all but what is kept only grows."""
        if account is None:
            return
        if self.first is None or account.crossed < self.first.crossed:
            self.first = account
        if self.last is None or account.crossed >= self.last.crossed:
            self.last = account

    @property
    def moved(self) -> Account | None:
        """The difference; None for a device that computes in the host's memory."""
        return self.last.since(self.first) if self.first is not None and self.last is not None else None


@dataclass(slots=True)
class WorkerMetrics:
    """What one worker did for a stage: tasks, rows and bytes made, bytes from other workers, bytes in files now."""

    tasks: int = 0
    rows: int = 0
    bytes: int = 0
    received: int = 0
    spilled: int = 0
    seconds: float = 0.0
    bus: Bus = field(default_factory=Bus)

    def __str__(self) -> str:
        spilled = f", {format_bytes(self.spilled)} spilled" if self.spilled else ""
        return (
            f"{self.tasks} tasks, {self.rows:,} rows, {format_bytes(self.bytes)} made, "
            f"{format_bytes(self.received)} received{spilled}, {self.seconds:.3f} s"
            f"{'' if self.bus.moved is None else f'; {self.bus.moved}'}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A task of a stage on a worker: from when to when, in seconds since the epoch; what it made and received."""

    stage: int
    name: str
    task: int
    worker: str
    begun: float
    ended: float
    rows: int = 0
    bytes: int = 0
    received: int = 0


@dataclass(slots=True)
class StageMetrics:
    """One stage: tasks, wall seconds, its operators in order, and on a cluster what each worker did.

    ``count`` gives the totals of the operators by name, and is called when somebody asks for them.
    ``spilled`` are bytes that were written to files, for want of memory, while it ran in this process.
    """

    number: int
    name: str
    count: Callable[[], dict[str, OperatorMetrics]]
    tasks: int = 0
    seconds: float = 0.0
    workers: dict[str, WorkerMetrics] = field(default_factory=dict)
    bus: Bus = field(default_factory=Bus)
    spilled: int = 0

    @property
    def operators(self) -> dict[str, OperatorMetrics]:
        """Totals of the operators by name, in order; the sink's come last."""
        return self.count()

    @property
    def skew(self) -> float:
        """How many times a worker's mean share of the work the busiest one had, in seconds."""
        seconds = [worker.seconds for worker in self.workers.values() if worker.tasks]
        return max(seconds) * len(seconds) / sum(seconds) if sum(seconds) else 1.0


@dataclass(slots=True)
class RunMetrics:
    """One run: its stages, wall seconds, the most bytes held between stages, and on a cluster when which task ran.

    ``query`` is the name that log records have it by.
    """

    stages: list[StageMetrics] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0
    bus: Bus = field(default_factory=Bus)
    spans: list[Span] = field(default_factory=list)
    query: str = ""

    def timeline(self) -> dict[str, Any]:
        """Return the run's tasks as a Chrome trace, which Perfetto shows: a process for each worker.

        Tasks that ran at the same time stand in rows of their own.
        """
        lanes = _lanes(self.spans)
        numbers = {worker: number for number, worker in enumerate(sorted({span.worker for span in self.spans}), 1)}
        names: list[dict[str, Any]] = [
            {"ph": "M", "name": "process_name", "pid": number, "args": {"name": worker}}
            for worker, number in numbers.items()
        ]
        tasks: list[dict[str, Any]] = [
            {
                "ph": "X",
                "name": f"stage {span.stage} {span.name}",
                "cat": span.name,
                "pid": numbers[span.worker],
                "tid": lane,
                "ts": span.begun * 1e6,
                "dur": (span.ended - span.begun) * 1e6,
                "args": {
                    "task": span.task,
                    "rows": span.rows,
                    "bytes": span.bytes,
                    "received": span.received,
                },
            }
            for span, lane in zip(self.spans, lanes, strict=True)
        ]
        return {"traceEvents": [*names, *tasks], "displayTimeUnit": "ms"}

    def describe(self) -> str:
        """Return a text with one line per stage and operator, as ``explain("analyze")`` prints it."""
        lines = [f"{self.seconds:.3f} s, at most {format_bytes(self.peak_bytes)} held between operators"]
        lines += _of_bus(self.bus)
        for stage in self.stages:
            spilled = f", {format_bytes(stage.spilled)} spilled" if stage.spilled else ""
            lines.append(f"stage {stage.number} {stage.name}: {stage.tasks} tasks, {stage.seconds:.3f} s{spilled}")
            lines += [f"  {line}" for line in _of_bus(stage.bus)]
            for name, operator in stage.operators.items():
                lines.append(f"  {name}  [{operator}]")
            for address, worker in sorted(stage.workers.items()):
                lines.append(f"  {address}: {worker}")
            if sum(1 for worker in stage.workers.values() if worker.tasks) > 1:
                lines.append(f"  the busiest worker had {stage.skew:.2f} times its share")
        return "\n".join(lines)


def _lanes(spans: Sequence[Span]) -> list[int]:
    """Return for each span the first row of its worker that is free when it begins."""
    found = [0] * len(spans)
    ends: dict[str, list[float]] = {}
    for number in sorted(range(len(spans)), key=lambda number: spans[number].begun):
        span, busy = spans[number], ends.setdefault(spans[number].worker, [])
        free = next((lane for lane, ended in enumerate(busy) if ended <= span.begun), len(busy))
        busy[free : free + 1] = [span.ended]
        found[number] = free
    return found


def _of_bus(bus: Bus) -> list[str]:
    return [] if bus.moved is None else [f"bus: {bus.moved}"]


class Observer(Protocol):
    """Watches a run; called from worker threads, so it must be quick and thread-safe."""

    def run_started(self, stages: int, rows: int, size: int) -> None:
        """Say that a run starts: its stages, and the rows and stored bytes that its scans will read (0 if unknown)."""
        ...

    def stage_started(self, number: int, name: str, tasks: int, total_bytes: int) -> None:
        """Say that a stage starts: its tasks and the stored bytes it will read (0 if unknown)."""
        ...

    def advanced(self, number: int, rows: int, size: int) -> None:
        """Say that a scan of a stage has read so many more rows, which are so many of its stored bytes."""
        ...

    def task_finished(self, number: int, rows: int, size: int) -> None:
        """Say that a task of a stage ended, having read so many rows and stored bytes."""
        ...

    def stage_finished(self, number: int) -> None:
        """Say that a stage ended."""
        ...

    def run_finished(self) -> None:
        """Say that the run ended, well or not."""
        ...
