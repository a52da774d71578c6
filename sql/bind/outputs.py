"""The SELECT list: its columns, their names, and what ``*`` and ``COLUMNS(…)`` stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sqlglot import exp

from ...engine.dtypes import Kind
from ...engine.expr import Column, Expr
from ..trees import holds
from .grouping import Output
from .naming import default_name
from .operands import unwrapped
from .patterns import Choice, ColumnChooser, chooses_columns, is_star_pattern
from .scope import Scope
from .statement import Statement


class OutputBinder:
    """Takes the SELECT list of one query apart, in the sight of its FROM clause; ``constant`` binds constants."""

    def __init__(self, statement: Statement, scope: Scope, constant: Callable[[exp.Expr, str], Expr]) -> None:
        self._source = statement.source
        self._scope = scope
        self._chooser = ColumnChooser(statement, scope, constant)

    def outputs(self, node: exp.Select, added: Mapping[int, Sequence[tuple[str, Column]]]) -> list[Output]:
        """Return the columns of the SELECT list, in order, with every star taken apart.

        ``added`` has, by the id of an item, the columns that a model has made for it.
        """
        outputs: list[Output] = []
        for item in node.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if id(item) in added:
                outputs.extend(Output(name=name, node=item, column=column) for name, column in added[id(item)])
            elif (fields := self._fields(item, star)) is not None:
                outputs.extend(fields)
            elif isinstance(star, exp.Star):
                outputs.extend(_of_choice(c, item) for c in self._chooser.of_star(item, star))
            elif chooses_columns(item):
                outputs.extend(self._chosen(item))
            else:
                outputs.append(Output(name=self._output_name(item), node=item))
        if not outputs:
            raise self._source.error(node, "SELECT gives no columns")
        return outputs

    def _fields(self, item: exp.Expr, star: exp.Expr) -> list[Output] | None:
        """Return the fields of a column that is a struct, which ``s.*`` stands for where no table is called so."""
        if not isinstance(item, exp.Column) or not isinstance(star, exp.Star) or not item.table or item.db:
            return None
        if self._scope.star(str(item.table)):
            return None
        matches = self._scope.find(str(item.table), None)
        if len(matches) != 1 or matches[0].column.dtype.kind is not Kind.STRUCT:
            return None
        owner = exp.column(item.args["table"].copy())
        fields = [
            (name, exp.Dot(this=owner.copy(), expression=exp.to_identifier(name, quoted=True)))
            for name, _ in matches[0].column.dtype.fields
        ]
        return [Output(name=name, node=node) for name, node in self._chooser.of_fields(item, star, fields)]

    def keys(self, node: exp.Expr) -> list[exp.Expr]:
        """Return the keys of ORDER BY that one with COLUMNS(…) in it stands for."""
        return [made for _, made in self._chooser.expanded(node)] if chooses_columns(node) else [node]

    def conditions(self, node: exp.Expr) -> list[exp.Expr]:
        """Return the conditions that one with COLUMNS(…) in it stands for, all of which must hold."""
        if not holds(node, exp.Columns):
            return [node]
        return [made for _, made in self._chooser.expanded(node)]

    def _output_name(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Alias):
            return str(node.alias)
        column = unwrapped(node)
        if isinstance(column, exp.Column):
            matches = self._scope.find(str(column.name), str(column.table) or None)
            return matches[0].name if len(matches) == 1 else str(column.name)
        place = self._scope.at(str(column.this.this)) if isinstance(column, exp.PositionalColumn) else None
        return default_name(node) if place is None else place.name

    def _chosen(self, item: exp.Expr) -> list[Output]:
        alias = str(item.alias) if isinstance(item, exp.Alias) else None
        inner = item.this if isinstance(item, exp.Alias) else item
        if isinstance(inner, exp.Columns) or is_star_pattern(inner):
            choices = [choice for choice, _ in self._chooser.expanded(inner)]
            return [_of_choice(c, item, _filled(alias, c, c.name)) for c in choices]
        whole = any(part.args.get("unpack") for part in inner.find_all(exp.Columns))
        return [
            Output(name=_filled(alias, choice, default_name(node) if whole else choice.name), node=node)
            for choice, node in self._chooser.expanded(inner)
        ]


def _of_choice(choice: Choice, node: exp.Expr, name: str | None = None) -> Output:
    shown = choice.name if name is None else name
    if choice.replaced is not None:
        return Output(name=shown, node=choice.replaced)
    return Output(name=shown, node=node, column=choice.column.column)


def _filled(alias: str | None, choice: Choice, default: str) -> str:
    r"""Return an alias with ``\0``, ``\1``, … as the parts of the column's name that the pattern found."""
    if alias is None:
        return default

    def group(match: re.Match[str]) -> str:
        number = int(match[1])
        return choice.groups[number] if number < len(choice.groups) else ""

    return re.sub(r"\\(\d)", group, alias)
