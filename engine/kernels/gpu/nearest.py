"""Joins with the nearest row: build rows in the order of their keys and one value, searched for probing rows' own."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from ... import dtypes
from ...expr import SortKey
from ..specs import JoinSpec
from .batch import GpuTable
from .columns import Op, binary, constant, is_valid, repeated, truth
from .keys import gathered, kept, normal, orders, positions_where, sorted_positions, taken
from .library import plc
from .memory import run
from .project import Evaluator
from .types import INT32


class NearestRows:
    """The build rows of a join whose rows meet only the nearest row; those that can be met by none are left out.

    Parameters
    ----------
    keys
        Of the build rows, as libcudf compares them.
    """

    def __init__(self, spec: JoinSpec, build: GpuTable, keys: Sequence[plc.Column]) -> None:
        by = spec.places
        self._wanted, place, self._before = by.wanted, by.place, by.before
        self._search = plc.search.upper_bound if by.beyond else plc.search.lower_bound
        self._keys = [SortKey(expr=expr) for expr in (*spec.build_keys, place)]
        columns = [*keys, *normal(Evaluator(build).columns([place]), [place])]
        rows = positions_where(_known(columns[-1:] if spec.nulls_equal else columns))
        known = gathered(plc.Table(columns), rows)
        order = sorted_positions(known.columns(), self._keys, rows.size())
        self._sorted, self._rows = gathered(known, order), taken(rows, order)

    @property
    def columns(self) -> list[plc.Column]:
        """What is held."""
        return [*self._sorted.columns(), self._rows]

    def pairs(self, table: GpuTable, keys: Sequence[plc.Column]) -> tuple[plc.Column, plc.Column]:
        """Return the positions of probing rows that have a partner, and of it; ``keys`` are those of the rows."""
        [own] = normal(Evaluator(table).columns([self._wanted]), [self._wanted])
        found = run(self._search, self._sorted, plc.Table([*keys, own]), *orders(self._keys))
        if self._before:
            found = binary(found, constant(1, dtypes.int32), Op.SUB, INT32)
        starts, ends = self._group(keys, table.num_rows)
        inside = [truth(found, starts, Op.GREATER_EQUAL), truth(found, ends, Op.LESS), is_valid(own)]
        met = reduce(_both, inside)
        return positions_where(met), taken(self._rows, kept(found, met))

    def _group(self, keys: Sequence[plc.Column], rows: int) -> tuple[plc.Column, plc.Column]:
        """Return where the build rows of probing rows' keys start and end; of keys left out none."""
        if not keys:
            return tuple(repeated(constant(place, dtypes.int32), rows) for place in (0, self._rows.size()))
        there, ours = plc.Table(self._sorted.columns()[:-1]), plc.Table(list(keys))
        order = orders(self._keys[:-1])
        return tuple(run(search, there, ours, *order) for search in (plc.search.lower_bound, plc.search.upper_bound))


def _both(left: plc.Column, right: plc.Column) -> plc.Column:
    return truth(left, right, Op.LOGICAL_AND)


def _known(columns: Sequence[plc.Column]) -> plc.Column:
    """Return which rows have no null."""
    return reduce(_both, map(is_valid, columns))
