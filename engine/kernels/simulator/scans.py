"""Running results: part of what stands for ``pylibcudf.reduce``, and what groups' scans are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .aggregation import Aggregation, Kind
from .binding import enumerated, simulated
from .column import Column
from .scalar import Scalar
from .values import device, device_scalar, host, numbers, present, typed

_Scan = enumerated("pylibcudf.reduce.ScanType")
_FOLDS: dict[Any, np.ufunc] = {
    Kind.SUM: np.add,
    Kind.MIN: np.minimum,
    Kind.MAX: np.maximum,
    Kind.PRODUCT: np.multiply,
}


@simulated("pylibcudf.reduce.scan")
def scan(col: Column, agg: Aggregation, inclusive: Any, stream: Any = None, mr: Any = None) -> Column:
    """Return the running result up to, or before, each row, of the column's own type."""
    array = host(col)
    if array.null_count or col.size() == 0:
        if array.null_count:
            raise NotImplementedError("a scan over nulls is not simulated")
        return device(array, col.type())
    values = numbers(array)
    if pa.types.is_decimal(array.type):
        values = values.astype(object)  # 128 bits, not 64
    with np.errstate(all="ignore"):
        found = folded(values, agg.kind())
    if _Scan(inclusive) == _Scan.EXCLUSIVE:
        if agg.kind() != Kind.SUM:
            raise NotImplementedError("an exclusive scan of other than sums is not simulated")
        found = np.concatenate([found[:1] * 0, found[:-1]])
    return device(typed(found, np.ones(len(found), dtype=np.bool_), col.type()), col.type())


def folded(values: Any, kind: Any) -> Any:
    """Return running results; integers wrap."""
    if kind not in _FOLDS:
        raise NotImplementedError(f"a scan of {kind.name} is not simulated")
    if values.dtype == np.int64 and kind == Kind.SUM:
        return np.add.accumulate(values)
    return _FOLDS[kind].accumulate(values)


@simulated("pylibcudf.reduce.minmax")
def minmax(col: Column, stream: Any = None, mr: Any = None) -> tuple[Scalar, Scalar]:
    """Return the least and the greatest of the values that are not null; nulls where there are none."""
    array = host(col)
    values = numbers(array)[present(array)]
    if not len(values):
        return device_scalar(None, col.type()), device_scalar(None, col.type())
    one = np.ones(1, dtype=np.bool_)
    least, greatest = (typed(np.asarray([end]), one, col.type()) for end in (values.min(), values.max()))
    return device_scalar(least, col.type()), device_scalar(greatest, col.type())


def valid_or(array: pa.Array, values: Any, identity: Any) -> Any:
    """Return values with another in place of nulls."""
    return np.where(present(array), values, identity)
