"""Where windows lie: rows sorted partition by partition, groups of peers, and the frame of each row.

Positions are those of the sorted rows, as columns of 32-bit numbers. Where a partition, a group of peers or a range
starts and ends is searched for among the sorted keys, which compares rows as sorting did.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

from ... import dtypes
from ...expr import SortKey
from ...plan import Bound
from ...plan.window import range_limit
from ..frames import FrameRuns
from ..specs import WindowSpec
from .columns import Op, binary, cast, chosen, constant, greatest, is_null, least, repeated, truth
from .keys import gathered, normal, orders, positions, sorted_positions, taken
from .library import plc
from .memory import run
from .project import Evaluator
from .types import INT32

Run: TypeAlias = "tuple[plc.Column, plc.Column]"
"""First positions and positions after the last, per row."""


def number(value: int) -> plc.Scalar:
    """Return a position, or a distance, as a constant."""
    return constant(value, dtypes.int32)


def plus(left: plc.Column, right: plc.Column | plc.Scalar) -> plc.Column:
    """Add positions."""
    return binary(left, right, Op.ADD, INT32)


def minus(left: plc.Column, right: plc.Column | plc.Scalar) -> plc.Column:
    """Return how far positions are apart."""
    return binary(left, right, Op.SUB, INT32)


class Layout:
    """Rows in the order of partition and ordering keys."""

    def __init__(self, evaluator: Evaluator, spec: WindowSpec) -> None:
        self.count = evaluator.table.num_rows
        partition_keys = [SortKey(expr=expr) for expr in spec.partition_by]
        self._keys = [*partition_keys, *spec.order_by]
        exprs = [key.expr for key in self._keys]
        columns = normal(evaluator.columns(exprs), exprs)
        self.rows = sorted_positions(columns, self._keys, self.count)
        """Row number at each sorted position."""
        self.moved = bool(columns)
        self._width = len(partition_keys)
        self._sorted = gathered(plc.Table(columns), self.rows).columns() if columns else ()

    @cached_property
    def positions(self) -> plc.Column:
        """The positions themselves: 0, 1, 2 and so on."""
        return positions(self.count)

    @cached_property
    def partitions(self) -> Run:
        """Where each row's partition starts and ends."""
        if self._width:
            return self._spans(self._width)
        return repeated(number(0), self.count), repeated(number(self.count), self.count)

    @cached_property
    def peers(self) -> Run:
        """Where each row's group of peers starts and ends."""
        return self.partitions if len(self._keys) == self._width else self._spans(len(self._keys))

    @cached_property
    def group_numbers(self) -> plc.Column:
        """Number of each row's group of peers, over all partitions, from 1 on."""
        starts = cast(truth(self.peers[0], self.positions, Op.EQUAL), INT32)
        return run(plc.reduce.scan, starts, plc.aggregation.sum(), plc.reduce.ScanType.INCLUSIVE)

    def in_order(self, column: plc.Column) -> plc.Column:
        """Return a column of the table in the order of the sorted rows."""
        return taken(column, self.rows) if self.moved else column

    def put_back(self, columns: Sequence[plc.Column]) -> list[plc.Column]:
        """Return columns of the sorted rows in the order of the table."""
        if not self.moved or not columns:
            return list(columns)
        table = plc.Table(list(columns))
        return list(run(plc.copying.scatter, table, self.rows, table).columns())

    def _spans(self, width: int) -> Run:
        table = plc.Table(list(self._sorted[:width]))
        keys = orders(self._keys[:width])
        return (
            run(plc.search.lower_bound, table, table, *keys),
            run(plc.search.upper_bound, table, table, *keys),
        )


class Frames(FrameRuns[Layout, Evaluator, "plc.Column"]):
    """The frames of a window's rows, as runs of sorted rows; a low may lie above a high."""

    def _rows_away(self, distance: int) -> plc.Column:
        return self._within(plus(self.layout.positions, number(distance)))

    def _groups_away(self, distance: int) -> plc.Column:
        groups = self.layout.group_numbers
        wanted = plus(groups, number(distance))
        up = [plc.types.Order.ASCENDING], [plc.types.NullOrder.AFTER]
        return self._within(run(plc.search.lower_bound, plc.Table([groups]), plc.Table([wanted]), *up))

    def _within(self, found: plc.Column) -> plc.Column:
        starts, ends = self.layout.partitions
        return least(greatest(found, starts), ends)

    def _in_range(self, bound: Bound, end: int) -> plc.Column:
        key = self.order_by[0]
        exprs = range_limit(key, bound)
        value, limit = map(self.layout.in_order, normal(self.evaluator.columns(exprs), exprs))
        starts = self.layout.partitions[0]
        directions, nulls = orders([key])
        search = plc.search.upper_bound if end else plc.search.lower_bound
        found = run(
            search,
            plc.Table([starts, value]),
            plc.Table([starts, limit]),
            [plc.types.Order.ASCENDING, *directions],
            [plc.types.NullOrder.AFTER, *nulls],
        )
        return chosen(is_null(value), self.layout.peers[end], found) if value.null_count() else found

    def _own_rows(self) -> Run:
        here = self.layout.positions
        return here, plus(here, number(1))

    def _least(self, left: plc.Column, right: plc.Column) -> plc.Column:
        return least(left, right)

    def _greatest(self, left: plc.Column, right: plc.Column) -> plc.Column:
        return greatest(left, right)
