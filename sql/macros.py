"""CREATE MACRO and DROP MACRO, whose parameters with defaults the parser does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlglot import exp
from sqlglot.tokenizer_core import Token, TokenType

from ..engine.errors import suggestion
from ..engine.frame import DataFrame, Session
from ..engine.frame.registered import Registered, Role
from .bind.macros import Macro
from .parse import SqlText, from_offset, parse, tokens_of
from .tables import done

_CREATE = re.compile(
    r"\s*create\s+(or\s+replace\s+)?(?:temp\s+|temporary\s+)?(?:macro|function)\s+(if\s+not\s+exists\s+)?"
    r"(?:main\s*\.\s*)?",
    re.IGNORECASE,
)
_DROP = re.compile(
    r"\s*drop\s+(?:macro|function)\s+(?:table\s+)?(if\s+exists\s+)?(?:main\s*\.\s*)?(\w+)\s*(?:cascade|restrict)?\s*;?\s*",
    re.IGNORECASE,
)
_SHAPE = "write it like: create macro twice(x) as 2 * x"


def macro_statement(source: SqlText, session: Session) -> DataFrame | None:
    """Run a statement about macros; None where the text is another one."""
    dropped = _DROP.fullmatch(source.text)
    if dropped:
        return _drop(source, session, dropped)
    created = _CREATE.match(source.text)
    return None if created is None else _create(source, session, created)


def _known(session: Session, name: str) -> str | None:
    return next((key for key in session.registered if key.lower() == name.lower()), None)


def _drop(source: SqlText, session: Session, match: re.Match[str]) -> DataFrame:
    name = match[2]
    known = _known(session, name)
    if known is None or session.registered[known].role is not Role.MACRO:
        if not match[1]:
            names = [n for n, r in session.registered.items() if r.role is Role.MACRO]
            hint = suggestion(name, names) if names else "; none is there"
            raise source.error_at(match.start(2), f"unknown macro {name!r}{hint}")
        known = None
    if known is not None:
        del session.registered[known]
    return done(session, (known or name, "not there" if known is None else "dropped"))


def _create(source: SqlText, session: Session, match: re.Match[str]) -> DataFrame:
    tokens = [token for token in tokens_of(source) if token.start >= match.end()]
    while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
        tokens.pop()
    if len(tokens) < 2:
        raise source.error_at(match.start(), f"a macro needs a name and parameters; {_SHAPE}")
    name = tokens[0].text
    known = _known(session, name)
    if known is not None and match[2]:
        return done(session, (known, "exists already"))
    if known is not None and not match[1]:
        raise source.error_at(tokens[0].start, f"{known!r} exists already; write create or replace macro")
    forms = []
    rest: Sequence[Token] = tokens[1:]
    while rest:
        form, rest = _form(source, rest)
        forms.append(form)
        if rest:
            rest = rest[1:]  # the comma
    if known is not None:
        del session.registered[known]
    session.registered[name] = Registered(Role.MACRO, tuple(forms))
    return done(session, (name, "macro created"))


def _form(source: SqlText, tokens: Sequence[Token]) -> tuple[Macro, Sequence[Token]]:
    """Return one form ``(parameters) AS body`` and the tokens behind it."""
    closing = _closing(source, tokens)
    parameters: list[str] = []
    defaults: dict[str, exp.Expr] = {}
    for part in _split(tokens[1:closing]):
        name = part[0].text.lower()
        if name in parameters:
            raise source.error_at(part[0].start, f"parameter {name!r} is given twice")
        parameters.append(name)
        if len(part) > 1:
            if part[1].token_type is not TokenType.COLON_EQ or len(part) < 3:
                raise source.error_at(part[1].start, f"after a parameter comes its default, as in {name} := 1")
            defaults[name] = _expression(source, part[2].start, part[-1].end + 1)
    tokens = tokens[closing + 1 :]
    if not tokens or tokens[0].text.lower() != "as" or len(tokens) < 2:
        raise source.error_at(
            tokens[0].start if tokens else len(source.text) - 1, f"AS and a body are missing; {_SHAPE}"
        )
    tokens = tokens[1:]
    is_table = tokens[0].text.lower() == "table"
    body = _split(tokens, at_most=1)[0]
    if is_table:
        end = tokens[-1].end + 1  # a query may have commas of its own
        inner = from_offset(source, tokens[0].end + 1, end)
        return Macro(parameters=tuple(parameters), defaults=defaults, body=parse(inner), in_from=True), []
    made = _expression(source, body[0].start, body[-1].end + 1)
    return Macro(parameters=tuple(parameters), defaults=defaults, body=made), tokens[len(body) :]


def _expression(source: SqlText, start: int, end: int) -> exp.Expr:
    """Return what an expression of the text means; its errors show their place."""
    inner = from_offset(source, start, end, before="select ")
    found = parse(inner)
    if not isinstance(found, exp.Select) or len(found.expressions) != 1:
        raise source.error_at(start, f"the body of a macro is one expression, or TABLE and a query; {_SHAPE}")
    made: exp.Expr = found.expressions[0]
    return made


def _closing(source: SqlText, tokens: Sequence[Token]) -> int:
    """Return the place of the parenthesis that closes the one at the beginning."""
    depth = 0
    for place, token in enumerate(tokens):
        depth += (token.token_type is TokenType.L_PAREN) - (token.token_type is TokenType.R_PAREN)
        if depth == 0 and place > 0:
            return place
        if depth == 0:
            break
    raise source.error_at(tokens[0].start, f"the parameters of a macro stand in parentheses; {_SHAPE}")


_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)


def _split(tokens: Sequence[Token], at_most: int | None = None) -> list[Sequence[Token]]:
    """Return the pieces between commas that stand in no brackets."""
    pieces: list[Sequence[Token]] = []
    depth, begun = 0, 0
    for place, token in enumerate(tokens):
        depth += (token.token_type in _OPENING) - (token.token_type in _CLOSING)
        if depth == 0 and token.token_type is TokenType.COMMA and (at_most is None or len(pieces) < at_most):
            pieces.append(tokens[begun:place])
            begun = place + 1
    return [piece for piece in (*pieces, tokens[begun:]) if piece]
