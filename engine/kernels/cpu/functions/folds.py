"""Statistics of the values of each list: moments, entropy, deviations from the median, bits, counts by value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....arrow import to_arrow_type
from ....dtypes import DataType
from ....expr import Call, Column, SortKey
from ..buffers import array_from, bools_from, values_of
from ..gather import take_column
from ..native import argsort
from ..ranking import order_words
from .decimals import to_float64
from .nested import outer, present_values
from .registry import Value, scalar

Floats = NDArray[np.float64]
Owners = NDArray[Any]


def statistic(name: str, owners: Owners, values: pa.Array, count: int, dtype: DataType) -> pa.Array:
    """Return a statistic of the values of each list, which are not null; null where there are too few."""
    if name in _BITS:
        return _bits(name, owners, values, count)
    if name == "entropy":
        made, some = _entropy(owners, values, count, dtype)
    else:
        made, some = _STATISTICS[name](owners, _floats(values), count)
    return array_from(made, pa.float64(), bools_from(some).buffers()[1])


def _floats(values: pa.Array) -> Floats:
    plain = to_float64(values) if pa.types.is_decimal(values.type) else values.cast(pa.float64(), safe=False)
    floats: Floats = values_of(plain)
    return floats


def _sums(owners: Owners, weights: Floats, count: int) -> Floats:
    totals: Floats = np.bincount(owners, weights=weights, minlength=count).astype(np.float64)
    return totals


def _moments(owners: Owners, values: Floats, count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Return numbers of values, and sums of the second to fourth powers of their deviations from the mean."""
    n = np.bincount(owners, minlength=count).astype(np.float64)
    with np.errstate(all="ignore"):
        mean = _sums(owners, values, count) / n
        away = values - mean[owners]
        squares = away * away
    return (
        n,
        _sums(owners, squares, count),
        _sums(owners, squares * away, count),
        _sums(owners, squares * squares, count),
    )


def _variance(lost: int, *, root: bool = False) -> Callable[[Owners, Floats, int], tuple[Floats, NDArray[np.bool_]]]:
    def run(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
        n, m2, _, _ = _moments(owners, values, count)
        with np.errstate(all="ignore"):
            variance = m2 / (n - lost)
            return np.sqrt(variance) if root else variance, n > lost

    return run


def _error_of_mean(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    n, m2, _, _ = _moments(owners, values, count)
    with np.errstate(all="ignore"):
        error: Floats = np.sqrt(m2 / n) / np.sqrt(n)
    return error, n > 0


def _skewness(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    n, m2, m3, _ = _moments(owners, values, count)
    with np.errstate(all="ignore"):
        skew = (m3 / n) / (m2 / n) ** 1.5 * np.sqrt(n * (n - 1)) / (n - 2)
    return skew, (n > 2) & (m2 > 0)


def _kurtosis(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    n, m2, _, m4 = _moments(owners, values, count)
    with np.errstate(all="ignore"):
        excess = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m4 / n) / (m2 / n) ** 2 - 3 * (n - 1))
    return excess, (n > 3) & (m2 > 0)


def _kurtosis_of_all(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    n, m2, _, m4 = _moments(owners, values, count)
    with np.errstate(all="ignore"):
        return n * m4 / (m2 * m2) - 3.0, (n > 1) & (m2 > 0)


def _from_median(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the median of the distances from the median."""
    middle, some = _medians(owners, values, count)
    with np.errstate(invalid="ignore"):
        return _medians(owners, np.abs(values - middle[owners]), count)[0], some


def _medians(owners: Owners, values: Floats, count: int) -> tuple[Floats, NDArray[np.bool_]]:
    order = np.lexsort((values, owners))
    sizes = np.bincount(owners, minlength=count)
    some, first = sizes > 0, np.cumsum(sizes) - sizes
    if not len(values):
        return np.zeros(count), some
    low, high = (np.where(some, first + at, 0) for at in ((np.maximum(sizes, 1) - 1) // 2, sizes // 2))
    ordered = values[order]
    middle: Floats = (ordered[low] + ordered[high]) / 2
    return middle, some


def _entropy(owners: Owners, values: pa.Array, count: int, dtype: DataType) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the bits that a value of each list tells on average."""
    lists, _, counts = _counted(owners, values, dtype)
    n = np.bincount(owners, minlength=count).astype(np.float64)
    share = counts / n[lists] if len(lists) else np.zeros(0)
    bits: Floats = np.bincount(lists, weights=-share * np.log2(share), minlength=count).astype(np.float64) + 0.0
    return bits, np.ones(count, dtype=np.bool_)


_STATISTICS: dict[str, Callable[[Owners, Floats, int], tuple[Floats, NDArray[np.bool_]]]] = {
    "var_samp": _variance(1),
    "var_pop": _variance(0),
    "stddev_samp": _variance(1, root=True),
    "stddev_pop": _variance(0, root=True),
    "sem": _error_of_mean,
    "skewness": _skewness,
    "kurtosis": _kurtosis,
    "kurtosis_pop": _kurtosis_of_all,
    "mad": _from_median,
}
_BITS: dict[str, np.ufunc] = {
    "bit_and": np.bitwise_and, "bit_or": np.bitwise_or, "bit_xor": np.bitwise_xor,
}  # fmt: skip
NAMES = frozenset((*_STATISTICS, *_BITS, "entropy"))


def _bits(name: str, owners: Owners, values: pa.Array, count: int) -> pa.Array:
    """Fold the values of each list, which stand together."""
    sizes = np.bincount(owners, minlength=count)
    some = sizes > 0
    made = np.zeros(count, dtype=values_of(values).dtype)
    if len(values):
        starts = (np.cumsum(sizes) - sizes)[some]
        made[some] = _BITS[name].reduceat(values_of(values), starts)
    return array_from(made, values.type, bools_from(some).buffers()[1])


def _counted(
    owners: Owners, values: pa.Array, dtype: DataType
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the different values of each list in order: the list, the value's place, and how often it is there."""
    if not len(values):
        return (np.zeros(0, dtype=np.int64),) * 3
    words = order_words(outer(values, dtype), SortKey(expr=Column(name="", dtype=dtype)))
    order = argsort([owners.astype(np.uint64), *words])
    group = owners[order]
    changes = np.concatenate([[True], group[1:] != group[:-1]])
    for word in words:
        changes[1:] |= word[order][1:] != word[order][:-1]
    starts = np.flatnonzero(changes)
    counts = np.diff(np.append(starts, len(order)))
    return group[starts].astype(np.int64), order[starts].astype(np.int64), counts


@scalar("list_histogram")
def list_histogram(call: Call, args: list[Value]) -> pa.Array:
    """Count how often each list has each value: a map in the order of the values; null without values."""
    (lists,) = args
    dtype = call.args[0].dtype.value
    assert dtype is not None
    owners, values = present_values(lists)
    found, places, counts = _counted(owners, values, dtype)
    arrow = to_arrow_type(call.dtype)
    keys = take_column(values, places.astype(np.int32)) if len(values) else values
    pairs = pa.StructArray.from_arrays([keys, pa.array(counts, pa.uint64())], fields=list(arrow.value_type))
    sizes = np.bincount(found, minlength=len(lists))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
    empty = pa.array(sizes == 0)
    return pa.ListArray.from_arrays(pa.array(offsets), pairs, mask=empty)
