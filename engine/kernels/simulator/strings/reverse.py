"""What stands for ``pylibcudf.strings.reverse``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .texts import text


@simulated("pylibcudf.strings.reverse.reverse")
def reverse(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Code points backwards."""
    return device(pc.utf8_reverse(text(input)))
