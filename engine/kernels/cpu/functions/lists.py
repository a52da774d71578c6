"""Functions that make lists and structs of other values, lists and structs.

A list column is taken apart into rows: for every value the list that it stands in and its place among all values. Null
lists have no rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....errors import ArithmeticOverflow
from ....expr import Call, Column, SortKey
from ..buffers import values_of
from ..comparable import comparable
from ..gather import take_column
from ..native import argsort
from ..ranking import order_words
from .arithmetic import full
from .compare import equal
from .folds import NAMES as STATISTICS
from .folds import statistic
from .nested import extents, inner, outer
from .registry import Value, scalar

Rows = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Of every value the list and the place among the values of the whole column."""


def rows_of(lists: pa.ListArray) -> Rows:
    """Return the rows of a column of lists, in order."""
    starts, lengths = extents(lists)
    return np.repeat(np.arange(len(lists)), lengths), _run(starts, lengths)


def _run(starts: NDArray[np.int64], lengths: NDArray[np.int64], step: int = 1) -> NDArray[np.int64]:
    """Return the places from each start on, so many."""
    before = np.cumsum(lengths) - lengths
    place = np.arange(int(lengths.sum()), dtype=np.int64) - np.repeat(before, lengths)
    run: NDArray[np.int64] = np.repeat(starts, lengths) + step * place
    return run


def built(owners: NDArray[Any], values: pa.Array, count: int, valid: pa.Array | None, arrow: pa.DataType) -> pa.Array:
    """Return lists of values that stand in the order of their lists; where ``valid`` is not true they are null."""
    offsets = np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=count))]).astype(np.int32)
    values = values if values.type == arrow.value_type else values.cast(arrow.value_type)
    missing = None if valid is None else pc.invert(valid)
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=arrow, mask=missing)


def _taken(values: pa.Array, places: NDArray[np.int64]) -> pa.Array:
    return take_column(values, places.astype(np.int32))


@scalar("struct_value")
def struct_value(call: Call, args: list[Value]) -> pa.Array:
    """Struct of the arguments."""
    return pa.StructArray.from_arrays([inner(column) for column in full(args)], fields=list(to_arrow_type(call.dtype)))


@scalar("list_concat")
def list_concat(call: Call, args: list[Value]) -> pa.Array:
    """Values of several lists, one after the other."""
    arrow = to_arrow_type(call.dtype)
    columns = full(args)
    if pa.types.is_null(arrow):
        return columns[0]
    pieces = [(rows_of(column), column.values) for column in columns]
    owners = np.concatenate([rows[0] for rows, _ in pieces])
    values = pa.concat_arrays([_taken(values, rows[1]) for rows, values in pieces])
    order = np.argsort(owners, kind="stable")
    return built(owners, _taken(values, order), len(columns[0]), None, arrow)


@scalar("list_slice")
def list_slice(call: Call, args: list[Value]) -> pa.Array:
    """Values from one place to another, both counted from 1 or, where negative, from the end."""
    lists, begin, end = full(args)
    starts, lengths = extents(lists)
    first, last = values_of(begin).astype(np.int64), values_of(end).astype(np.int64)
    first = np.maximum(np.where(first < 0, lengths + first, first - 1), 0)
    last = np.minimum(np.where(last < 0, lengths + last + 1, last), lengths)
    valid = pc.and_(lists.is_valid(), pc.and_(begin.is_valid(), end.is_valid()))
    counts = np.where(valid.to_numpy(zero_copy_only=False), np.maximum(last - first, 0), 0)
    places = _run(starts + first, counts)
    owners = np.repeat(np.arange(len(lists)), counts)
    return built(owners, _taken(lists.values, places), len(lists), valid, to_arrow_type(call.dtype))


@scalar("list_reverse")
def list_reverse(call: Call, args: list[Value]) -> pa.Array:
    """Values from the last to the first."""
    (lists,) = args
    starts, lengths = extents(lists)
    places = _run(starts + lengths - 1, lengths, -1)
    owners = np.repeat(np.arange(len(lists)), lengths)
    return built(owners, _taken(lists.values, places), len(lists), lists.is_valid(), to_arrow_type(call.dtype))


@scalar("list_sorted")
def list_sorted(call: Call, args: list[Value]) -> pa.Array:
    """Values of each list in order."""
    (lists,) = args
    owners, places = rows_of(lists)
    values = _taken(lists.values, places)
    if len(values):
        dtype = call.dtype.value
        assert dtype is not None
        key = SortKey(
            expr=Column(name="", dtype=dtype),
            descending=bool(call.option("descending")),
            nulls_first=bool(call.option("nulls_first")),
        )
        order = argsort([owners.astype(np.uint64), *order_words(outer(values, dtype), key)])
        values = take_column(values, order)
    return built(owners, values, len(lists), lists.is_valid(), to_arrow_type(call.dtype))


@scalar("list_ordered")
def list_ordered(call: Call, args: list[Value]) -> pa.Array:
    """Last fields of structs in the order of the fields before."""
    (lists,) = args
    owners, places = rows_of(lists)
    structs = _taken(lists.values, places)
    kind = call.args[0].dtype.value
    assert kind is not None
    values = structs.field(len(kind.fields) - 1)
    if len(values):
        words = [owners.astype(np.uint64)]
        for number, (descending, nulls_first) in enumerate(call.option("orders")):
            column = Column(name="", dtype=kind.fields[number][1])
            key = SortKey(expr=column, descending=descending, nulls_first=nulls_first)
            words += order_words(outer(structs.field(number), column.dtype), key)
        values = take_column(values, argsort(words))
    return built(owners, values, len(lists), lists.is_valid(), to_arrow_type(call.dtype))


@scalar("list_distinct")
def list_distinct(call: Call, args: list[Value]) -> pa.Array:
    """Different values of each list, as they are met first."""
    (lists,) = args
    owners, values = _present(lists)
    kept = _first_of_equal(owners, values)
    return built(owners[kept], _taken(values, kept), len(lists), lists.is_valid(), to_arrow_type(call.dtype))


@scalar("list_intersect")
def list_intersect(call: Call, args: list[Value]) -> pa.Array:
    """Different values that both lists have."""
    first, second = full(args)
    owners, values = _present(first)
    others, theirs = _present(second)
    codes = _codes(pa.concat_arrays([values, theirs]))
    wide = np.int64(len(codes) + 1)
    shared = np.isin(owners * wide + codes[: len(values)], others * wide + codes[len(values) :])
    kept = _first_of_equal(owners, values)
    kept = kept[shared[kept]]
    valid = pc.and_(first.is_valid(), second.is_valid())
    owners = owners[kept]
    alive = valid.to_numpy(zero_copy_only=False)[owners]
    return built(owners[alive], _taken(values, kept[alive]), len(first), valid, to_arrow_type(call.dtype))


def _present(lists: pa.ListArray) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the values that are not null and the list of each."""
    owners, places = rows_of(lists)
    values = _taken(lists.values, places)
    if values.null_count:
        owners = owners[values.is_valid().to_numpy(zero_copy_only=False)]
        values = values.drop_null()
    return owners, values


def _codes(values: pa.Array) -> NDArray[np.int64]:
    """Return a number for each value, the same for equal ones."""
    if pa.types.is_floating(values.type):
        values = pc.add(values, pa.scalar(0.0, values.type))  # one zero
    values = comparable(values)
    codes: NDArray[np.int64] = values_of(values.dictionary_encode().indices).astype(np.int64)
    return codes


def _first_of_equal(owners: NDArray[np.int64], values: pa.Array) -> NDArray[np.int64]:
    """Return the places of the first of equal values of each list, in order."""
    pairs = owners * np.int64(len(values) + 1) + _codes(values)
    first: NDArray[np.int64] = np.sort(np.unique(pairs, return_index=True)[1])
    return first


@scalar("list_position")
def list_position(_: Call, args: list[Value]) -> pa.Array:
    """Place of the first value that is equal."""
    lists, wanted = full(args)
    starts, _lengths = extents(lists)
    owners, places = rows_of(lists)
    values = _taken(lists.values, places)
    same = equal(values, _taken(inner(wanted), owners)) if len(values) else pa.array([], pa.bool_())
    hits = np.flatnonzero(pc.fill_null(same, fill_value=False).to_numpy(zero_copy_only=False))
    found, first = np.unique(owners[hits], return_index=True)
    result = np.zeros(len(lists), dtype=np.int64)
    result[found] = (places - starts[owners])[hits[first]] + 1
    return pa.array(result, mask=result == 0)


@scalar("list_flatten")
def list_flatten(call: Call, args: list[Value]) -> pa.Array:
    """Values of the lists of each list."""
    (lists,) = args
    owners, places = rows_of(lists)
    within = _taken(lists.values, places)
    inside, below = rows_of(within)
    values = _taken(within.values, below)
    return built(owners[inside], values, len(lists), lists.is_valid(), to_arrow_type(call.dtype))


@scalar("list_fold")
def list_fold(call: Call, args: list[Value]) -> pa.Array:
    """Aggregate the values of each list."""
    (lists,) = args
    owners, values = _present(lists)
    name, arrow = call.option("fold"), to_arrow_type(call.dtype)
    counts = np.bincount(owners, minlength=len(lists))
    if name == "count":
        return pc.if_else(lists.is_valid(), pa.array(counts), None)
    if name in STATISTICS:
        dtype = call.args[0].dtype.value
        assert dtype is not None
        made = outer(statistic(name, owners, values, len(lists), dtype), call.dtype)
        return pc.if_else(lists.is_valid(), made, None) if lists.null_count else made
    if name == "sum" and pa.types.is_integer(values.type):
        values = values.cast(pa.int64(), safe=False) if values.type != pa.uint64() else values
        rough = np.bincount(owners, weights=values_of(values).astype(np.float64), minlength=len(lists))
        if len(rough) and np.abs(rough).max() >= 2.0**62:
            raise ArithmeticOverflow(f"a sum overflows int64 in {call}; cast the values to a wider type")
    elif not pa.types.is_boolean(values.type):
        values = values.cast(arrow)
    grouped = pa.table({"owner": owners, "value": values}).group_by("owner").aggregate([("value", name)])
    places = np.full(len(lists), -1, dtype=np.int32)
    places[values_of(grouped["owner"].combine_chunks())] = np.arange(grouped.num_rows, dtype=np.int32)
    made = grouped[f"value_{name}"].combine_chunks()
    made = made if made.type == arrow else made.cast(arrow)
    if not len(made):
        return pa.nulls(len(lists), arrow)
    return outer(take_column(made, places, outer=True), call.dtype)
