"""What stands for ``pylibcudf.concatenate``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from .binding import simulated
from .table import Table
from .values import columns_of, device, device_table, host


@simulated("pylibcudf.concatenate.concatenate")
def concatenate(objects: Any, stream: Any = None, mr: Any = None) -> Any:
    """Return the rows of several columns or tables, in order."""
    if not objects:
        raise ValueError("input list may not be empty")
    if isinstance(objects[0], Table):
        kinds = {tuple(column.type() for column in table.columns()) for table in objects}
        if len(kinds) > 1:
            raise TypeError("Type mismatch in columns to concatenate")
        columns = zip(*(columns_of(table) for table in objects), strict=True)
        return device_table([pa.concat_arrays(parts) for parts in columns], sum(t.num_rows() for t in objects))
    if len({column.type() for column in objects}) > 1:
        raise TypeError("Type mismatch in columns to concatenate")
    return device(pa.concat_arrays([host(column) for column in objects]), objects[0].type())
