"""A session whose parts are those of many processes: cut, run at once on threads, everything that travels pickled."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from distributed.protocol import pickle

import volley as vl
from volley.engine.plan import Plan
from volley.engine.runners import Part


class CutParts:
    """Parts of a table, each with a thread of its own."""

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        self._threads = ThreadPoolExecutor(max(1, len(parts)))

    @property
    def count(self) -> int:
        return len(self.parts)

    def map(self, function: Callable[..., Any], *args: Any) -> list[Any]:
        call = pickle.dumps((function, args))
        return [pickle.loads(answer) for answer in self._threads.map(lambda part: _called(part, call), self.parts)]

    def first(self, function: Callable[..., Any], *args: Any) -> Any:
        return function(self.parts[0], *args)


def _called(part: Part, call: bytes) -> bytes:
    function, args = pickle.loads(call)
    return bytes(pickle.dumps(function(part, *args)))


class CutSession(vl.Session):
    """Gives the rows of plans as so many parts, of which some have more rows than others.

    On a device with memory of its own they stay there.
    """

    def __init__(self, parts: int, device: Any = "cpu") -> None:
        super().__init__(device, threads=1)
        self._count = parts

    @contextmanager
    def parts(self, plan: Plan) -> Iterator[Any]:
        table = self.collect(plan)
        weights = [number + 1 for number in range(self._count)]
        cuts = [round(table.num_rows * sum(weights[:number]) / sum(weights)) for number in range(self._count + 1)]
        pieces: list[Any] = [table.slice(a, b - a) for a, b in itertools.pairwise(cuts) if b > a]
        own = None if self.device.account is None else self.device
        if own is not None:
            pieces = [own.from_arrow(piece, plan.schema) for piece in pieces]
        yield CutParts(
            [Part(number=n, count=len(pieces), tables=[piece], device=own) for n, piece in enumerate(pieces)]
        )
