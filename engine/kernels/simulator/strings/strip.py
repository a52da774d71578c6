"""What stands for ``pylibcudf.strings.strip``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import simulated
from ..column import Column
from ..scalar import Scalar
from ..values import device
from .side_type import SideType
from .texts import by_row, text, text_of


@simulated("pylibcudf.strings.strip.strip")
def strip(
    input: Column, side: Any = SideType.BOTH, to_strip: Scalar | None = None, stream: Any = None, mr: Any = None
) -> Column:
    """Take characters off one end or both; an empty text of characters means white space."""
    text(input)
    characters = (text_of(to_strip) if to_strip is not None else "") or None
    cut = {SideType.LEFT: str.lstrip, SideType.RIGHT: str.rstrip, SideType.BOTH: str.strip}[SideType(side)]
    return device(by_row(lambda value: cut(value, characters), pa.string(), input))
