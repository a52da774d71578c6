"""Functions called behind a dot: ``x.upper()`` is written as ``upper(x)`` before the parser reads it.

The parser takes such calls for fields of a struct, and what stands before the dot for bare words.
"""

from __future__ import annotations

from sqlglot.tokenizer_core import Token, TokenType

_SCHEMAS = ("main", "pg_catalog", "system")
"""Where DuckDB keeps its functions; a function is called the same with one of them before it."""
_OPENING = {
    TokenType.R_PAREN: TokenType.L_PAREN,
    TokenType.R_BRACKET: TokenType.L_BRACKET,
    TokenType.R_BRACE: TokenType.L_BRACE,
    TokenType.END: TokenType.CASE,
}
_CONSTANTS = (
    TokenType.STRING,
    TokenType.RAW_STRING,
    TokenType.HEREDOC_STRING,
    TokenType.HEX_STRING,
    TokenType.NUMBER,
    TokenType.PARAMETER,
)
_NO_FUNCTION = frozenset(
    {
        "all", "and", "any", "as", "between", "by", "case", "distinct", "else", "except", "filter", "from", "having",
        "ilike", "in", "intersect", "is", "join", "like", "limit", "not", "offset", "on", "or", "over", "qualify",
        "return", "returning", "select", "some", "then", "union", "using", "values", "when", "where", "with",
    }
)  # fmt: skip
"""Words before a parenthesis that do not call it."""
_BEFORE_TABLES = frozenset(
    {
        "copy", "describe", "exists", "from", "function", "index", "into", "join", "macro", "references", "table",
        "update", "using", "view",
    }
)  # fmt: skip
"""Words behind which a name with a dot is one of a table, or of a function of tables, and no value."""


def with_chains(tokens: list[Token]) -> list[Token]:
    """Return the tokens of a statement with what stands before ``.f(`` as the first argument of ``f``."""
    place = 0
    while (found := _next_call(tokens, place)) is not None:
        start = _start(tokens, found - 1)
        if start is None or _names_table(tokens, start):
            place = found + 1
            continue
        operand, name = tokens[start:found], tokens[found + 1]
        opening, behind = tokens[found + 2], tokens[found + 3 :]
        comma = [Token(TokenType.COMMA, ",", name.line, name.col, name.start, name.end)]
        if len(operand) == 1 and operand[0].text.lower() in _SCHEMAS:
            operand, comma = [], []
        elif behind and behind[0].token_type is TokenType.R_PAREN:
            comma = []
        tokens = [*tokens[:start], name, opening, *operand, *comma, *behind]
        place = start
    return tokens


def _next_call(tokens: list[Token], place: int) -> int | None:
    """Return the place of the next dot that a word and a parenthesis follow."""
    for at in range(max(place, 1), len(tokens) - 2):
        if tokens[at].token_type is TokenType.DOT and tokens[at + 2].token_type is TokenType.L_PAREN:
            return at
    return None


def _names_table(tokens: list[Token], start: int) -> bool:
    before = tokens[start - 1].text.lower() if start else ""
    return before in _BEFORE_TABLES or (before == "on" and tokens[0].text.lower() == "create")


def _start(tokens: list[Token], place: int) -> int | None:
    """Return where the value begins that ends at a place; None where no value ends there."""
    while True:
        token = tokens[place]
        before = tokens[place - 1] if place else None
        opening = _OPENING.get(token.token_type)
        if opening is not None:
            matching = _matching(tokens, place, opening)
            if matching is None:
                return None
            place, before = matching, tokens[matching - 1] if matching else None
            if token.token_type is TokenType.R_PAREN and before is not None and _calls(before):
                place -= 1
                before = tokens[place - 1] if place else None
            elif token.token_type is TokenType.R_BRACKET and before is not None and _ends_value(before):
                place -= 1  # an element of it
                continue
            elif token.token_type is TokenType.R_BRACE and before is not None and before.text.lower() == "map":
                return place - 1
        elif token.token_type in _CONSTANTS:
            parameter = before is not None and before.token_type is TokenType.PARAMETER
            return place - 1 if parameter else place
        elif not _is_name(token):
            return None
        if before is None or before.token_type is not TokenType.DOT:
            parameter = before is not None and before.token_type is TokenType.PARAMETER
            return place - 1 if parameter else place
        place -= 2


def _matching(tokens: list[Token], place: int, opening: TokenType) -> int | None:
    closing, depth = tokens[place].token_type, 0
    for at in range(place, -1, -1):
        depth += (tokens[at].token_type is closing) - (tokens[at].token_type is opening)
        if depth == 0:
            return at
    return None


def _is_name(token: Token) -> bool:
    return token.token_type is TokenType.IDENTIFIER or token.text.replace("_", "a").isalnum()


def _calls(token: Token) -> bool:
    return _is_name(token) and token.token_type not in _CONSTANTS and token.text.lower() not in _NO_FUNCTION


def _ends_value(token: Token) -> bool:
    return token.token_type in (*_OPENING, *_CONSTANTS) or _calls(token)
