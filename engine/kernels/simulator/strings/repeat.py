"""What stands for ``pylibcudf.strings.repeat``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import simulated
from ..column import Column
from ..values import device
from .texts import by_row, text


@simulated("pylibcudf.strings.repeat.repeat_strings")
def repeat_strings(input: Column, repeat_times: Column | int, stream: Any = None, mr: Any = None) -> Column:
    """Repeat texts; less than once gives an empty one."""
    text(input)
    if isinstance(repeat_times, int):
        return device(by_row(lambda value: value * repeat_times, pa.string(), input))
    return device(by_row(lambda value, times: value * times, pa.string(), input, repeat_times))
