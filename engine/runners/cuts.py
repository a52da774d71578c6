"""Stages cut where a join needs both sides by bucket: on a cluster, and where one side is too large for the memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ..expr import Expr
from ..physical.stages import CollectSink, Operator, PartitionSink, Pipeline, Probe, RemainingInput, StageSink


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


def rest_of(lines: Sequence[Line], number: int) -> int | None:
    """Return the number of the line that takes the build rows left by a shuffled join, which comes next to it."""
    build, following = lines[number].build, number + 1
    if build is None or following == len(lines):
        return None
    source = lines[following].pipeline.input
    return following if isinstance(source, RemainingInput) and source.stage == build else None


def side_sink(keys: tuple[Expr, ...]) -> StageSink:
    """Return the sink for a side of a join: by hash where there are keys."""
    return PartitionSink(keys) if keys else CollectSink()
