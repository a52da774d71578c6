"""What stands for ``pylibcudf.filling``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from .binding import simulated
from .column import Column
from .scalar import Scalar
from .table import Table
from .values import columns_of, device, device_table, host, numbers, typed


@simulated("pylibcudf.filling.sequence")
def sequence(size: int, init: Scalar, step: Scalar, stream: Any = None, mr: Any = None) -> Column:
    """Return numbers from a first one on in equal steps."""
    if init.type() != step.type():
        raise TypeError("init and step must be of the same type")
    first, by = numbers(host(init))[0], numbers(host(step))[0]
    return device(typed(first + by * np.arange(size), np.ones(size, dtype=np.bool_), init.type()))


@simulated("pylibcudf.filling.repeat")
def repeat(input_table: Table, count: Any, stream: Any = None, mr: Any = None) -> Table:
    """Repeat each row, so many times or by a column of counts."""
    times = numbers(host(count)) if isinstance(count, Column) else count
    places = np.repeat(np.arange(input_table.num_rows()), times)
    return device_table([array.take(pa.array(places)) for array in columns_of(input_table)], len(places))
