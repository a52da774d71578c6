"""What stands for ``pylibcudf.strings.split.split``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from ...binding import simulated
from ...column import Column
from ...scalar import Scalar
from ...values import device
from ..texts import by_row, text, text_of


@simulated("pylibcudf.strings.split.split.split_record")
def split_record(strings: Column, delimiter: Scalar, maxsplit: int, stream: Any = None, mr: Any = None) -> Column:
    """Return the pieces between separators as lists; an empty separator splits at white space."""
    text(strings)
    mark = text_of(delimiter)

    def pieces(value: str) -> list[str]:
        limit = maxsplit if maxsplit > 0 else -1
        return value.split(mark, limit) if mark else value.split(None, limit)

    return device(by_row(pieces, pa.list_(pa.field("element", pa.string())), strings))
