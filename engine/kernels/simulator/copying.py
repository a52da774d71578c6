"""What stands for ``pylibcudf.copying``: gathering, slicing, choosing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa

from .binding import enumerated, simulated
from .column import Column
from .machine import SimulatorError
from .scalar import Scalar
from .table import Table
from .types import BOOL8, INTEGERS
from .values import columns_of, device, device_table, host, numbers, present

MaskAllocationPolicy = enumerated("pylibcudf.copying.MaskAllocationPolicy")
OutOfBoundsPolicy = enumerated("pylibcudf.copying.OutOfBoundsPolicy")


@simulated("pylibcudf.copying.gather")
def gather(source_table: Table, gather_map: Column, bounds_policy: Any, stream: Any = None, mr: Any = None) -> Table:
    """Return rows by position; those of a signed map count from the end where they are negative."""
    rows = source_table.num_rows()
    if gather_map.type().id() not in INTEGERS:
        raise TypeError("gather_map must be an integer column")
    indices = host(gather_map)
    if indices.null_count:
        raise ValueError("gather_map contains nulls")
    places = numbers(indices).astype(np.int64)
    places = np.where((places < 0) & (places >= -rows), places + rows, places)
    outside = (places < 0) | (places >= rows)
    if outside.any() and OutOfBoundsPolicy(bounds_policy) == OutOfBoundsPolicy.DONT_CHECK:
        raise SimulatorError("gather from outside the table without a check is undefined")
    take = pa.array(np.where(outside, 0, places), mask=outside)
    # Nulls among the positions of no rows at all are all that can be taken of them.
    taken = [array.take(take) if rows else pa.nulls(len(take), array.type) for array in columns_of(source_table)]
    return device_table(taken, len(take))


@simulated("pylibcudf.copying.slice")
def slice(input: Any, indices: list[int], stream: Any = None) -> Any:
    """Return views of the rows between each pair of positions; they share memory."""
    pairs = list(zip(indices[::2], indices[1::2], strict=True))
    rows = input.num_rows() if isinstance(input, Table) else input.size()
    if any(not 0 <= first <= last <= rows for first, last in pairs):
        raise IndexError(f"slice {indices} of {rows} rows")
    if isinstance(input, Table):
        return [
            Table([column._view(first, last - first) for column in input.columns()], last - first)
            for first, last in pairs
        ]
    return [input._view(first, last - first) for first, last in pairs]


@simulated("pylibcudf.copying.split")
def split(input: Any, splits: list[int], stream: Any = None) -> Any:
    """Return views of the rows between consecutive positions."""
    rows = input.num_rows() if isinstance(input, Table) else input.size()
    bounds = [0, *splits, rows]
    return slice(input, [place for pair in pairwise(bounds) for place in pair], stream)


@simulated("pylibcudf.copying.copy_if_else")
def copy_if_else(
    lhs: Column | Scalar, rhs: Column | Scalar, boolean_mask: Column, stream: Any = None, mr: Any = None
) -> Column:
    """Return the left value where the mask is true, else (also where it is null) the right one."""
    if lhs.type() != rhs.type():
        raise TypeError(f"Both inputs must be of the same type, not {lhs.type()!r} and {rhs.type()!r}")
    if boolean_mask.type() != BOOL8:
        raise TypeError("Boolean mask column must be of type BOOL8")
    mask, rows = _true(boolean_mask), boolean_mask.size()
    if any(isinstance(side, Column) and side.size() != rows for side in (lhs, rhs)):
        raise ValueError("Boolean mask column must be the same size as the columns")
    left, right = host(lhs), host(rhs)
    take = np.where(
        mask, np.arange(rows) if len(left) == rows else 0, len(left) + (np.arange(rows) if len(right) == rows else 0)
    )
    return device(pa.concat_arrays([left, right]).take(pa.array(take.astype(np.int64))), lhs.type())


def _true(mask: Column) -> Any:
    array = host(mask)
    return numbers(array) & present(array)


@simulated("pylibcudf.copying.scatter")
def scatter(source: Any, scatter_map: Column, target_table: Table, stream: Any = None, mr: Any = None) -> Table:
    """Replace rows of the target at some positions by those of the source."""
    places = numbers(host(scatter_map)).astype(np.int64)
    return device_table(_replaced(source, places, target_table), target_table.num_rows())


@simulated("pylibcudf.copying.boolean_mask_scatter")
def boolean_mask_scatter(input: Any, target: Table, boolean_mask: Column, stream: Any = None, mr: Any = None) -> Table:
    """Replace the rows of the target where the mask is true, in order, by those of the source."""
    return device_table(_replaced(input, np.flatnonzero(_true(boolean_mask)), target), target.num_rows())


def _replaced(source: Any, places: Any, target: Table) -> list[pa.Array]:
    if isinstance(source, Table):
        given = columns_of(source)
        if any(len(array) < len(places) for array in given):
            raise ValueError("fewer rows to scatter than places")
    else:
        given = [pa.repeat(host(scalar)[0], len(places)) for scalar in source]
    take = np.arange(target.num_rows())
    take[places] = target.num_rows() + np.arange(len(places))
    arrays = columns_of(target)
    return [
        pa.concat_arrays([kept, new.slice(0, len(places))]).take(pa.array(take))
        for kept, new in zip(arrays, given, strict=True)
    ]


@simulated("pylibcudf.copying.reverse")
def reverse(input: Any, stream: Any = None, mr: Any = None) -> Any:
    """Return the rows from the last to the first."""
    if isinstance(input, Table):
        return device_table([_reversed(array) for array in columns_of(input)], input.num_rows())
    return device(_reversed(host(input)), input.type())


def _reversed(array: pa.Array) -> pa.Array:
    return array.take(pa.array(np.arange(len(array) - 1, -1, -1)))
