"""Order and equality of rows as libcudf's row operators have them: NaN equals NaN and is greatest, 0.0 equals -0.0."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .types import NullOrder, Order
from .values import numbers, present

Ranks = NDArray[np.int64]


def ranks(array: pa.Array) -> Ranks:
    """Return numbers that are ordered and equal as the values are; -1 for null."""
    kind = array.type
    if pa.types.is_list(kind):
        return _list_ranks(array)
    if pa.types.is_struct(kind):
        fields = [ranks(array.field(place)) for place in range(kind.num_fields)]
        found = dense(fields, len(array))
    elif pa.types.is_string(kind) or pa.types.is_binary(kind):
        encoded = array.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary.cast(pa.binary())).to_numpy()
        places = np.empty(len(order) + 1, dtype=np.int64)
        places[order] = np.arange(len(order))
        found = places[encoded.indices.fill_null(len(order)).to_numpy()]
    else:
        values = numbers(array)
        found = np.unique(values, return_inverse=True)[1].astype(np.int64).reshape(-1)
    return np.where(present(array), found, -1)


def _list_ranks(array: pa.Array) -> Ranks:
    inner = ranks(array.values)
    offsets = array.offsets.to_numpy()
    rows = [tuple(inner[start:stop].tolist()) for start, stop in pairwise(offsets)]
    places = {row: place for place, row in enumerate(sorted(set(rows)))}
    found = np.array([places[row] for row in rows], dtype=np.int64)
    return np.where(present(array), found, -1)


def ordered(array: pa.Array, order: Any, nulls: Any) -> Ranks:
    """Return numbers whose ascending order is the one asked for.

    Where nulls stand is said of the ascending order: a descending one turns them as it turns the values.
    """
    found = ranks(array)
    if NullOrder(nulls) == NullOrder.AFTER:
        found = np.where(found < 0, len(found), found)
    return -found if Order(order) == Order.DESCENDING else found


def dense(keys: Sequence[Ranks], rows: int) -> Ranks:
    """Return one number per row that is ordered and equal as the keys are, most significant first."""
    if not keys or not rows:
        return np.zeros(rows, dtype=np.int64)
    order = np.lexsort(list(keys)[::-1])
    changes = np.zeros(rows, dtype=np.int64)
    for key in keys:
        sorted_key = key[order]
        changes[1:] |= sorted_key[1:] != sorted_key[:-1]
    found = np.empty(rows, dtype=np.int64)
    found[order] = np.cumsum(changes)
    return found


def orders_of(columns: int, column_order: Sequence[Any] | None, null_precedence: Sequence[Any] | None) -> Any:
    """Yield order and null order per column; libcudf's defaults are ascending and nulls first."""
    given = list(column_order or ()) or [Order.ASCENDING] * columns
    nulls = list(null_precedence or ()) or [NullOrder.BEFORE] * columns
    if len(given) != columns or len(nulls) != columns:
        raise ValueError("Mismatch between number of columns and column order or null precedence.")
    return zip(given, nulls, strict=True)
