"""ALTER TABLE and ALTER VIEW: columns added, dropped, renamed, given other types and rules; tables renamed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import exp

from ..engine.expr import Column, NamedExpr, cast
from ..engine.frame import DataFrame
from ..engine.plan import Project
from ..engine.schema import Field
from .bind.datatypes import data_type
from .changes import plain_key
from .merging import Merges
from .rules import Rules, check
from .tables import done


class Alterations(Merges):
    """Runs ALTER statements of one text."""

    def alter(self, node: exp.Alter) -> DataFrame:
        """Change what a table or view is."""
        kind = str(node.args.get("kind")).upper()
        if kind not in ("TABLE", "VIEW"):
            raise self._source.unsupported(node, f"ALTER {kind}")
        known = self.known(self._name(node.this))
        if known is None and node.args.get("exists"):
            return done(self._session, (str(node.this.name), "not there"))
        if known is None or (kind == "TABLE" and known in self._session.views):
            known = self._required(node.this)
        actions = node.args.get("actions") or []
        if len(actions) != 1:
            raise self._source.unsupported(node, "ALTER with several changes")
        (action,) = actions
        handlers: dict[type[exp.Expr], Callable[[exp.Alter, str, Any], DataFrame]] = {
            exp.AlterRename: self._rename,
            exp.ColumnDef: self._add_column,
            exp.Drop: self._drop_column,
            exp.RenameColumn: self._rename_column,
            exp.AlterColumn: self._alter_column,
            exp.AddConstraint: self._add_constraint,
        }
        handler = handlers.get(type(action))
        if handler is None or (known in self._session.views and handler != self._rename):
            raise self._source.unsupported(node, f"ALTER {kind} {action.sql(dialect='duckdb').upper()}")
        return handler(node, known, action)

    def _rename(self, node: exp.Alter, known: str, action: exp.AlterRename) -> DataFrame:
        to = [part for part in node.args.get("options") or [] if isinstance(part, exp.ToTableProperty)]
        if to:  # `rename a to b` is read as the name of a table
            return self._renamed(node, known, str(action.this.name), str(to[0].this.name))
        name = str(action.this.name)
        prefix = known.rpartition(".")[0]
        new = f"{prefix}.{name}" if prefix else name
        taken = self.known(new)
        if taken is not None and taken != known:
            raise self._source.error(action.this, f"{taken!r} exists already")
        self._not_referred_to(node.this, known)
        if known in self._session.views:
            self._session.views[new] = self._session.views.pop(known)
        else:
            frame, rules = self._session.tables[known], self._rules_of(known)
            self._forget(known)
            self._session.register(new, frame)
            own = tuple(replace(each, table=new) if each.table == known else each for each in rules.references)
            self._session.rules[new] = replace(rules, references=own)
        return done(self._session, (new, "renamed"))

    def _rename_column(self, node: exp.Alter, known: str, action: exp.RenameColumn) -> DataFrame:
        return self._renamed(node, known, str(action.this.name), str(action.args["to"].name))

    def _renamed(self, node: exp.Alter, known: str, old: str, new: str) -> DataFrame:
        frame = self._session.tables[known]
        column = self._column(node, frame.schema, old)
        if new.lower() != old.lower() and any(f.name.lower() == new.lower() for f in frame.schema):
            raise self._source.error(node.this, f"column {new!r} exists already")
        self._keep(known, frame.rename({column: new}), self._rules_of(known).renamed(column, new))
        for other, rules in list(self._session.rules.items()):
            changed = tuple(
                replace(each, keys=tuple(new if key == column else key for key in each.keys))
                if each.table == known
                else each
                for each in rules.references
            )
            self._session.rules[other] = replace(rules, references=changed)
        return done(self._session, (known, "column renamed"))

    def _add_column(self, node: exp.Alter, known: str, action: exp.ColumnDef) -> DataFrame:
        frame, rules = self._session.tables[known], self._rules_of(known)
        name, kind = str(action.name), action.args.get("kind")
        if any(f.name.lower() == name.lower() for f in frame.schema):
            if action.args.get("exists"):
                return done(self._session, (known, "column exists already"))
            raise self._source.error(action, f"column {name!r} exists already")
        if kind is None:
            raise self._source.error(action, f"column {name!r} needs a type")
        for constraint in action.args.get("constraints") or []:
            rules = self._with_rule(known, rules, name, constraint)
        added = Field(name, data_type(self._source, kind))
        names = {f.name: f.name for f in frame.schema}
        rows = self._typed(frame.schema.extend([added]), names, frame, rules, node)
        self._replace(known, rows.plan, rules, lost=False)
        self._session.rules[known] = rules
        return done(self._session, (known, "column added"))

    def _drop_column(self, node: exp.Alter, known: str, action: exp.Drop) -> DataFrame:
        if str(action.args.get("kind")).upper() != "COLUMN":
            raise self._source.unsupported(node, f"ALTER TABLE {action.sql().upper()}")
        frame, rules = self._session.tables[known], self._rules_of(known)
        for target in action.args.get("tables") or []:
            if action.args.get("exists") and not any(f.name.lower() == target.name.lower() for f in frame.schema):
                continue
            column = self._column(node, frame.schema, str(target.name))
            reader = rules.readers(column)
            if reader is not None:
                raise self._source.error(node.this, f"column {column!r} of {known!r} is read by {reader}; it stays")
            if len(frame.schema) == 1:
                raise self._source.error(node.this, f"{column!r} is the only column of {known!r}; drop the table")
            frame, rules = frame[[f.name for f in frame.schema if f.name != column]], rules.without(column)
        self._keep(known, frame, rules)
        return done(self._session, (known, "column dropped"))

    def _alter_column(self, node: exp.Alter, known: str, action: exp.AlterColumn) -> DataFrame:
        frame, rules = self._session.tables[known], self._rules_of(known)
        column = self._column(node, frame.schema, str(action.this.name))
        lower = column.lower()
        if action.args.get("dtype") is not None:
            target, using = data_type(self._source, action.args["dtype"]), action.args.get("using")
            value = using if isinstance(using, exp.Expr) else exp.column(exp.to_identifier(column, quoted=True))
            made = self._query(
                exp.Select(
                    expressions=[exp.Star(), exp.Alias(this=value.copy(), alias=exp.to_identifier("new__"))],
                    from_=exp.From(this=exp.to_table("rows__")),
                ),
                rows__=frame,
            )
            with self._source.placed(node):
                new = cast(Column(name="new__", dtype=made.schema["new__"].dtype), target)
            exprs = tuple(
                NamedExpr(name=f.name, expr=new if f.name == column else Column(name=f.name, dtype=f.dtype))
                for f in frame.schema
            )
            self._replace(known, Project(input=made.plan, exprs=exprs), rules)
        elif action.args.get("allow_null") is False:
            rules = replace(rules, required=tuple(dict.fromkeys((*rules.required, column))))
            check(self._session, known, frame, rules, self._rows_where)
        elif action.args.get("allow_null"):
            rules = replace(rules, required=tuple(name for name in rules.required if name.lower() != lower))
        elif action.args.get("default") is not None:
            rules = replace(rules, defaults={**rules.defaults, lower: action.args["default"]})
        elif action.args.get("drop"):
            rules = replace(rules, defaults={key: value for key, value in rules.defaults.items() if key != lower})
        else:
            raise self._source.unsupported(node, f"ALTER TABLE {action.sql().upper()}")
        self._session.rules[known] = rules
        return done(self._session, (known, "column altered"))

    def _add_constraint(self, node: exp.Alter, known: str, action: exp.AddConstraint) -> DataFrame:
        rules, frame = self._rules_of(known), self._session.tables[known]
        for part in action.expressions:
            rules = self._with_constraint(known, rules, part)
        for key in rules.unique:
            for name in key:
                self._column(node, frame.schema, name)
        rules = replace(rules, required=tuple(dict.fromkeys((*rules.required, *rules.primary))))
        check(self._session, known, frame, rules, self._rows_where)
        self._session.rules[known] = rules
        return done(self._session, (known, "constraint added"))

    def create_index(self, node: exp.Create) -> DataFrame:
        """Keep the rule of a unique index; an index is nothing else, since tables are read whole."""
        index = node.this
        target, params = index.args.get("table"), index.args.get("params")
        columns = [] if params is None else params.args.get("columns") or []
        known = self._required(target)
        names = [
            self._column(node, self._session.tables[known].schema, str(plain_key(c).name))
            for c in columns
            if isinstance(plain_key(c), exp.Column)
        ]
        if node.args.get("unique"):
            if len(names) != len(columns):
                raise self._source.unsupported(node, "a unique index of anything but columns")
            rules = self._rules_of(known)
            rules = replace(rules, unique=(*rules.unique, tuple(names)))
            check(self._session, known, self._session.tables[known], rules, self._rows_where)
            self._session.rules[known] = rules
        return done(self._session, (str(index.name), "index created"))

    def _keep(self, known: str, frame: DataFrame, rules: Rules) -> None:
        """Register a table whose rows are those that it had."""
        self._session.register(known, frame.cache())
        self._session.rules[known] = rules
