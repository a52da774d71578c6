"""How much of a scan of rows in memory is one task.

A task costs Python that the data of the one before have driven out of the cache, so tasks are large. A thread that has
none left waits for the others, so the last ones are small. Neither changes in which tables the rows come.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

from ..plan import Split

MOST_SPLITS = 4
"""Splits that are one task at most."""


def portions(splits: Sequence[Split], threads: int) -> list[list[Split]]:
    """Return the splits in order, those that are one task together.

    Each of the first tasks is as much as a thread might get of what is left. The last splits, one for each thread,
    are divided.
    """
    if not all(hasattr(split, "divided") for split in splits):
        return [[split] for split in splits]
    last = len(splits) - threads if threads > 1 else len(splits)
    tasks, start = list[list[Split]](), 0
    while start < last:
        count = max(1, min((last - start) // threads, MOST_SPLITS))
        tasks.append([*splits[start : start + count]])
        start += count
    divided: list[Any] = [*splits[max(last, 0) :]]
    return tasks + [[piece] for split in divided for piece in split.divided()]


def located(wheres: Sequence[Callable[[int, int], str]], rows: Sequence[int]) -> Callable[[int, int], str]:
    """Return what to call some rows of several splits that come one after the other, given what each calls its own."""
    starts = [0, *accumulate(rows[:-1])]

    def where(first: int, count: int) -> str:
        number = max(bisect_right(starts, first) - 1, 0)
        return wheres[number](first - starts[number], count)

    return where if len(wheres) > 1 else wheres[0]
