"""What stands for ``pylibcudf.strings.regex_program``: patterns, which RE2 stands in for."""

from __future__ import annotations

import re
from typing import Any

from ..binding import simulated
from .regex_flags import RegexFlags


class RegexProgram:
    """A compiled pattern."""

    def __init__(self) -> None:
        raise ValueError("Do not instantiate RegexProgram directly, use create")

    pattern: str
    groups: int

    @staticmethod
    @simulated("pylibcudf.strings.regex_program.RegexProgram.create")
    def create(pattern: str, flags: Any) -> RegexProgram:
        """Compile a pattern."""
        made = object.__new__(RegexProgram)
        marks = {RegexFlags.IGNORECASE: "(?i)", RegexFlags.MULTILINE: "(?m)", RegexFlags.DOTALL: "(?s)"}
        made.pattern = marks.get(RegexFlags(flags), "") + pattern
        made.groups = re.compile(pattern).groups
        return made

    def with_names(self) -> str:
        """Return the pattern with its groups called g0, g1 and so on."""
        parts, count, position = [], 0, 0
        while position < len(self.pattern):
            character = self.pattern[position]
            if character == "\\":
                parts.append(self.pattern[position : position + 2])
                position += 2
                continue
            if character == "(" and self.pattern[position + 1 : position + 2] != "?":
                parts.append(f"(?P<g{count}>")
                count += 1
            else:
                parts.append(character)
            position += 1
        return "".join(parts)
