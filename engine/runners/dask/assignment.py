"""What travels between the client and the workers: a group of units of one stage, and the report of having run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...exchange.calls import Request
from ...expr import Expr
from ...kernels.protocol import PackedTables
from ...kernels.sharing import Account
from ...physical.stages import Stage
from ...plan import Split
from ...schema import Schema
from ..metrics import Counts, Span, StageMetrics


class Place(NamedTuple):
    """Where the output of a task is: the worker that holds it, the task and which attempt at it.

    Without a name the worker is the one that reads.
    """

    worker: str
    task: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Source:
    """The output of an earlier stage: its number, the schema of its rows and where they are, by task."""

    stage: int
    schema: Schema
    places: tuple[Place, ...]

    def requests(self, query: str, buckets: Buckets) -> list[Request]:
        """Return what to ask of which worker."""
        by_worker: dict[str, list[tuple[int, int]]] = {}
        last = len(self.places) if buckets.last_task is None else buckets.last_task
        for place in self.places[buckets.first_task : last]:
            by_worker.setdefault(place.worker, []).append((place.task, place.attempt))
        return [
            Request(worker, query, self.stage, tuple(tasks), buckets.first, buckets.last)
            for worker, tasks in by_worker.items()
        ]


class Buckets(NamedTuple):
    """Hash buckets ``first`` up to, not including, ``last``; of some of the tasks only where a bucket is split."""

    first: int
    last: int
    first_task: int = 0
    last_task: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """The least piece of a stage's work: a split of a scan, or some buckets of an earlier stage.

    Attributes
    ----------
    number
        Its place among the stage's units, in the order of rows.
    pipeline
        Number of the pipeline that it belongs to.
    buckets
        What it reads of the stage that is its pipeline's input.
    uploaded
        Number of the stage that stands for rows which the client has sent, or None.
    build
        For a shuffled join: the number of the stage that made the build side, of which it reads the same buckets.
    rest
        Number of the pipeline for the build rows that come after probing, or None.
    label
        What errors call the rows that the client has sent.
    rows, bytes
        What it reads, 0 where unknown.
    """

    number: int
    pipeline: int
    split: Split | None = None
    buckets: Buckets | None = None
    uploaded: int | None = None
    label: str = ""
    build: int | None = None
    rest: int | None = None
    rows: int = 0
    bytes: int = 0


class AskedKey(NamedTuple):
    """A key of a join: the stage that makes the build side, which of its keys, and how that is computed there."""

    stage: int
    position: int
    key: Expr


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePlan:
    """A stage as workers run it.

    Attributes
    ----------
    title
        What users know the stage as, such as ``build`` where its tasks partition.
    stage
        Pipelines without the splits of their scans, and the sink that each task has to itself.
    buckets
        How many hash buckets its sink makes.
    schema
        That of the rows that come out.
    broadcast
        Numbers of the stages whose rows every worker builds a join's hash table of.
    relayed
        Numbers of those that few workers have made, and that the others take from each other.
    asked
        Keys of joins whose values scans make use of.
    alone
        Whether one task has all units, so that its output is that of the stage.
    for_client
        Whether the client reads its rows, which then come with the report if they are few.
    repeated
        Whether each worker makes the rows for itself, once, with the first of its tasks that reads them.
    """

    query: str
    title: str
    stage: Stage
    buckets: int
    schema: Schema
    broadcast: tuple[int, ...] = ()
    relayed: frozenset[int] = frozenset()
    asked: tuple[AskedKey, ...] = ()
    alone: bool = False
    for_client: bool = False
    repeated: bool = False
    memory_limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One task for a worker: some units of a stage, one after the other, into one output."""

    plan: StagePlan
    task: int
    attempt: int
    units: Sequence[Unit]
    sources: Mapping[int, Source]


@dataclass(slots=True, kw_only=True)
class Report:
    """What a task did.

    Attributes
    ----------
    rows, bytes
        Of its output, by bucket.
    value
        What a fold came to: a list of one state, or of none where there were no rows.
    packed
        The output's rows, where they are few and the client reads them.
    begun
        When the task began, in seconds since the epoch.
    received
        Bytes that came from other workers.
    accounts
        Of the device's bus, before and after.
    complete
        False where the sink had enough before the end.
    """

    worker: str
    task: int
    attempt: int
    rows: list[int]
    bytes: list[int]
    value: Any = None
    packed: PackedTables | None = None
    counts: Counts = field(default_factory=dict)
    begun: float = 0.0
    seconds: float = 0.0
    received: int = 0
    spilled: int = 0
    complete: bool = True
    accounts: tuple[Account | None, Account | None] = (None, None)

    @property
    def place(self) -> Place:
        """Where the output is."""
        return Place(self.worker, self.task, self.attempt)

    def span(self, stage: StageMetrics) -> Span:
        """Return the task's line of the timeline."""
        return Span(
            stage=stage.number,
            name=stage.name,
            task=self.task,
            worker=self.worker,
            begun=self.begun,
            ended=self.begun + self.seconds,
            rows=sum(self.rows),
            bytes=sum(self.bytes),
            received=self.received,
        )
