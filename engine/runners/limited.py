"""What a local run does otherwise where it has a limit of memory: rows between its stages may be spilled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from ..exchange import Spool, Spools
from ..expr import SortKey
from ..physical.stages import (
    JoinedInput,
    OutputInput,
    Pipeline,
    Probe,
    RemainingInput,
    ScanInput,
    SortInput,
    Stage,
    StageGraph,
)
from .cuts import Line, first_cut, rest_of, side_sink
from .pipeline import Task
from .sinks import Output
from .spilled import SpilledReader
from .spilled_joins import Bucket, SpilledJoin


class Limited:
    """The spools of one run, and how its stages fill and read them.

    Parameters
    ----------
    outputs
        What stages have left, by number; stages that are added here get numbers of their own.
    stopped
        Says whether the run was cancelled.
    """

    def __init__(
        self, graph: StageGraph, spools: Spools, outputs: dict[int, Output], stopped: Callable[[], bool]
    ) -> None:
        self.spools = spools
        self._last, self._outputs, self._stopped = len(graph.stages) - 1, outputs, stopped
        inputs = [pipeline.input for stage in graph.stages for pipeline in stage.pipelines]
        self._orders = {source.stage: source.keys for source in inputs if isinstance(source, SortInput)}
        probes = [
            o.stage for stage in graph.stages for p in stage.pipelines for o in p.operators if isinstance(o, Probe)
        ]
        self._readers = Counter(
            [*probes, *(source.stage for source in inputs if not isinstance(source, ScanInput | RemainingInput))]
        )

    def spools_of(self, stage: Stage) -> Spools | None:
        """Return what takes a stage's rows; None for the result, which has to fit."""
        return None if stage.number == self._last else self.spools

    def order_of(self, stage: Stage) -> tuple[SortKey, ...]:
        """Return what a stage's rows will be sorted by."""
        return self._orders.get(stage.number, ())

    def divided(self, stage: Stage, run: Callable[[Stage], Output]) -> Stage:
        """Return a stage whose joins of spooled build sides are its inputs; the other sides are spooled by ``run``."""
        lines = [Line(pipeline) for pipeline in stage.pipelines]
        while (cut := first_cut(lines, self._is_spooled)) is not None:
            node, number = cut.probe.node, max(self._last, *self._outputs) + 1
            keys = node.spec.probe_keys
            probing = tuple(line.pipeline for line in cut.before)
            side = Stage(number, probing, side_sink(keys), node.probe.schema)
            self._outputs[number] = run(side)
            joined = Pipeline(JoinedInput(node, number, cut.probe.stage), cut.operators[1:])
            lines[cut.start : cut.end] = [Line(joined, cut.probe.stage)]
            rest = rest_of(lines, cut.start)
            if rest is not None:  # comes with the buckets
                del lines[rest]
        return replace(stage, pipelines=tuple(line.pipeline for line in lines))

    def added(self) -> list[int]:
        """Return the numbers of the stages that were added."""
        return [number for number in self._outputs if number > self._last]

    def tasks(self, stage: Stage, pipeline: Pipeline, threads: int) -> Iterator[Task] | None:
        """Yield a task for each bucket of what a pipeline reads; None where it reads no spool."""
        source = pipeline.input
        if isinstance(source, ScanInput | RemainingInput):
            return None
        rows = self._outputs[source.stage].spool
        if rows is None:
            return None
        reader = SpilledReader(self.spools, self._stopped, f"stage {stage.number} ({stage.name})")
        if isinstance(source, JoinedInput):
            return self._joins(reader, pipeline, source, rows)
        return self._merges(reader, pipeline, source, rows, threads)

    def _merges(
        self, reader: SpilledReader, pipeline: Pipeline, source: OutputInput, rows: Spool, threads: int
    ) -> Iterator[Task]:
        last = self._readers[source.stage] == 1
        for bucket in rows.buckets or [0]:
            tables = partial(reader.merged, source, rows, bucket, last=last, threads=threads)
            yield Task(pipeline, tables, 0, rows.rows(bucket))

    def _joins(self, reader: SpilledReader, pipeline: Pipeline, source: JoinedInput, probe: Spool) -> Iterator[Task]:
        build = self._outputs[source.build].spool
        assert build is not None
        last = self._readers[source.build] == 1
        join = SpilledJoin(reader, source.node)
        for number in sorted({*probe.buckets, *build.buckets}):
            tables = partial(join.joined, Bucket(probe, number, last=True), Bucket(build, number, last=last))
            yield Task(pipeline, tables, 0, probe.rows(number))

    def _is_spooled(self, probe: Probe) -> bool:
        return self._outputs[probe.stage].spool is not None
