"""Which columns ``COLUMNS(…)`` and ``* LIKE …`` choose, and the expression that stands for each of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlglot import exp

from ...engine.errors import suggestion
from ...engine.expr import Expr, Literal
from ...engine.records import dataclass
from ..trees import holds
from .operands import unwrapped
from .scope import Scope, ScopeColumn
from .statement import Statement

_ON_STAR = exp.Like | exp.ILike | exp.SimilarTo | exp.Glob | exp.RegexpLike
BOUND = "volley_column"
"""Key in a node's meta under which a column stands that has been resolved already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A column chosen, the name under which ``*`` gives it, and the groups that a pattern found in it."""

    column: ScopeColumn
    name: str
    groups: tuple[str, ...]
    replaced: exp.Expr | None = None


def chooses_columns(node: exp.Expr) -> bool:
    """Whether an expression stands for one expression for each of some columns."""
    return is_star_pattern(node) or holds(node, exp.Columns)


def is_star_pattern(node: exp.Expr) -> bool:
    """Whether this is ``* LIKE …`` or its like: the columns whose names pass a test."""
    inner = node.this if isinstance(node, exp.Not) else node
    return isinstance(inner, _ON_STAR) and _star_of(inner.this) is not None


def _star_of(node: exp.Expr) -> exp.Star | None:
    star = node.this if isinstance(node, exp.Column) else node
    return star if isinstance(star, exp.Star) else None


class ColumnChooser:
    """Resolves choices of columns among those of a FROM clause; ``constant`` evaluates a test of a constant name."""

    def __init__(self, statement: Statement, scope: Scope, constant: Callable[[exp.Expr, str], Expr]) -> None:
        self._statement = statement
        self._source = statement.source
        self.scope = self._scope = scope
        self._constant = constant

    def expanded(self, node: exp.Expr) -> list[tuple[Choice, exp.Expr]]:
        """Return, for each column chosen, the expression with that column in place of COLUMNS or of the pattern."""
        if is_star_pattern(node):
            return [(choice, resolved(choice)) for choice in self._by_pattern(node)]
        found = list(node.find_all(exp.Columns))
        for other in found[1:]:
            if other.this != found[0].this:
                raise self._source.error(other, "all COLUMNS(…) of one expression must choose the same columns")
        plain = [each for each in found if not each.args.get("unpack")]
        choices = self.choices(found[0])
        if not plain:
            return [(choices[0], self._unpacked(node, choices))]
        return [(choice, self._with(node, choice)) for choice in choices]

    def choices(self, node: exp.Expr) -> list[Choice]:
        """Return the columns that COLUMNS(…) chooses, at least one."""
        wanted = unwrapped(node.this)
        star = _star_of(wanted)
        if star is not None:
            chosen = self.of_star(wanted, star)
        elif isinstance(wanted, exp.Lambda):
            chosen = [c for c in self._all() if self._passes(wanted, c.name)]
        elif isinstance(wanted, exp.Array):
            chosen = [self.named(item, "COLUMNS(…)") for item in wanted.expressions]
        else:
            chosen = self._by_regex(wanted)
        if not chosen:
            raise self._source.error(node, "COLUMNS(…) chooses no column here")
        return chosen

    def of_star(self, node: exp.Expr, star: exp.Star) -> list[Choice]:
        """Return the columns of ``*`` or ``t.*`` after EXCLUDE, REPLACE and RENAME."""
        self._statement.allow_only(star, ("except_", "replace", "rename", "ilike"), "*")
        relation = (str(node.table) or None) if isinstance(node, exp.Column) else None
        columns = self._scope.star(relation)
        if not columns:
            if relation is not None:
                raise self._source.error(
                    node, f"unknown table or alias {relation!r}; known are {self._scope.relations}"
                )
            raise self._source.error(node, "SELECT * needs a FROM clause")
        excluded = {_key(item) for item in star.args.get("except_") or []}
        known = {c.name.lower() for c in columns} | {f"{c.relation}.{c.name}".lower() for c in columns}
        replaced, renamed = self._changed(node, star, excluded, known, "column")
        chosen = [
            Choice(
                column=c,
                name=renamed.get(c.name.lower(), c.name),
                groups=(c.name,),
                replaced=replaced.get(c.name.lower()),
            )
            for c in columns
            if c.name.lower() not in excluded and f"{c.relation}.{c.name}".lower() not in excluded
        ]
        like = star.args.get("ilike")
        return chosen if like is None else self._named_like(node, chosen, like)

    def _named_like(self, node: exp.Expr, choices: list[Choice], pattern: exp.Expr) -> list[Choice]:
        """Return the columns whose names are like a pattern, in whichever case: the parser puts it into the star."""
        found = [
            each
            for each in choices
            if self._is_true(exp.ILike(this=exp.Literal.string(each.name), expression=pattern.copy()))
        ]
        if not found:
            raise self._source.error(node, "no column has a name that passes the test of *")
        return found

    def of_fields(
        self, node: exp.Expr, star: exp.Star, fields: Sequence[tuple[str, exp.Expr]]
    ) -> list[tuple[str, exp.Expr]]:
        """Return the fields of a struct, by name, after the EXCLUDE, REPLACE and RENAME of ``s.*``."""
        self._statement.allow_only(star, ("except_", "replace", "rename"), "*")
        excluded = {str(item.name).lower() for item in star.args.get("except_") or []}
        replaced, renamed = self._changed(node, star, excluded, {name.lower() for name, _ in fields}, "field")
        return [
            (renamed.get(name.lower(), name), replaced[name.lower()].this if name.lower() in replaced else value)
            for name, value in fields
            if name.lower() not in excluded
        ]

    def _changed(
        self, node: exp.Expr, star: exp.Star, excluded: Collection[str], known: Collection[str], what: str
    ) -> tuple[dict[str, exp.Expr], dict[str, str]]:
        """Return what REPLACE and RENAME say of a star, by name; names that it does not have are an error."""
        replaced = {str(item.alias).lower(): item for item in star.args.get("replace") or []}
        renamed = {str(item.this.name).lower(): str(item.alias) for item in star.args.get("rename") or []}
        for name in (*excluded, *replaced, *renamed):
            if name not in known:
                raise self._source.error(node, f"* has no {what} {name!r} to exclude, replace or rename")
        return replaced, renamed

    def _all(self) -> list[Choice]:
        return [Choice(column=c, name=c.name, groups=(c.name,)) for c in self._scope.star()]

    def named(self, item: exp.Expr, clause: str) -> Choice:
        """Return the one column of a name; ``clause`` says in errors where it stands."""
        name = str(item.name)
        matches = self._scope.find(name, None)
        if len(matches) != 1:
            problem = "is ambiguous" if matches else "does not exist"
            hint = "" if matches else suggestion(name, [c.name for c in self._scope.star()])
            raise self._source.error(item, f"column {name!r} of {clause} {problem}{hint}")
        return Choice(column=matches[0], name=matches[0].name, groups=(matches[0].name,))

    def _by_regex(self, node: exp.Expr) -> list[Choice]:
        pattern = self._statement.constant(self._constant(node, "COLUMNS"))
        if pattern is None or not isinstance(pattern.value, str):
            raise self._source.error(node, "COLUMNS takes *, a pattern, a list of names or a lambda")
        try:
            compiled = re.compile(pattern.value)
        except re.error as error:
            raise self._source.error(node, f"{pattern.value!r} is not a regular expression: {error}") from None
        chosen = []
        for each in self._all():
            match = compiled.search(each.name)
            if match:
                groups = (each.name, *(group or "" for group in match.groups()))
                chosen.append(Choice(column=each.column, name=each.name, groups=groups))
        return chosen

    def _by_pattern(self, node: exp.Expr) -> list[Choice]:
        inner = node.this if isinstance(node, exp.Not) else node
        star = _star_of(inner.this)
        assert star is not None
        chosen = []
        for choice in self.of_star(inner.this, star):
            test = node.copy()
            (test.this if isinstance(node, exp.Not) else test).set("this", exp.Literal.string(choice.name))
            if self._is_true(test):
                chosen.append(choice)
        if not chosen:
            raise self._source.error(node, "no column has a name that passes the test of *")
        return chosen

    def _passes(self, node: exp.Expr, name: str) -> bool:
        (parameter,) = node.expressions
        test = node.this.copy()
        holder = exp.Paren(this=test)
        for part in list(holder.find_all(exp.Identifier)):
            column = part.parent
            if part.name.lower() == parameter.name.lower():
                target = column if isinstance(column, exp.Column) and not column.table else part
                target.replace(exp.Literal.string(name))
        return self._is_true(holder)

    def _is_true(self, test: exp.Expr) -> bool:
        value = self._statement.constant(self._constant(test, "a choice of columns"))
        return isinstance(value, Literal) and value.value is True

    def _with(self, node: exp.Expr, choice: Choice) -> exp.Expr:
        holder = exp.Paren(this=node.copy())
        for part in list(holder.find_all(exp.Columns)):
            part.replace(resolved(choice))
        made: exp.Expr = holder.this
        return made

    def _unpacked(self, node: exp.Expr, choices: Sequence[Choice]) -> exp.Expr:
        """Return a call with the columns as so many arguments, as ``coalesce(*COLUMNS(…))`` asks for."""
        holder = exp.Paren(this=node.copy())
        for part in list(holder.find_all(exp.Columns)):
            call: Any = part.parent
            columns = [resolved(choice) for choice in choices]
            if part.arg_key == "this" and "expressions" in call.arg_types:
                call.set("this", columns[0])
                call.set("expressions", [*columns[1:], *call.expressions])
            elif part.arg_key == "expressions":
                at = next(i for i, each in enumerate(call.expressions) if each is part)
                call.set("expressions", [*call.expressions[:at], *columns, *call.expressions[at + 1 :]])
            else:
                raise self._source.unsupported(part, f"*COLUMNS(…) in {self._source.written(call)}")
        made: exp.Expr = holder.this
        return made


def resolved(choice: Choice) -> exp.Expr:
    """Return a node for a column that needs no looking up; one that REPLACE names stands for its expression."""
    if choice.replaced is not None:
        value: exp.Expr = choice.replaced.this
        return value.copy()
    node = exp.column(exp.to_identifier(choice.column.name, quoted=True))
    node.meta[BOUND] = choice.column.column
    return node


def _key(item: exp.Expr) -> str:
    table = item.table if isinstance(item, exp.Column) else ""
    return (f"{table}.{item.name}" if table else item.name).lower()
