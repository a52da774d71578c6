"""Sharing a kernel's work among the threads that the caller lends."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Self, TypeVar

from ....crew import Crew
from .calls import Calls

T = TypeVar("T")
R = TypeVar("R")

_PARTS = 8
_TURNS = 4
"""How often each thread takes calls."""
SHARED_ROWS = 1 << 16
"""Rows that it is worth to share."""


class Threads:
    """Threads for the parts of a piece of work, of which the calling one is the first; the others wait for more.

    Parameters
    ----------
    count
        How many there are.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._crew = Crew()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._crew.join()
        self._crew.dismiss()

    def share(self, work: Callable[[int], object], parts: int) -> None:
        """Do all parts; each thread takes the next one when it is done with its last.

        A part that raises ends the work; the first error met is raised here.
        """
        numbers = itertools.count()
        errors: list[BaseException] = []

        def take_parts() -> None:
            try:
                while not errors and (number := next(numbers)) < parts:
                    work(number)
            except BaseException as error:  # noqa: BLE001  # carried to the caller's thread
                errors.append(error)

        self._crew.work(take_parts, max(1, min(self.count, parts)), takes_part=True)
        if errors:
            raise errors[0]


def each(work: Callable[[int], object], parts: int, threads: Threads | None) -> None:
    """Do all parts of a piece of work, on the threads where there are any."""
    if threads is None or parts == 1:
        for part in range(parts):
            work(part)
    else:
        threads.share(work, parts)


def each_later(add: Callable[[int, Calls], object], parts: int, threads: Threads | None) -> None:
    """Make the calls that each part adds, on the threads where there are any: of several parts by one at a time.

    For kernels of some microseconds, between which threads would wait for each other's Python.
    """
    spans = turns_of(parts, threads)

    def make(number: int) -> None:
        calls = Calls()
        for part in range(*spans[number]):
            add(part, calls)
        calls.run()

    each(make, len(spans), threads)


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


def turns_of(parts: int, threads: Threads | None) -> list[tuple[int, int]]:
    """Return which parts a thread takes at once where each takes little time."""
    return spans_of(parts, 1 if threads is None else min(parts, _TURNS * threads.count))
