"""Sharing a kernel's work among the threads that the caller lends."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from itertools import pairwise


def each(work: Callable[[int], object], parts: int, executor: Executor | None) -> None:
    """Do all parts of a piece of work, on the executor's threads where there are any."""
    if executor is None or parts == 1:
        for part in range(parts):
            work(part)
    else:
        list(executor.map(work, range(parts)))


def spans_of(length: int, parts: int) -> list[tuple[int, int]]:
    """Return the bounds of so many parts of about equal length."""
    cuts = [length * part // parts for part in range(parts + 1)]
    return list(pairwise(cuts))
