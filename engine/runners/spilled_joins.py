"""Joins of rows that may be too many for the memory: both sides by the hash of their keys, bucket by bucket.

A bucket of the build side that no hash divides further, as rows of one key, is joined part after part, but for the
nearest of its rows, which is looked for among all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ..exchange import Spool, Stopped
from ..kernels.protocol import Table
from ..kernels.specs import BuildRows, JoinSide, JoinSpec
from ..physical.execute import apply_in_pieces
from ..physical.nodes import HashJoinExec
from ..physical.stages import Probe
from .spilled import SpilledReader


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of rows; ``last`` says that they are forgotten while they are read."""

    rows: Spool
    number: int
    last: bool

    @property
    def bytes(self) -> int:
        """Bytes of the rows."""
        return self.rows.bytes(self.number)


@dataclass(frozen=True, slots=True)
class SpilledJoin:
    """A join whose sides have been spooled.

    Parameters
    ----------
    reader
        Splits buckets.
    node
        The join.
    """

    reader: SpilledReader
    node: HashJoinExec

    def joined(self, probe: Bucket, build: Bucket, level: int = 0) -> Iterator[Table]:
        """Yield the joined rows of a bucket, those included that only the build side has."""
        spec = self.node.spec
        if not self.reader.is_split(build.bytes):
            yield from self._at_once(probe, build)
        elif not spec.build_keys or not self.reader.is_split(build.bytes, level):
            yield from self._by_parts(probe, build)
        else:
            yield from self._split(probe, build, level)

    def _split(self, probe: Bucket, build: Bucket, level: int) -> Iterator[Table]:
        spec = self.node.spec
        built = self.reader.split(build.rows, build.number, spec.build_keys, level, last=build.last)
        if len(built.buckets) == 1:  # of one key
            yield from self._by_parts(probe, Bucket(built, built.buckets[0], last=True))
        else:
            probed = self.reader.split(probe.rows, probe.number, spec.probe_keys, level, last=probe.last)
            for number in sorted({*built.buckets, *probed.buckets}):
                sides = Bucket(probed, number, last=True), Bucket(built, number, last=True)
                yield from self.joined(*sides, level + 1)
            probed.close()
        built.close()

    def _at_once(self, probe: Bucket, build: Bucket) -> Iterator[Table]:
        rows = [table for tables in build.rows.tables(build.number, last=build.last) for table in tables]
        yield from self._against(rows, probe, self.node.spec)

    def _against(self, build: Sequence[Table], probe: Bucket, spec: JoinSpec) -> Iterator[Table]:
        """Yield what a hash table of some rows makes of those of a bucket, and what is left of it."""
        device = self.reader.spools.device
        table = device.build_join(build, spec)
        operator = Probe(replace(self.node, spec=spec), 0)
        for tables in probe.rows.tables(probe.number, last=probe.last):
            if self.reader.stopped():
                raise Stopped
            for each in tables:
                yield from apply_in_pieces(device, operator, each, {0: table})
        if spec.rest is not BuildRows.NONE:
            yield table.remaining()

    def _by_parts(self, probe: Bucket, build: Bucket) -> Iterator[Table]:
        """Yield what one part of the build rows after the other gives.

        Pairs, and what becomes of build rows, need no other part. That a probing row has no partner is known after
        the last one: rows that have none in a part go on to the next.
        """
        spec = self.node.spec
        if spec.nearest:
            yield from self._at_once(probe, build)
            return
        pairs = replace(spec, side=JoinSide.INNER) if spec.side is JoinSide.LEFT else spec
        left = whole = replace(probe, last=False)
        for part in build.rows.parts(build.number, self.reader.spools.task_bytes):
            rows = part.tables()
            if spec.side is JoinSide.SEMI:
                yield from self._against(rows, replace(left, last=False), spec)
            elif spec.side is not JoinSide.ANTI:
                yield from self._against(rows, whole, pairs)
            if spec.side in (JoinSide.LEFT, JoinSide.SEMI, JoinSide.ANTI):
                left = self._without_partner(rows, left)
            if build.last:
                part.drop()
        if spec.side in (JoinSide.LEFT, JoinSide.ANTI):
            yield from self._against([], left, replace(spec, rest=BuildRows.NONE))
        if left.last:
            left.rows.close()

    def _without_partner(self, build: Sequence[Table], probe: Bucket) -> Bucket:
        """Return the rows of a bucket that have no partner among some build rows."""
        spec = self.node.spec
        alone = replace(spec, side=JoinSide.ANTI, rest=BuildRows.NONE, output=spec.probe_schema)
        left = self.reader.spools.open()
        for table in self._against(build, probe, alone):
            left.add(0, [[table]])
        if probe.last:
            probe.rows.close()
        return Bucket(left, 0, last=True)
