"""Sinks that keep rows as they come: all of them, the first ones, by hash, or for a join's hash table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...exchange import OrderedDelivery
from ...expr import Expr, NamedExpr
from ...kernels.devices import key_set
from ...kernels.protocol import Device, SpreadsTogether, Table
from ...physical.ranges import cut_at, key_schema, sampled
from ...physical.stages import BuildSink, LimitSink, PartitionSink, RangeSink, SampleSink
from ...plan import KeySet
from .base import InOrder, Output, Parallel, SinkBase, SinkContext


class Keep(SinkBase):
    """Keeps tables by task, for what is made of all of them."""

    retains = True

    def __init__(self, context: SinkContext) -> None:
        super().__init__(context)
        self.tables: dict[int, list[Table]] = {}

    def consume(self, task: int, *tables: Table) -> None:
        self.reserve(sum(table.nbytes for table in tables))
        self.tables.setdefault(task, []).extend(tables)

    def ordered(self) -> list[Table]:
        """Return the tables in task order, and keep them no longer."""
        tables = [table for task in sorted(self.tables) for table in self.tables[task]]
        self.tables.clear()
        return tables


class Collect(Keep):
    """Keeps tables by task."""

    def consume(self, task: int, *tables: Table) -> None:
        super().consume(task, *tables)
        self.hand_over()

    def drained(self) -> list[list[Table]]:
        return [self.ordered()]

    def finish(self, parallel: Parallel) -> Output:
        return Output(partitions=self.drained(), reserved=self.reserved)


class Build(Keep):
    """Keeps the build side's rows, then builds the hash table once."""

    def __init__(self, context: SinkContext, sink: BuildSink) -> None:
        super().__init__(context)
        self.spec = sink.spec

    def finish(self, parallel: Parallel) -> Output:
        return self.built(self.ordered())

    def built(self, tables: list[Table]) -> Output:
        """Return the hash table of rows, which are already on the account."""
        join = self.context.device.build_join(tables, self.spec, threads=self.context.threads)
        self.reserve(join.nbytes - self.reserved)
        keys = self._key_sets(tables)
        kept = {position: made for position, made in keys.items() if self.context.memory.try_reserve(made.nbytes)}
        self.reserved += sum(made.nbytes for made in kept.values())
        return Output(join=join, keys=kept, reserved=self.reserved)

    def _key_sets(self, tables: Sequence[Table]) -> dict[int, KeySet]:
        """Return the values of the keys that are asked for, where such a set is worth having."""
        found = {}
        for position in sorted(self.context.keys):
            made = keys_of(self.context.device, self.spec.build_keys[position], tables)
            if made is not None:
                found[position] = made
        return found


_FEW_KEYS = 64 * 1024
"""Rows whose keys are worth a device's bus: there they only serve to skip row groups, which many keys never do."""


def keys_of(device: Device, key: Expr, tables: Sequence[Table]) -> KeySet | None:
    """Return the values of a key in tables, where such a set is worth having."""
    if device.account is not None and sum(table.num_rows for table in tables) > _FEW_KEYS:
        return None
    alone = [NamedExpr(name="key", expr=key)]
    return key_set(key.dtype, [device.to_arrow(device.project(table, alone)).column(0) for table in tables])


_UNDIVIDED_ROWS = 64 * 1024
"""Rows that stay one partition where their number is free: the tasks of sixteen cost more Python than the rows do."""


class _Piece(NamedTuple):
    """A table, with what tells the partitions of its rows or, in its place, its rows by partition."""

    table: Table | None
    marks: Any = None
    parts: Sequence[Table] = ()


class Partition(SinkBase):
    """Spreads rows by hash, unless they are few; within a partition those of a key keep task order."""

    retains = True

    def __init__(self, context: SinkContext, sink: PartitionSink) -> None:
        super().__init__(context)
        self.keys, self.partitions = sink.keys, context.buckets or 16
        self.rows, self.undivided = 0, _UNDIVIDED_ROWS if context.buckets is None else 0
        # Where nobody takes rows before the end they move once, when it is known where those of each partition begin.
        free = context.buckets is None and context.hand_over is None
        self.together = context.device if free and isinstance(context.device, SpreadsTogether) else None
        self.pieces: dict[int, list[_Piece]] = {}

    def consume(self, task: int, *tables: Table) -> None:
        for table in tables:
            self.reserve(table.nbytes)
            with self._lock:
                self.rows += table.num_rows
            piece = _Piece(table) if self.rows <= self.undivided else self._divided(table)
            self.pieces.setdefault(task, []).append(piece)
        self.hand_over()

    def _divided(self, table: Table) -> _Piece:
        if self.together is not None:
            marks = self.together.hash_marks(table, self.keys, self.partitions)
            if marks is not None:
                return _Piece(table, marks)
        return _Piece(None, parts=self.context.device.hash_partition(table, self.keys, self.partitions))

    def _marked(self, piece: _Piece) -> _Piece:
        return self._divided(piece.table) if piece.table is not None and piece.marks is None else piece

    def _ordered(self) -> list[_Piece]:
        """Return the pieces in task order, and keep them no longer."""
        ordered = [piece for task in sorted(self.pieces) for piece in self.pieces[task]]
        self.pieces.clear()
        return ordered

    def _by_partition(self, pieces: Sequence[_Piece]) -> list[list[Table]]:
        divided = [self._divided_now(piece) for piece in pieces]
        return [[parts[p] for parts in divided if parts[p].num_rows] for p in range(self.partitions)]

    def _divided_now(self, piece: _Piece) -> Sequence[Table]:
        if piece.table is None:
            return piece.parts
        return self.context.device.hash_partition(piece.table, self.keys, self.partitions)

    def drained(self) -> list[list[Table]]:
        return self._by_partition(self._ordered())

    def finish(self, parallel: Parallel) -> Output:
        pieces = self._ordered()
        whole = [piece.table for piece in pieces if piece.table is not None and piece.table.num_rows]
        if whole and self.rows <= self.undivided:
            return Output(partitions=[whole], reserved=self.reserved)
        if self.together is not None:
            pieces = [
                piece if piece.table is None or piece.marks is not None else self._divided(piece.table)
                for piece in pieces
            ]
            tables = [piece.table for piece in pieces if piece.table is not None]
            if tables and all(piece.marks is not None for piece in pieces):
                marks = [piece.marks for piece in pieces]
                spread = self.together.spread(tables, marks, self.partitions, parallel)
                return Output(partitions=self.context.filled(spread), reserved=self.reserved)
        return Output(partitions=self.context.filled(self._by_partition(pieces)), reserved=self.reserved)


class Sample(Keep):
    """Keeps the rows, then of some of them the keys of an order."""

    def __init__(self, context: SinkContext, sink: SampleSink) -> None:
        super().__init__(context)
        self.keys = sink.keys

    def finish(self, parallel: Parallel) -> Output:
        found = sampled(self.context.device, self.ordered(), self.keys)
        return Output(partitions=[found], reserved=self.reserved)


class Ranges(Keep):
    """Keeps the rows, then orders them and cuts them at bounds."""

    def __init__(self, context: SinkContext, sink: RangeSink) -> None:
        super().__init__(context)
        self.sink = sink

    def finish(self, parallel: Parallel) -> Output:
        device, schema = self.context.device, key_schema(self.sink.keys)
        bounds = device.concat(device.unpack(self.sink.bounds, schema), schema)
        return Output(partitions=cut_at(device, self.ordered(), self.sink.keys, bounds), reserved=self.reserved)


class Limit(InOrder, SinkBase):
    """Takes rows in task order until it has enough."""

    def __init__(self, context: SinkContext, sink: LimitSink) -> None:
        super().__init__(context)
        self.skip = sink.offset
        self.left = sink.count
        self.tables: list[Table] = []
        self.delivery = OrderedDelivery(self._take, context.stopped, memory=context.memory)

    def _take(self, table: Table) -> bool:
        start = min(self.skip, table.num_rows)
        self.skip -= start
        length = table.num_rows - start
        if self.left is not None:
            length = min(length, self.left)
            self.left -= length
        if length:
            kept = table if length == table.num_rows else self.context.device.slice(table, start, length)
            self.keep(kept)
        return self.left is None or self.left > 0

    def keep(self, table: Table) -> None:
        """Take rows that are part of the output."""
        self.reserve(table.nbytes)
        self.tables.append(table)

    def abort(self) -> None:
        self.delivery.close()
        super().abort()

    def finish(self, parallel: Parallel) -> Output:
        return Output(partitions=[self.tables], reserved=self.reserved)
