"""Words that the parser takes for others: ``apply(l, …)`` as a function, VIRTUAL behind a generated column."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

_KEPT = ("virtual", "stored")
_JOINS = ("cross", "outer")
_BEHIND = (TokenType.COMMA, TokenType.R_PAREN, TokenType.SEMICOLON)


def with_known_words(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with such words written as what the parser knows, or left out."""
    makes_table = bool(tokens) and tokens[0].text.lower() in ("create", "alter")
    if not makes_table and not any(token.token_type is TokenType.APPLY for token in tokens):
        return tokens
    result: list[Token] = []
    for at, token in enumerate(tokens):
        before = result[-1] if result else None
        behind = tokens[at + 1] if at + 1 < len(tokens) else None
        opens = behind is not None and behind.token_type is TokenType.L_PAREN
        if token.token_type is TokenType.APPLY and opens and (before is None or before.text.lower() not in _JOINS):
            result.append(Token(TokenType.VAR, "list_apply", token.line, token.col, token.start, token.end))
            continue
        ends = behind is None or behind.token_type in _BEHIND
        closed = before is not None and before.token_type is TokenType.R_PAREN
        if makes_table and token.text.lower() in _KEPT and ends and closed:
            continue
        result.append(token)
    return result
