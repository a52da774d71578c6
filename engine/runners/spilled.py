"""Work on rows that may be too many for the memory: by bucket, and by parts of buckets that are still too large.

Rows with equal keys share a bucket, so that each bucket is grouped, joined or windowed alone; rows to be sorted are put
into ranges of their order. What a task works on at once is bounded by `Spools.task_bytes`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..exchange import BucketPart, Spool, Spools, Stopped
from ..expr import Column, Expr, SortKey
from ..kernels.protocol import Device, Table
from ..physical.execute import merge_input
from ..physical.ranges import choose_bounds, cut_at, key_exprs, key_schema, over, repeated, sampled
from ..physical.stages import DistinctInput, MergeGroupsInput, OutputInput, SortInput, StageInput, WindowInput

BUCKETS = 64
"""Parts by hash of what does not fit: a part is split again where it is read and still too large."""
_FINER = 16
_MOST_LEVELS = 2
_MOST_RANGES = 64


def divided(device: Device, tables: Sequence[Table], keys: Sequence[Expr], buckets: int) -> list[list[Table]]:
    """Return tables by the hash of some columns, one table for each bucket; as they are without columns."""
    if not keys:
        return [[*tables]]
    spread: list[list[Table]] = [[] for _ in range(buckets)]
    for table in tables:
        for bucket, part in zip(spread, device.hash_partition(table, keys, buckets), strict=True):
            if part.num_rows:
                bucket.append(part)
    return [bucket if len(bucket) < 2 else [device.concat(bucket, bucket[0].schema)] for bucket in spread]


def in_ranges(
    spools: Spools,
    rows: Spool,
    bucket: int,
    keys: Sequence[SortKey],
    parallel: Callable[[Sequence[Callable[[], Any]]], list[Any]],
    *,
    last: bool = True,
    apart: bool = False,
) -> Spool:
    """Return the rows of a bucket in ranges of an order, as many as make each fit for a task.

    ``last`` forgets the rows in the bucket meanwhile. A frequent key has a range of its own; ``apart`` gives one to
    every key that bounds a range.
    """
    device = spools.device
    parts = rows.parts(bucket, spools.task_bytes)
    count = min(_MOST_RANGES, -(-rows.bytes(bucket) // spools.task_bytes))
    samples = parallel([partial(_samples, device, part, keys) for part in parts])
    bounds = choose_bounds(device, [table for tables in samples for table in tables], keys, count)
    openings = bounds if apart else repeated(device, bounds)
    ranges = spools.open()
    ranges.divided = True

    def cut(number: int, part: BucketPart) -> None:
        ranges.add(number, cut_at(device, part.tables(), keys, bounds, openings))
        if last:
            part.drop()

    parallel([partial(cut, number, part) for number, part in enumerate(parts)])
    return ranges


def _samples(device: Device, part: BucketPart, keys: Sequence[SortKey]) -> list[Table]:
    return sampled(device, part.tables(), keys)


@dataclass(frozen=True, slots=True)
class SpilledReader:
    """Gives the rows of buckets to the stages that read them.

    Parameters
    ----------
    stopped
        Says whether nobody wants the rows any more.
    owner
        What errors call the stage that reads.
    """

    spools: Spools
    stopped: Callable[[], bool]
    owner: str

    def merged(self, source: OutputInput, rows: Spool, bucket: int, *, last: bool, threads: int) -> Iterator[Table]:
        """Yield what `merge_input` makes of a bucket, whose rows are forgotten if nobody else reads them."""
        if isinstance(source, StageInput):
            for tables in rows.tables(bucket, last=last):
                yield from tables
        elif isinstance(source, SortInput) and rows.divided:
            yield from self._sorted(source, rows, bucket, last=last)
        elif rows.divided:
            yield from self._by_hash(source, rows, bucket, last=last)
        else:
            yield from self._whole(source, rows, bucket, last=last, threads=threads)

    def _whole(self, source: OutputInput, rows: Spool, bucket: int, *, last: bool, threads: int = 1) -> Sequence[Table]:
        """Return what is made of a bucket that cannot be split, if it fits."""
        size = rows.bytes(bucket)
        counted = size if size > 2 * self.spools.task_bytes and (last or rows.spilled) else 0
        tables = [table for some in rows.tables(bucket, last=last) for table in some]
        self.spools.memory.reserve(counted, f"{self.owner}: {source.node.title} of rows that cannot be divided")
        try:
            return merge_input(self.spools.device, source, tables, threads=threads)
        finally:
            self.spools.memory.release(counted)

    def _by_hash(self, source: OutputInput, rows: Spool, bucket: int, *, last: bool, level: int = 0) -> Iterator[Table]:
        keys = _keys(source)
        if not keys or not self.is_split(rows.bytes(bucket), level):
            yield from self._whole(source, rows, bucket, last=last)
            return
        finer = self.split(rows, bucket, keys, level, last=last)
        deeper = level + 1 if len(finer.buckets) > 1 else _MOST_LEVELS  # rows of one key stay together
        for number in finer.buckets:
            yield from self._by_hash(source, finer, number, last=True, level=deeper)
        finer.close()

    def is_split(self, size: int, level: int = 0) -> bool:
        """Whether so many bytes, which have been split so many times, are to be split again."""
        return size > 2 * self.spools.task_bytes and level < _MOST_LEVELS

    def split(self, rows: Spool, bucket: int, keys: Sequence[Expr], level: int, *, last: bool) -> Spool:
        """Return the rows of a bucket, which have been split so many times, in finer ones by the hash of some columns.

        ``last`` forgets the rows in the bucket meanwhile.
        """
        finer = self.spools.open()
        finer.divided = True
        buckets = BUCKETS * _FINER ** (level + 1)
        for number, part in enumerate(rows.parts(bucket, self.spools.task_bytes)):
            if self.stopped():
                raise Stopped
            tables = part.tables()
            one = self.spools.device.concat(tables, tables[0].schema)
            finer.add(number, divided(self.spools.device, [one], keys, buckets))
            if last:
                part.drop()
        return finer

    def _sorted(self, source: SortInput, rows: Spool, bucket: int, *, last: bool, level: int = 0) -> Iterator[Table]:
        """Yield a range in order: in narrower ones where it is large, as it is where all its keys are equal."""
        if not self.is_split(rows.bytes(bucket), level):
            yield from self._whole(source, rows, bucket, last=last)
        elif self._is_constant(source, rows, bucket):
            for tables in rows.tables(bucket, last=last):
                yield from tables
        else:
            finer = in_ranges(self.spools, rows, bucket, source.keys, self._one_by_one, last=last, apart=True)
            for number in finer.buckets:
                yield from self._sorted(source, finer, number, last=True, level=level + 1)
            finer.close()

    def _is_constant(self, source: SortInput, rows: Spool, bucket: int) -> bool:
        """Whether all keys of a range, whose tables are in order, are equal."""
        device, keys = self.spools.device, source.keys
        ends: list[Table] = []
        for tables in rows.tables(bucket):
            ends += [device.slice(table, place, 1) for table in tables for place in (0, table.num_rows - 1)]
        found = device.sort([device.project(end, key_exprs(keys)) for end in ends], over(keys), key_schema(keys))
        least, greatest = (device.to_arrow(device.slice(found, at, 1)) for at in (0, found.num_rows - 1))
        return repr(least.to_pylist()) == repr(greatest.to_pylist())

    def _one_by_one(self, thunks: Sequence[Callable[[], Any]]) -> list[Any]:
        made = []
        for thunk in thunks:
            if self.stopped():
                raise Stopped
            made.append(thunk())
        return made


def _keys(source: OutputInput) -> tuple[Expr, ...]:
    """Return what the rows of a bucket may be divided further by."""
    match source:
        case MergeGroupsInput(spec=spec):
            return tuple(Column(name=key.name, dtype=key.field.dtype) for key in spec.keys)
        case DistinctInput(on=on, schema=schema):
            return tuple(Column(name=name, dtype=schema[name].dtype) for name in on)
        case WindowInput(spec=spec):
            return spec.partition_by
    return ()
