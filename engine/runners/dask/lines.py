"""Pipelines as a cluster runs them: cut where both sides of a join are shuffled, since its rows meet by bucket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ...expr import Column, Expr, NamedExpr, SortKey
from ...kernels.protocol import GroupSpec, JoinSide, JoinSpec
from ...physical.nodes import Exec, ProjectExec, ScanExec
from ...physical.ranges import key_schema
from ...physical.stages import (
    BuildSink,
    CollectSink,
    GroupSink,
    LimitSink,
    Operator,
    PartitionSink,
    Pipeline,
    Probe,
    ReduceSink,
    RemainingInput,
    SampleSink,
    ScanInput,
    SortInput,
    Stage,
    StageGraph,
    StageInput,
    StageSink,
)
from ...schema import Schema
from ..pipeline import step_names
from .assignment import Unit

ExecT = TypeVar("ExecT", bound=Exec)


@dataclass(frozen=True, slots=True)
class Line:
    """A pipeline; where ``build`` is a number, its first operator probes what its own buckets of that stage build."""

    pipeline: Pipeline
    build: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """A join to shuffle: the lines that lead to it, the operators from it on, and the lines it stands for."""

    start: int
    end: int
    before: tuple[Line, ...]
    operators: tuple[Operator, ...]
    probe: Probe


def first_cut(lines: Sequence[Line], shuffled: Callable[[Probe], bool]) -> Cut | None:
    """Return the first join whose sides must be shuffled.

    Pipelines that probe one table with the same operators after it, such as those of a union, are cut together.
    """
    for start, line in enumerate(lines):
        for at, operator in enumerate(line.pipeline.operators):
            if not isinstance(operator, Probe) or (at == 0 and line.build == operator.stage) or not shuffled(operator):
                continue
            after = line.pipeline.operators[at:]
            end = start
            while end < len(lines) and _ends_with(lines[end], after):
                end += 1
            before = tuple(_without(one, len(after)) for one in lines[start:end])
            return Cut(start, end, before, after, operator)
    return None


def _ends_with(line: Line, operators: Sequence[Operator]) -> bool:
    """Whether a line's operators end with these very ones, and do not begin there with a join of its own buckets."""
    own = line.pipeline.operators
    least = len(operators) + (0 if line.build is None else 1)
    return len(own) >= least and all(a is b for a, b in zip(own[len(own) - len(operators) :], operators, strict=True))


def _without(line: Line, last: int) -> Line:
    operators = line.pipeline.operators
    return replace(line, pipeline=replace(line.pipeline, operators=operators[: len(operators) - last]))


def joined(lines: Sequence[Line], cut: Cut, probed: int) -> list[Line]:
    """Return the lines with the cut one in the place of those before it; ``probed`` is the stage of probing buckets."""
    pipeline = Pipeline(StageInput(cut.probe.node.probe, probed), cut.operators)
    return [*lines[: cut.start], Line(pipeline, cut.probe.stage), *lines[cut.end :]]


def rest_of(lines: Sequence[Line], number: int) -> int | None:
    """Return the number of the line that takes the build rows left by a shuffled join, which comes next to it."""
    build, following = lines[number].build, number + 1
    if build is None or following == len(lines):
        return None
    source = lines[following].pipeline.input
    return following if isinstance(source, RemainingInput) and source.stage == build else None


def needed(lines: Sequence[Line], units: Sequence[Unit]) -> set[int]:
    """Return the numbers of the stages whose rows the units of some lines read."""
    needs = {unit.uploaded for unit in units if unit.uploaded is not None}
    for line in lines:
        if not isinstance(line.pipeline.input, ScanInput | RemainingInput):
            needs.add(line.pipeline.input.stage)
        needs |= {o.stage for o in line.pipeline.operators if isinstance(o, Probe)}
    return needs


def side_sink(keys: tuple[Expr, ...]) -> StageSink:
    """Return the sink for a side of a join: by hash where there are keys."""
    return PartitionSink(keys) if keys else CollectSink()


def probing_sink(spec: JoinSpec) -> StageSink:
    """Return the sink for the probing side of a join: of rows that are only asked for their keys, each key once."""
    names = {key.name for key in spec.probe_keys if isinstance(key, Column)}
    if spec.side is not JoinSide.NONE or spec.residual is not None or not len(names) == len(spec.probe_keys) > 0:
        return side_sink(spec.probe_keys)
    keys = tuple(NamedExpr(name=key.name, expr=key) for key in spec.probe_keys if isinstance(key, Column))
    return GroupSink(GroupSpec(keys=keys, accumulators=()))


def task_sink(sink: StageSink) -> StageSink:
    """Return the sink that each task has to itself."""
    match sink:
        case BuildSink(spec=spec):
            return side_sink(spec.build_keys)
        case LimitSink(count=count, offset=offset):
            return LimitSink(None if count is None else count + offset, 0)
    return sink


def wanted_order(graph: StageGraph, stage: Stage) -> tuple[SortKey, ...]:
    """Return the order that everything that reads a stage's rows brings them into; empty where there is none."""
    if not isinstance(stage.sink, CollectSink):
        return ()
    readers = [later for later in graph.stages if stage.number in later.needs]
    inputs = [p.input for later in readers for p in later.pipelines if not isinstance(p.input, ScanInput)]
    reading = [source for source in inputs if source.stage == stage.number]
    orders = {source.keys for source in reading if isinstance(source, SortInput)}
    return orders.pop() if len(orders) == 1 and len(reading) == len(readers) else ()


def output_schema(stage: Stage) -> Schema:
    """Return the schema of the rows that a stage leaves."""
    match stage.sink:
        case GroupSink(spec=spec):
            return spec.schema
        case ReduceSink(accumulators=accumulators):
            return Schema(tuple(accumulator.field for accumulator in accumulators))
        case SampleSink(keys=keys):
            return key_schema(keys)
    return stage.schema


def enough(pipeline: Pipeline, stage: Stage) -> int | None:
    """Return how many rows of a scan a stage can use: a recursion may have no end."""
    sink = stage.sink
    if not isinstance(sink, LimitSink) or sink.count is None:
        return None
    keeps = all(isinstance(operator, ProjectExec) for operator in pipeline.operators)
    return sink.count + sink.offset if keeps else None


def bare(pipeline: Pipeline) -> Pipeline:
    """Return a pipeline as workers need it: without its scan's splits and without what its operators stand on."""
    source = pipeline.input
    node: Any = _alone(source.node)
    if isinstance(node, ScanExec):
        node = replace(node, scan=replace(node.scan, splits=()))
    operators = tuple(
        replace(operator, node=_alone(operator.node)) if isinstance(operator, Probe) else _alone(operator)
        for operator in pipeline.operators
    )
    return Pipeline(replace(source, node=node), operators)


_NOTHING = Exec(schema=Schema(()))


def _alone(node: ExecT) -> ExecT:
    """Return a physical operator without its inputs."""
    return node.with_children(tuple(_NOTHING for _ in node.children))


def shown_names(run: Stage, shown: Stage) -> dict[str, str]:
    """Return what workers call the operators of a stage, and what users know them by."""
    pairs = zip(run.pipelines, shown.pipelines, strict=True)
    return {
        a: b for ours, theirs in pairs for a, b in zip(step_names(ours, run), step_names(theirs, shown), strict=True)
    }
