"""What stands for ``pylibcudf.strings.slice``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import simulated
from ..column import Column
from ..scalar import Scalar
from ..values import device
from .texts import by_row, size_of, text


@simulated("pylibcudf.strings.slice.slice_strings")
def slice_strings(
    input: Column,
    start: Column | Scalar | None = None,
    stop: Column | Scalar | None = None,
    step: Scalar | None = None,
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Return code points from one position to before another.

    Scalars count as in Python, and a null one means the text's end. pylibcudf makes zero of a missing one, also
    of ``stop``. Columns do not count from the end: a start below 0 is 0, a stop below 0 is the end.
    """
    text(input)
    if isinstance(start, Column) or isinstance(stop, Column):
        if step is not None or not isinstance(start, Column) or not isinstance(stop, Column):
            raise ValueError("start and stop must be provided for Column-wise slice")
        return device(by_row(_between, pa.string(), input, start, stop))
    first = 0 if start is None else size_of(start)
    last = 0 if stop is None else size_of(stop)
    by = 1 if step is None else size_of(step)
    return device(by_row(lambda value: value[first:last:by], pa.string(), input))


def _between(value: str, start: int, stop: int) -> str:
    return value[max(start, 0) : stop if stop >= 0 else None]
