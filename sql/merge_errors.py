"""``THEN ERROR`` in MERGE INTO, which the parser does not know: it is read as an UPDATE of a column of its own."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

_COLUMN = "error of merge"
_ENDS = (TokenType.WHEN, TokenType.RETURNING, TokenType.SEMICOLON)


def with_errors(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with ``ERROR [message]`` of a MERGE written as an UPDATE."""
    if not any(token.token_type is TokenType.MERGE for token in tokens):
        return tokens
    result: list[Token] = []
    depth = 0  # of parentheses and CASE, in which THEN gives a value
    for place, token in enumerate(tokens):
        kind, before = token.token_type, tokens[place - 1] if place else None
        depth += kind in (TokenType.L_PAREN, TokenType.CASE)
        depth -= kind in (TokenType.R_PAREN, TokenType.END)
        then = before is not None and before.token_type is TokenType.THEN and depth == 0
        if not then or token.text.lower() != "error":
            result.append(token)
            continue
        where = (token.line, token.col, token.start, token.end)
        written = [(TokenType.UPDATE, "update"), (TokenType.SET, "set"), (TokenType.IDENTIFIER, _COLUMN)]
        written.append((TokenType.EQ, "="))
        if place + 1 == len(tokens) or tokens[place + 1].token_type in _ENDS:
            written.append((TokenType.NULL, "null"))
        result += [Token(kind, text, *where) for kind, text in written]
    return result


def error_of(when: exp.Expr) -> exp.Expr | None:
    """Return the message of a clause of MERGE whose action is ERROR, null without one; None for other clauses."""
    then = when.args["then"]
    items: Sequence[exp.Expr] = then.expressions if isinstance(then, exp.Update) else []
    if len(items) == 1 and isinstance(items[0], exp.EQ) and items[0].this.name == _COLUMN:
        message: exp.Expr = items[0].expression
        return message
    return None
