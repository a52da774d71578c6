"""What stands for ``pylibcudf.strings.padding``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import simulated
from ..column import Column
from ..values import device
from .side_type import SideType
from .texts import by_row, text


@simulated("pylibcudf.strings.padding.pad")
def pad(input: Column, width: int, side: Any, fill_char: str, stream: Any = None, mr: Any = None) -> Column:
    """Pad to a number of code points with one character; longer texts stay."""
    text(input)
    if len(fill_char) != 1:
        raise ValueError("fill_char must be one character")
    # SideType says which side is padded.
    if SideType(side) == SideType.BOTH:
        raise NotImplementedError("padding at both sides is not simulated")
    move = str.rjust if SideType(side) == SideType.LEFT else str.ljust
    return device(by_row(lambda value: move(value, width, fill_char), pa.string(), input))
