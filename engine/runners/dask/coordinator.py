"""Takes one query through the cluster, stage by stage, deciding between stages by what the ones before have made."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from typing import Any, Self

from ...expr import SortKey
from ...kernels.protocol import Table
from ...kernels.specs import BuildRows
from ...physical.ranges import choose_bounds
from ...physical.stages import (
    BuildSink,
    CollectSink,
    FoldSink,
    LimitSink,
    Pipeline,
    Probe,
    RangeSink,
    ReduceSink,
    SampleSink,
    ScanInput,
    Stage,
    StageGraph,
    StageInput,
    StageSink,
    TopKSink,
    WriteSink,
)
from ...plan import WrittenFile
from ..cuts import Line, first_cut
from ..events import query_ended
from ..metrics import Observer, WorkerMetrics
from ..pipeline import tell_start
from ..result import RunResult
from .assignment import AskedKey, Report, StagePlan, Unit
from .chains import Chain
from .cluster import Cluster
from .counts import QueryCounts
from .lines import (
    bare,
    joined,
    needed,
    output_schema,
    probing_sink,
    task_sink,
    wanted_order,
)
from .outputs import Outputs
from .parts import ClusterParts
from .placement import (
    BROADCAST_BYTES,
    SORT_BYTES,
    bucket_count,
    groups,
    is_relayed,
    sizes,
)
from .tasks import Ran, Tasks
from .units import Units, each_by_itself
from .uploads import Uploads


class Coordinator:
    """One execution of a stage graph on a cluster.

    Parameters
    ----------
    memory_limit
        Most bytes that an operator of a task may hold.
    observer
        Is told of progress.
    """

    def __init__(
        self, cluster: Cluster, graph: StageGraph, *, memory_limit: int | None, observer: Observer | None
    ) -> None:
        self.cluster, self.graph, self.memory_limit, self.observer = cluster, graph, memory_limit, observer
        self.query = f"{cluster.client.id}/{uuid.uuid4().hex[:12]}"
        self.slots = cluster.slots()
        self.tasks = self._runs_tasks()
        self.buckets = bucket_count(self.slots)
        self.counts = QueryCounts(self.query, cluster.accounts(), observer)
        self.outputs = Outputs(cluster, graph, self.tasks)
        self.written: tuple[WrittenFile, ...] = ()
        self.value: Any = None
        self._shuffled: dict[int, bool] = {}
        self._chain = Chain(graph, self.outputs.made, self.outputs.sizes)
        self._waits: Stage | None = None
        self._uploads = Uploads(cluster, self.tasks)
        self._units = Units(self.tasks, self.outputs, self._chain, self._uploads, self.slots, self.buckets)
        self._begun = time.perf_counter()

    def _runs_tasks(self) -> Tasks:
        # One more for each worker than run, so that no thread waits for the next to be sent.
        return Tasks(self.cluster.client, self.query, self._finished, self.slots.threads + self.slots.workers)

    def __enter__(self) -> Self:
        tell_start(self.observer, self.graph, self.query)
        return self

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        self.counts.metrics.seconds = time.perf_counter() - self._begun
        query_ended(self.counts.metrics, error)
        with suppress(OSError, TimeoutError, RuntimeError):  # a cluster that is lost has nothing to free
            self.tasks.close()
            self.cluster.forget(self.query)
        if self.observer is not None:
            self.observer.run_finished()

    # results

    def run(self) -> None:
        """Run every stage; those in a row that read little as one task, or with each task that reads what they make."""
        stages, position = self.graph.stages, 0
        while position < len(stages) or self._chain:
            stage = stages[position] if position < len(stages) else None
            self._waits = stage if stage is not None and self._chain.fits(stage) else None
            if stage is not None and (self._waits is not None or not self._chain):
                self._run_stage(stage)
                position += 1
            else:
                position = self._run_chain(stage if stage is not None and self._follows(stage) else None)

    def result(self) -> RunResult:
        """Return the rows, files or value of the last stage."""
        last = self.graph.stages[-1].sink
        tables = list(self.rows()) if isinstance(last, CollectSink) else []
        for worker, account in self.cluster.accounts().items():
            self.counts.metrics.stages[-1].workers.setdefault(worker, WorkerMetrics()).bus.see(account)
        self.counts.metrics.seconds = time.perf_counter() - self._begun
        return RunResult(tables, self.written, self.value, self.counts.metrics)

    def rows(self) -> Iterator[Table]:
        """Yield the tables of the last stage in order, as they come from the workers."""
        number = self.outputs.made[len(self.graph.stages) - 1]
        for task in range(len(self.tasks.stages[number].tasks)):
            yield from self._uploads.download(number, task)

    def parts(self) -> ClusterParts:
        """Return the rows of the last stage as parts that stay with their workers; what was lost is made again."""
        number = self.outputs.made[len(self.graph.stages) - 1]
        return ClusterParts(self.cluster, self.query, number, self.tasks.whole(number))

    # stages

    def _run_stage(self, stage: Stage) -> None:
        whole = [Line(pipeline) for pipeline in stage.pipelines]
        lines = self._cut(whole, stage)
        if self._waits is None and lines is not whole:
            left = replace(stage, pipelines=tuple(line.pipeline for line in lines))
            self._waits = stage if self._chain.fits(left) else None  # together with what comes after it
        sink = stage.sink
        if isinstance(sink, WriteSink):
            self._write(stage, lines, sink)
        else:
            number = self._ordered(stage, self._ran(stage, lines, task_sink(sink)))
            self.outputs.made[stage.number] = number
            if isinstance(sink, FoldSink):
                states = [state for report in self.tasks.whole(number) for state in report.value]
                self.value = reduce(sink.merge, states or [sink.initial()])
        if self._waits is None:
            self.outputs.free_inputs(stage)

    def _ordered(self, stage: Stage, number: int) -> int:
        """Bring what tasks have made together where it is those of one task, or in ranges of the order wanted."""
        number = self._merged(stage, number)
        if self._waits is None and (keys := wanted_order(self.graph, stage)):
            number = self._in_ranges(stage, number, keys)
        return number

    def _cut(self, lines: list[Line], stage: Stage) -> list[Line]:
        """Run the probing sides of joins that are shuffled, and return the lines that read them by bucket."""
        while (cut := first_cut(lines, self._is_shuffled)) is not None:
            spec = cut.probe.node.spec
            probing = Stage(self.outputs.new(stage), (), probing_sink(spec), spec.probe_schema)
            self.outputs.made[probing.number] = self._ran(probing, cut.before, probing.sink)
            lines = joined(lines, cut, probing.number)
        return lines

    def _is_shuffled(self, probe: Probe) -> bool:
        """Whether the rows of both sides meet by bucket, rather than each worker getting the whole build side."""
        known = self._shuffled.get(probe.stage)
        if known is None:
            spec = probe.node.spec
            if self._chain.has(probe.stage):
                return spec.rest is not BuildRows.NONE
            size = self.outputs.sizes(probe.stage).total
            large = bool(spec.build_keys) and size > BROADCAST_BYTES
            known = self._shuffled[probe.stage] = spec.rest is not BuildRows.NONE or large
        return known

    def _merged(self, stage: Stage, number: int) -> int:
        """Bring what tasks have kept each for itself together, where the stage's rows are those of one task."""
        if not isinstance(stage.sink, TopKSink | LimitSink):
            return number
        if isinstance(stage.sink, TopKSink) and len(self.tasks.stages[number].tasks) == 1:
            return number
        return self._again(stage, number)

    def _again(self, stage: Stage, number: int) -> int:
        """Run a stage's rows, which tasks have made, through a sink of one task."""
        more = self.outputs.new(stage)
        self.outputs.made[more] = number
        again = Stage(more, (), stage.sink, stage.schema)
        return self._ran(again, [Line(_reading(stage, more))], stage.sink)

    def _in_ranges(self, stage: Stage, number: int, keys: tuple[SortKey, ...]) -> int:
        """Cut what tasks have collected into ranges of an order, where it is too much for one task to sort."""
        if self.slots.threads < 2 or sizes(self.tasks.whole(number)).total <= SORT_BYTES:
            return number
        device = self.cluster.device
        sampling = self._at_home(stage, number, SampleSink(keys))
        samples = [
            t for task in range(len(self.tasks.stages[sampling].tasks)) for t in self._uploads.download(sampling, task)
        ]
        bounds = choose_bounds(device, samples, keys, self.buckets)
        return self._at_home(stage, number, RangeSink(keys, bytes(memoryview(device.pack([bounds])))))

    def _at_home(self, stage: Stage, number: int, sink: RangeSink | SampleSink) -> int:
        """Run what each task has made through a sink, where it is."""
        done = self.tasks.whole(number)
        again = Stage(self.outputs.new(stage), (), sink, stage.schema)
        self.outputs.made[again.number] = number
        ran = self._planned(again, [Line(_reading(stage, again.number))], sink, each_by_itself(done))
        self._run_tasks(ran, {report.task: report.worker for report in done})
        return again.number

    def _write(self, stage: Stage, lines: Sequence[Line], sink: WriteSink) -> None:
        """Let tasks write, and make what they wrote visible in one step."""
        sink.sink.open(sink.schema)
        try:
            if sink.sink.resident:
                self._write_here(stage, lines, sink)
            elif sink.sink.single_writer:
                number = self._ran(replace(stage, sink=CollectSink()), lines, CollectSink())
                self.outputs.made[stage.number] = self._again(stage, number)
            else:
                self.outputs.made[stage.number] = self._ran(stage, lines, sink)
            self.written = sink.sink.commit()
        except BaseException:
            self.tasks.abandon()
            self.cluster.halt(self.query)
            sink.sink.abort()
            raise

    def _write_here(self, stage: Stage, lines: Sequence[Line], sink: WriteSink) -> None:
        """Write the rows of tasks in this process, for a destination that only it can reach."""
        number = self.outputs.made[stage.number] = self._ran(replace(stage, sink=CollectSink()), lines, CollectSink())
        writer = sink.sink.writer(0)
        for task in range(len(self.tasks.stages[number].tasks)):
            for table in self._uploads.download(number, task):
                for batch in self.cluster.device.to_arrow(table).to_batches():
                    writer.write(batch)
        writer.close()

    def _ran(self, stage: Stage, lines: Sequence[Line], sink: StageSink) -> int:
        """Run the tasks of a stage, and return its number."""
        units = self._units.of(lines, stage)
        made = groups(units, self.slots) if self._waits is None else [tuple(units)]
        ran = self._planned(stage, lines, sink, made)
        if self._waits is None:
            self._run_tasks(ran)
        else:
            self._chain.add(self._waits, ran)
        return stage.number

    def _planned(self, stage: Stage, lines: Sequence[Line], sink: StageSink, made: Sequence[tuple[Unit, ...]]) -> Ran:
        """Return a stage as workers run it, in so many tasks."""
        number = stage.number
        pipelines = tuple(line.pipeline for line in lines)
        units = [unit for group in made for unit in group]
        probes = {o.stage for p in pipelines for o in p.operators if isinstance(o, Probe)}
        own = {line.build for line in lines}
        asked = tuple(self._asked(lines))
        whole = probes - own | {key.stage for key in asked}
        plan = StagePlan(
            query=self.query,
            title=stage.name,
            stage=replace(stage, pipelines=tuple(map(bare, pipelines)), sink=sink, ends=()),
            buckets=self.buckets,
            schema=output_schema(stage),
            broadcast=tuple(sorted(probes - own)),
            relayed=frozenset(k for k in whole if is_relayed(self.tasks.stages[self.outputs.made[k]].done, self.slots)),
            asked=asked,
            alone=len(made) == 1,
            for_client=stage.number == len(self.graph.stages) - 1 or isinstance(sink, SampleSink),
            memory_limit=self.memory_limit,
        )
        reads = {known: self.outputs.made[known] for known in needed(lines, units) | {key.stage for key in asked}}
        ran = self.tasks.stages[number] = Ran(plan, made, reads)
        self.counts.planned(ran, replace(stage, pipelines=pipelines))
        return ran

    def _run_tasks(self, ran: Ran, homes: Mapping[int, str] | None = None) -> None:
        """Run the tasks of one stage."""
        begun = time.perf_counter()
        self.counts.started(ran)
        home = self._preferred([ran]) if len(ran.tasks) == 1 else None
        self.tasks.run(ran, range(len(ran.tasks)), homes or ({0: home} if home else None))
        if isinstance(ran.plan.stage.sink, ReduceSink) and not ran.plan.alone:
            self._reduce_at_least_once(ran)
        self.counts.ended(ran, time.perf_counter() - begun)

    def _follows(self, stage: Stage) -> bool:
        """Whether tasks of a stage may each have the chain before them."""
        shuffled = first_cut([Line(pipeline) for pipeline in stage.pipelines], self._is_shuffled)
        return shuffled is None and self._chain.leads(stage, self.slots.workers)

    def _run_chain(self, last: Stage | None = None) -> int:
        """Run what waits in the chain as one task, or before each task of a last stage.

        Return the number of the first stage that is still to run.
        """
        if last is not None:
            lines = [Line(pipeline) for pipeline in last.pipelines]
            made = groups(self._units.of(lines, last), self.slots)
            self._chain.add(last, self._planned(last, lines, task_sink(last.sink), made))
        chain = self._chain.take()
        rans = [ran for _, ran in chain]
        if len(rans[-1].tasks) > 1:
            for ran in rans[:-1]:
                ran.plan = replace(ran.plan, repeated=True)
        begun = time.perf_counter()
        self.tasks.run_chain(rans, self._preferred(rans))
        elapsed = time.perf_counter() - begun
        left = [stage.number for stage, ran in chain if None in ran.reports]
        following = left[0] if left else chain[-1][0].number + 1
        for stage, ran in chain:
            if stage.number < following:
                seconds = sum(report.seconds for report in ran.done)
                self.counts.ended(ran, min(seconds, elapsed))
            elif None not in ran.reports:  # part of a stage that has made much, is planned again and shared out
                self.counts.drop(ran)
                self._chain.refuse(stage)
        if last is not None and last.number < following:
            if isinstance(last.sink, ReduceSink) and not rans[-1].plan.alone:
                self._reduce_at_least_once(rans[-1])
            self.outputs.made[last.number] = self._ordered(last, last.number)
        for stage in {stage.number: stage for stage, _ in chain}.values():
            if stage.number < following:
                self.outputs.free_inputs(stage)
        return following

    def _reduce_at_least_once(self, ran: Ran) -> None:
        """Make the one row that an aggregation without keys gives of no rows, where its tasks had none."""
        if any(sum(report.rows) for report in self.tasks.whole(ran.plan.stage.number)):
            return
        ran.plan = replace(ran.plan, alone=True)
        ran.tasks, ran.reports, ran.attempts = [()], [None], [max(ran.attempts)]
        self.tasks.run(ran, [0])

    def _asked(self, lines: Sequence[Line]) -> Iterator[AskedKey]:
        """Yield the keys that scans can make use of: of build sides that are small enough for every worker."""
        keys = {
            (key.stage, key.position)
            for line in lines
            if isinstance(line.pipeline.input, ScanInput)
            for key in line.pipeline.input.keys
        }
        for stage, position in sorted(keys):
            sink = self.graph.stages[stage].sink
            if isinstance(sink, BuildSink) and stage in self.outputs.made and self._is_there(stage):
                yield AskedKey(stage, position, sink.spec.build_keys[position])

    def _is_there(self, stage: int) -> bool:
        """Whether a stage's rows are on the workers, and few."""
        if self._chain.has(stage):
            return True
        reports = self.tasks.stages[self.outputs.made[stage]].reports
        return None not in reports and self.outputs.sizes(stage).total <= BROADCAST_BYTES

    def _preferred(self, rans: Sequence[Ran]) -> str | None:
        """Return the worker that has most of what lone tasks read."""
        return self.tasks.holder({made for ran in rans for made in ran.reads.values()})

    def _finished(self, ran: Ran, report: Report) -> None:
        self.counts.finished(ran, report)


def _reading(stage: Stage, number: int) -> Pipeline:
    """Return a pipeline of the rows that tasks of a stage have made, which another stage reads by that number."""
    return Pipeline(StageInput(stage.ends[0] if stage.ends else stage.pipelines[0].input.node, number))
