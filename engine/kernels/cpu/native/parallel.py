"""Sharing a kernel's work among the threads that the caller lends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_PARTS = 8
SHARED_ROWS = 1 << 16
"""Rows that it is worth to share."""


class Threads:
    """Threads for the parts of a piece of work, of which the calling one is the first.

    Parameters
    ----------
    count
        How many there are.
    name
        What the others' names begin with.
    """

    def __init__(self, count: int, name: str = "volley-kernel") -> None:
        self.count = count
        self._others = ThreadPoolExecutor(max(count - 1, 1), thread_name_prefix=name)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._others.shutdown()

    def share(self, work: Callable[[int], object], parts: int) -> None:
        """Do all parts; each thread takes the next one when it is done with its last.

        A part that raises ends the work; the first error met is raised here.
        """
        numbers = itertools.count()
        failed: list[bool] = []

        def take_parts() -> None:
            while not failed and (number := next(numbers)) < parts:
                try:
                    work(number)
                except BaseException:
                    failed.append(True)
                    raise

        helpers = [self._others.submit(take_parts) for _ in range(min(self.count, parts) - 1)]
        try:
            take_parts()
        finally:
            errors = [helper.exception() for helper in helpers]
        for error in errors:
            if error is not None:
                raise error


def each(work: Callable[[int], object], parts: int, threads: Threads | None) -> None:
    """Do all parts of a piece of work, on the threads where there are any."""
    if threads is None or parts == 1:
        for part in range(parts):
            work(part)
    else:
        threads.share(work, parts)


def mapped(work: Callable[[T], R], items: Iterable[T], threads: Threads | None) -> list[R]:
    """Return what each item becomes, made on the threads where there are any."""
    given = list(items)
    made: dict[int, R] = {}

    def make(number: int) -> None:
        made[number] = work(given[number])

    each(make, len(given), threads)
    return [made[number] for number in range(len(given))]


def spans_of(length: int, parts: int) -> list[tuple[int, int]]:
    """Return the bounds of so many parts of about equal length."""
    cuts = [length * part // parts for part in range(parts + 1)]
    return list(pairwise(cuts))


def parts_of(rows: int, threads: Threads | None) -> list[tuple[int, int]]:
    """Return the bounds of the parts of so many rows that threads share; one part where they are few."""
    return spans_of(rows, _PARTS if threads is not None and rows >= SHARED_ROWS else 1)
