"""What stands for ``pylibcudf.reduce``: one value of a whole column."""

from __future__ import annotations

from typing import Any

import numpy as np

from .aggregation import Aggregation, Kind
from .binding import enumerated, simulated
from .column import Column
from .scalar import Scalar
from .scans import minmax, scan  # noqa: F401 - part of this module there
from .types import BOOL8, DataType, TypeId
from .values import decimals, device_scalar, host, numbers, present, typed

ScanType = enumerated("pylibcudf.reduce.ScanType")


@simulated("pylibcudf.reduce.reduce")
def reduce(
    col: Column, agg: Aggregation, data_type: DataType, init: Any = None, stream: Any = None, mr: Any = None
) -> Scalar:
    """Aggregate the values that are not null; of none the result is null."""
    array = host(col)
    if init is not None:
        raise NotImplementedError("reduce from an initial value is not simulated")
    kind = agg.kind()
    if kind == Kind.ANY and data_type != BOOL8:
        raise TypeError("any gives BOOL8")
    if kind in (Kind.MIN, Kind.MAX) and data_type != col.type():
        raise TypeError("min and max keep their input's type")
    if col.type().id() == TypeId.STRING:
        return _least_text(array, kind, data_type)
    values = numbers(array)[present(array)]
    if len(values) == 0:
        return device_scalar(None, data_type)
    one = np.ones(1, dtype=np.bool_)
    with np.errstate(all="ignore"):
        result = np.asarray([_reduced(kind, values)])
    if array.type == data_type.to_arrow() and hasattr(array.type, "scale"):
        return device_scalar(decimals(result, one, array.type.scale), data_type)
    return device_scalar(typed(result, one, data_type), data_type)


def _reduced(kind: Any, values: Any) -> Any:
    match kind:
        case Kind.ANY:
            return (values != 0).any()
        case Kind.MIN:  # NaN is passed over where a number is smaller than it, which none is
            return np.fmin.reduce(values) if values.dtype.kind == "f" else values.min()
        case Kind.MAX:
            return np.fmax.reduce(values) if values.dtype.kind == "f" else values.max()
        case Kind.SUM:
            return values.sum()
        case Kind.PRODUCT:
            return values.prod()
    raise NotImplementedError(f"reduce by {kind.name} is not simulated")


def _least_text(array: Any, kind: Any, data_type: DataType) -> Scalar:
    texts = [text.encode() for text in array.to_pylist() if text is not None]
    if kind not in (Kind.MIN, Kind.MAX):
        raise TypeError(f"{kind.name} of strings")
    best = (min if kind == Kind.MIN else max)(texts, default=None)
    return device_scalar(None if best is None else best.decode(), data_type)
