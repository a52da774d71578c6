"""Rows between the client and the workers: those of frames in the client's memory, and those of the result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...errors import TemporaryFailure
from ...exchange import Stopped, in_pages
from ...exchange.calls import RowsLost
from ...kernels.protocol import Table
from ...physical.stages import CollectSink, Stage
from ...plan import Split
from ...plan.source import ArrowBatch
from ...schema import Schema
from .assignment import Buckets, Report, StagePlan, Unit
from .cluster import Cluster
from .tasks import MOST_LOSSES, Ran, Tasks

_INLINE_BYTES = 256 * 1024
"""Rows in memory up to so many bytes travel with the tasks that read them."""


class Uploads:
    """Sends and fetches rows for one query."""

    def __init__(self, cluster: Cluster, tasks: Tasks) -> None:
        self.cluster, self.tasks = cluster, tasks

    @staticmethod
    def needed(splits: Sequence[Split]) -> bool:
        """Whether a scan reads what only this process has, and too much to send with tasks."""
        here = [split for split in splits if getattr(split, "resident", False)]
        stay = any(split.bytes is None or not getattr(split, "carries_rows", False) for split in here)
        return stay or sum(split.bytes or 0 for split in here) > _INLINE_BYTES

    def send(self, number: int, splits: Sequence[Split], schema: Schema, enough: int | None) -> Ran:
        """Send the rows of splits to the workers in turn, as the output of a stage with a task for each split.

        ``enough`` is how many rows of each are wanted, if not all.
        """
        stage = Stage(number, (), CollectSink(), schema)
        plan = StagePlan(query=self.tasks.query, title="upload", stage=stage, buckets=1, schema=schema)
        units = [(Unit(number=place, pipeline=0, split=split),) for place, split in enumerate(splits)]

        def resend(task: int, attempt: int) -> Report:
            return self._send(number, _rows(splits[task], enough), task, attempt, schema)

        ran = Ran(plan, units, {}, resend=resend)
        self.tasks.run(ran, range(len(splits)))
        return ran

    def _send(self, number: int, batches: Iterator[ArrowBatch], task: int, attempt: int, schema: Schema) -> Report:
        device = self.cluster.device
        tables = [device.from_arrow(batch, schema) for batch in batches]
        frames = [device.pack(page) for page in in_pages(tables)]
        output = (self.tasks.query, number, task, attempt)
        for tried in range(MOST_LOSSES):
            workers = self.tasks.first_workers()
            worker = workers[(task + tried) % len(workers)]
            try:
                rows, size = self.cluster.put(worker, output, frames, schema)
            except (OSError, TimeoutError):
                continue
            return Report(worker=worker, task=task, attempt=attempt, rows=[rows], bytes=[size])
        raise TemporaryFailure(f"rows could not be sent to any worker in {MOST_LOSSES} attempts: giving up")

    def download(self, number: int, task: int) -> Iterator[Table]:
        """Yield the tables of a task's output, from its report where they are; what is lost is made again."""
        for _ in range(MOST_LOSSES):
            ran = self.tasks.stages[number]
            report = ran.reports[task]
            if report is not None and report.packed is not None:
                if report.packed:
                    yield from self.cluster.device.unpack(report.packed, ran.plan.schema)
                return
            source = self.tasks.source(number)
            place = source.places[task]
            requests = source.requests(self.tasks.query, Buckets(0, 1, task, task + 1))
            try:
                found = list(self.cluster.exchange.fetch(requests, source.schema, lambda: False))
            except RowsLost:
                self.tasks.lose(place.worker, None if place.worker not in self.tasks.workers() else [number])
                continue
            for _, tables in found:
                yield from tables
            return
        raise Stopped


def _rows(split: Split, enough: int | None) -> Iterator[ArrowBatch]:
    """Yield a split's batches until there are enough rows."""
    given = 0
    for batch in split.read():
        yield batch
        given += batch.num_rows
        if enough is not None and given >= enough:
            return
