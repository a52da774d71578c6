"""What stands for ``pylibcudf.strings.case``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .texts import text


@simulated("pylibcudf.strings.case.to_lower")
def to_lower(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Lower case. What it makes of letters beyond ASCII depends on libcudf's tables, so only ASCII is simulated."""
    return device(pc.ascii_lower(text(input)))


@simulated("pylibcudf.strings.case.to_upper")
def to_upper(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Upper case, of ASCII."""
    return device(pc.ascii_upper(text(input)))


@simulated("pylibcudf.strings.case.swapcase")
def swapcase(input: Column, stream: Any = None, mr: Any = None) -> Column:
    """Upper case where lower, lower case where upper, of ASCII."""
    return device(pc.ascii_swapcase(text(input)))
