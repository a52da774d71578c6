"""First phase of a grouping of rows that come in the order of their key, as in a file sorted by it: runs are groups.

Nothing is looked up, and states are added to in the order in which they lie. Where tables' ranges of keys do not
overlap, groups are complete but for the first and the last of each table, and need no second phase.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from ...dtypes import Kind
from ..protocol import GroupBy, Table
from ..specs import Accumulator, GroupSpec
from .accumulators import States
from .aggregate import CpuGroupBy
from .buffers import scratch
from .chunked import ChunkedTable
from .gather import take_column
from .hashes import partition_words
from .native import number_sorted_runs
from .native.arrays import Longs
from .partials import Apart, Distinct
from .partition import split
from .project import Evaluator
from .table import CpuTable, concat_tables, slice_table
from .words import integers_of, is_one_word

_SAMPLES, _SAMPLED_ROWS = 4, 1 << 12
_LEAST_RUNS = 64
"""Runs in each sample below which there are so few groups that to look them up takes no longer."""
_SMALL_ROWS, _MOST_SMALL = 1 << 12, 64
"""So many tables of fewer rows are taken: each costs some calls."""


def group_by(spec: GroupSpec) -> GroupBy:
    """Return an empty state of an aggregation, which makes use of the order of rows where it can."""
    rest = CpuGroupBy(spec)
    only = spec.keys[0].expr.dtype if len(spec.keys) == 1 else None
    if only is None or not is_one_word(only) or only.is_float or only.kind is Kind.BOOL:
        return rest
    in_order = any(each.kind is Accumulator.FIRST for each in spec.accumulators)
    return rest if in_order or not States(spec.accumulators).are_small else OrderedGroups(spec, rest)


class _Piece(NamedTuple):
    """The groups of some rows, in the order of their keys, of which these are the first and the last."""

    first: int
    last: int
    table: CpuTable


class OrderedGroups:
    """Groups of rows that stand in the order of a key without nulls; others are left to a state that looks keys up.

    Parameters
    ----------
    spec
        The key, and accumulators whose states do not grow.
    rest
        Takes rows from the first table on that is not in order.
    """

    def __init__(self, spec: GroupSpec, rest: CpuGroupBy) -> None:
        self._spec, self._rest = spec, rest
        self._exprs = [spec.keys[0].expr, *States(spec.accumulators).inputs()]
        self._pieces: list[_Piece] = []
        self._bytes = self._small = 0
        self._uses_rest = False

    def beside(self) -> OrderedGroups:
        """Return an empty state for other rows of the same grouping."""
        return OrderedGroups(self._spec, self._rest.beside())

    @property
    def nbytes(self) -> int:
        """Bytes held by groups and rows."""
        return self._bytes + (self._rest.nbytes if self._uses_rest else 0)

    @property
    def partial_bytes(self) -> int:
        """About how many bytes keys and states have."""
        return self._bytes + (self._rest.partial_bytes if self._uses_rest else 0)

    def update(self, *tables: Table) -> None:
        """Add the rows of tables."""
        left = [*tables]
        while left and not self._uses_rest:
            table = left[0]
            first = table.first() if isinstance(table, ChunkedTable) else table
            if first.num_rows and not self._takes(first):
                self._uses_rest = True
            else:
                left[:1] = table.tables()[1:] if isinstance(table, ChunkedTable) else []
        if left:
            self._rest.update(*left)

    def _takes(self, table: Table) -> bool:
        """Add the rows of a table if they are in order, and all before them were; return whether they are."""
        if self._uses_rest or not isinstance(table, CpuTable):
            return False
        if table.num_rows < _SMALL_ROWS:
            self._small += 1
            if not self._pieces or self._small > _MOST_SMALL:
                return False
        key, *inputs = Evaluator(table).columns(self._exprs)
        if key.null_count:
            return False
        words = integers_of(key)
        if not self._pieces and not _seem_ordered(words):
            return False
        ids, ends = scratch(len(words), np.int32), scratch(len(words), np.int32)
        groups = number_sorted_runs(words, ids, ends)
        if groups < 0:
            return False
        states = States(self._spec.accumulators)
        states.update(ids, groups, inputs)
        columns = Distinct((take_column(key, ends[:groups] - np.int32(1)), *states.finish(groups)))
        made = CpuTable(schema=self._spec.schema, columns=columns, num_rows=groups)
        self._pieces.append(_Piece(int(words[0]), int(words[-1]), made))
        self._bytes += made.nbytes
        return True

    def absorb(self, other: GroupBy, *, few: bool) -> bool:
        """Take over what another thread's state holds."""
        return isinstance(other, OrderedGroups) and self._absorb(other, few=few)

    def _absorb(self, other: OrderedGroups, *, few: bool) -> bool:
        if other._uses_rest:
            if not self._uses_rest:
                self._rest, self._uses_rest = other._rest, True
            elif not self._rest.absorb(other._rest, few=few):
                return False
        self._pieces += other._pieces
        self._bytes += other._bytes
        return True

    def shared(self, parts: int) -> list[GroupBy]:
        """Share out what is held."""
        states: list[GroupBy] = [*self._rest.shared(parts)] if self._uses_rest else []
        for part in range(min(parts, len(self._pieces))):
            state = OrderedGroups(self._spec, self._rest.beside())
            state._pieces = self._pieces[part::parts]
            states.append(state)
        return states

    def partials(self, partitions: int) -> list[list[Table]]:
        """Drain the state into partial states, split by the hash of the key."""
        parts = self._rest.partials(partitions) if self._uses_rest else [[] for _ in range(partitions)]
        dtypes = [self._spec.keys[0].expr.dtype]
        for piece in self._pieces:
            table = piece.table
            split_up = split(table, partition_words(table.columns[:1], dtypes, table.num_rows), partitions)
            for tables, own in zip(parts, split_up, strict=True):
                if own.num_rows:
                    tables.append(own.with_columns(Distinct(own.columns), own.num_rows))
        self._pieces, self._bytes, self._small, self._uses_rest = [], 0, 0, False
        return parts

    def apart(self, partitions: int) -> list[list[Table]] | None:
        """Drain the state into groups that are complete, if no two tables have more than a key in common."""
        pieces = sorted(self._pieces, key=lambda piece: piece[:2])
        if self._uses_rest or not pieces or any(a.last > b.first for a, b in pairwise(pieces)):
            return None
        tables = [piece.table for piece in pieces]
        outer = [slice_table(table, place, 1) for table in tables for place in {0, table.num_rows - 1}]
        at_ends = CpuGroupBy(self._spec)
        at_ends.merge(concat_tables(outer, self._spec.schema))
        inner = [slice_table(table, 1, table.num_rows - 2) for table in tables if table.num_rows > 2]
        parts: list[list[Table]] = [[] for _ in range(partitions)]
        for number, table in enumerate((at_ends.finish(), *inner)):
            parts[number % partitions].append(table.with_columns(Apart(table.columns), table.num_rows))
        return parts


def _seem_ordered(words: Longs) -> bool:
    """Return whether samples from all over some rows are in order, and have runs enough."""
    starts = [number * (len(words) - _SAMPLED_ROWS) // (_SAMPLES - 1) for number in range(_SAMPLES)]
    samples = [words[start : start + _SAMPLED_ROWS] for start in starts]
    if any(former[0] > latter[0] for former, latter in pairwise(samples)):
        return False
    return all(
        np.all(sample[:-1] <= sample[1:]) and np.count_nonzero(sample[:-1] != sample[1:]) >= _LEAST_RUNS
        for sample in samples
    )
