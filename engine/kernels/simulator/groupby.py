"""What stands for ``pylibcudf.groupby``: groups come in no order, values within a group in that of the input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .aggregation import Aggregation
from .binding import enumerated, simulated
from .column import Column
from .groups import aggregated
from .machine import SimulatorError, machine
from .ranks import dense, ranks
from .scans import folded, valid_or
from .signatures import signature
from .table import Table
from .types import NullPolicy, Sorted
from .values import columns_of, device, device_table, host, numbers, present, typed

_Replace = enumerated("pylibcudf.replace.ReplacePolicy")


class GroupByRequest:
    """Aggregations of one column."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.groupby.GroupByRequest").bind(*args, **kwargs).arguments
        self.values: Column = bound["values"]
        self.aggregations: list[Aggregation] = bound["aggregations"]
        if not isinstance(self.values, Column) or not isinstance(self.aggregations, list):
            raise TypeError("a request takes a column and a list of aggregations")

    def _buffers(self) -> Any:
        return self.values._buffers()


class GroupBy:
    """Rows by their keys."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature("pylibcudf.groupby.GroupBy").bind(*args, **kwargs).arguments
        self._keys: Table = bound["keys"]
        self._nulls = NullPolicy(bound.get("null_handling", NullPolicy.EXCLUDE))
        self._sorted = Sorted(bound.get("keys_are_sorted", Sorted.NO)) == Sorted.YES
        if self._nulls != NullPolicy.INCLUDE:
            raise NotImplementedError("groups without those of null keys are not simulated")

    def _buffers(self) -> Any:
        return self._keys._buffers()

    def _places(self) -> Any:
        return dense([ranks(array) for array in columns_of(self._keys)], self._keys.num_rows())

    def _values(self, requests: list[GroupByRequest]) -> None:
        if any(request.values.size() != self._keys.num_rows() for request in requests):
            raise ValueError("Size mismatch between request values and groupby keys.")

    @simulated("pylibcudf.groupby.GroupBy.aggregate", method=True)
    def aggregate(
        self, requests: list[GroupByRequest], stream: Any = None, mr: Any = None
    ) -> tuple[Table, list[Table]]:
        """Return the different keys, and for each request a table of its aggregations' results."""
        self._values(requests)
        places, first, ids = np.unique(self._places(), return_index=True, return_inverse=True)
        groups = len(places)
        mixed = machine().shuffled(groups)
        moved = np.empty(groups, dtype=np.int64)
        moved[mixed] = np.arange(groups)
        ids = moved[ids.reshape(-1)]
        take = pa.array(first[mixed])
        keys = device_table([array.take(take) for array in columns_of(self._keys)], groups)
        return keys, [
            Table([aggregated(request.values, agg, ids, groups) for agg in request.aggregations], groups)
            for request in requests
        ]

    def _runs(self) -> Any:
        """Return the number of each row's group; the rows of one follow each other."""
        if not self._sorted:
            raise NotImplementedError("scans of keys that are not said to be sorted are not simulated")
        places = self._places()
        starts = np.ones(len(places), dtype=np.bool_)
        starts[1:] = places[1:] != places[:-1]
        runs = np.cumsum(starts)
        if len(np.unique(places)) != (runs[-1] if len(runs) else 0):
            raise SimulatorError("the keys are not sorted as they are said to be")
        return runs

    @simulated("pylibcudf.groupby.GroupBy.scan", method=True)
    def scan(self, requests: list[GroupByRequest], stream: Any = None, mr: Any = None) -> tuple[Table, list[Table]]:
        """Return running results of each row within its group; null where the value is."""
        self._values(requests)
        runs = self._runs()
        results = [
            Table([_scanned(request.values, agg, runs) for agg in request.aggregations], len(runs))
            for request in requests
        ]
        return device_table(columns_of(self._keys), len(runs)), results

    @simulated("pylibcudf.groupby.GroupBy.replace_nulls", method=True)
    def replace_nulls(
        self, value: Table, replace_policies: list[Any], stream: Any = None, mr: Any = None
    ) -> tuple[Table, Table]:
        """Replace nulls by the last value before them, or the next one after them, in their group."""
        runs = self._runs()
        filled = [
            _filled(array, runs, _Replace(policy))
            for array, policy in zip(columns_of(value), replace_policies, strict=True)
        ]
        return device_table(columns_of(self._keys), len(runs)), device_table(filled, len(runs))


_IDENTITY = {"SUM": 0, "PRODUCT": 1}


def _scanned(column: Column, agg: Aggregation, runs: Any) -> Column:
    array = host(column)
    kind = agg.kind()
    values = numbers(array)
    if kind.name in ("MIN", "MAX"):
        if values.dtype.kind == "f" and np.isnan(values[present(array)]).any():
            raise SimulatorError("the least and the greatest of NaN are undefined on the device")
        ends = np.iinfo(values.dtype) if values.dtype.kind in "iu" else np.finfo(values.dtype)
        identity = ends.max if kind.name == "MIN" else ends.min
    else:
        identity = _IDENTITY[kind.name]
    values = valid_or(array, values, values.dtype.type(identity))
    found = np.empty_like(values)
    with np.errstate(all="ignore"):
        for run in np.split(np.arange(len(values)), np.flatnonzero(np.diff(runs)) + 1):
            if len(run):
                found[run] = folded(values[run], kind)
    return device(typed(found, present(array), column.type()), column.type())


def _filled(array: pa.Array, runs: Any, policy: Any) -> pa.Array:
    rows = len(array)
    order = np.arange(rows) if policy == _Replace.PRECEDING else np.arange(rows - 1, -1, -1)
    valid, groups = present(array)[order], runs[order]
    known = np.where(valid, np.arange(rows), -1)
    last = np.maximum.accumulate(known) if rows else known
    usable = (last >= 0) & (groups[last] == groups)
    found = np.empty(rows, dtype=np.int64)
    found[order] = np.where(usable, order[last], -1)
    return array.take(pa.array(found, mask=found < 0))
