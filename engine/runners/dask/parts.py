"""Parts of a result that stay on the workers which made it, as the client sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from distributed.comm import CommClosedError
from distributed.protocol import pickle

from ..parts import PartsLost
from .assignment import Report
from .cluster import Cluster
from .held_parts import HOLD, WORK
from .sending import to_bytes

R = TypeVar("R")


class ClusterParts:
    """The parts of a query's result, one on each worker that has rows of it.

    Parameters
    ----------
    reports
        What the tasks of the last stage did.
    """

    def __init__(self, cluster: Cluster, query: str, stage: int, reports: Sequence[Report]) -> None:
        self._cluster, self._query = cluster, query
        outputs: dict[str, list[tuple[int, int, int]]] = {}
        for report in reports:
            if sum(report.rows):
                outputs.setdefault(report.worker, []).append((stage, report.task, report.attempt))
        self._workers = sorted(outputs)
        messages = [
            {"outputs": outputs[worker], "number": number, "count": len(outputs)}
            for number, worker in enumerate(self._workers)
        ]
        self._tell(self._workers, HOLD, messages)

    @property
    def count(self) -> int:
        """How many workers have rows."""
        return len(self._workers)

    def map(self, function: Callable[..., R], *args: Any) -> list[R]:
        """Call ``function(part, *args)`` on all workers at the same time."""
        return self._called(self._workers, function, args)

    def first(self, function: Callable[..., R], *args: Any) -> R:
        """Call ``function(part, *args)`` on the first worker."""
        return self._called(self._workers[:1], function, args)[0]

    def _called(self, workers: Sequence[str], function: Callable[..., R], args: tuple[Any, ...]) -> list[R]:
        call = to_bytes((function, args))
        answers = [pickle.loads(answer) for answer in self._tell(workers, WORK, [{"call": call}] * len(workers))]
        lost = (found for well, found in answers if not well and isinstance(found, PartsLost))
        failures = (found for well, found in answers if not well)
        failure = next(lost, None) or next(failures, None)
        if failure is not None:
            raise failure
        return [found for _, found in answers]

    def _tell(self, workers: Sequence[str], operation: str, messages: Sequence[dict[str, Any]]) -> list[Any]:
        """Send each worker its message and return the answers; the first worker found gone ends the waiting."""
        calls, client = self._cluster.exchange.calls, self._cluster.client

        async def tell(worker: str, message: dict[str, Any]) -> Any:
            while True:
                try:
                    return await calls.call(worker, operation, query=self._query, **message)
                except CommClosedError as error:
                    raise PartsLost(f"the worker {worker} is lost: {error}") from error
                except (OSError, TimeoutError) as error:  # it could not be reached yet: busy, or gone
                    if worker not in await client.scheduler.ncores():
                        raise PartsLost(f"the worker {worker} is lost: {error}") from error

        async def tell_all() -> list[Any]:
            return await asyncio.gather(*map(tell, workers, messages))

        return list(client.sync(tell_all))
