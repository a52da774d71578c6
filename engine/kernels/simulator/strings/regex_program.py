"""What stands for ``pylibcudf.strings.regex_program``: patterns, which RE2 stands in for."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

from ..binding import simulated
from .regex_flags import RegexFlags

_PARTS = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]])*\]|\(\?|.", re.DOTALL)
"""Escaped characters, classes, what opens groups that are not counted, and characters, that of groups among them."""


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
        numbers = count()
        return _PARTS.sub(lambda part: f"(?P<g{next(numbers)}>" if part.group() == "(" else part.group(), self.pattern)
