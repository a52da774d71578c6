"""The SELECT list: its columns, their names, and what ``*`` stands for."""

from __future__ import annotations

from sqlglot import exp

from .grouping import Output
from .naming import default_name
from .operators import unwrapped
from .scope import Scope
from .statement import Statement


class OutputBinder:
    """Takes the SELECT list of one query apart, in the sight of its FROM clause."""

    def __init__(self, statement: Statement, scope: Scope) -> None:
        self._statement = statement
        self._source = statement.source
        self._scope = scope

    def outputs(self, node: exp.Select) -> list[Output]:
        """Return the columns of the SELECT list, in order, with every star taken apart."""
        outputs: list[Output] = []
        for item in node.expressions:
            star = item.this if isinstance(item, exp.Column) else item
            if isinstance(star, exp.Star):
                relation = str(item.table) if isinstance(item, exp.Column) else None
                outputs.extend(self._star(item, star, relation or None))
            else:
                outputs.append(Output(name=self._output_name(item), node=item))
        if not outputs:
            raise self._source.error(node, "SELECT gives no columns")
        return outputs

    def _output_name(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Alias):
            return str(node.alias)
        column = unwrapped(node)
        if isinstance(column, exp.Column):
            matches = self._scope.find(str(column.name), str(column.table) or None)
            return matches[0].name if len(matches) == 1 else str(column.name)
        return default_name(node)

    def _star(self, node: exp.Expr, star: exp.Star, relation: str | None) -> list[Output]:
        self._statement.allow_only(star, ("except_", "replace", "rename"), "*")
        columns = self._scope.star(relation)
        if not columns:
            if relation is not None:
                raise self._source.error(
                    node, f"unknown table or alias {relation!r}; known are {self._scope.relations}"
                )
            raise self._source.error(node, "SELECT * needs a FROM clause")
        excluded = {str(item.name).lower() for item in star.args.get("except_") or []}
        replaced = {str(item.alias).lower(): item for item in star.args.get("replace") or []}
        renamed = {str(item.this.name).lower(): str(item.alias) for item in star.args.get("rename") or []}
        known = {c.name.lower() for c in columns}
        for name in (*excluded, *replaced, *renamed):
            if name not in known:
                raise self._source.error(node, f"* has no column {name!r} to exclude, replace or rename")
        return [
            Output(
                name=renamed.get(c.name.lower(), c.name),
                node=replaced.get(c.name.lower(), node),
                column=None if c.name.lower() in replaced else c.column,
            )
            for c in columns
            if c.name.lower() not in excluded
        ]
