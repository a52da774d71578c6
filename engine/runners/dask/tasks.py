"""Running a stage's tasks on the cluster to their end: submitting, waiting, and making again what was lost."""

from __future__ import annotations

import itertools
import queue
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from distributed import Client, Future
from distributed.scheduler import KilledWorker

from ...errors import Cancelled, ExecutionError, TemporaryFailure
from ...exchange.calls import RowsLost
from .assignment import Place, Report, Source, StagePlan, Unit
from .plugin import run_assignments
from .reports import reports_for
from .sending import to_bytes
from .waiting import answering, waiting_seconds

_TURN = 0.1
_LOOK_SECONDS = 2.0
_KNOWN_SECONDS = 1.0
"""How long it counts which workers there are, unless rows were lost: asking takes part of a round."""
MOST_LOSSES = 20
"""How often a task may find rows lost before the query is given up."""


@dataclass(slots=True)
class Ran:
    """A stage that was run, with all that it takes to run any of its tasks again.

    Attributes
    ----------
    reads
        Numbers that the stage knows its inputs by, and of the stages that made them.
    reports
        By task; None where the output is lost or freed.
    """

    plan: StagePlan
    tasks: Sequence[tuple[Unit, ...]]
    reads: dict[int, int]
    reports: list[Report | None] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    resend: Callable[[int, int], Report] | None = None

    def __post_init__(self) -> None:
        self.reports = [None] * len(self.tasks)
        self.attempts = [0] * len(self.tasks)

    def lose(self, worker: str) -> None:
        """Count what a worker held as lost."""
        for task, report in enumerate(self.reports):
            if report is not None and report.worker == worker:
                self.reports[task] = None

    @property
    def done(self) -> list[Report]:
        """The reports that are there."""
        return [report for report in self.reports if report is not None]


class _Sent(NamedTuple):
    """A task under way, the number under which its reports come, and the worker that it is best run on."""

    task: int
    ticket: int
    home: str | None


class Tasks:
    """Runs tasks of one query.

    Parameters
    ----------
    finished
        Called with the stage and the report when a task ends.
    most
        Tasks that the scheduler may have at once; None for no limit. Those that wait there are begun in the order in
        which they came, so that queries which keep the others back take turns.
    """

    def __init__(
        self, client: Client, query: str, finished: Callable[[Ran, Report], None], most: int | None = None
    ) -> None:
        self.client, self.query, self._finished, self._most = client, query, finished, most
        self.stages: dict[int, Ran] = {}
        self.recomputed = 0
        self._tickets = itertools.count()
        self._arrived = reports_for(client)
        self._arrived.open(query)
        self._wake: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._open: set[Future] = set()
        self._looked = self._heard = time.monotonic()
        self._known: list[str] = []
        self._asked = -_KNOWN_SECONDS

    # running

    def run(self, ran: Ran, tasks: Iterable[int], homes: Mapping[int, str] | None = None) -> None:
        """Run tasks of a stage, some best on a certain worker; returns when all have reported.

        Raises
        ------
        ExecutionError
            What a task raised, or where the cluster is lost.
        """
        todo = list(tasks)
        if ran.resend is not None:
            for task in todo:
                ran.attempts[task] += 1
                ran.reports[task] = ran.resend(task, ran.attempts[task])
            return
        self._run([ran], todo, homes or {})

    def run_chain(self, chain: Sequence[Ran], home: str | None) -> None:
        """Run stages one after the other, of one task each but for the last, which each of its tasks has before it.

        Returns when as many have reported as workers have run: at least the first, and those up to one that has made
        much.

        Raises
        ------
        ExecutionError
            What a task raised, or where the cluster is lost.
        """
        tasks = list(range(len(chain[-1].tasks)))
        self._run(chain, tasks, {} if home is None or len(tasks) > 1 else {0: home})

    def _run(self, chain: Sequence[Ran], todo: list[int], homes: Mapping[int, str]) -> None:
        under_way: dict[Future, _Sent] = {}
        losses, most = 0, MOST_LOSSES * len(todo)
        todo, homes = _in_turn(todo, homes), dict(homes)
        _attempt(chain[:-1])
        try:
            while todo or under_way:
                room = len(todo) if self._most is None else self._most - len(under_way)
                if todo and room > 0:
                    now, todo = todo[:room], todo[room:]
                    under_way.update(self._submit(chain, now, homes))
                    for task in now:  # the next time anywhere
                        homes.pop(task, None)
                ended = self._next(under_way)
                if not ended and self._known:
                    # Where every worker had died, Dask keeps a task for the preferred one for ever.
                    stuck = [f for f, sent in under_way.items() if sent.home and sent.home not in self._known]
                    self.abandon(stuck)
                    todo += [under_way.pop(future).task for future in stuck]
                reports = self._reports(ended, under_way)
                for future in ended:
                    task = under_way.pop(future).task
                    self._open.discard(future)
                    found = reports.get(future)
                    if found is None:
                        self._raise_failure(future, chain)
                        losses += 1
                        if losses > most:
                            named = _named(chain[0])
                            raise TemporaryFailure(f"rows that {named} needs were lost {losses} times: giving up")
                        todo.append(task)
                        _attempt(chain[:-1])
                        continue
                    for ran, report in zip(chain, found, strict=False):
                        if ran is chain[-1] or ran.reports[0] is None:  # what is repeated counts once
                            ran.reports[report.task] = report
                            self._finished(ran, report)
        finally:
            self.abandon(under_way)

    def holder(self, numbers: Iterable[int]) -> str | None:
        """Return the worker that has most of what some stages made, None where nothing is known of any."""
        held: dict[str, int] = {}
        for number in numbers:
            for report in self.stages[number].done:
                held[report.worker] = held.get(report.worker, 0) + sum(report.bytes)
        return max(held, key=lambda worker: held[worker], default=None)

    def whole(self, number: int) -> list[Report]:
        """Return the reports of a stage, by task; what is lost is made again first."""
        ran = self.stages[number]
        while missing := [task for task, report in enumerate(ran.reports) if report is None]:
            self.recomputed += len(missing)
            self.run(ran, missing)  # during which others of its tasks may be found lost
        return ran.done

    def source(self, number: int) -> Source:
        """Return where a stage's rows are; those that are lost are made again first."""
        places = tuple(Place(r.worker, r.task, r.attempt) for r in self.whole(number))
        return Source(number, self.stages[number].plan.schema, places)

    def lose(self, worker: str, numbers: Sequence[int] | None = None) -> None:
        """Count what a worker held of some stages, or of all, as lost."""
        for number, ran in self.stages.items():
            if numbers is None or number in numbers:
                ran.lose(worker)

    def free(self, number: int) -> int:
        """Count a stage's output as gone, and return the bytes that it had."""
        ran = self.stages[number]
        size = sum(sum(report.bytes) for report in ran.done)
        ran.reports = [None] * len(ran.tasks)
        return size

    def close(self) -> None:
        """Cancel what has not ended and expect no more reports."""
        self._arrived.close(self.query)
        self.abandon()

    def abandon(self, futures: Iterable[Future] | None = None) -> None:
        """Cancel tasks that have not ended: all of them by default."""
        left = list(self._open if futures is None else futures)
        self._open.difference_update(left)
        if left and self.client.status == "running":
            with suppress(TemporaryFailure), answering(self.client):  # one that is gone has none of them
                self.client.cancel(left, force=True)

    # steps

    def _submit(self, chain: Sequence[Ran], tasks: Sequence[int], homes: Mapping[int, str]) -> dict[Future, _Sent]:
        own = {ran.plan.stage.number for ran in chain}
        self._find({made for ran in chain for made in ran.reads.values()} - own)
        last = chain[-1]
        before = [(0, ran.attempts[0], ran.tasks[0]) for ran in chain[:-1]]
        sent = []
        packed = []
        for task in tasks:
            last.attempts[task] += 1
            sent.append(_Sent(task, next(self._tickets), homes.get(task)))
            parts = [*before, (task, last.attempts[task], last.tasks[task])]
            packed.append(to_bytes((sent[-1].ticket, parts)))
        here = {number: self._here(number) for number in own if len(chain) > 1}
        shared = to_bytes(
            [
                (ran.plan, {known: here.get(made) or self.source(made) for known, made in ran.reads.items()})
                for ran in chain
            ]
        )
        # Dask takes "volley group" for the kind, and all of the stage's keys for one group of tasks.
        first = chain[0].plan
        name = f"volley {first.title}-{first.stage.number}-{self.query}"
        submitted: dict[Future, _Sent] = {}
        for home in sorted({one.home or "" for one in sent}):
            there = [place for place, one in enumerate(sent) if (one.home or "") == home]
            with answering(self.client):
                futures = self.client.map(
                    run_assignments,
                    [shared] * len(there),
                    [packed[place] for place in there],
                    key=[(name, sent[place].task, sent[place].ticket) for place in there],
                    pure=False,
                    fifo_timeout=0,  # else what two queries submit within a tenth of a second counts as one
                    workers=[home] if home else None,
                    allow_other_workers=bool(home),
                )
            submitted |= dict(zip(futures, (sent[place] for place in there), strict=True))
        for future in submitted:
            self._open.add(future)
            future.add_done_callback(self._wake.put)
        return submitted

    def _find(self, numbers: Iterable[int]) -> None:
        """See to it that the outputs of stages are there; those that are lost are made again."""
        wanted = list(numbers)
        if wanted and time.monotonic() - self._asked > _KNOWN_SECONDS:
            self.workers()
        known_workers = set(self._known)
        for number in wanted:  # asking one that is gone would take its time
            for report in self.stages[number].reports:
                if report is not None and report.worker not in known_workers:
                    self.lose(report.worker)
        while any(None in self.stages[number].reports for number in wanted):  # more may be lost in the meantime
            for number in wanted:
                self.source(number)

    def _here(self, number: int) -> Source:
        """Return the source of rows that an assignment of the same task makes."""
        ran = self.stages[number]
        return Source(number, ran.plan.schema, (Place("", 0, ran.attempts[0]),))

    def _next(self, under_way: Iterable[Future]) -> list[Future]:
        """Return those that have ended, after waiting a moment for one."""
        ended = [future for future in under_way if future.done()]
        if not ended:
            try:
                self._wake.get(timeout=_TURN)
            except queue.Empty:
                self._look()
            ended = [future for future in under_way if future.done()]
        if ended:
            self._heard = time.monotonic()
        return ended

    def _look(self) -> None:
        """Raise where the scheduler is gone, or where there have been no workers for long."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        lost = "scheduler does not answer"
        with suppress(TemporaryFailure):  # it may come back
            if self.client.status == "running":
                if self.workers():
                    self._heard = now
                    return
                lost = "cluster has no workers"
        if self.client.status in ("closed", "closing") or now - self._heard > waiting_seconds("patience"):
            raise TemporaryFailure(f"the {lost}; start it again and repeat the query")

    def workers(self) -> list[str]:
        """Return the addresses of the workers that the scheduler knows."""
        with answering(self.client):
            self._known = sorted(self.client.sync(self.client.scheduler.ncores))
        self._asked = time.monotonic()
        return self._known

    def first_workers(self) -> list[str]:
        """Return the addresses of the workers, once there are any.

        Raises
        ------
        TemporaryFailure
            Where none comes for long.
        """
        while not (found := self.workers()):
            self._look()
            time.sleep(_TURN)
        return found

    def _reports(self, futures: Sequence[Future], sent: Mapping[Future, _Sent]) -> dict[Future, list[Report]]:
        """Return the reports of the tasks that have ended well."""
        well = [future for future in futures if future.status == "finished"]
        arrived = {future: self._arrived.take(self.query, sent[future].ticket) for future in well}
        reports = {future: found for future, found in arrived.items() if found is not None}
        missing = [future for future in well if future not in reports]
        if missing:
            with answering(self.client):
                reports |= dict(zip(missing, self.client.gather(missing), strict=True))
        for future in well:
            future.release()
        return reports

    def _raise_failure(self, future: Future, chain: Sequence[Ran]) -> None:
        """Return where a task has to be run again.

        Raises
        ------
        ExecutionError
            What the task raised for reasons of its own.
        """
        if future.status in ("pending", "lost"):  # its worker died after it had ended
            return
        if future.status != "error":
            try:
                with answering(self.client):
                    future.result()
            except CancelledError:
                raise Cancelled("the run was cancelled") from None
            return
        failure = future.exception()
        if isinstance(failure, RowsLost):
            numbers = (
                [made for ran in chain for made in ran.reads.values()] if failure.worker in self.workers() else None
            )
            if numbers is None or failure.gone:
                self.lose(failure.worker, numbers)
            return
        if isinstance(failure, KilledWorker):
            raise ExecutionError(
                f"{_named(chain[0])} ended the worker it ran on several times, most likely for want of memory: give "
                "workers more memory or fewer threads"
            ) from failure
        raise failure


def _attempt(chain: Sequence[Ran]) -> None:
    """Begin another attempt at stages of one task each."""
    for ran in chain:
        ran.attempts[0] += 1


def _in_turn(tasks: Sequence[int], homes: Mapping[int, str]) -> list[int]:
    """Return tasks in an order in which the first ones are not all those of one home."""
    before: Counter[str | None] = Counter()
    placed = []
    for task in tasks:
        placed.append((before[homes.get(task)], task))
        before[homes.get(task)] += 1
    return [task for _, task in sorted(placed)] if homes else list(tasks)


def _named(ran: Ran) -> str:
    return f"stage {ran.plan.stage.number} ({ran.plan.title})"
