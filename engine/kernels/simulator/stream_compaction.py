"""What stands for ``pylibcudf.stream_compaction``: keeping some of the rows."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from .binding import enumerated, simulated
from .column import Column
from .distinct import stable_distinct  # noqa: F401 - part of this module there
from .table import Table
from .types import BOOL8
from .values import columns_of, device_table, host

DuplicateKeepOption = enumerated("pylibcudf.stream_compaction.DuplicateKeepOption")


@simulated("pylibcudf.stream_compaction.apply_retention_mask")
def apply_retention_mask(source_table: Table, retention_mask: Column, stream: Any = None, mr: Any = None) -> Table:
    """Keep the rows where the mask is true, not null, in order."""
    if retention_mask.type() != BOOL8:
        raise TypeError("Mask must be Boolean type")
    if retention_mask.size() != source_table.num_rows():
        raise ValueError("Column size mismatch")
    mask = host(retention_mask)
    kept = pc.sum(mask).as_py() or 0
    return device_table([array.filter(mask) for array in columns_of(source_table)], kept)
