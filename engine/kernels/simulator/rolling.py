"""What stands for ``pylibcudf.rolling``: aggregates of windows that each row says for itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from .aggregation import Aggregation, Kind
from .binding import simulated
from .column import Column
from .machine import SimulatorError
from .types import FLOATS, DataType, TypeId
from .values import device, host, numbers, present, typed

_FLOAT64 = DataType(TypeId.FLOAT64)


@simulated("pylibcudf.rolling.rolling_window")
def rolling_window(
    source: Column,
    preceding_window: Any,
    following_window: Any,
    min_periods: int,
    agg: Aggregation,
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Aggregate rows ``i - preceding + 1`` to ``i + following`` of each row ``i``; null where too few have a value."""
    rows = source.size()
    if not isinstance(preceding_window, Column):
        raise NotImplementedError("windows of one size are not simulated")
    bounds = [host(window) for window in (preceding_window, following_window)]
    if any(window.type().id() != TypeId.INT32 for window in (preceding_window, following_window)):
        raise TypeError("Windows must be INT32")
    if any(len(array) != rows or array.null_count for array in bounds):
        raise ValueError("Size mismatch, or nulls among windows")
    positions = np.arange(rows)
    lows, highs = positions - numbers(bounds[0]) + 1, positions + numbers(bounds[1]) + 1
    if rows and (lows.min() < 0 or highs.max() > rows or (lows > highs).any()):
        raise SimulatorError("windows reach out of the column, which is undefined")
    array = host(source)
    values, valid = numbers(array), present(array)
    kind, dtype = agg.kind(), source.type()
    result = _FLOAT64 if kind == Kind.VARIANCE else dtype
    out = np.zeros(rows, dtype=np.float64 if kind == Kind.VARIANCE else values.dtype)
    counts = np.zeros(rows, dtype=np.int64)
    with np.errstate(all="ignore"):
        for row in range(rows):
            inside = values[lows[row] : highs[row]][valid[lows[row] : highs[row]]]
            counts[row] = len(inside)
            if len(inside):
                out[row] = _of(agg, inside, dtype)
    return device(typed(out, counts >= max(min_periods, 1), result), result)


def _of(agg: Aggregation, values: Any, dtype: DataType) -> Any:
    match agg.kind():
        case Kind.SUM if dtype.id() in FLOATS:
            return values.sum()
        case Kind.MIN if dtype.id() not in FLOATS:
            return values.min()
        case Kind.MAX if dtype.id() not in FLOATS:
            return values.max()
        case Kind.VARIANCE if dtype.id() in FLOATS and agg.options["ddof"] == 0:
            return values.var()
    raise NotImplementedError(f"{agg.kind().name} of windows of {dtype!r} is not simulated")
