"""Texts of INTERVAL that the parser would cut: of ``'1 day 02:30'`` it keeps ``1 day``, of ``'1 month ago'`` the month.

It takes such a text apart where exactly one number with a unit is in it, whatever else is there. In parentheses a text
is left alone; parentheses around the whole end what belongs to it.
"""

from __future__ import annotations

import re

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

_WHOLE = re.compile(rf"(?:{exp.INTERVAL_STRING_RE.pattern})+")


def with_whole_intervals(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with parentheses around the texts of INTERVAL that the parser would cut."""
    if not any(token.token_type is TokenType.INTERVAL for token in tokens):
        return tokens
    result: list[Token] = []
    for token in tokens:
        before = result[-1] if result else None
        if before is None or before.token_type is not TokenType.INTERVAL or not _is_cut(token):
            result.append(token)
            continue
        place = (token.line, token.col, token.start, token.end)
        opening, closing = Token(TokenType.L_PAREN, "(", *place), Token(TokenType.R_PAREN, ")", *place)
        result[-1:] = [opening, before, opening, token, closing, closing]
    return result


def _is_cut(token: Token) -> bool:
    return (
        token.token_type is TokenType.STRING
        and exp.INTERVAL_STRING_RE.search(token.text) is not None
        and _WHOLE.fullmatch(token.text) is None
    )
