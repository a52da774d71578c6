"""CREATE MODEL, SHOW MODELS and DROP MODEL, which the parser does not know."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import ConfigError, UnsupportedOperation, suggestion
from ..engine.frame import DataFrame, Session
from ..engine.frame.registered import Registered, Role, models
from .parse import SqlText, from_offset, parse
from .tables import done, table

Query = Callable[[SqlText, exp.Expr], DataFrame]

_CREATE = re.compile(r"\s*create\s+(or\s+replace\s+)?model\s+(if\s+not\s+exists\s+)?", re.IGNORECASE)
_DROP = re.compile(r"\s*drop\s+model\s+(if\s+exists\s+)?", re.IGNORECASE)
_SHOW = re.compile(r"\s*show\s+models\s*;?\s*", re.IGNORECASE)
_NAME = re.compile(r'(\w+|"[^"]+")')
_SHAPE = "write it like: create model m options (type = 'logistic_regression', label = 'y') as select …"


def model_statement(source: SqlText, session: Session, query: Query) -> DataFrame | None:
    """Run a statement about models; None where the text is another one. ``query`` binds a query of a text."""
    text = source.text
    if _SHOW.fullmatch(text):
        found = [(n, str(r.value.name)) for n, r in sorted(session.registered.items()) if r.role is Role.MODEL]
        return table(session, {"name": dtypes.string, "model": dtypes.string}, found)
    dropped = _DROP.match(text)
    if dropped:
        return _drop(source, session, dropped)
    created = _CREATE.match(text)
    return None if created is None else _create(source, session, created, query)


def _drop(source: SqlText, session: Session, match: re.Match[str]) -> DataFrame:
    name, end = _named(source, match.end())
    if source.text[end:].strip(" \n\t;"):
        raise source.error_at(end, "DROP MODEL takes one name")
    known = _known(session, name)
    if known is None and not match[1]:
        names = [n for n, r in session.registered.items() if r.role is Role.MODEL]
        hint = suggestion(name, names) if names else "; none is registered"
        raise source.error_at(match.end(), f"unknown model {name!r}{hint}")
    if known is not None:
        session.unregister(known)
    return done(session, (known or name, "not there" if known is None else "dropped"))


def _create(source: SqlText, session: Session, match: re.Match[str], query: Query) -> DataFrame:
    name, end = _named(source, match.end())
    known = _known(session, name)
    if known is not None and match[2]:
        return done(session, (known, "exists already"))
    if known is not None and not match[1]:
        raise source.error_at(match.end(), f"the model {known!r} exists already; write create or replace model")
    options, end = _options(source, end)
    begun = re.match(r"\s*as\b", source.text[end:], re.IGNORECASE)
    if begun is None:
        raise source.error_at(end, f"AS and a query are missing; {_SHAPE}")
    inner = from_offset(source, end + begun.end())
    frame = query(inner, parse(inner))
    try:
        model = models().train(frame, options)
    except ConfigError as error:
        raise source.error_at(match.end(), str(error)) from error
    if known is not None:
        session.unregister(known)
    session.registered[name] = Registered(Role.MODEL, model)
    return done(session, (name, "model created"))


def _options(source: SqlText, start: int) -> tuple[dict[str, Any], int]:
    """Return what stands in OPTIONS (…), and where it ends."""
    begun = re.match(r"\s*options\s*\(", source.text[start:], re.IGNORECASE)
    if begun is None:
        raise source.error_at(start, f"OPTIONS (…) is missing; {_SHAPE}")
    opened = start + begun.end()
    end = _closing(source, opened)
    tree = parse(SqlText(text=f"select f({source.text[opened:end]})", dialect=source.dialect))
    options: dict[str, Any] = {}
    for item in tree.expressions[0].expressions:
        if not isinstance(item, exp.EQ | exp.PropertyEQ):
            raise source.error_at(opened, f"an option is written like label = 'y', not {item.sql()}")
        options[str(item.this.name).lower()] = _value(item.expression)
    return options, end + 1


def _closing(source: SqlText, opened: int) -> int:
    depth, quoted = 1, False
    for place in range(opened, len(source.text)):
        sign = source.text[place]
        quoted = quoted != (sign == "'")
        depth += 0 if quoted else (sign == "(") - (sign == ")")
        if not depth:
            return place
    raise source.error_at(opened - 1, "OPTIONS ( has no end; close it with )")


def _value(node: exp.Expr) -> Any:
    if isinstance(node, exp.Array | exp.Tuple):
        return [_value(item) for item in node.expressions]
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Neg):
        return -_value(node.this)
    if isinstance(node, exp.Literal):
        text = str(node.this)
        return text if node.is_string else int(text) if text.isdigit() else float(text)
    if isinstance(node, exp.Column) and not node.table:
        return str(node.name)
    raise UnsupportedOperation(
        f"an option of a model is a text, a number, true, false or a list of them, not {node.sql()}"
    )


def _named(source: SqlText, start: int) -> tuple[str, int]:
    match = _NAME.match(source.text, start)
    if match is None:
        raise source.error_at(min(start, max(len(source.text) - 1, 0)), f"the name of the model is missing; {_SHAPE}")
    return match[1].strip('"'), match.end()


def _known(session: Session, name: str) -> str | None:
    found = (n for n, r in session.registered.items() if r.role is Role.MODEL and n.lower() == name.lower())
    return next(found, None)
