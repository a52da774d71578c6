"""Values that a statement takes from the session when it is bound: numbers of sequences, variables, settings."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from ..engine.errors import ExecutionError, suggestion
from ..engine.frame import DataFrame, Session
from .bind.naming import WRITTEN_AS
from .parse import SqlText
from .state import Sequence, state_of
from .tables import done

_ASKED = re.compile(r"\b(nextval|currval|getvariable|current_setting)\b", re.IGNORECASE)


def asks_session(source: SqlText, session: Session, tree: exp.Expr) -> bool:
    """Return whether a statement may read what `taken` gives: its text calls it, or a rule of a table put into it."""
    return bool(_ASKED.search(source.text)) or (bool(session.rules) and _calls_sequence(tree))


def _calls_sequence(tree: exp.Expr) -> bool:
    return any(str(node.name).lower() == "nextval" for node in tree.find_all(exp.Anonymous))


def taken(source: SqlText, session: Session, tree: exp.Expr) -> tuple[exp.Expr, Callable[[int], None] | None]:
    """Return a query with values of the session in the place of calls.

    Where a query gives each of its rows a number, the second says so to the sequence, given the number of rows.
    """
    tree = tree.copy()
    after: list[tuple[Sequence, str]] = []
    for node in list(tree.find_all(exp.Anonymous)):
        name = str(node.name).lower()
        if name not in ("nextval", "currval", "getvariable", "current_setting"):
            continue
        argument = node.expressions[0] if len(node.expressions) == 1 else None
        if not isinstance(argument, exp.Literal) or not argument.is_string:
            raise source.error(node, f"{name} takes a quoted name")
        made = _value(source, session, tree, node, name, str(argument.this), after)
        made.meta.update(node.meta)
        made.meta[WRITTEN_AS] = f"{name}('{argument.this}')"
        if node is tree:
            return made, None
        node.replace(made)
    if not after:
        return tree, None

    def finish(rows: int) -> None:
        for sequence, called in after:
            sequence.skip(called, rows)

    return tree, finish


def _value(
    source: SqlText,
    session: Session,
    tree: exp.Expr,
    node: exp.Expr,
    name: str,
    argument: str,
    after: list[tuple[Sequence, str]],
) -> exp.Expr:
    if name == "getvariable":
        return _constant(source, node, state_of(session).variables.get(argument.lower()))
    if name == "current_setting":
        return _constant(source, node, _setting(source, session, node, argument))
    sequence = _sequence(source, session, node, argument)
    if name == "currval":
        if sequence.last is None:
            raise ExecutionError(f"the sequence {argument!r} has given no number yet; call nextval first")
        return exp.Paren(this=exp.Literal.number(sequence.last))
    select = node.find_ancestor(exp.Select)
    if select is None or select.args.get("from_") is None:
        return exp.Paren(this=exp.Literal.number(sequence.next(argument)))
    plain = not any(select.args.get(key) for key in ("group", "distinct", "limit", "offset", "qualify", "having"))
    if select is not tree or not plain:
        raise source.unsupported(node, "nextval in a nested query, or with GROUP BY, DISTINCT or LIMIT")
    after.append((sequence, argument))
    number = exp.Window(this=exp.RowNumber())
    steps = exp.Mul(this=exp.Sub(this=number, expression=exp.Literal.number(1)), expression=_whole(sequence.increment))
    return exp.Paren(this=exp.Add(this=_whole(sequence.following), expression=steps))


def _whole(number: int) -> exp.Expr:
    made = exp.Literal.number(abs(number))
    return made if number >= 0 else exp.Paren(this=exp.Neg(this=made))


def _constant(source: SqlText, node: exp.Expr, value: Any) -> exp.Expr:
    if value is None or isinstance(value, bool | str):
        return exp.convert(value)
    if isinstance(value, int | Decimal):
        number = exp.Literal.number(str(abs(value)))
        return number if value >= 0 else exp.Paren(this=exp.Neg(this=number))
    if isinstance(value, float):
        return exp.cast(exp.Literal.string(repr(value)), "double", dialect="duckdb")
    if isinstance(value, dt.datetime):
        return exp.cast(exp.Literal.string(str(value)), "timestamptz" if value.tzinfo else "timestamp")
    if isinstance(value, dt.date):
        return exp.cast(exp.Literal.string(str(value)), "date")
    if isinstance(value, list):
        return exp.Array(expressions=[_constant(source, node, item) for item in value])
    raise source.unsupported(node, f"a variable that holds a {type(value).__name__}")


def _setting(source: SqlText, session: Session, node: exp.Expr, name: str) -> Any:
    known = {"threads": session.threads, "memory_limit": session.memory_limit, "timezone": "UTC"}
    known["spill_dir"] = session.spill_dir
    known["schema"] = state_of(session).schema
    known |= {"recursion_limit": session.recursion_limit, **session.options}
    if name.lower() not in known:
        raise source.error(node, f"unknown setting {name!r}{suggestion(name, known)}")
    return known[name.lower()]


def _sequence(source: SqlText, session: Session, node: exp.Expr, name: str) -> Sequence:
    sequences = state_of(session).sequences
    plain = name.strip('"').lower().removeprefix("main.")
    if plain not in sequences:
        hint = suggestion(plain, sequences) if sequences else "; create one with create sequence"
        raise source.error(node, f"unknown sequence {name!r}{hint}")
    return sequences[plain]


# --- statements


def create_sequence(source: SqlText, session: Session, node: exp.Create) -> DataFrame:
    """Make a sequence."""
    name, sequences = str(node.this.name).lower(), state_of(session).sequences
    if name in sequences and node.args.get("exists"):
        return done(session, (name, "exists already"))
    if name in sequences and not node.args.get("replace"):
        raise source.error(node.this, f"the sequence {name!r} exists already; write create or replace sequence")
    stated: dict[str, Any] = {}
    for part in (node.args.get("properties") or exp.Properties()).expressions:
        if isinstance(part, exp.SequenceProperties):
            stated.update({key: value for key, value in part.args.items() if value is not None})
    options = [
        option.sql().upper() if isinstance(option, exp.Expr) else str(option) for option in stated.get("options") or []
    ]
    increment = _number(source, stated.get("increment"), 1)
    if increment == 0:
        raise source.error(node.this, "the step of a sequence must not be 0")
    least = _number(source, stated.get("minvalue"), 1 if increment > 0 else -(2**63))
    most = _number(source, stated.get("maxvalue"), 2**63 - 1 if increment > 0 else -1)
    start = _number(source, stated.get("start"), least if increment > 0 else most)
    if not least <= start <= most:
        raise source.error(node.this, f"a sequence starts between {least} and {most}, not at {start}")
    sequences[name] = Sequence(start=start, increment=increment, least=least, most=most, cycle="CYCLE" in options)
    return done(session, (name, "sequence created"))


def _number(source: SqlText, node: Any, default: int) -> int:
    if node is None:
        return default
    sign = -1 if isinstance(node, exp.Neg) else 1
    inner = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(inner, exp.Literal) or inner.is_string:
        raise source.error(node if isinstance(node, exp.Expr) else None, "a sequence takes whole numbers")
    return sign * int(str(inner.this))


def drop_sequence(source: SqlText, session: Session, node: exp.Drop) -> DataFrame:
    """Forget sequences."""
    sequences, said = state_of(session).sequences, []
    for target in node.args.get("tables") or []:
        name = str(target.name).lower()
        found = sequences.pop(name, None)
        if found is None and not node.args.get("exists"):
            hint = suggestion(name, sequences) if sequences else ""
            raise source.error(target, f"unknown sequence {name!r}{hint}")
        said.append((name, "not there" if found is None else "dropped"))
    return done(session, *said)
