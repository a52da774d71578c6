"""Colours of what is typed: pygments' SQL, with the keywords, types, functions and dot commands that Volley knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]  # ships no types
from pygments.token import Comment, Keyword, Name, String  # type: ignore[import-untyped]

from .words import KEYWORDS, TYPES, functions

_COMMAND = re.compile(r"[ \t]*(\.[A-Za-z?]\w*)")


class VolleyLexer(SqlLexer):  # type: ignore[misc]  # its base has no types
    """Cuts a text into coloured tokens."""

    name = "Volley SQL"
    aliases = ()
    filenames = ()

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._keywords, self._types, self._functions = frozenset(KEYWORDS), frozenset(TYPES), frozenset(functions())

    def get_tokens_unprocessed(self, text: str, stack: tuple[str, ...] = ("root",)) -> Iterator[tuple[int, Any, str]]:
        """Yield offset, kind and text of each token."""
        command = _COMMAND.match(text)
        start = command.end() if command else 0
        if command:
            yield 0, Name.Decorator, text[:start]
        tokens = list(super().get_tokens_unprocessed(text[start:], stack))
        for index, (offset, kind, value) in enumerate(tokens):
            called = kind not in String and kind not in Comment and _is_called(tokens, index)
            yield start + offset, self._kind(kind, value.lower(), called=called), value

    def _kind(self, kind: Any, word: str, *, called: bool) -> Any:
        if kind in String or kind in Comment or not (word[:1].isalpha() or word[:1] == "_"):
            return kind
        if called and word in self._functions:
            return Name.Function
        if word in self._keywords:
            return Keyword
        if word in self._types:
            return Name.Builtin
        return Name  # pygments knows many words of other dialects, which are plain names here


def _is_called(tokens: list[tuple[int, Any, str]], index: int) -> bool:
    following = (value for _, _, value in tokens[index + 1 : index + 3] if value.strip())
    return next(following, "").startswith("(")
