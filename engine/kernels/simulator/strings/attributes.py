"""What stands for ``pylibcudf.strings.attributes``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .texts import text


@simulated("pylibcudf.strings.attributes.count_characters")
def count_characters(source_strings: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the number of code points of each text, as INT32."""
    return device(pc.utf8_length(text(source_strings)))


@simulated("pylibcudf.strings.attributes.count_bytes")
def count_bytes(source_strings: Column, stream: Any = None, mr: Any = None) -> Column:
    """Return the number of bytes of each text, as INT32."""
    return device(pc.binary_length(text(source_strings)).cast(pa.int32()))
