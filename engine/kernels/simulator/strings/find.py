"""What stands for ``pylibcudf.strings.find``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ..binding import simulated
from ..column import Column
from ..scalar import Scalar
from ..values import device
from .texts import by_row, text


@simulated("pylibcudf.strings.find.find")
def find(
    input: Column, target: Column | Scalar, start: int = 0, stop: int = -1, stream: Any = None, mr: Any = None
) -> Column:
    """Return the code point where a text first occurs, from 0, or -1."""
    text(input)
    if (start, stop) != (0, -1):
        raise NotImplementedError("find in a part of the text is not simulated")
    return device(by_row(str.find, pa.int32(), input, target))


@simulated("pylibcudf.strings.find.contains")
def contains(input: Column, target: Column | Scalar, stream: Any = None, mr: Any = None) -> Column:
    """Return where a text occurs."""
    text(input)
    return device(by_row(str.__contains__, pa.bool_(), input, target))


@simulated("pylibcudf.strings.find.starts_with")
def starts_with(input: Column, target: Column | Scalar, stream: Any = None, mr: Any = None) -> Column:
    """Return where texts start with another."""
    text(input)
    return device(by_row(str.startswith, pa.bool_(), input, target))


@simulated("pylibcudf.strings.find.ends_with")
def ends_with(input: Column, target: Column | Scalar, stream: Any = None, mr: Any = None) -> Column:
    """Return where texts end with another."""
    text(input)
    return device(by_row(str.endswith, pa.bool_(), input, target))
