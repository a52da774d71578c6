"""Stage sinks, which every runner shares: each keeps state per thread and makes it the stage's output at the end."""

from __future__ import annotations

from ...physical.stages import (
    BuildSink,
    CollectSink,
    FoldSink,
    GroupSink,
    LimitSink,
    PartitionSink,
    RangeSink,
    ReduceSink,
    SampleSink,
    StageSink,
    TopKSink,
    WriteSink,
)
from .base import InOrder, LocalSink, Output, Parallel, SinkContext, SinkRun
from .rows import Build, Collect, Limit, Partition, Ranges, Sample, keys_of
from .shared_work import SharedWork
from .spooled import SpooledBuild, SpooledGroup, SpooledLimit, SpooledRows
from .states import Fold, Group, Reduce, TopRows, scan_bounds
from .writes import OrderedWrite, TaskWrite

__all__ = [
    "InOrder",
    "LocalSink",
    "Output",
    "Parallel",
    "SharedWork",
    "SinkContext",
    "SinkRun",
    "keys_of",
    "open_sink",
    "scan_bounds",
]


def open_sink(sink: StageSink, context: SinkContext) -> SinkRun:
    """Start a stage's sink."""
    spooled = None if context.spools is None else _spooled(sink, context)
    return _kept(sink, context) if spooled is None else spooled


def _spooled(sink: StageSink, context: SinkContext) -> SinkRun | None:
    """Return a sink whose rows may be spilled; None where it keeps none, or few."""
    match sink:
        case CollectSink():
            return SpooledRows(context)
        case PartitionSink():
            return SpooledRows(context, sink.keys)
        case GroupSink():
            return SpooledGroup(context, sink)
        case BuildSink():
            return SpooledBuild(context, sink)
        case LimitSink():
            return SpooledLimit(context, sink)
    return None


def _kept(sink: StageSink, context: SinkContext) -> SinkRun:
    match sink:
        case CollectSink():
            return Collect(context)
        case FoldSink():
            return Fold(context, sink)
        case GroupSink():
            return Group(context, sink)
        case ReduceSink():
            return Reduce(context, sink)
        case BuildSink():
            return Build(context, sink)
        case TopKSink():
            return TopRows(context, sink)
        case LimitSink():
            return Limit(context, sink)
        case PartitionSink():
            return Partition(context, sink)
        case SampleSink():
            return Sample(context, sink)
        case RangeSink():
            return Ranges(context, sink)
        case WriteSink():
            return OrderedWrite(context, sink) if sink.sink.single_writer else TaskWrite(context, sink)
