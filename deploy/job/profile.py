"""The profile of a table: per column nulls, distinct values, range and distribution.

Everything follows from the counts of a column's distinct values, which the engine groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ...engine.frame import DataFrame
from ..report.contents import ColumnProfile, Distribution, TableProfile

_BARS = 24
_SHOWN_VALUES = 5
_MOST_ROWS = 2_000_000


def profile_table(name: str, frame: DataFrame, roles: Mapping[str, str]) -> TableProfile:
    """Profile the columns of a table, from its first two million rows where it is longer.

    Parameters
    ----------
    name
        What the table is called.
    frame
        Its rows.
    roles
        Column -> what it is to the models (numeric, categorical, label, weight); shown beside its name.
    """
    rows = len(frame)
    seen = frame.limit(_MOST_ROWS) if rows > _MOST_ROWS else frame
    columns = []
    for column in frame.columns:
        size = f"{column}_rows"
        counted = seen.groupby(column, dropna=False, sort=False).agg(**{size: (column, "size")}).to_arrow()
        values, counts = counted.column(column).combine_chunks(), counted.column(size).to_numpy()
        columns.append(_profile_column(column, values, counts, roles.get(column, "")))
    return TableProfile(table=name, rows=rows, profiled=min(rows, _MOST_ROWS), columns=tuple(columns))


def _profile_column(name: str, values: pa.Array, counts: npt.NDArray[np.int64], role: str) -> ColumnProfile:
    present = pc.is_valid(values).to_numpy(zero_copy_only=False)
    kind = values.type.value_type if pa.types.is_dictionary(values.type) else values.type
    nulls = int(counts[~present].sum())
    known, counts = values.filter(pa.array(present)).cast(kind), counts[present]
    profile = ColumnProfile(name=name, type=str(kind), nulls=nulls, distinct=len(known), role=role)
    if not len(known):
        return profile
    if not _is_ordered(kind):
        return replace(profile, distribution=_most_frequent(known, counts))
    order = pc.sort_indices(known).to_numpy()
    known, counts = known.take(pa.array(order)), counts[order]
    middle = int(np.searchsorted(np.cumsum(counts), counts.sum() / 2))
    return replace(
        profile,
        low=_shown(known[0]),
        middle=_shown(known[min(middle, len(known) - 1)]),
        high=_shown(known[-1]),
        distribution=_histogram(known, counts),
    )


def _is_ordered(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_temporal(kind))


def _most_frequent(values: pa.Array, counts: npt.NDArray[np.int64]) -> Distribution:
    top = np.argsort(-counts, kind="stable")[:_SHOWN_VALUES]
    return Distribution(
        labels=tuple(_shown(values[int(index)]) for index in top),
        counts=tuple(int(counts[index]) for index in top),
        numeric=False,
        other=int(counts.sum() - counts[top].sum()),
    )


def _histogram(values: pa.Array, counts: npt.NDArray[np.int64]) -> Distribution:
    """Return bars of equal width over the range of sorted values; whole numbers get bars of whole width."""
    numbers = _as_numbers(values)
    finite = np.isfinite(numbers)
    numbers, counts = numbers[finite], counts[finite]
    if not len(numbers):
        return Distribution(labels=(), counts=(), numeric=True)
    low, high = float(numbers[0]), float(numbers[-1])
    if pa.types.is_integer(values.type):
        width = int(-(-(high - low + 1) // _BARS))
        edges = np.arange(low, high + width + 1, width) - 0.5
        labels = [f"{a + 0.5:.0f}" if width == 1 else f"{a + 0.5:.0f} – {b - 0.5:.0f}" for a, b in pairwise(edges)]
    else:
        edges = np.linspace(low, high if high > low else low + 1, _BARS + 1)
        bounds = _bounds(edges, values.type)
        labels = [f"{a} – {b}" for a, b in pairwise(bounds)]
    heights, _ = np.histogram(numbers, bins=edges, weights=counts)
    return Distribution(labels=tuple(labels), counts=tuple(int(h) for h in heights), numeric=True)


def _bounds(edges: npt.NDArray[np.float64], kind: pa.DataType) -> list[str]:
    """Return the edges of bars as values of the column's type, as text."""
    if not pa.types.is_temporal(kind):
        return [f"{edge:.6g}" for edge in edges]
    whole = pa.array(edges.astype(np.int64)).cast(_storage(kind))
    return [_shown(value) for value in whole.view(kind)]


def _as_numbers(values: pa.Array) -> npt.NDArray[np.float64]:
    if pa.types.is_temporal(values.type):
        values = values.view(_storage(values.type))
    numbers: npt.NDArray[np.float64] = values.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return numbers


def _storage(kind: pa.DataType) -> pa.DataType:
    """Return the integers that hold dates and times."""
    return pa.int32() if kind.bit_width == 32 else pa.int64()


def _shown(value: pa.Scalar) -> str:
    """Return a value as text, floats to six figures."""
    plain = value.as_py()
    if isinstance(plain, float):
        return f"{plain:.6g}"
    return str(plain)
