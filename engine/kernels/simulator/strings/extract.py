"""What stands for ``pylibcudf.strings.extract``."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .regex_program import RegexProgram
from .texts import text


@simulated("pylibcudf.strings.extract.extract_single")
def extract_single(input: Column, prog: RegexProgram, group: int, stream: Any = None, mr: Any = None) -> Column:
    """Return what a group, counted from 0, matched first; null without a match."""
    if not 0 <= group < prog.groups:
        raise IndexError("group index out of range")
    named = prog.with_names()
    found = pc.extract_regex(text(input), pattern=named)
    return device(pc.struct_field(found, f"g{group}").cast(pa.string()))
