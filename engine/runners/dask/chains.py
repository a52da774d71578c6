"""Stages in a row that read little run as one task: a round between them would take longer than they do.

What waits in a chain is planned before it is known what comes of the stages before it. Where one of them makes much
after all, the worker stops there, and what comes after it is planned again. Where a stage follows that several tasks
share, each worker may run the chain for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from ...physical.nodes import MapBatchesExec, UnnestExec
from ...physical.stages import (
    FoldSink,
    Input,
    LimitSink,
    MergeReducedInput,
    Probe,
    RemainingInput,
    ScanInput,
    Stage,
    StageGraph,
    TopKSink,
    WriteSink,
)
from .placement import Sizes
from .tasks import Ran
from .uploads import Uploads

ALONE_BYTES = 2 * 1024 * 1024
"""A stage that reads fewer stored bytes has one task, which takes about as long as a round."""
_MADE = 4
"""So many times as many bytes of rows that other stages have made are read meanwhile."""
_REPEATS = 4
"""All workers together may read so many times as much for what each makes for itself."""
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
        return self._read(stage) < ALONE_BYTES

    def leads(self, stage: Stage, workers: int) -> bool:
        """Whether each worker is to make what waits for itself, where tasks of a stage read it."""
        if isinstance(stage.sink, WriteSink | FoldSink):
            return False
        inputs = [line.input for line in stage.pipelines]
        if any(not isinstance(source, ScanInput) and self.has(source.stage) for source in inputs):
            return False
        if not all(_is_repeatable(ran) for _, ran in self._waiting):
            return False
        waiting = {before.number: before for before, _ in self._waiting}
        return sum(map(self._read, waiting.values())) * workers < _REPEATS * ALONE_BYTES

    def _read(self, stage: Stage) -> float:
        """Return how many bytes a stage reads, as if all were stored; infinite where they do not tell the work."""
        size = 0.0
        for pipeline in stage.pipelines:
            size += self._input_bytes(pipeline.input)
            for operator in pipeline.operators:
                if isinstance(operator, MapBatchesExec | UnnestExec):  # which may make much work of a few bytes
                    return inf
                if isinstance(operator, Probe):
                    size += self._made_bytes(operator.stage) if self._has_few_pairs(operator) else inf
        return size

    def _input_bytes(self, source: Input) -> float:
        if isinstance(source, RemainingInput):  # which the pipeline that probes it has been counted for
            return 0
        if not isinstance(source, ScanInput):
            return self._made_bytes(source.stage)
        splits = source.node.scan.splits
        if Uploads.needed(splits):
            return inf
        return sum(inf if split.bytes is None else split.bytes for split in splits)

    def _made_bytes(self, stage: int) -> float:
        return 0 if self.has(stage) else self._sizes(stage).total / _MADE

    def _has_few_pairs(self, probe: Probe) -> bool:
        if probe.node.spec.probe_keys:
            return True
        if self.has(probe.stage):  # the one row of an aggregation without keys
            return all(isinstance(line.input, MergeReducedInput) for line in self._graph.stages[probe.stage].pipelines)
        return sum(self._sizes(probe.stage).rows) <= _FEW_ROWS


def _is_repeatable(ran: Ran) -> bool:
    """Whether tasks that run alike on several workers make the same rows in the same order, and carry none there."""
    units = [unit for units in ran.tasks for unit in units]
    in_any_order = any(unit.build is not None for unit in units) or isinstance(
        ran.plan.stage.sink, LimitSink | TopKSink
    )
    return not in_any_order and not any(getattr(unit.split, "resident", False) for unit in units)
