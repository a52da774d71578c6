"""Stages: what a runner executes. A stage is one or more pipelines (input, streaming operators) into one sink.

Each pipeline input gives independent tasks: the splits of a scan, or the partitions of an earlier stage's output,
merged, sorted or taken as they are. Stages are listed so that each one comes after those it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ..expr import Expr, SortKey
from ..kernels.specs import AccumulatorSpec, BuildRows, GroupSpec, JoinSpec, WindowSpec
from ..plan import Sink, Split
from ..records import dataclass, replace
from ..schema import Schema
from .nodes import (
    BroadcastExec,
    DistinctFirstExec,
    Exec,
    FilterExec,
    FinalAggregateExec,
    FinalReduceExec,
    GatherExec,
    HashExchangeExec,
    HashJoinExec,
    LimitExec,
    MapBatchesExec,
    PartialAggregateExec,
    PartialReduceExec,
    ProjectExec,
    ScanExec,
    SortExec,
    TopKExec,
    UnaryExec,
    UnionExec,
    UnnestExec,
    WindowExec,
    WriteExec,
)
from .scan_keys import (
    Asked,
    ScanKey,
    TopKey,
    below,
    keys_of_join,
    keys_of_top,
    narrowable,
    of_build,
    of_joins,
    of_probe,
    reached_twice,
    thinned,
)

# Inputs: where the tasks of a pipeline come from.


@dataclass(frozen=True, slots=True)
class ScanInput:
    """One task for each split of a scan; rows that are not among ``keys``, or beyond ``top``, may be left out."""

    node: ScanExec
    keys: tuple[ScanKey, ...] = ()
    top: TopKey | None = None


@dataclass(frozen=True, slots=True)
class StageInput:
    """One task for each partition of an earlier stage, its tables in order."""

    node: Exec
    stage: int


@dataclass(frozen=True, slots=True)
class MergeGroupsInput:
    """One task for each hash partition: merges partial states into groups."""

    node: Exec
    stage: int
    spec: GroupSpec


@dataclass(frozen=True, slots=True)
class MergeReducedInput:
    """One task: merges rows of partial states into one row."""

    node: Exec
    stage: int
    accumulators: tuple[AccumulatorSpec, ...]


@dataclass(frozen=True, slots=True)
class SortInput:
    """One task: sorts all rows of an earlier stage."""

    node: Exec
    stage: int
    keys: tuple[SortKey, ...]
    schema: Schema


@dataclass(frozen=True, slots=True)
class DistinctInput:
    """One task for each hash partition: keeps the first row of equal ones."""

    node: Exec
    stage: int
    on: tuple[str, ...]
    schema: Schema


@dataclass(frozen=True, slots=True)
class WindowInput:
    """One task for each hash partition, or one in all: adds the columns of window functions."""

    node: Exec
    stage: int
    spec: WindowSpec
    schema: Schema


@dataclass(frozen=True, slots=True)
class RemainingInput:
    """One task, which starts when those of the pipelines before have ended: build rows with, or without, a partner."""

    node: HashJoinExec
    stage: int


@dataclass(frozen=True, slots=True)
class JoinedInput:
    """One task for each hash partition of the two sides of a join, which earlier stages have left: joins them."""

    node: HashJoinExec
    stage: int
    build: int


OutputInput: TypeAlias = StageInput | MergeGroupsInput | MergeReducedInput | SortInput | DistinctInput | WindowInput
Input: TypeAlias = ScanInput | RemainingInput | JoinedInput | OutputInput


# Streaming operators that are not physical nodes as they stand.


@dataclass(frozen=True, slots=True)
class Probe:
    """Probe the hash table that an earlier stage built."""

    node: HashJoinExec
    stage: int


Operator: TypeAlias = FilterExec | ProjectExec | UnnestExec | MapBatchesExec | Probe


# Sinks: what a stage makes of its rows.


@dataclass(frozen=True, slots=True)
class CollectSink:
    """Keep all tables, in task order: one partition."""


@dataclass(frozen=True, slots=True)
class GroupSink:
    """Aggregate partially; as many hash partitions as the size of the states asks for."""

    spec: GroupSpec


@dataclass(frozen=True, slots=True)
class ReduceSink:
    """Aggregate partially without keys: one partition of one-row tables. ``schema`` is that of the rows aggregated."""

    accumulators: tuple[AccumulatorSpec, ...]
    schema: Schema


@dataclass(frozen=True, slots=True)
class BuildSink:
    """Build the hash table of a join."""

    spec: JoinSpec


@dataclass(frozen=True, slots=True)
class TopKSink:
    """Keep the first ``k`` rows of an order: one partition, one table."""

    keys: tuple[SortKey, ...]
    k: int
    schema: Schema


@dataclass(frozen=True, slots=True)
class LimitSink:
    """Keep ``count`` rows after ``offset`` in task order, then stop the stage: one partition."""

    count: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class PartitionSink:
    """Spread rows by the hash of some columns, in task order within each partition."""

    keys: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class SampleSink:
    """Keep the keys of some rows, evenly spread over them: one partition. See `ranges`."""

    keys: tuple[SortKey, ...]


@dataclass(frozen=True, slots=True)
class RangeSink:
    """Spread rows by where they stand in an order: a partition for each range between ``bounds``, packed keys."""

    keys: tuple[SortKey, ...]
    bounds: bytes


@dataclass(frozen=True, slots=True)
class WriteSink:
    """Write the rows to a destination outside."""

    sink: Sink
    schema: Schema


@dataclass(frozen=True, slots=True)
class FoldSink:
    """Fold the rows into a value: a state per task, states merged in task order.

    ``update`` takes the state and a ``pyarrow.Table`` and returns the state, changed in place or new.
    """

    initial: Callable[[], Any]
    update: Callable[[Any, Any], Any]
    merge: Callable[[Any, Any], Any]


StageSink: TypeAlias = (
    CollectSink
    | FoldSink
    | GroupSink
    | ReduceSink
    | BuildSink
    | TopKSink
    | LimitSink
    | PartitionSink
    | RangeSink
    | SampleSink
    | WriteSink
)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """An input and the streaming operators that its tables pass, in order."""

    input: Input
    operators: tuple[Operator, ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """Pipelines into one sink.

    Attributes
    ----------
    number
        Its place in the graph.
    schema
        That of the rows entering the sink.
    ends
        The operators whose work the sink does, such as a first phase of aggregation and its exchange.
    """

    number: int
    pipelines: tuple[Pipeline, ...]
    sink: StageSink
    schema: Schema
    ends: tuple[Exec, ...] = ()

    @property
    def name(self) -> str:
        """Short name for progress and metrics."""
        return type(self.sink).__name__.removesuffix("Sink").lower()

    @property
    def needs(self) -> frozenset[int]:
        """Numbers of the stages whose output this one reads."""
        inputs = [p.input.stage for p in self.pipelines if not isinstance(p.input, ScanInput)]
        probes = [o.stage for p in self.pipelines for o in p.operators if isinstance(o, Probe)]
        return frozenset((*inputs, *probes))

    @property
    def asks(self) -> frozenset[tuple[int, int]]:
        """Stages that build joins, and positions of their keys whose values this one's scans make use of if known."""
        scans = [p.input for p in self.pipelines if isinstance(p.input, ScanInput)]
        return frozenset((key.stage, key.position) for scan in scans for key in scan.keys)


@dataclass(frozen=True, slots=True)
class StageGraph:
    """Stages in an order in which they can run; the last one gives the result."""

    stages: tuple[Stage, ...]
    schema: Schema

    @property
    def splits(self) -> Iterator[Split]:
        """What the scans of all stages read."""
        for stage in self.stages:
            for pipeline in stage.pipelines:
                if isinstance(pipeline.input, ScanInput):
                    yield from pipeline.input.node.scan.splits


def cut(root: Exec, result: CollectSink | FoldSink | None = None, *, dynamic_filters: bool = True) -> StageGraph:
    """Cut a physical plan into stages at its exchanges.

    Parameters
    ----------
    root
        The operator that gives the result.
    result
        What becomes of its rows; by default they are collected.
    dynamic_filters
        Whether scans are to leave out rows that a join built before them has no partner for, or that come after
        enough others in an order of which the first rows are wanted.
    """
    cutter = _Cutter(root, dynamic_filters=dynamic_filters)
    pipelines = cutter.pipelines(root)
    if not _is_written(cutter, pipelines):
        cutter.add(pipelines, result or CollectSink(), root.schema)
    return StageGraph(tuple(cutter.stages), root.schema)


def _is_written(cutter: _Cutter, pipelines: tuple[Pipeline, ...]) -> bool:
    """Whether the plan ends by writing, so that there are no rows to collect."""
    only = pipelines[0]
    return isinstance(only.input, StageInput) and isinstance(cutter.stages[only.input.stage].sink, WriteSink)


class _Cutter:
    """Collects stages while walking a physical plan; a shared node is cut once."""

    def __init__(self, root: Exec, *, dynamic_filters: bool) -> None:
        self.stages: list[Stage] = []
        self._ends: dict[int, int] = {}
        self._dynamic_filters = dynamic_filters
        self._shared = reached_twice(root) if dynamic_filters else frozenset()

    def add(self, pipelines: tuple[Pipeline, ...], sink: StageSink, schema: Schema, ends: tuple[Exec, ...] = ()) -> int:
        number = len(self.stages)
        self.stages.append(Stage(number, pipelines, sink, schema, ends))
        return number

    def pipelines(self, node: Exec, asked: tuple[Asked, ...] = ()) -> tuple[Pipeline, ...]:
        """Return the pipelines whose tasks give the rows of a node, in order; of those, what is ``asked`` is enough."""
        match node:
            case ScanExec():
                wanted = asked if narrowable(node) else ()
                top = next((key for key in wanted if isinstance(key, TopKey)), None)
                return (Pipeline(ScanInput(node, of_joins(wanted), top)),)
            case UnionExec():
                return tuple(pipeline for child in node.inputs for pipeline in self.pipelines(child, asked))
            case FilterExec():
                return _extended(self.pipelines(node.input, thinned(asked)), node)
            case ProjectExec() | UnnestExec() | MapBatchesExec():
                return _extended(self.pipelines(node.input, below(node, asked)), node)
            case HashJoinExec(build=BroadcastExec() as build):
                stage = self._ended(node, build.input, BuildSink(node.spec), build, asked=of_build(node, asked))
                own = keys_of_join(node, stage) if self._dynamic_filters else ()
                probing = _extended(self.pipelines(node.probe, of_probe(node, asked) + own), Probe(node, stage))
                rest = () if node.spec.rest is BuildRows.NONE else (Pipeline(RemainingInput(node, stage)),)
                return (*probing, *rest)
            case UnaryExec():
                return (Pipeline(self._breaker(node, asked)),)
        raise TypeError(f"{type(node).__name__} is not a pipeline operator")

    def _breaker(self, node: UnaryExec, wanted: tuple[Asked, ...]) -> Input:
        """Return the input that an operator needing all its rows becomes for the stage above."""
        asked = of_joins(below(node, wanted))
        match node:
            case FinalAggregateExec(input=HashExchangeExec(input=PartialAggregateExec() as partial) as exchange):
                stage = self._ended(node, partial.input, GroupSink(node.spec), partial, exchange, asked=asked)
                return MergeGroupsInput(node, stage, node.spec)
            case FinalReduceExec(input=GatherExec(input=PartialReduceExec() as partial_) as exchange):
                sink = ReduceSink(node.accumulators, partial_.input.schema)
                stage = self._ended(node, partial_.input, sink, partial_, exchange)
                return MergeReducedInput(node, stage, node.accumulators)
            case SortExec(input=GatherExec() as exchange):
                stage = self._ended(node, exchange.input, CollectSink(), exchange, asked=asked)
                return SortInput(node, stage, node.keys, node.schema)
            case TopKExec():
                first = keys_of_top(node) if self._dynamic_filters else ()
                stage = self._ended(node, node.input, TopKSink(node.keys, node.k, node.schema), node, asked=first)
                return StageInput(node, stage)
            case GatherExec():
                return StageInput(node, self._ended(node, node.input, CollectSink(), node))
            case LimitExec():
                return StageInput(node, self._ended(node, node.input, LimitSink(node.count, node.offset), node))
            case DistinctFirstExec(input=HashExchangeExec() as exchange):
                stage = self._ended(node, exchange.input, PartitionSink(exchange.keys), exchange, asked=asked)
                return DistinctInput(node, stage, node.on, node.schema)
            case WindowExec(input=HashExchangeExec() as exchange):
                stage = self._ended(node, exchange.input, PartitionSink(exchange.keys), exchange, asked=asked)
                return WindowInput(node, stage, node.spec, exchange.schema)
            case WindowExec(input=GatherExec() as exchange):
                stage = self._ended(node, exchange.input, CollectSink(), exchange)
                return WindowInput(node, stage, node.spec, exchange.schema)
            case WriteExec():
                sink_ = WriteSink(node.sink, node.input.schema)
                return StageInput(node, self._ended(node, node.input, sink_, node))
        raise TypeError(f"{type(node).__name__} is not a stage boundary")

    def _ended(self, node: Exec, rows: Exec, sink: StageSink, *ends: Exec, asked: tuple[Asked, ...] = ()) -> int:
        """Return the stage that runs ``rows`` into ``sink`` on behalf of ``node``; a shared node has one stage."""
        known = self._ends.get(id(node))
        if known is None:
            wanted = () if id(node) in self._shared else asked
            known = self._ends[id(node)] = self.add(self.pipelines(rows, wanted), sink, rows.schema, ends)
        return known


def _extended(pipelines: tuple[Pipeline, ...], operator: Operator) -> tuple[Pipeline, ...]:
    return tuple(replace(pipeline, operators=(*pipeline.operators, operator)) for pipeline in pipelines)
