"""Statements that the parser does not know, found by their first words: transactions, PREPARE, SHOW, USE, CALL."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import suggestion
from ..engine.frame import DataFrame, Session
from .information import CATALOGUE, all_tables
from .parse import SqlText, from_offset, parse
from .state import MAIN, State, begin, commit, rollback, state_of
from .tables import done, table
from .type_names import create_type, drop_type

Parameters = Mapping[str, Any] | Sequence[Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a command may use: ``run`` runs another text, ``value`` evaluates an expression of this one."""

    source: SqlText
    session: Session
    run: Callable[[SqlText, Parameters], DataFrame]
    value: Callable[[exp.Expr], Any]

    @property
    def state(self) -> State:
        """What SQL keeps in the session."""
        return state_of(self.session)


def command(context: Context) -> DataFrame | None:
    """Run the statement if it is a command; None where it is another one."""
    text = re.sub(r"^(\s|--[^\n]*(\n|$)|/\*.*?\*/)+", "", context.source.text, flags=re.DOTALL)
    shift = len(context.source.text) - len(text)
    for form, handler in _COMMANDS:
        match = form.fullmatch(text)
        if match:
            return handler(context, match, shift)
    return None


# --- transactions


def _transaction(word: str, run: Callable[[Session], None]) -> Callable[[Context, re.Match[str], int], DataFrame]:
    def handler(context: Context, _match: re.Match[str], _shift: int) -> DataFrame:
        run(context.session)
        return done(context.session, ("transaction", word))

    return handler


def _nothing(context: Context, match: re.Match[str], _shift: int) -> DataFrame:
    """Say that nothing is to be done: tables are kept whole, and their statistics are exact."""
    return done(context.session, (match[1].lower(), "nothing to do"))


# --- prepared statements


def _prepare(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    context.state.prepared[match[1].lower()] = from_offset(context.source, shift + match.start(2), shift + match.end(2))
    return done(context.session, (match[1], "prepared"))


def _execute(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    prepared = context.state.prepared
    name = match[1].lower()
    if name not in prepared:
        hint = suggestion(name, prepared) if prepared else "; prepare one first"
        raise context.source.error_at(shift + match.start(1), f"unknown prepared statement {match[1]!r}{hint}")
    given = (match[2] or "").strip()
    if not given:
        return context.run(prepared[name], None)
    inner = from_offset(context.source, shift + match.start(2), shift + match.end(2), before="select ")
    values: list[Any] = []
    named: dict[str, Any] = {}
    for item in parse(inner).expressions:
        if isinstance(item, exp.PropertyEQ | exp.Kwarg | exp.EQ):
            named[str(item.this.name)] = context.value(item.expression)
        else:
            values.append(context.value(item))
    return context.run(prepared[name], named or values)


def _deallocate(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    prepared, name = context.state.prepared, match[1].lower()
    if prepared.pop(name, None) is None:
        hint = suggestion(name, prepared) if prepared else ""
        raise context.source.error_at(shift + match.start(1), f"unknown prepared statement {match[1]!r}{hint}")
    return done(context.session, (match[1], "forgotten"))


# --- schemas and what there is


def _use(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    wanted = match[1].strip("\"'").lower()
    wanted = MAIN if wanted in (CATALOGUE, MAIN) else wanted.removeprefix(f"{CATALOGUE}.")
    found = next((name for name in context.state.schemas if name.lower() == wanted), None)
    if found is None:
        hint = suggestion(wanted, context.state.schemas)
        raise context.source.error_at(shift + match.start(1), f"unknown schema {match[1]!r}{hint}")
    context.state.schema = found
    return done(context.session, (found, "in use"))


def _show_databases(context: Context, _match: re.Match[str], _shift: int) -> DataFrame:
    return table(context.session, {"database_name": dtypes.string}, [(CATALOGUE,)])


def _show_schemas(context: Context, _match: re.Match[str], _shift: int) -> DataFrame:
    kinds = {"database_name": dtypes.string, "schema_name": dtypes.string, "current": dtypes.bool_}
    rows = [(CATALOGUE, name, name == context.state.schema) for name in context.state.schemas]
    return table(context.session, kinds, rows)


def _show_all(context: Context, _match: re.Match[str], _shift: int) -> DataFrame:
    return all_tables(context.session)


def _show_table(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    return context.run(from_offset(context.source, shift + match.start(1), before="describe "), None)


def _call(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    return context.run(from_offset(context.source, shift + match.start(1), before="from "), None)


def _reset_variable(context: Context, match: re.Match[str], _shift: int) -> DataFrame:
    context.state.variables.pop(match[1].lower(), None)
    return done(context.session, (match[1], "reset"))


def _create_type(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    return done(context.session, create_type(context.source, context.state.types, match, shift))


def _drop_type(context: Context, match: re.Match[str], shift: int) -> DataFrame:
    return done(context.session, drop_type(context.source, context.state.types, match, shift))


_NAME = r"\w+|\"[^\"]+\""
_END = r"\s*;?\s*"
_COMMANDS: tuple[tuple[re.Pattern[str], Callable[[Context, re.Match[str], int], DataFrame]], ...] = tuple(
    (re.compile(pattern + _END, re.IGNORECASE | re.DOTALL), handler)
    for pattern, handler in (
        (r"(?:begin|start)(?:\s+transaction)?(?:\s+read\s+(?:only|write))?", _transaction("begun", begin)),
        (r"(?:commit|end)(?:\s+transaction)?", _transaction("committed", commit)),
        (r"(?:rollback|abort)(?:\s+transaction)?", _transaction("rolled back", rollback)),
        (r"(checkpoint|force\s+checkpoint|vacuum|analyze|vacuum\s+analyze)(?:\s+\w+)?", _nothing),
        (r"prepare\s+(\w+)\s+as\s+(.*?)", _prepare),
        (r"execute\s+(\w+)\s*(?:\((.*)\))?", _execute),
        (r"deallocate\s+(?:prepare\s+)?(\w+)", _deallocate),
        (r"use\s+(\w+(?:\.\w+)?|\"[^\"]+\")", _use),
        (r"set\s+(?:schema|search_path)\s*=?\s*('[^']+'|\w+)", _use),
        (r"show\s+databases", _show_databases),
        (r"show\s+schemas", _show_schemas),
        (r"show\s+all\s+tables", _show_all),
        (r"show\s+(?!tables\b|models\b|all\b)(?:table\s+)?(\w+|\"[^\"]+\")", _show_table),
        (r"call\s+(\w+\s*\(.*\))", _call),
        (r"reset\s+variable\s+(\w+)", _reset_variable),
        (rf"create\s+(or\s+replace\s+)?type\s+(if\s+not\s+exists\s+)?({_NAME})\s+as\s+(.*?)", _create_type),
        (rf"drop\s+type\s+(if\s+exists\s+)?({_NAME})(?:\s+(?:cascade|restrict))?", _drop_type),
    )
)
