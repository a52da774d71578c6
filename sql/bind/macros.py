"""Macros: expressions and queries with parameters, put in the place of their calls before anything is bound.

Users' macros are registered with the session by CREATE MACRO; Volley's own, which save a kernel where functions can be
said by others, are in ``own_macros``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from sqlglot import exp

from ...engine.frame.registered import Role
from ...engine.records import dataclass
from ..parse import SqlText, parse
from ..trees import parts_of
from .arguments import arguments
from .naming import WRITTEN_AS, default_name
from .own_macros import own_macro, own_macro_names
from .statement import Statement

_DEEPEST = 60
_OF_NAMES = ("query", "query_table")
"""Functions in FROM that stand for the query in a text, or for the tables of some names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Macro:
    """One form of a macro.

    Attributes
    ----------
    parameters
        Lower-case names, in order.
    defaults
        Values of the parameters that a call may leave out.
    body
        An expression, or a query for a macro that stands in FROM.
    in_from
        Whether calls stand in FROM.
    """

    parameters: tuple[str, ...]
    defaults: Mapping[str, exp.Expr] = field(default_factory=dict)
    body: exp.Expr
    in_from: bool = False


def expanded(statement: Statement, tree: exp.Expr) -> None:
    """Replace the calls of macros in a tree, and mark those of users' aggregates, which look like other functions."""
    calls = [(node, 0) for node in _calls(tree)]
    while calls:
        node, depth = calls.pop()
        name = str(node.name) if isinstance(node, exp.Anonymous) else node.sql_name().lower()
        found = statement.catalogue.registered(name)
        if found is not None and found.role is Role.AGGREGATE:
            made = exp.AnonymousAggFunc(this=name, expressions=node.expressions)
            made.meta.update(node.meta)
            node.replace(made)
            continue
        forms: Sequence[Macro] = found.value if found is not None and found.role is Role.MACRO else ()
        if found is None:
            forms = [Macro(parameters=p, body=body, in_from=f) for p, body, f in own_macro(name.lower())]
        if not forms and name.lower() in _OF_NAMES and _in_from(node):
            forms = [Macro(parameters=("of__",), body=_of_name(statement, node, name.lower()), in_from=True)]
        if not forms:
            continue
        if depth >= _DEEPEST:
            raise statement.source.error(node, f"the macro {name!r} calls itself; it cannot be expanded")
        put = _expanded(statement, node, name, forms)
        calls.extend((inner, depth + 1) for inner in _calls(put))


def _calls(tree: exp.Expr) -> list[exp.Func]:
    """Return the calls of functions that the parser does not know, or knows and Volley says by others."""
    own = own_macro_names()
    functions = [part for part in parts_of(tree) if isinstance(part, exp.Func)]
    return [f for f in functions if isinstance(f, exp.Anonymous) or f.sql_name().lower() in own]


def _expanded(statement: Statement, node: exp.Func, name: str, forms: Sequence[Macro]) -> exp.Expr:
    """Put the body of a macro in the place of its call and return it."""
    positional, named = _arguments(node)
    in_from = _in_from(node)
    count = len(positional) + len(named)
    fitting = [form for form in forms if len(form.parameters) - len(form.defaults) <= count <= len(form.parameters)]
    if not fitting:
        wanted = " or ".join(f"{name}({', '.join(form.parameters)})" for form in forms)
        raise statement.source.error(node, f"{name} takes other arguments: {wanted}")
    macro = fitting[0]
    if macro.in_from != in_from:
        place = "in FROM" if macro.in_from else "in an expression"
        raise statement.source.error(node, f"the macro {name!r} stands {place}")
    values = {**macro.defaults, **dict(zip(macro.parameters, positional, strict=False)), **named}
    missing = [parameter for parameter in macro.parameters if parameter not in values]
    unknown = [parameter for parameter in named if parameter not in macro.parameters]
    if missing or unknown:
        said = f"has no parameter {unknown[0]!r}" if unknown else f"needs a value for {missing[0]!r}"
        raise statement.source.error(node, f"the macro {name!r} {said}")
    body = substituted(macro.body, values)
    if in_from:
        table = node.parent
        assert isinstance(table, exp.Table)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
        rest = {key: table.args.get(key) for key in ("joins", "pivots", "sample")}
        made: exp.Expr = exp.Subquery(this=body, alias=alias, **rest)
        table.replace(made)
        return made
    made = exp.Paren(this=body)
    made.meta.update(node.meta)
    made.meta[WRITTEN_AS] = default_name(node)
    node.replace(made)
    return made


def _in_from(node: exp.Expr) -> bool:
    return isinstance(node.parent, exp.Table) and node.arg_key == "this"


def _of_name(statement: Statement, node: exp.Func, name: str) -> exp.Expr:
    """Return the query that ``query('…')`` or ``query_table('…')`` stands for."""
    (argument, *_) = arguments(node) or [exp.Null()]
    while isinstance(argument, exp.Paren):
        argument = argument.this
    items = argument.expressions if isinstance(argument, exp.Array) and name == "query_table" else [argument]
    texts = [_text(statement, item) for item in items]
    if not texts or None in texts:
        what = "the text of a query" if name == "query" else "a quoted name, or a list of them"
        raise statement.source.error(node, f"{name} takes {what}")
    if name == "query":
        return parse(SqlText(text=str(texts[0]), dialect=statement.source.dialect))
    made: exp.Expr | None = None
    for text in texts:
        parts = [exp.to_identifier(part, quoted=True) for part in str(text).split(".")]
        table = exp.Table(this=parts[-1], db=parts[-2] if len(parts) > 1 else None)
        one = exp.Select(expressions=[exp.Star()], from_=exp.From(this=table))
        made = one if made is None else exp.Union(this=made, expression=one, by_name=True, distinct=False)
    assert made is not None
    return made


def _text(statement: Statement, node: exp.Expr) -> str | None:
    """Return a constant text, or the text that a parameter has."""
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    value = (
        statement.parameter(node, str(node.name)).value if isinstance(node, exp.Parameter | exp.Placeholder) else None
    )
    return value if isinstance(value, str) else None


def _arguments(node: exp.Func) -> tuple[list[exp.Expr], dict[str, exp.Expr]]:
    positional, named = [], {}
    for arg in arguments(node):
        if isinstance(arg, exp.PropertyEQ | exp.Kwarg):
            named[str(arg.this.name).lower()] = arg.expression
        else:
            positional.append(arg)
    return positional, named


def substituted(body: exp.Expr, values: Mapping[str, exp.Expr]) -> exp.Expr:
    """Return a copy of a body with values in the place of its parameters; it has no place in the text."""
    copied = body.copy()
    for part in copied.walk():
        part.meta.clear()
    for column in list(copied.find_all(exp.Column)):
        parts = list(column.parts)
        value = values.get(str(parts[0].name).lower())
        if value is None or isinstance(parts[0], exp.Star):
            continue
        made: exp.Expr = exp.Paren(this=value.copy()) if _compound(value) else value.copy()
        for part in parts[1:]:
            made = exp.Dot(this=made, expression=part.copy())
        if column is copied:
            return made
        column.replace(made)
    return copied


def _compound(value: exp.Expr) -> bool:
    return not isinstance(value, exp.Literal | exp.Column | exp.Func | exp.Paren | exp.Boolean | exp.Null | exp.Lambda)
