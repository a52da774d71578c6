"""Bytes written as ``x'00ff'``, which the parser knows in other dialects than DuckDB's."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType


def with_bytes(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with an ``x`` that stands at a text read together with it."""
    if not any(token.text in ("x", "X") for token in tokens):
        return tokens
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else None
        if before is None or not _belong_together(before, token):
            result.append(token)
            continue
        result[-1] = Token(TokenType.HEX_STRING, token.text, token.line, token.col, before.start, token.end)
    return result


def _belong_together(before: Token, token: Token) -> bool:
    text = before.token_type is TokenType.VAR and token.token_type is TokenType.STRING
    return text and before.text in ("x", "X") and before.end + 1 == token.start
