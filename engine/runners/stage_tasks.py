"""What the threads of a stage pull: some splits of a scan, a partition of an earlier stage, or what a join has left.

Knows which splits and outputs there are, and of what earlier stages have found out. Must not know who does the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from ..kernels.protocol import Device, JoinTable, Table
from ..physical.execute import merge_input
from ..physical.nodes import MapBatchesExec
from ..physical.scan_keys import ScanKey
from ..physical.stages import (
    FoldSink,
    JoinedInput,
    MergeGroupsInput,
    OutputInput,
    Pipeline,
    Probe,
    RemainingInput,
    ScanInput,
    Stage,
    WriteSink,
)
from ..plan import KeyFilter, KeySet, Split
from .cutting import cut
from .limited import Limited
from .metrics import OperatorMetrics
from .pipeline import Task, promising_first, read_splits, rows_of
from .portions import located, portions
from .sinks import Output, SinkRun, scan_bounds


class StageTasks:
    """Makes the tasks of a run's stages.

    Parameters
    ----------
    device
        Reads the splits.
    outputs, joins
        What earlier stages have made, by their numbers.
    keys
        What is known of the joins' keys, by the number of the stage that built them and their position.
    last_readers
        The last stage that reads each, by their numbers.
    limited
        What has been spilled, where memory is limited.
    """

    def __init__(
        self,
        device: Device,
        outputs: Mapping[int, Output],
        joins: Mapping[int, JoinTable],
        keys: Mapping[tuple[int, int], KeySet],
        last_readers: Mapping[int, int],
        limited: Limited | None,
    ) -> None:
        self.device, self.outputs, self.joins, self.keys, self.limited = device, outputs, joins, keys, limited
        self._last_readers = last_readers

    def of(self, stage: Stage, sink: SinkRun, threads: int) -> list[Task]:
        """Return the tasks of a stage for so many threads."""
        tasks: list[Task] = []
        for pipeline in stage.pipelines:
            spooled = None if self.limited is None else self.limited.tasks(stage, pipeline, threads)
            if spooled is None:
                spooled = self._pipeline_tasks(stage, pipeline, sink, threads)
                spooled = cut([*spooled], self.device, self.joins) if sink.any_tasks else spooled
            tasks += spooled
        return tasks

    def _pipeline_tasks(self, stage: Stage, pipeline: Pipeline, sink: SinkRun, threads: int) -> Iterator[Task]:
        source = pipeline.input
        if isinstance(source, ScanInput):
            splits = promising_first(source.node.scan.splits, source.top)
            filters = self._filters(source.keys) + scan_bounds(sink, source.top)
            any_tasks = sink.any_tasks and source.top is None  # whose bound leaves out the more splits, the smaller
            least = 0 if pipeline.operators else sink.least_splits
            dealt = 1 if _joins_together(pipeline) else least
            for portion in portions(splits, threads, least=dealt) if any_tasks else [[split] for split in splits]:
                yield self._scan_task(pipeline, source, portion, filters, chunked=least > 0)
            return
        if isinstance(source, RemainingInput):
            yield Task(pipeline, partial(self._remaining, source.stage), 0, 0, waits=True)
            return
        assert not isinstance(source, JoinedInput)  # reads what was spooled
        partitions = self.outputs[source.stage].partitions
        merging = max(1, threads // max(1, len(partitions)))
        again = isinstance(source, MergeGroupsInput) and self._last_readers[source.stage] > stage.number
        for partition in partitions:
            merged = partial(self._merged, source, partition, merging, again=again)
            yield Task(pipeline, merged, 0, sum(table.num_rows for table in partition))

    def _scan_task(
        self,
        pipeline: Pipeline,
        source: ScanInput,
        splits: Sequence[Split],
        filters: Sequence[KeyFilter],
        *,
        chunked: bool,
    ) -> Task:
        counted = OperatorMetrics()
        rows = [split.rows or 0 for split in splits]

        def where(first: int, count: int) -> str:
            return located([partial(rows_of, split, filters) for split in splits], rows)(first, count)

        return Task(
            pipeline,
            partial(read_splits, self.device, splits, source.node.schema, filters, counted, chunked=chunked),
            sum(split.bytes or 0 for split in splits),
            sum(rows),
            resident=all(map(_is_in_memory, splits)),
            counted=counted,
            where=where,
        )

    def _filters(self, keys: Sequence[ScanKey]) -> list[KeyFilter]:
        """Return what is known of the joins whose keys a scan makes use of."""
        known = [(key.column, self.keys.get((key.stage, key.position))) for key in keys]
        return [KeyFilter(column, found) for column, found in known if found is not None]

    def _remaining(self, stage: int) -> Iterator[Table]:
        yield self.joins[stage].remaining()

    def _merged(self, source: OutputInput, partition: list[Table], threads: int, *, again: bool) -> Iterator[Table]:
        """Yield what tables of an earlier stage become; that takes their place where a later stage reads it again."""
        tables = merge_input(self.device, source, [*partition], threads=threads)
        if again:  # of one table of groups there is nothing to merge
            partition[:] = tables
        yield from tables


def worthwhile(stage: Stage, sink: SinkRun, threads: int) -> int:
    """Return how many of the threads are worth it: few where rows in memory go straight into a sink that skips most."""
    if sink.rows_per_thread == 1 or any(pipeline.operators for pipeline in stage.pipelines):
        return threads
    inputs = [pipeline.input for pipeline in stage.pipelines]
    splits = [split for one in inputs if isinstance(one, ScanInput) for split in one.node.scan.splits]
    if not all(isinstance(one, ScanInput) for one in inputs) or not all(map(_is_in_memory, splits)):
        return threads
    return max(1, min(threads, sum(split.rows or 0 for split in splits) // sink.rows_per_thread))


def in_turn(tasks: Sequence[Task]) -> Sequence[int]:
    """Return the tasks in the order in which threads are to take them; the tables come out in the tasks' own.

    Partitions of an earlier stage go by size: a thread that came to a large one last would be left alone with it.
    """
    numbers = range(len(tasks))
    if not all(isinstance(task.pipeline.input, OutputInput) for task in tasks):
        return numbers
    return sorted(numbers, key=lambda number: -tasks[number].rows)


def calls_out(stage: Stage) -> bool:
    """Return whether a stage's threads may wait for long: for users' functions, for files, for a server."""
    operators = [operator for pipeline in stage.pipelines for operator in pipeline.operators]
    if isinstance(stage.sink, FoldSink | WriteSink) or any(isinstance(one, MapBatchesExec) for one in operators):
        return True
    inputs = [pipeline.input for pipeline in stage.pipelines]
    firsts = [split for one in inputs if isinstance(one, ScanInput) for split in one.node.scan.splits[:1]]
    return any(getattr(split, "is_remote", False) for split in firsts)


def _joins_together(pipeline: Pipeline) -> bool:
    """Return whether tables are joined several at a time: what a join looks up stays in the cache in large tasks."""
    first = next(iter(pipeline.operators), None)
    return isinstance(first, Probe) and bool(first.node.spec.probe_keys)


def _is_in_memory(split: Split) -> bool:
    """Return whether a split's rows lie in this process's memory, as those of a file that only it can read do not."""
    return getattr(split, "carries_rows", False)
