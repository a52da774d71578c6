"""Constants that the parser takes apart: ``date '2024-01-31'::text`` is a date of a text to it, ``[::2]`` a cast."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

_TYPES = frozenset(
    {
        TokenType.DATE,
        TokenType.TIME,
        TokenType.TIMESTAMP,
        TokenType.TIMESTAMPNTZ,
        TokenType.TIMESTAMPTZ,
        TokenType.DATETIME,
    }
)
_ENDS_A_SLICE = frozenset({TokenType.DASH, TokenType.NUMBER, TokenType.R_BRACKET})


def with_whole_constants(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with parentheses around constants that are cast, and slices' colons apart."""
    if not any(token.token_type is TokenType.DCOLON for token in tokens):
        return tokens
    result: list[Token] = []
    for at, token in enumerate(tokens):
        place = (token.line, token.col, token.start, token.end)
        if token.token_type is not TokenType.DCOLON:
            result.append(token)
        elif at + 1 < len(tokens) and tokens[at + 1].token_type in _ENDS_A_SLICE:
            result += [Token(TokenType.COLON, ":", *place)] * 2
        else:
            start = _start_of_constant(result)
            if start is not None:
                first = result[start]
                opening = Token(TokenType.L_PAREN, "(", first.line, first.col, first.start, first.end)
                result[start:] = [opening, *result[start:], Token(TokenType.R_PAREN, ")", *place)]
            result.append(token)
    return result


def _start_of_constant(tokens: list[Token]) -> int | None:
    """Return where the constant with a type before it begins that tokens end with; None where they do not."""
    if len(tokens) < 2 or tokens[-1].token_type is not TokenType.STRING:
        return None
    if tokens[-2].token_type in _TYPES:
        return len(tokens) - 2
    words = [token.text.lower() for token in tokens[-5:-1]]
    zoned = words[-4:-2] == ["timestamp", "with"] and words[-2:] == ["time", "zone"]
    return len(tokens) - 5 if zoned else None
