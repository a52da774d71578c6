"""What stands for ``pylibcudf.lists``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .binding import simulated
from .column import Column
from .types import TypeId
from .values import device, host


def _lists(input: Column) -> pa.Array:
    if input.type().id() != TypeId.LIST:
        raise TypeError(f"a column of lists is needed, not {input.type()!r}")
    return host(input)


@simulated("pylibcudf.lists.count_elements")
def count_elements(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the number of values of each list, nulls included, as INT32."""
    return device(pc.list_value_length(_lists(input)))


@simulated("pylibcudf.lists.extract_list_element")
def extract_list_element(input: Column, index: Column | int, stream: Any = None, mr: Any = None) -> Column:
    """Return the value at a place of each list, from 0 or back from -1; null where there is none."""
    if isinstance(index, Column):
        raise NotImplementedError("places that differ by row are not simulated")
    lists = _lists(input)
    sizes = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False).astype(np.int64)
    starts = np.asarray(lists.offsets.to_numpy(zero_copy_only=False), dtype=np.int64)[: len(lists)]
    place = index if index >= 0 else sizes + index
    inside = (place >= 0) & (place < sizes)
    taken = pa.array(np.where(inside, starts + place, 0), mask=~inside)
    values = lists.values
    return device(values.take(taken) if len(values) else pa.nulls(len(lists), values.type))
