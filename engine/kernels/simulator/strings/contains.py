"""What stands for ``pylibcudf.strings.contains``."""

from __future__ import annotations

import re
from typing import Any

import pyarrow.compute as pc

from ..binding import simulated
from ..column import Column
from ..values import device
from .regex_program import RegexProgram
from .texts import text


@simulated("pylibcudf.strings.contains.contains_re")
def contains_re(input: Column, prog: RegexProgram, stream: Any = None, mr: Any = None) -> Column:
    """Return where a pattern matches anywhere."""
    return device(pc.match_substring_regex(text(input), pattern=prog.pattern))


@simulated("pylibcudf.strings.contains.count_re")
def count_re(input: Column, prog: RegexProgram, stream: Any = None, mr: Any = None) -> Column:
    """Return the number of matches, as INT32."""
    return device(pc.count_substring_regex(text(input), pattern=prog.pattern))


@simulated("pylibcudf.strings.contains.like")
def like(
    input: Column, pattern: str, escape_character: str | None = None, stream: Any = None, mr: Any = None
) -> Column:
    """Match an SQL pattern: ``%`` any run, ``_`` one code point."""
    expression, characters = "", iter(pattern)
    for character in characters:
        if escape_character and character == escape_character:
            expression += re.escape(next(characters, ""))
        else:
            expression += {"%": ".*", "_": "."}.get(character) or re.escape(character)
    return device(pc.match_substring_regex(text(input), pattern=f"(?s)^{expression}$"))
