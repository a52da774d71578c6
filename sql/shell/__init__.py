"""The shell of ``volley sql``: statements and dot commands, at a prompt or from a script.

Knows the binder and sessions; must not know how results are formatted.
"""

from .commands import Command, Leave, choice, switched
from .shell import Screen, Shell, debugging, internal_error, names_parameter, script_text

__all__ = [
    "Command",
    "Leave",
    "Screen",
    "Shell",
    "choice",
    "debugging",
    "internal_error",
    "names_parameter",
    "script_text",
    "switched",
]
