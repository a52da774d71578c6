"""Rows that differ: part of what stands for ``pylibcudf.stream_compaction``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .binding import enumerated, simulated
from .ranks import dense, ranks
from .table import Table
from .types import NanEquality, NullEquality
from .values import columns_of, device_table

_Keep = enumerated("pylibcudf.stream_compaction.DuplicateKeepOption")


@simulated("pylibcudf.stream_compaction.stable_distinct")
def stable_distinct(
    input: Table,
    keys: list[int],
    keep: Any,
    nulls_equal: Any,
    nans_equal: Any,
    stream: Any = None,
    mr: Any = None,
) -> Table:
    """Keep one row of each set of rows equal in some columns, in the order of the input."""
    if NullEquality(nulls_equal) != NullEquality.EQUAL or NanEquality(nans_equal) != NanEquality.ALL_EQUAL:
        raise NotImplementedError("distinct with unequal nulls or NaNs is not simulated")
    if _Keep(keep) not in (_Keep.KEEP_FIRST, _Keep.KEEP_LAST):
        raise NotImplementedError(f"{_Keep(keep).name} is not simulated")
    arrays, rows = columns_of(input), input.num_rows()
    places = dense([ranks(arrays[key]) for key in keys], rows)
    if _Keep(keep) == _Keep.KEEP_FIRST:
        kept = np.unique(places, return_index=True)[1]
    else:
        kept = rows - 1 - np.unique(places[::-1], return_index=True)[1]
    take = pa.array(np.sort(kept))
    return device_table([array.take(take) for array in arrays], len(take))
