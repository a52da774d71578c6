"""Functions of lists and structs.

Values inside lists and structs have exactly their Arrow type: decimals are wide there and text is not encoded.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....dtypes import DataType
from ....errors import ExecutionError
from ....expr import Call, Column, SortKey
from ..buffers import array_from, is_small, physical_type, values_of
from ..gather import plain, take_column
from ..native import argsort, rows_at
from ..native.arrays import Longs, Rows
from ..ranking import order_words
from .arithmetic import full
from .compare import equal
from .decimals import narrowed, widened
from .quantiles import interpolated, numbers_between, places_at, places_between
from .registry import Value, scalar


def inner(values: pa.Array) -> pa.Array:
    """Return a column as it stands inside a list or struct."""
    return widened(values) if is_small(values.type) else plain(values)


def outer(values: pa.Array, dtype: DataType) -> pa.Array:
    """Return values taken out of a list or struct as a column."""
    return narrowed(values) if is_small(physical_type(dtype)) else values


def extents(lists: pa.ListArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where each list's values start and how many they are: none of a null list, whatever its offsets say."""
    offsets = values_of(lists.offsets).astype(np.int64)
    lengths = np.diff(offsets)
    if lists.null_count:
        lengths = np.where(lists.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    return offsets[:-1], lengths


@scalar("pair")
def pair(call: Call, args: list[Value]) -> pa.Array:
    """Struct of two values; null where one is null."""
    columns = [inner(column) for column in full(args)]
    missing = pc.or_(pc.is_null(columns[0]), pc.is_null(columns[1]))
    return pa.StructArray.from_arrays(columns, fields=list(to_arrow_type(call.dtype)), mask=missing)


@scalar("struct_field")
def struct_field(call: Call, args: list[Value]) -> pa.Array:
    """Value of a field; null where the struct is null."""
    return outer(pc.struct_field(args[0], call.option("name")), call.dtype)


@scalar("list_value")
def list_value(_: Call, args: list[Value]) -> pa.Array:
    """Make a list of the arguments of each row."""
    columns = [inner(column) for column in full(args)]
    rows, width = len(columns[0]), len(columns)
    # Argument by argument they stand one after the other; row by row they are wanted.
    order = np.arange(rows * width, dtype=np.int32).reshape(width, rows).T.ravel()
    values = take_column(pa.concat_arrays(columns), np.ascontiguousarray(order))
    return pa.ListArray.from_arrays(pa.array(np.arange(rows + 1, dtype=np.int32) * width), values)


@scalar("list_range")
def list_range(call: Call, args: list[Value]) -> pa.Array:
    """List whole numbers from a start up to a stop."""
    columns = full(args)
    start, stop, step = (values_of(column) for column in columns)
    valid = np.logical_and.reduce([column.is_valid().to_numpy(zero_copy_only=False) for column in columns])
    if bool((valid & (step == 0)).any()):
        raise ExecutionError("the step of a series must not be 0")
    lengths = _range_lengths(start, stop, np.where(step == 0, 1, step), inclusive=bool(call.option("inclusive")))
    lengths = np.where(valid, lengths, 0)
    total = int(lengths.sum())
    if total > 2**31 - 1:
        raise ExecutionError(f"the series of one batch have {total:,} numbers; read smaller batches")
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    places = np.arange(total, dtype=np.int64) - np.repeat(offsets[:-1].astype(np.int64), lengths)
    values = pa.array(np.repeat(start, lengths) + places * np.repeat(step, lengths))
    return pa.ListArray.from_arrays(pa.array(offsets), values, mask=None if valid.all() else pa.array(~valid))


def _range_lengths(
    start: NDArray[np.int64], stop: NDArray[np.int64], step: NDArray[np.int64], *, inclusive: bool
) -> NDArray[np.int64]:
    """Return how many numbers lie between: (stop - start) / step, rounded up, or down and one more."""
    distance = stop - start
    steps = distance // step + 1 if inclusive else -(-distance // step)
    lengths: NDArray[np.int64] = np.maximum(steps, 0)
    return lengths


@scalar("list_length")
def list_length(_: Call, args: list[Value]) -> pa.Array:
    """Count the values of each list."""
    return pc.list_value_length(args[0]).cast(pa.int64())


@scalar("list_element")
def list_element(call: Call, args: list[Value]) -> pa.Array:
    """Value at a 1-based position, from the end where negative; null outside the list."""
    lists, places = full(args)
    starts = values_of(lists.offsets)
    lengths, wanted = np.diff(starts), values_of(places)
    at = np.where(wanted > 0, wanted - 1, np.where(wanted < 0, lengths + wanted, -1))
    present = pc.and_(lists.is_valid(), places.is_valid()).to_numpy(zero_copy_only=False)
    inside = present & (at >= 0) & (at < lengths)
    rows = np.where(inside, starts[:-1] + at, -1).astype(np.int32)
    if not len(lists.values):
        return pa.nulls(len(rows), physical_type(call.dtype))
    return outer(take_column(lists.values, rows, outer=True), call.dtype)


@scalar("list_contains")
def list_contains(_: Call, args: list[Value]) -> pa.Array:
    """Whether a value is among those of the list; nulls in the list are passed over."""
    lists, wanted = full(args)
    parents, values = present_values(lists)
    same = equal(values, take_column(inner(wanted), parents)) if len(values) else pa.array([], pa.bool_())
    hits = parents[pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False)]
    found = np.bincount(hits, minlength=len(lists)) > 0
    return pc.if_else(pc.and_(lists.is_valid(), wanted.is_valid()), pa.array(found), None)


@scalar("list_join")
def list_join(call: Call, args: list[Value]) -> pa.Array:
    """Texts joined, nulls left out; null where there is no text."""
    parents, texts = present_values(args[0])
    joined = pc.binary_join(_lists(parents, texts, len(args[0])), call.option("separator"))
    some = np.bincount(parents, minlength=len(args[0])) > 0
    return pc.if_else(pa.array(some), joined, None)


@scalar("list_quantile")
def list_quantile(call: Call, args: list[Value]) -> pa.Array:
    """Value at a share of each sorted list."""
    parents, values = present_values(args[0])
    dtype = call.args[0].dtype.value
    assert dtype is not None
    counts = np.bincount(parents, minlength=len(args[0]))
    q = float(call.option("q"))
    if call.option("discrete"):
        rows, _ = _rows_at(parents, values, dtype, counts, places_at(counts, q))
        return outer(take_column(values, rows, outer=True), dtype)
    place = places_between(counts, q)
    rows, following = _rows_at(parents, values, dtype, counts, place.low)
    numbers = numbers_between(values, dtype, to=call.dtype)
    below, above = (_at(numbers, at) for at in (rows, np.where(place.high > place.low, following, rows)))
    bitmap = pa.py_buffer(np.packbits(counts > 0, bitorder="little"))
    return array_from(interpolated(below, above, place.share), to_arrow_type(call.dtype), bitmap)


def _at(values: NDArray[Any], rows: Rows) -> NDArray[Any]:
    return values[np.maximum(rows, 0)] if len(values) else np.zeros(len(rows), dtype=values.dtype)


def _rows_at(
    parents: NDArray[np.int32], values: pa.Array, dtype: DataType, counts: Longs, places: Longs
) -> tuple[Rows, Rows]:
    """Return a row of the value at a place of each sorted list, and one of the value behind it; -1 where there is none.

    ``counts`` has the number of values of each list; lists come one after the other.
    """
    rows, following = np.full((2, len(counts)), -1, dtype=np.int32)
    if not len(values):
        return rows, following
    offsets = np.concatenate([[0], np.cumsum(counts)])
    words = order_words(outer(values, dtype), SortKey(expr=Column(name="", dtype=dtype)))
    if len(words) == 1:
        room = np.empty(int(counts.max()), dtype=np.uint64)
        rows_at(words[0], offsets, places, room, np.empty(256, dtype=np.int64), rows, following)
        return rows, following
    order = argsort([parents.astype(np.uint64), *words]).astype(np.int32)
    for found, at, there in ((rows, places, counts > 0), (following, places + 1, places + 1 < counts)):
        found[there] = order[(offsets[:-1] + at)[there]]
    return rows, following


@scalar("list_mode")
def list_mode(call: Call, args: list[Value]) -> pa.Array:
    """Most frequent value of each list, the least of several."""
    parents, values = present_values(args[0])
    if not len(values):
        return pa.nulls(len(args[0]), physical_type(call.dtype))
    words = order_words(outer(values, call.dtype), SortKey(expr=Column(name="", dtype=call.dtype)))
    order = argsort([parents.astype(np.uint64), *words])
    group = parents[order]
    changes = np.concatenate([[True], group[1:] != group[:-1]])
    for word in words:
        changes[1:] |= word[order][1:] != word[order][:-1]
    starts = np.flatnonzero(changes)
    lengths = np.diff(np.append(starts, len(order)))
    ranking = np.lexsort((starts, -lengths, group[starts]))
    owners, picked = np.unique(group[starts][ranking], return_index=True)
    rows = np.full(len(args[0]), -1, dtype=np.int32)
    rows[owners] = order[starts[ranking[picked]]]
    return outer(take_column(values, rows, outer=True), call.dtype)


def present_values(lists: pa.ListArray) -> tuple[NDArray[np.int32], pa.Array]:
    """Return the values of all lists that are not null, and the list of each."""
    parents = values_of(pc.list_parent_indices(lists).cast(pa.int32()))
    values = lists.flatten()
    if values.null_count:
        parents = parents[values.is_valid().to_numpy(zero_copy_only=False)]
        values = values.drop_null()
    return parents, values


def _lists(parents: NDArray[np.int32], values: pa.Array, count: int) -> pa.ListArray:
    """Return the lists of values whose lists come in order."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(parents, minlength=count))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), values)
