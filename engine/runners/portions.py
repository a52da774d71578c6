"""How much of a scan is one task.

A task costs Python that the data of the one before have driven out of the cache, so tasks are large. A thread that has
none left waits for the others, so the last ones are small. Of rows in memory neither changes in which tables they come.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from ..plan import Split

MOST_SPLITS = 8
"""Splits of rows in memory that are one task at most."""
MOST_TIMES = 32
"""Where rows are taken as they lie in memory, times as many splits as are one task at least, that are one at most."""
_ROUND = 7 / 8
"""The share of what is left that is dealt out in a round, where rows are taken as they lie in memory."""
LEAST_WORK = 3.0
"""The work of a task of a file, as `_work` counts it, below which threads wait for each other's Python instead."""


def portions(splits: Sequence[Split], threads: int, *, least: int = 0) -> list[list[Split]]:
    """Return the splits in order, those that are one task together.

    Rows in memory are dealt out in rounds of a task for each thread, as much as it might get of what is left; the last
    splits, one for each thread, are divided. Of those that are taken as they lie there tasks dwindle instead, to
    ``least`` splits, or if that is one to parts of them. Splits of files are joined, so that what lies beside each
    other is read at once.
    """
    if all(hasattr(split, "joined") for split in splits):
        return [_joined(some) for some in _guided(splits, threads)]
    if not all(hasattr(split, "divided") for split in splits):
        return [[split] for split in splits]
    if least:
        return list(_dwindling(splits, threads, least))
    last = len(splits) - threads if threads > 1 else len(splits)
    tasks, start = [], 0
    while start < last:
        count = max(1, min((last - start) // threads, MOST_SPLITS))
        stop = min(start + threads * count, last)
        tasks += [[*splits[first : min(first + count, stop)]] for first in range(start, stop, count)]
        start = stop
    return tasks + _divided(splits[max(last, 0) :])


def _divided(splits: Sequence[Any]) -> list[list[Split]]:
    """Return a task for each part of splits."""
    return [[piece] for split in splits for piece in split.divided()]


def _dwindling(splits: Sequence[Any], threads: int, least: int) -> Iterator[list[Split]]:
    """Yield the splits of each task, in rounds of one for each thread: a fair share of most of what is left.

    ("Factoring": S. F. Hummel, E. Schonberg, L. E. Flynn, CACM 35(8), 1992.) If ``least`` is one, splits are divided.
    """
    rest, whole = list(reversed(splits)), set(map(id, splits))
    most = MOST_TIMES * least * max((split.rows or 0 for split in splits), default=0)
    while rest:
        left = sum(split.rows or 0 for split in rest)
        aim = min(left if threads == 1 else left * _ROUND / threads, most)
        for _ in range(threads):
            task, taken = list[Split](), 0
            while rest:
                rows = rest[-1].rows or 0
                if least == 1 < threads and id(rest[-1]) in whole and rows / 4 <= aim - taken < rows:
                    whole.remove(id(rest[-1]))  # a small one stays what it is
                    rest += reversed(rest.pop().divided())
                elif len(task) < least or taken + rows / 2 <= aim:
                    task.append(rest.pop())
                    taken += rows
                else:
                    break
            if task:
                yield task


def _guided(splits: Sequence[Split], threads: int) -> Iterator[list[Split]]:
    """Yield the splits of each task: a fair share of half of the work that is left, but no less than pays.

    What is left for the last tasks is shared out evenly, for as many rounds as pay: three tasks are as slow as four.
    """
    works = [_work(split) for split in splits]
    left, start, tasks = sum(works), 0, 0
    while start < len(splits):
        if not tasks and LEAST_WORK < left < 2 * threads * LEAST_WORK:
            tasks = threads * max(1, round(left / (threads * LEAST_WORK)))
        aim = left / tasks if tasks else max(LEAST_WORK, left / (2 * threads))
        tasks = max(tasks - 1, 0)
        stop, taken = start + 1, works[start]
        while stop < len(splits) and taken + works[stop] / 2 <= aim:
            taken += works[stop]
            stop += 1
        yield [*splits[start:stop]]
        left, start = left - taken, stop


def _work(split: Split) -> float:
    """Return about how long a split of a file takes, in units of what a MiB of it does, or 256 Ki rows."""
    return (split.bytes or 0) / (1 << 20) + (split.rows or 0) / (1 << 18)


def _joined(splits: Sequence[Any]) -> list[Split]:
    """Return splits after neighbours have been made one, as far as they can be."""
    made: list[Any] = [splits[0]]
    for split in splits[1:]:
        whole = made[-1].joined(split)
        made[-1:] = [made[-1], split] if whole is None else [whole]
    return made


def located(wheres: Sequence[Callable[[int, int], str]], rows: Sequence[int]) -> Callable[[int, int], str]:
    """Return what to call some rows of several splits that come one after the other, given what each calls its own."""
    starts = [0, *accumulate(rows[:-1])]

    def where(first: int, count: int) -> str:
        number = max(bisect_right(starts, first) - 1, 0)
        last = max(bisect_right(starts, first + count - 1) - 1, number)
        if last == number:
            return wheres[number](first - starts[number], count)
        return (
            f"{wheres[number](first - starts[number], starts[number + 1] - first)} "
            f"to {wheres[last](0, first + count - starts[last])}"
        )

    return where if len(wheres) > 1 else wheres[0]
