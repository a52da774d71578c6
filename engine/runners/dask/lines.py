"""Pipelines as a cluster runs them: cut where both sides of a join are shuffled, since its rows meet by bucket."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ...expr import Column, NamedExpr, SortKey
from ...kernels.specs import GroupSpec, JoinSide, JoinSpec
from ...physical.nodes import Exec, ProjectExec, ScanExec
from ...physical.ranges import key_schema
from ...physical.stages import (
    BuildSink,
    CollectSink,
    GroupSink,
    LimitSink,
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
from ..cuts import Cut, Line, side_sink
from .assignment import Unit

ExecT = TypeVar("ExecT", bound=Exec)


def joined(lines: Sequence[Line], cut: Cut, probed: int) -> list[Line]:
    """Return the lines with the cut one in the place of those before it; ``probed`` is the stage of probing buckets."""
    pipeline = Pipeline(StageInput(cut.probe.node.probe, probed), cut.operators)
    return [*lines[: cut.start], Line(pipeline, cut.probe.stage), *lines[cut.end :]]


def needed(lines: Sequence[Line], units: Sequence[Unit]) -> set[int]:
    """Return the numbers of the stages whose rows the units of some lines read."""
    needs = {unit.uploaded for unit in units if unit.uploaded is not None}
    for line in lines:
        if not isinstance(line.pipeline.input, ScanInput | RemainingInput):
            needs.add(line.pipeline.input.stage)
        needs |= {o.stage for o in line.pipeline.operators if isinstance(o, Probe)}
    return needs


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
