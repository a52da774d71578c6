"""What stands for ``pylibcudf.replace``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .binding import enumerated, simulated
from .column import Column
from .scalar import Scalar
from .values import device, host

ReplacePolicy = enumerated("pylibcudf.replace.ReplacePolicy")


@simulated("pylibcudf.replace.replace_nulls")
def replace_nulls(source_column: Column, replacement: Any, stream: Any = None, mr: Any = None) -> Column:
    """Replace nulls by a value, by those of another column, or by the nearest one before or after."""
    array = host(source_column)
    if not isinstance(replacement, (Column, Scalar)):
        forward = ReplacePolicy(replacement) == ReplacePolicy.PRECEDING
        return device((pc.fill_null_forward if forward else pc.fill_null_backward)(array), source_column.type())
    if replacement.type() != source_column.type():
        raise TypeError("Data type mismatch")
    given = host(replacement)
    if isinstance(replacement, Scalar):
        return device(
            pc.coalesce(array, pa.repeat(given[0], len(array))) if len(array) else array, source_column.type()
        )
    if len(given) != len(array):
        raise ValueError("Column size mismatch")
    return device(pc.coalesce(array, given), source_column.type())
