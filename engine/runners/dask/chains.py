"""Stages in a row that read little run as one task: a round between them would take longer than they do.

What waits in a chain is planned before it is known what comes of the stages before it. Where one of them makes much
after all, the worker stops there, and what comes after it is planned again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from ...physical.nodes import MapBatchesExec, UnnestExec
from ...physical.stages import (
    FoldSink,
    Input,
    MergeReducedInput,
    Probe,
    RemainingInput,
    ScanInput,
    Stage,
    StageGraph,
    WriteSink,
)
from .placement import Sizes
from .tasks import Ran
from .uploads import Uploads

ALONE_BYTES = 2 * 1024 * 1024
"""A stage that reads fewer bytes has one task, which takes about as long as a round."""
_FEW_ROWS = 1_000
"""Rows that a join without keys may meet each row with in such a task."""


class Chain:
    """Stages that wait to be run as one task.

    Parameters
    ----------
    made
        Numbers of the stages that have made, or will make, the output of each stage; grows.
    sizes
        Returns the sizes of the output of a stage that has run.
    """

    def __init__(self, graph: StageGraph, made: Mapping[int, int], sizes: Callable[[int], Sizes]) -> None:
        self._graph, self._made, self._sizes = graph, made, sizes
        self._waiting: list[tuple[Stage, Ran]] = []
        self._refused: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, stage: Stage, ran: Ran) -> None:
        """Let a task wait, as part of a stage of the graph."""
        self._waiting.append((stage, ran))

    def take(self) -> list[tuple[Stage, Ran]]:
        """Return what waits, which does so no longer."""
        taken, self._waiting = self._waiting, []
        return taken

    def refuse(self, stage: Stage) -> None:
        """Let a stage be shared out, however little it reads."""
        self._refused.add(stage.number)

    def has(self, stage: int) -> bool:
        """Whether a stage waits, so that nothing is known of its output."""
        number = self._made.get(stage)
        return any(ran.plan.stage.number == number for _, ran in self._waiting)

    def fits(self, stage: Stage) -> bool:
        """Whether a stage reads so little that one task does it; what waits counts for nothing."""
        if stage.number in self._refused or isinstance(stage.sink, WriteSink | FoldSink):
            return False
        size = 0.0
        for pipeline in stage.pipelines:
            size += self._input_bytes(pipeline.input)
            for operator in pipeline.operators:
                if isinstance(operator, MapBatchesExec | UnnestExec):  # which may make much work of a few bytes
                    return False
                if isinstance(operator, Probe):
                    size += self._made_bytes(operator.stage) if self._has_few_pairs(operator) else inf
        return size < ALONE_BYTES

    def _input_bytes(self, source: Input) -> float:
        if isinstance(source, RemainingInput):  # which the pipeline that probes it has been counted for
            return 0
        if not isinstance(source, ScanInput):
            return self._made_bytes(source.stage)
        splits = source.node.scan.splits
        if Uploads.needed(splits):
            return inf
        return sum(inf if split.bytes is None else split.bytes for split in splits)

    def _made_bytes(self, stage: int) -> int:
        return 0 if self.has(stage) else self._sizes(stage).total

    def _has_few_pairs(self, probe: Probe) -> bool:
        if probe.node.spec.probe_keys:
            return True
        if self.has(probe.stage):  # the one row of an aggregation without keys
            return all(isinstance(line.input, MergeReducedInput) for line in self._graph.stages[probe.stage].pipelines)
        return sum(self._sizes(probe.stage).rows) <= _FEW_ROWS
