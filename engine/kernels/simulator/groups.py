"""Aggregates of groups, as libcudf's group-by computes them: types, nulls, wrapping, what it leaves undefined."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from .aggregation import Aggregation, BitwiseOp, Kind
from .column import Column
from .machine import SimulatorError
from .ranks import ranks
from .types import BOOL8, DECIMALS, FLOATS, INTEGERS, DataType, NullPolicy, TypeId
from .values import Mask, device, host, numbers, present, typed

_INT32, _INT64, _FLOAT64 = (DataType(kind) for kind in (TypeId.INT32, TypeId.INT64, TypeId.FLOAT64))


def aggregated(column: Column, agg: Aggregation, ids: Any, groups: int) -> Column:
    """Return one value per group, of which each row is told its number.

    Raises
    ------
    TypeError
        Where libcudf has no such aggregation of the column's type.
    """
    array, dtype = host(column), column.type()
    kind = agg.kind()
    valid = present(array)
    every = np.ones(groups, dtype=np.bool_)
    if kind in (Kind.COUNT_VALID, Kind.COUNT_ALL):
        counted = ids if kind == Kind.COUNT_ALL else ids[valid]
        return device(typed(np.bincount(counted, minlength=groups), every, _INT32), _INT32)
    if kind in (Kind.MIN, Kind.MAX):
        return _picked(array, dtype, ids, groups, _extreme_row(array, dtype, ids, groups, kind))
    if kind == Kind.NTH_ELEMENT:
        return _picked(array, dtype, ids, groups, _nth_row(agg, valid, ids, groups))
    if kind == Kind.COLLECT_LIST:
        return device(_collected(agg, array, valid, ids, groups))
    if kind == Kind.MERGE_LISTS:
        return device(_merged(array, ids, groups))
    numeric = _NUMERIC.get(kind)
    if numeric is None:
        raise NotImplementedError(f"{kind.name} of groups is not simulated")
    some = np.bincount(ids[valid], minlength=groups) > 0
    with np.errstate(all="ignore"):
        values, result = numeric(agg, dtype, numbers(array)[valid], ids[valid], groups)
    return device(typed(values, some, result), result)


def _picked(array: pa.Array, dtype: DataType, ids: Any, groups: int, rows: Any) -> Column:
    if not len(array):
        return device(pa.nulls(groups, array.type), dtype)
    return device(array.take(pa.array(np.maximum(rows, 0), mask=rows < 0)), dtype)


def _extreme_row(array: pa.Array, dtype: DataType, ids: Any, groups: int, kind: Any) -> Any:
    """Return the row of each group's least or greatest value; -1 where it has none."""
    if dtype.id() == TypeId.LIST:
        raise TypeError(f"{kind.name} of lists")
    valid = present(array)
    if dtype.id() in FLOATS and np.isnan(numbers(array)[valid]).any():
        raise SimulatorError("the least and the greatest of NaN are undefined on the device")
    order = np.lexsort([ranks(array), ids])
    order = order[valid[order]]
    found = np.full(groups, -1, dtype=np.int64)
    found[ids[order[::-1] if kind == Kind.MIN else order]] = order[::-1] if kind == Kind.MIN else order
    return found


def _nth_row(agg: Aggregation, valid: Mask, ids: Any, groups: int) -> Any:
    n = agg.options["n"]
    chosen = np.arange(len(ids))
    if NullPolicy(agg.options["null_handling"]) == NullPolicy.EXCLUDE:
        chosen = chosen[valid]
    order = chosen[np.argsort(ids[chosen], kind="stable")]
    counts = np.bincount(ids[order], minlength=groups)
    starts = np.cumsum(counts) - counts
    places = starts + (n if n >= 0 else counts + n)
    inside = (counts > n) if n >= 0 else (counts >= -n)
    return np.where(inside, order[np.where(inside, places, 0)] if len(order) else -1, -1)


def _collected(agg: Aggregation, array: pa.Array, valid: Mask, ids: Any, groups: int) -> pa.Array:
    chosen = np.arange(len(ids))
    if NullPolicy(agg.options["null_handling"]) == NullPolicy.EXCLUDE:
        chosen = chosen[valid]
    order = chosen[np.argsort(ids[chosen], kind="stable")]
    return _lists(array.take(pa.array(order)), np.bincount(ids[chosen], minlength=groups))


def _merged(array: pa.Array, ids: Any, groups: int) -> pa.Array:
    if array.null_count:
        raise TypeError("MERGE_LISTS takes lists none of which is null")
    order = np.argsort(ids, kind="stable")
    lengths = np.diff(array.offsets.to_numpy())
    return _lists(array.take(pa.array(order)).flatten(), np.bincount(ids, weights=lengths, minlength=groups))


def _lists(values: pa.Array, counts: Any) -> pa.Array:
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    kind = pa.list_(pa.field("element", values.type))
    return pa.Array.from_buffers(kind, len(counts), [None, pa.py_buffer(offsets)], children=[values])


def _sum(_: Aggregation, dtype: DataType, values: Any, ids: Any, groups: int) -> tuple[Any, DataType]:
    if dtype.id() in DECIMALS:
        sums = np.zeros(groups, dtype=object)
        np.add.at(sums, ids, values.astype(object))
        return sums, dtype
    return _folded(np.add, 0, dtype, values, ids, groups)


def _product(_: Aggregation, dtype: DataType, values: Any, ids: Any, groups: int) -> tuple[Any, DataType]:
    if dtype.id() in DECIMALS:
        raise TypeError("PRODUCT of decimals")
    return _folded(np.multiply, 1, dtype, values, ids, groups)


def _folded(
    function: np.ufunc, start: int, dtype: DataType, values: Any, ids: Any, groups: int
) -> tuple[Any, DataType]:
    """Fold integers in 64 bits, where they wrap, and floats as they are."""
    if dtype.id() not in (*INTEGERS, *FLOATS) and dtype != BOOL8:
        raise TypeError(f"SUM or PRODUCT of {dtype!r}")
    result = dtype if dtype.id() in FLOATS else _INT64
    folded = np.full(groups, start, dtype=values.dtype if dtype.id() in FLOATS else np.int64)
    function.at(folded, ids, values.astype(folded.dtype))
    return folded, result


def _mean(_: Aggregation, dtype: DataType, values: Any, ids: Any, groups: int) -> tuple[Any, DataType]:
    if dtype.id() in DECIMALS:
        raise NotImplementedError("the mean of decimals, which libcudf truncates, is not simulated")
    counts = np.maximum(np.bincount(ids, minlength=groups), 1)
    return np.bincount(ids, weights=values.astype(np.float64), minlength=groups) / counts, _FLOAT64


def _m2(agg: Aggregation, dtype: DataType, values: Any, ids: Any, groups: int) -> tuple[Any, DataType]:
    means, _ = _mean(agg, dtype, values, ids, groups)
    return np.bincount(ids, weights=(values - means[ids]) ** 2, minlength=groups), _FLOAT64


_BITS = {"AND": (np.bitwise_and, -1), "OR": (np.bitwise_or, 0), "XOR": (np.bitwise_xor, 0)}


def _bitwise(agg: Aggregation, dtype: DataType, values: Any, ids: Any, groups: int) -> tuple[Any, DataType]:
    if dtype.id() not in INTEGERS:
        raise TypeError(f"BITWISE_AGG of {dtype!r}")
    function, start = _BITS[BitwiseOp(agg.options["op"]).name]
    found = np.full(groups, np.array(start).astype(values.dtype), dtype=values.dtype)
    function.at(found, ids, values)
    return found, dtype


_NUMERIC: dict[Any, Callable[[Aggregation, DataType, Any, Any, int], tuple[Any, DataType]]] = {
    Kind.SUM: _sum,
    Kind.PRODUCT: _product,
    Kind.MEAN: _mean,
    Kind.M2: _m2,
    Kind.BITWISE_AGG: _bitwise,
}
