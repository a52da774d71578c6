"""What stands for ``pylibcudf.search``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .binding import simulated
from .bounds import lower_bound, upper_bound  # noqa: F401 - part of this module there
from .column import Column
from .types import FLOATS
from .values import device, host


@simulated("pylibcudf.search.contains")
def contains(haystack: Column, needles: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return, for each needle, whether it is in the haystack; NaN and -0.0 as in joins, a null needle gives null."""
    if haystack.type() != needles.type():
        raise TypeError("DTYPE mismatch")
    hay, wanted = host(haystack), host(needles)
    if haystack.type().id() in FLOATS:
        hay, wanted = pc.add(hay, pa.scalar(0.0, hay.type)), pc.add(wanted, pa.scalar(0.0, hay.type))
    found = pc.is_in(wanted, value_set=hay.drop_null())
    return device(pc.if_else(wanted.is_valid(), found, pa.scalar(None, pa.bool_())))
