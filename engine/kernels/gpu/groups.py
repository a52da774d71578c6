"""Rows by their keys: aggregates of groups, of some of the rows, and of what differs from the group's own mean.

libcudf gives groups in no order, another one on each call. Results of a second call are therefore put into the order of
the first, by joining keys, or by numbering the rows with the groups of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TypeAlias

from ... import dtypes
from .columns import constant
from .keys import gathered, masked_rows, placed, positions
from .library import plc
from .memory import OutOfDeviceMemory, run

Request: TypeAlias = "tuple[plc.Column, plc.aggregation.Aggregation]"


class Groups:
    """Rows grouped by key columns.

    Parameters
    ----------
    keys
        At least one column, floats with one zero.
    rows
        Number of rows.
    """

    def __init__(self, keys: Sequence[plc.Column], rows: int) -> None:
        self._row_keys = plc.Table(list(keys), rows)
        self._keys: plc.Table | None = None
        self._rows = rows

    @property
    def keys(self) -> plc.Table:
        """The different keys, known once something was computed."""
        assert self._keys is not None
        return self._keys

    @property
    def any_column(self) -> plc.Column:
        """Some column of the rows."""
        return self._row_keys.columns()[0]

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.keys.num_rows())

    def first(self, requests: Sequence[Request]) -> list[plc.Column]:
        """Aggregate columns; the groups come in the order that all later results have."""
        assert self._keys is None
        asked = requests or [(self.any_column, _count_rows())]
        try:
            self._keys, found = _aggregated(self._row_keys, asked)
        except OutOfDeviceMemory:  # one aggregate after the other needs less at once
            if len(asked) < 2:
                raise
            return [*self.first(asked[:1]), *(column for one in asked[1:] for column in self.again([one]))]
        return found if requests else []

    def again(self, requests: Sequence[Request]) -> list[plc.Column]:
        """Aggregate other columns of the same rows, in the order of `keys`."""
        numbers, found = _aggregated(plc.Table([self.numbers]), requests)
        ordered = run(plc.copying.scatter, plc.Table(found), numbers.columns()[0], plc.Table(found))
        return list(ordered.columns())

    @cached_property
    def numbers(self) -> plc.Column:
        """The group of each row."""
        rows, groups = run(plc.join.inner_join, self._row_keys, self.keys, plc.types.NullEquality.EQUAL)
        return placed(groups, rows, positions(self._rows))

    def where(self, mask: plc.Column) -> Groups:
        """Return the groups of the rows where a mask is true."""
        kept = masked_rows(self._row_keys, mask)
        return Groups(kept.columns(), kept.num_rows())

    def ordered(self, rows: plc.Column) -> Groups:
        """Return the groups of the rows in another order."""
        moved = gathered(self._row_keys, rows)
        return Groups(moved.columns(), self._rows)

    def spread(self, columns: Sequence[plc.Column]) -> list[plc.Column]:
        """Return values of groups for each of their rows."""
        return list(gathered(plc.Table(list(columns)), self.numbers).columns())

    def aligned(self, others: Groups, columns: Sequence[plc.Column]) -> list[plc.Column]:
        """Return values of the groups of some of the rows, in the order of these groups; null where there is none."""
        mine, theirs = run(plc.join.left_join, self.keys, others.keys, plc.types.NullEquality.EQUAL)
        places = placed(theirs, mine, positions(self.count))
        return list(gathered(plc.Table(list(columns)), places, outer=True).columns())


def _aggregated(keys: plc.Table, requests: Sequence[Request]) -> tuple[plc.Table, list[plc.Column]]:
    groups = plc.groupby.GroupBy(keys, null_handling=plc.types.NullPolicy.INCLUDE)
    asked = [plc.groupby.GroupByRequest(column, [aggregation]) for column, aggregation in requests]
    found, results = run(groups.aggregate, asked)
    return found, [result.columns()[0] for result in results]


def _count_rows() -> plc.aggregation.Aggregation:
    return plc.aggregation.count(plc.types.NullPolicy.INCLUDE)


def single_key(rows: int) -> plc.Column:
    """Return a key that makes all rows one group."""
    return run(plc.Column.from_scalar, constant(0, dtypes.int8), rows)
