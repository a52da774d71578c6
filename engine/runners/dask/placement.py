"""How a stage's work is divided: units from splits and buckets, and groups of units for tasks.

Real bytes of the stages before decide: small buckets are read together, large ones of a probing side by several tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import isqrt
from typing import NamedTuple

from ...exchange.relay import FANOUT
from .assignment import Buckets, Report, Unit

TASKS_PER_SLOT = 3
"""Tasks for each thread of the cluster: enough to even out unlike ones, few enough for the scheduler."""
MOST_TASKS = 512
"""A stage has more tasks than so many only where there are more threads: each takes Dask's scheduler some 0.75 ms, and
each unit that reads buckets asks every worker for its own."""
BROADCAST_BYTES = 64 * 1024 * 1024
"""A build side of so many bytes is sent to every worker; a larger one is shuffled."""
TASK_BYTES = 256 * 1024 * 1024
"""Tasks that would read more are made smaller, as far as `MOST_TASKS` lets them: other queries' tasks come between."""
RELAY_BYTES = 1024 * 1024
"""Fewer bytes are taken from who made them: asking on would take longer than sending them again."""
ONE_TASK_BYTES = 32 * 1024 * 1024
"""A thread that has no more bytes to read takes them as one task: each has groups of its own, which must be merged."""
SMALL_BYTES = 8 * 1024 * 1024
"""Work on so many bytes is not worth another task."""
HANDING_BYTES = 256 * 1024
"""About what a thread gets through while Dask's scheduler, for all threads together, hands out one task."""
SORT_BYTES = 16 * 1024 * 1024
"""So many bytes of rows are sorted by one task; more are cut into ranges of the order first."""
SKEW = 2.0
"""A bucket that holds so many times a task's share is split."""
_MOST_BUCKETS = 1024


class Slots(NamedTuple):
    """The cluster's threads: how many workers, and threads in all."""

    workers: int
    threads: int


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows and bytes of a stage's output by bucket."""

    rows: list[int]
    bytes: list[int]

    @property
    def total(self) -> int:
        """Bytes of all buckets."""
        return sum(self.bytes)

    def widened(self, buckets: int) -> Sizes:
        """Return the sizes with empty buckets up to so many."""
        missing = [0] * (buckets - len(self.rows))
        return Sizes(self.rows + missing, self.bytes + missing)


def bucket_count(slots: Slots) -> int:
    """Return how many hash buckets a query's exchanges have: some for each task, so that unlike ones can be joined."""
    wanted = min(_MOST_BUCKETS, 4 * slots.threads)
    return max(8, 1 << (wanted - 1).bit_length())


def sizes(reports: Sequence[Report]) -> Sizes:
    """Add up what the tasks of a stage made."""
    buckets = max((len(report.bytes) for report in reports), default=1)
    nothing = [0] * buckets
    rows = zip_longest(nothing, *(report.rows for report in reports), fillvalue=0)
    held = zip_longest(nothing, *(report.bytes for report in reports), fillvalue=0)
    return Sizes([sum(each) for each in rows], [sum(each) for each in held])  # on a large cluster, millions of numbers


def runs(found: Sizes, slots: Slots) -> Iterator[Buckets]:
    """Yield neighbouring buckets together up to about a task's share of the bytes; buckets without rows are left out.

    A run ends where it comes nearest to the share: of buckets that are almost alike, two of which make a share, half
    would otherwise stay alone for being a little larger than the others.
    """
    share = _share(found.total, slots)
    first, held = None, 0
    for number, size in enumerate(found.bytes):
        if not found.rows[number]:
            continue
        if first is not None and held + size / 2 > share:
            yield Buckets(first, number)
            first, held = None, 0
        first = number if first is None else first
        held += size
    if first is not None:
        yield Buckets(first, len(found.bytes))


def is_relayed(reports: Sequence[Report], slots: Slots) -> bool:
    """Whether so few workers hold what all will read that these are to take it from each other."""
    holders = len({report.worker for report in reports})
    return holders > 0 and slots.workers - 1 > FANOUT * holders and sizes(reports).total >= RELAY_BYTES


def _several(slots: Slots, times: int) -> int:
    """Return so many times the threads, or less where there are very many."""
    return max(slots.threads, min(slots.threads * times, MOST_TASKS))


def _share(total: int, slots: Slots) -> int:
    """Return how many bytes of buckets one unit reads.

    ``k`` units take the scheduler as long as ``k * HANDING_BYTES`` take a thread, and threads ``total / k``: the sum is
    least at ``sqrt(total / HANDING_BYTES)`` units, which only a large cluster could exceed.
    """
    return max(SMALL_BYTES, total // _several(slots, 2), isqrt(total * HANDING_BYTES))


def joined_runs(
    probe: Sizes, build: Sizes, reports: Sequence[Report], slots: Slots, *, divisible: bool, every: bool
) -> Iterator[Buckets]:
    """Yield the buckets of a shuffled join.

    Parameters
    ----------
    reports
        Of the tasks that made the probing side.
    divisible
        Whether several tasks may probe with parts of a bucket, each against all of its build rows.
    every
        Whether buckets without probing rows count, for the sake of their build rows.
    """
    both = Sizes(
        [p + b if every else p for p, b in zip(probe.rows, build.rows, strict=True)],
        [p + b for p, b in zip(probe.bytes, build.bytes, strict=True)],
    )
    share = _share(both.total, slots)
    for run in runs(both, slots):
        alone = run.last - run.first == 1 or sum(1 for size in probe.rows[run.first : run.last] if size) == 1
        if divisible and alone and sum(probe.bytes[run.first : run.last]) > SKEW * share:
            yield from _divided(run, reports, share)
        else:
            yield run


def _divided(run: Buckets, reports: Sequence[Report], share: int) -> Iterator[Buckets]:
    """Yield a bucket in parts of about a share, each made by some of the tasks before."""
    start, held = 0, 0
    for task, report in enumerate(reports):
        size = sum(report.bytes[run.first : run.last])
        if held and held + size > share:
            yield Buckets(run.first, run.last, start, task)
            start, held = task, 0
        held += size
    yield Buckets(run.first, run.last, start, len(reports))


def groups(units: Sequence[Unit], slots: Slots) -> list[tuple[Unit, ...]]:
    """Return units in neighbouring groups of about as many bytes, one for each task.

    Without units there is one group, so that there is an output.
    """
    if not units:
        return [()]
    sized = [unit.bytes or SMALL_BYTES for unit in units]  # what is not known may be large
    total = sum(sized)
    most = max(_several(slots, TASKS_PER_SLOT), min(MOST_TASKS, total // TASK_BYTES))
    count = min(len(units), most, max(slots.threads, -(-total // ONE_TASK_BYTES)))
    made: list[tuple[Unit, ...]] = []
    start, passed = 0, 0
    for number, size in enumerate(sized):
        passed += size
        left = len(units) - number - 1
        full = passed * count >= total * (len(made) + 1)
        if (full or left < count - len(made) - 1) and len(made) < count - 1:
            made.append(tuple(units[start : number + 1]))
            start = number + 1
    made.append(tuple(units[start:]))
    return [group for group in made if group]


def reading(position: int, buckets: Buckets, found: Sizes) -> Unit:
    """Return a unit that reads some buckets of a stage's output."""
    chosen = slice(buckets.first, buckets.last)
    return Unit(
        number=0,
        pipeline=position,
        buckets=buckets,
        rows=sum(found.rows[chosen]),
        bytes=sum(found.bytes[chosen]),
    )


def joined_reading(
    position: int, probe: Sizes, build: Sizes, reports: Sequence[Report], slots: Slots, *, every: bool
) -> Iterator[Unit]:
    """Yield units that read both sides of a shuffled join; one that gives build rows too divides no bucket."""
    wide = max(len(probe.rows), len(build.rows))
    probe, build = probe.widened(wide), build.widened(wide)
    for buckets in joined_runs(probe, build, reports, slots, divisible=not every, every=every):
        unit = reading(position, buckets, probe)
        yield replace(unit, bytes=unit.bytes + sum(build.bytes[buckets.first : buckets.last]))
