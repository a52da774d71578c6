"""What stands for ``pylibcudf.strings.replace_re``."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..scalar import Scalar
from ..values import device
from .regex_program import RegexProgram
from .texts import text, text_of


@simulated("pylibcudf.strings.replace_re.replace_re")
def replace_re(
    input: Column,
    pattern: Any,
    replacement: Scalar | None = None,
    max_replace_count: int = -1,
    stream: Any = None,
    mr: Any = None,
) -> Column:
    """Replace matches by a text, taken as it is."""
    if not isinstance(pattern, RegexProgram) or replacement is None:
        raise NotImplementedError("several patterns, or none to put, are not simulated")
    plain = text_of(replacement).replace("\\", "\\\\")
    limit = None if max_replace_count < 0 else max_replace_count
    return device(
        pc.replace_substring_regex(text(input), pattern=pattern.pattern, replacement=plain, max_replacements=limit)
    )
