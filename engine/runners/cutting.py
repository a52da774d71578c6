"""Cutting a task whose rows each meet all rows of a join's other side: few rows are much work, for all threads.

Into how many it is cut depends on the rows alone, so that sums of floats are the same on any number of threads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from ..kernels.protocol import Device, JoinTable, Table
from ..physical.stages import OutputInput, Probe
from .metrics import OperatorMetrics
from .pipeline import Task

PAIRS = 1 << 19
"""Pairs that are worth a task."""
_MOST_TASKS = 64


def cut(tasks: Sequence[Task], device: Device, joins: Mapping[int, JoinTable]) -> Iterator[Task]:
    """Yield the tasks of a pipeline, those of a product in parts; rows and their order stay what they are."""
    for task in tasks:
        # A file's rows are read once, by one thread: the others would wait for it where there is more to read.
        at_hand = task.resident or isinstance(task.pipeline.input, OutputInput) or len(tasks) == 1
        parts = _parts(task, joins) if at_hand else 1
        if parts > 1:
            yield from _divided(task, device, parts)
        else:
            yield task


def _parts(task: Task, joins: Mapping[int, JoinTable]) -> int:
    """Return how many tasks one is worth: a power of two, as numbers of threads mostly are.

    Where a condition bounds the partners it is one: they are few of the pairs, and are found for many rows at once.
    """
    first = next(iter(task.pipeline.operators), None)
    if not isinstance(first, Probe) or first.node.spec.probe_keys or not joins[first.stage].meets_all:
        return 1
    parts = min(task.rows * joins[first.stage].num_rows // PAIRS, task.rows, _MOST_TASKS)
    return 1 << max(parts.bit_length() - 1, 0)


def _divided(task: Task, device: Device, parts: int) -> Iterator[Task]:
    rows = _Rows(task.tables, device)
    edges = [task.rows * part // parts for part in range(parts + 1)]
    for start, stop in pairwise(edges):
        # Of a file that has other rows than it says the last part has the rest.
        tables = partial(rows.between, start, None if stop == task.rows else stop)
        yield replace(
            task,
            tables=tables,
            rows=stop - start,
            bytes=task.bytes * stop // task.rows - task.bytes * start // task.rows,
            counted=task.counted if start == 0 else OperatorMetrics(),
            where=None if task.where is None else partial(_where, task.where, start),
        )


def _where(where: Callable[[int, int], str], start: int, first: int, count: int) -> str:
    return where(start + first, count)


class _Rows:
    """The rows of a task, which are read once, for whoever comes first."""

    def __init__(self, tables: Callable[[], Iterator[Table]], device: Device) -> None:
        self._read, self._device = tables, device
        self._tables: list[Table] | None = None
        self._lock = threading.Lock()

    def between(self, start: int, stop: int | None) -> Iterator[Table]:
        """Yield the rows from one to another, or to the end."""
        with self._lock:
            if self._tables is None:
                self._tables = list(self._read())
        first = 0
        for table in self._tables:
            last = first + table.num_rows
            begin, end = max(start, first), last if stop is None else min(stop, last)
            if begin < end:
                yield self._device.slice(table, begin - first, end - begin)
            first = last
