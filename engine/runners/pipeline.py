"""Runs one task of a stage: its tables pass the stage's operators into a sink. Every runner shares this."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from itertools import islice
from typing import TypeAlias

from ..errors import ExecutionError, VolleyError
from ..exchange import Stopped
from ..kernels.protocol import Device, JoinTable, Table
from ..physical import Exec
from ..physical.execute import apply_in_pieces, pieces
from ..physical.scan_keys import TopKey
from ..physical.stages import Operator, Pipeline, Probe, RemainingInput, ScanInput, Stage, StageGraph, StageInput
from ..plan import HeldSplit, KeyFilter, NarrowableSplit, PlacedSplit, Split, StoredSplit, offers
from ..records import dataclass
from ..schema import Schema
from .blame import blame, blame_sink, has_rows, trace_back
from .events import query_started, tells
from .metrics import Counts, Observer, OperatorMetrics
from .sinks import LocalSink, SinkRun

Steps: TypeAlias = list[tuple[str, Exec | None]]
"""Names in metrics, with the operators that they stand for."""

TOGETHER, JOINED_TOGETHER = 16, 8
"""Tables that a sink, or a join, is given at once where they are rows that lay in memory before: each time costs Python
that the data before have driven out of the cache. What other operators have just made is in the cache, and is taken
table by table."""


@dataclass(frozen=True, slots=True)
class Task:
    """An independent piece of a stage's work.

    Attributes
    ----------
    tables
        Gives the tables of the pipeline's input; called once, on the thread that does the task.
    bytes, rows
        Stored bytes and rows that it reads, 0 where unknown.
    waits
        Whether every task before it must have ended.
    resident
        Whether its tables are rows that lay in memory before and go on doing so.
    counted
        Takes up what is counted while the tables are given.
    where
        Returns what to call some rows of the input in errors, given the first one's number and how many; None where
        nobody but the engine would know them.
    """

    pipeline: Pipeline
    tables: Callable[[], Iterator[Table]]
    bytes: int
    rows: int
    waits: bool = False
    resident: bool = False
    counted: OperatorMetrics = field(default_factory=OperatorMetrics)
    where: Callable[[int, int], str] | None = None


def tell_start(observer: Observer | None, graph: StageGraph, query: str) -> None:
    """Tell the log, and an observer, that a run starts, and what its scans will read."""
    if observer is None and not tells():
        return
    splits = list(graph.splits)
    rows, size = sum(split.rows or 0 for split in splits), sum(split.bytes or 0 for split in splits)
    query_started(query, len(graph.stages), rows, size)
    if observer is not None:
        observer.run_started(len(graph.stages), rows, size)


def rows_of(split: Split, filters: Sequence[KeyFilter], first: int, count: int) -> str:
    """Return what to call some of the rows that a scan has given: with their numbers, if no others were left out."""
    origin: tuple[str, int] | None = split.label, 0
    if offers(split, PlacedSplit):
        try:
            origin = split.origin()
        except VolleyError:  # an error that is told already must not become another
            origin = None
    if origin is None or filters:
        return split.label
    return named_rows(origin[0], origin[1] + first, count)


def named_rows(name: str, first: int, count: int) -> str:
    """Return what to call some rows of what has a name; rows count from 0."""
    if count == 1:
        return f"row {first:,} of {name}"
    return f"rows {first:,} to {first + count - 1:,} of {name}" if count else name


def promising_first(splits: Sequence[Split], top: TopKey | None) -> Sequence[Split]:
    """Return splits in the order in which the first rows of an order are found soonest: later ones may be left out."""
    if top is None or not all(offers(split, NarrowableSplit) for split in splits):
        return splits
    place = 1 if top.descending else 0
    bounds = [split.bounds(top.column)[place] for split in splits if offers(split, NarrowableSplit)]
    if any(bound is None for bound in bounds):
        return splits
    pairs = sorted(zip(bounds, splits, strict=True), key=lambda pair: pair[0], reverse=top.descending)
    return [split for _, split in pairs]


def read_splits(
    device: Device,
    splits: Sequence[Split],
    schema: Schema,
    filters: Sequence[KeyFilter],
    counted: OperatorMetrics,
    *,
    chunked: bool = False,
) -> Iterator[Table]:
    """Yield the tables of several splits; see `read_split`.

    If ``chunked``, rows in memory may come as they are, in one table.
    """
    whole = _held_together(device, splits, schema) if chunked and not filters else None
    if whole is not None:
        counted.stored_rows += whole.num_rows
        counted.stored_bytes += whole.nbytes
        yield whole
        return
    for split in splits:
        yield from read_split(device, split, schema, filters, counted)


def _held_together(device: Device, splits: Sequence[Split], schema: Schema) -> Table | None:
    """Return the rows of splits as they lie in memory, if they do so one after the other."""
    own = [split for split in splits if offers(split, HeldSplit)]
    rows = [split.rows or 0 for split in own]
    ends = [split.offset + count for split, count in zip(own, rows, strict=True)]
    apart = any(split.offset != end or split.held is not own[0].held for split, end in zip(own[1:], ends, strict=False))
    if len(own) < len(splits) or apart:
        return None
    size = sum(split.bytes or 0 for split in own)
    return device.chunked(own[0].held, own[0].offset, sum(rows), schema, size)


def read_split(
    device: Device, split: Split, schema: Schema, filters: Sequence[KeyFilter], counted: OperatorMetrics
) -> Iterator[Table]:
    """Yield the tables of a split, without rows that joins have no partner for, as far as it can leave them out."""
    left: Split | None = split
    if filters and offers(split, NarrowableSplit):
        left = split.narrowed(filters)
    rows, size = (left.rows or 0, left.bytes or 0) if left is not None else (0, 0)
    counted.stored_rows += rows
    counted.stored_bytes += size
    counted.skipped_rows += (split.rows or 0) - rows
    counted.skipped_bytes += (split.bytes or 0) - size
    if left is not None:
        yield from _tables(device, left, schema)


def _tables(device: Device, split: Split, schema: Schema) -> Iterator[Table]:
    """Yield the tables of a split: decoded by the device where it can, else brought to it as Arrow batches."""
    if (native := getattr(split, "native", None)) is not None:
        taken = device.adopt(native(), schema)
        if taken is not None:
            yield taken
            return
    tables = device.read_stored(split, schema) if offers(split, StoredSplit) else None
    if tables is not None:
        yield from tables
        return
    yield from device.from_batches(split.read(), schema)


class _Place:
    """Which tables of a task are worked on, and how many rows there were before them."""

    def __init__(self) -> None:
        self.passed = 0
        self.tables: list[Table] = []

    def go_to(self, tables: list[Table]) -> bool:
        """Go on to the next tables; return whether there are any."""
        self.passed += sum(table.num_rows for table in self.tables)
        self.tables = tables
        return bool(tables)

    def narrow_to(self, number: int) -> None:
        """Say that it is only this one of the tables."""
        self.passed += sum(table.num_rows for table in self.tables[:number])
        self.tables = self.tables[number : number + 1]


class TaskRunner:
    """Runs tasks of one stage, each on the thread that calls.

    Parameters
    ----------
    joins
        Hash tables by the number of the stage that built them.
    stopped
        Says whether the run was cancelled; asked before every operator.
    observer
        Is told of the rows that scans have given, or None.

    Attributes
    ----------
    enough
        Set once the sink needs no more rows.
    """

    def __init__(
        self,
        device: Device,
        stage: Stage,
        sink: SinkRun,
        joins: Mapping[int, JoinTable],
        stopped: Callable[[], bool],
        observer: Observer | None = None,
    ) -> None:
        self.device, self.stage, self.sink, self.joins = device, stage, sink, joins
        self.stopped, self.observer = stopped, observer
        self.enough = threading.Event()

    def run(self, number: int, task: Task, local: LocalSink, counts: Counts) -> bool:
        """Run a task into a thread's part of the sink; return False where it was stopped before its end.

        ``counts`` takes up what was counted.
        """
        steps = self._steps_of(task.pipeline, counts)
        tables = self._in_pieces(task.pipeline, _timed(task.tables(), steps[0]))
        if self.observer is not None and isinstance(task.pipeline.input, ScanInput):
            tables = self._told(task, tables, self.observer)
        first = next(iter(task.pipeline.operators), None)
        together = 1
        if task.resident and (first is None or isinstance(first, Probe)):
            together = TOGETHER if first is None else JOINED_TOGETHER
        at = _Place()
        try:
            while at.go_to(list(islice(tables, together))):
                results = self._all_through(task.pipeline.operators, at, steps[1:-1])
                while some := list(islice(results, together)):
                    self._consume(number, some, local, steps[-1])
            local.finish_task(number)
        except Stopped:
            self.enough.set()
            return False
        except ExecutionError as error:
            self._locate(task, at.passed, at.tables, error)
            raise
        finally:
            steps[0].merge(task.counted)
        return True

    def _in_pieces(self, pipeline: Pipeline, tables: Iterator[Table]) -> Iterator[Table]:
        """Return tables in pieces, after each of which it is told how far a join is that tries all pairs of rows."""
        probes = [one for one in pipeline.operators if isinstance(one, Probe) and self.joins[one.stage].meets_all]
        if not probes:
            return tables
        return (piece for table in tables for piece in pieces(self.device, probes[0], table, self.joins))

    def _steps_of(self, pipeline: Pipeline, counts: Counts) -> list[OperatorMetrics]:
        """Return the counters of a pipeline of the stage."""
        place = 0
        while self.stage.pipelines[place] is not pipeline:
            place += 1
        if place not in counts:
            counts[place] = counters(pipeline)
        return counts[place]

    def _consume(self, number: int, tables: Sequence[Table], local: LocalSink, counted: OperatorMetrics) -> None:
        begun = time.perf_counter()
        settled = self.device.settle(*tables) if self.sink.retains else tables
        rows, size = sum(table.num_rows for table in settled), sum(table.nbytes for table in settled)
        local.consume(number, *settled)
        counted.add(rows, size, time.perf_counter() - begun, len(settled))

    def _locate(self, task: Task, passed: int, tables: Sequence[Table], error: ExecutionError) -> None:
        """Note on an error which row of a task's input failed, or in which tables it was."""
        if not has_rows(error):
            return
        before = passed
        for table in tables:
            if error.row is None:
                blame_sink(self.device, task.pipeline.operators, self.stage.sink, table, error)
            if error.row is not None:
                break
            before += table.num_rows
        if task.where is None:
            error.add_note(f"in stage {self.stage.number} ({self.stage.name})")
        elif error.row is None:
            error.add_note(f"in {task.where(passed, sum(table.num_rows for table in tables))}")
        else:
            error.add_note(f"in {task.where(before + error.row, 1)}")

    def _told(self, task: Task, tables: Iterator[Table], observer: Observer) -> Iterator[Table]:
        """Yield the tables of a scan; tell of each when the operators are done with it, then of rows left out."""
        rows = size = 0
        for table in tables:
            yield table
            share = min(1.0, table.num_rows / task.rows) if task.rows else 0.0
            observer.advanced(self.stage.number, table.num_rows, int(task.bytes * share))
            rows, size = rows + table.num_rows, size + int(task.bytes * share)
        if task.rows > rows or task.bytes > size:  # rows that the scan itself left out
            observer.advanced(self.stage.number, max(0, task.rows - rows), max(0, task.bytes - size))

    def _all_through(
        self, operators: Sequence[Operator], at: _Place, steps: Sequence[OperatorMetrics]
    ) -> Iterator[Table]:
        """Yield the rows that operators make of several tables, of which a join takes all at once, if it can."""
        tables = at.tables
        joined = self._probed(operators[0], tables, steps[0]) if operators and len(tables) > 1 else None
        for number, table in enumerate(tables):
            try:
                if joined is None:
                    yield from self._through(operators, table, steps)
                else:
                    yield from self._beyond(operators, table, joined[number], steps)
            except ExecutionError:
                at.narrow_to(number)
                raise

    def _probed(self, operator: Operator, tables: Sequence[Table], counted: OperatorMetrics) -> Sequence[Table] | None:
        """Return what a join with keys makes of each table; None where tables have to be taken one by one."""
        if not isinstance(operator, Probe) or not operator.node.spec.probe_keys or self.stopped():
            return None
        begun = time.perf_counter()
        try:
            joined = self.joins[operator.stage].probe_each(tables)
        except ExecutionError:  # taken one by one, they tell which of them it is
            return None
        seconds = (time.perf_counter() - begun) / len(tables)
        for made in joined:
            counted.add(made.num_rows, made.nbytes, seconds)
        return joined

    def _beyond(
        self, operators: Sequence[Operator], table: Table, made: Table, steps: Sequence[OperatorMetrics]
    ) -> Iterator[Table]:
        """Yield what the operators after the first make of what that one made of a table."""
        try:
            yield from self._through(operators[1:], made, steps[1:])
        except ExecutionError as error:
            trace_back(self.device, operators[0], table, error)
            raise

    def _through(
        self, operators: Sequence[Operator], table: Table, steps: Sequence[OperatorMetrics]
    ) -> Iterator[Table]:
        """Yield the rows that operators make of a table, in pieces where there are too many pairs of a join.

        Raises `Stopped`, before an operator or between two pieces, where nobody wants the rows any more.
        """
        if self.stopped() or self.enough.is_set():
            raise Stopped
        if not table.num_rows:
            return
        if not operators:
            yield table
            return
        for made in _timed(self._applied(operators[0], table), steps[0]):
            yield from self._beyond(operators, table, made, steps)

    def _applied(self, operator: Operator, table: Table) -> Iterator[Table]:
        try:
            yield from apply_in_pieces(self.device, operator, table, self.joins)
        except ExecutionError as error:
            blame(self.device, operator, table, error)
            raise


def counters(pipeline: Pipeline) -> list[OperatorMetrics]:
    """Return counters for a pipeline's input, its operators and the stage's sink, in order."""
    return [OperatorMetrics() for _ in range(len(pipeline.operators) + 2)]


def totals(stage: Stage, counts: Iterable[Counts]) -> dict[str, OperatorMetrics]:
    """Return what was counted of a stage's operators, by the names that they are shown by, in order; the sink's last.

    Done once somebody wants to know, for the names print whole expressions. What was expected is there too.
    """
    operators: dict[str, OperatorMetrics] = {}
    for place, pipeline in enumerate(stage.pipelines):
        for number, (name, node) in enumerate(_names(pipeline, stage)):
            total = operators.setdefault(name, OperatorMetrics())
            if node is not None:
                total.expect(node.rows, node.schema.row_width)
            for counted in counts:
                if place in counted:
                    total.merge(counted[place][number])
    sink = f"-> {stage.name}"
    return {**{name: counted for name, counted in operators.items() if name != sink}, sink: operators[sink]}


def _names(pipeline: Pipeline, stage: Stage) -> Steps:
    """Return the names in metrics of a pipeline's input, its operators and the stage's sink, in order, with nodes."""
    source = pipeline.input
    match source:
        case StageInput(stage=earlier):
            first = f"rows of stage {earlier}"
        case RemainingInput(node=node, stage=earlier):
            first = f"{node.spec.rest.value} rows of stage {earlier}"
        case _:
            first = source.node.title
    nodes = [operator.node if isinstance(operator, Probe) else operator for operator in pipeline.operators]
    return [
        (first, None if isinstance(source, RemainingInput) else source.node),
        *((node.title, node) for node in nodes),
        (f"-> {stage.name}", None),
    ]


def _timed(tables: Iterator[Table], counted: OperatorMetrics) -> Iterator[Table]:
    """Yield tables, counting rows and the time taken to make each."""
    while True:
        begun = time.perf_counter()
        table = next(tables, None)
        if table is None:
            return
        counted.add(table.num_rows, table.nbytes, time.perf_counter() - begun)
        yield table
