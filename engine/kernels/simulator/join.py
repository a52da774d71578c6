"""What stands for ``pylibcudf.join``: pairs of positions, in no order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .column import Column
from .machine import machine
from .ranks import dense, ranks
from .signatures import signature
from .table import Table
from .types import NullEquality
from .values import columns_of, device, device_table

_NOBODY = np.iinfo(np.int32).min
"""What left joins give as the partner of a row that has none."""


def _places(left: Table, right: Table, nulls_equal: Any) -> tuple[Any, Any]:
    """Return a number per row of each side, equal where their keys are; -1 and -2 where a null meets nobody."""
    kinds = [[column.type() for column in table.columns()] for table in (left, right)]
    if kinds[0] != kinds[1]:
        raise TypeError(f"Mismatch in joining column data types: {kinds[0]} and {kinds[1]}")
    if not kinds[0]:
        raise ValueError("Left table is empty" if not left.num_columns() else "Right table is empty")
    first = left.num_rows()
    keys = [ranks(pa.concat_arrays(pair)) for pair in zip(columns_of(left), columns_of(right), strict=True)]
    places = dense(keys, first + right.num_rows())
    if NullEquality(nulls_equal) == NullEquality.UNEQUAL:
        absent = np.any([key < 0 for key in keys], axis=0)
        places = np.where(absent, np.where(np.arange(len(places)) < first, -1, -2), places)
    return places[:first], places[first:]


def _pairs(left: Any, right: Any) -> tuple[Any, Any]:
    order = np.argsort(right, kind="stable")
    ranked = right[order]
    starts = np.searchsorted(ranked, left, side="left")
    counts = np.searchsorted(ranked, left, side="right") - starts
    total = int(counts.sum())
    if total > machine().row_limit:
        raise OverflowError("the join's result exceeds the column size limit")
    rows = np.repeat(np.arange(len(left)), counts)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows, order[np.repeat(starts, counts) + within]


def _maps(left: Any, right: Any) -> tuple[Column, Column]:
    mixed = machine().shuffled(len(left))
    return device(pa.array(left[mixed].astype(np.int32))), device(pa.array(right[mixed].astype(np.int32)))


@simulated("pylibcudf.join.inner_join")
def inner_join(
    left_keys: Table, right_keys: Table, nulls_equal: Any, stream: Any = None, mr: Any = None
) -> tuple[Column, Column]:
    """Return the positions of all pairs with equal keys."""
    return _maps(*_pairs(*_places(left_keys, right_keys, nulls_equal)))


@simulated("pylibcudf.join.left_join")
def left_join(
    left_keys: Table, right_keys: Table, nulls_equal: Any, stream: Any = None, mr: Any = None
) -> tuple[Column, Column]:
    """Return all pairs, and the left rows without one with a partner that lies outside the right side."""
    left, right = _places(left_keys, right_keys, nulls_equal)
    rows, partners = _pairs(left, right)
    lonely = np.setdiff1d(np.arange(len(left)), rows)
    return _maps(np.concatenate([rows, lonely]), np.concatenate([partners, np.full(len(lonely), _NOBODY)]))


class FilteredJoin:
    """The keys of a right side, which left rows are looked up in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.join.FilteredJoin").bind(*args, **kwargs).arguments
        if not kwargs.get("stream"):
            raise TypeError("FilteredJoin must be given stream= by keyword, or it uses the default one")
        self._right: Table = bound["right"]
        self._nulls = bound["compare_nulls"]

    def _buffers(self) -> Any:
        return self._right._buffers()

    @simulated("pylibcudf.join.FilteredJoin.semi_join", method=True)
    def semi_join(self, left: Table, stream: Any = None, mr: Any = None) -> Column:
        """Return the positions of left rows that have a partner."""
        return _chosen(self, left, partnered=True)

    @simulated("pylibcudf.join.FilteredJoin.anti_join", method=True)
    def anti_join(self, left: Table, stream: Any = None, mr: Any = None) -> Column:
        """Return the positions of left rows that have none."""
        return _chosen(self, left, partnered=False)


def _chosen(own: FilteredJoin, left: Table, *, partnered: bool) -> Column:
    first, second = _places(left, own._right, own._nulls)
    rows = np.flatnonzero(np.isin(first, second) == partnered)
    return device(pa.array(rows[machine().shuffled(len(rows))].astype(np.int32)))


@simulated("pylibcudf.join.cross_join")
def cross_join(left: Table, right: Table, stream: Any = None, mr: Any = None) -> Table:
    """Return all pairs of rows."""
    counts = left.num_rows(), right.num_rows()
    if counts[0] * counts[1] > machine().row_limit:
        raise OverflowError("the join's result exceeds the column size limit")
    rows = pa.array(np.repeat(np.arange(counts[0]), counts[1])), pa.array(np.tile(np.arange(counts[1]), counts[0]))
    sides = zip((left, right), rows, strict=True)
    return device_table([array.take(take) for side, take in sides for array in columns_of(side)], len(rows[0]))
