"""Cutting what was typed into statements."""

from __future__ import annotations

from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import TokenType


def is_finished(text: str, dialect: str) -> bool:
    """Return whether Enter should run the text: a dot command, nothing at all, or a last ``;`` outside texts."""
    stripped = text.strip()
    if not stripped or stripped.startswith("."):
        return True
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text)
    except TokenError:
        return False  # a quote or a comment is still open
    return bool(tokens) and tokens[-1].token_type is TokenType.SEMICOLON


def split(text: str, dialect: str) -> list[str]:
    """Return the statements of a text without their semicolons; one whose quote is never closed comes as it is."""
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text)
    except TokenError:
        return [text.strip()]
    ends = [token.start for token in tokens if token.token_type is TokenType.SEMICOLON]
    starts = [0, *(end + 1 for end in ends)]
    parts = [text[start:end].strip() for start, end in zip(starts, [*ends, len(text)], strict=True)]
    return [part for part in parts if part]
