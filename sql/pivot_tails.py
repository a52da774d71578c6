"""ORDER BY and LIMIT behind a PIVOT that is a query, which the parser does not know: it is put into a FROM."""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

_TURNS = (TokenType.PIVOT, TokenType.UNPIVOT)
_TAILS = (TokenType.ORDER_BY, TokenType.LIMIT, TokenType.OFFSET, TokenType.FETCH)
_ENDS = (TokenType.R_PAREN, TokenType.SEMICOLON)


def with_whole_pivots(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with ``PIVOT … ORDER BY`` written as ``SELECT * FROM (PIVOT …) ORDER BY``.

    A PIVOT, or UNPIVOT, is a query where no FROM of its own query stands before it. ``AS PIVOT …`` of CREATE TABLE is
    written so, too.
    """
    if not any(token.token_type in _TURNS for token in tokens):
        return tokens
    opened: set[int] = set()
    closed: set[int] = set()
    within = [False]  # for each pair of parentheses that is open, whether a FROM was met in it
    for place, token in enumerate(tokens):
        kind = token.token_type
        if kind is TokenType.L_PAREN:
            within.append(False)
        elif kind is TokenType.R_PAREN and len(within) > 1:
            within.pop()
        elif kind is TokenType.FROM:
            within[-1] = True
        elif kind in _TURNS and not within[-1]:
            end = _end(tokens, place)
            follows = end < len(tokens) and tokens[end].token_type in _TAILS
            if follows or (place and tokens[place - 1].token_type is TokenType.ALIAS):
                opened.add(place)
                closed.add(end)
    result: list[Token] = []
    for place in range(len(tokens) + 1):
        if place in closed:
            result.append(_like(tokens[place - 1], TokenType.R_PAREN, ")"))
        if place in opened:
            words = ((TokenType.SELECT, "select"), (TokenType.STAR, "*"), (TokenType.FROM, "from"))
            result += [_like(tokens[place], kind, text) for kind, text in (*words, (TokenType.L_PAREN, "("))]
        result += tokens[place : place + 1]
    return result


def _end(tokens: list[Token], start: int) -> int:
    """Return the place of the first token behind a PIVOT: its ORDER BY, or what ends the query."""
    depth = 0
    for place in range(start, len(tokens)):
        kind = tokens[place].token_type
        if depth == 0 and kind in (*_TAILS, *_ENDS):
            return place
        depth += (kind is TokenType.L_PAREN) - (kind is TokenType.R_PAREN)
    return len(tokens)


def _like(token: Token, kind: TokenType, text: str) -> Token:
    return Token(kind, text, token.line, token.col, token.start, token.end)
