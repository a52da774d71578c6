"""Statements that make and drop named tables and views, and what all statements about tables share.

A table is a frame registered with the session. Frames never change: a statement that changes a table computes its rows
anew and registers them under its name, so that frames made of it before keep what they were made of. Views are bound
anew each time they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import suggestion
from ..engine.expr import Column, NamedExpr, cast
from ..engine.frame import DataFrame, Session
from ..engine.plan import EmptySource, Plan, Project, Scan
from ..engine.schema import Field, Schema
from .bind.datatypes import data_type
from .bind.rows import RowsSource
from .parse import SqlText
from .rules import Reference, Rules, check, check_references_to
from .state import MAIN, qualified, state_of
from .views import View, ViewCatalogue

Query = Callable[..., DataFrame]
"""Binds a query of the text, perhaps over further frames by name."""


class TableStatements:
    """Runs the statements of one text that make and drop tables; ``query`` binds a query of it."""

    def __init__(
        self,
        source: SqlText,
        catalogue: ViewCatalogue,
        session: Session,
        query: Query,
        params: Mapping[str, Any] | Sequence[Any] | None,
    ) -> None:
        self._source, self._catalogue, self._session, self._query = source, catalogue, session, query
        self._params = params

    # --- making and dropping

    def create(self, node: exp.Create) -> DataFrame:
        """Make a table or view of a query, or an empty table of typed columns."""
        kind, target = str(node.args["kind"]).upper(), node.this
        if kind not in ("TABLE", "VIEW"):
            raise self._source.unsupported(node, f"CREATE {kind}")
        parts = target.expressions if isinstance(target, exp.Schema) else []
        table = target.this if isinstance(target, exp.Schema) else target
        name = self._name(table)
        known = self.known(name)
        if known is not None and node.args.get("exists"):
            return done(self._session, (known, "exists already"))
        if known is not None and not node.args.get("replace"):
            raise self._source.error(table, f"{known!r} exists already; write create or replace {kind.lower()}")
        if known is not None:
            self._same_kind(table, known, kind)
        query = _without_rows(node)
        if query is not None and any(not isinstance(column, exp.Identifier) for column in parts):
            raise self._source.unsupported(target, "column types in CREATE … AS; cast in the query")
        if query is None and (kind == "VIEW" or not parts):
            raise self._source.unsupported(target, f"CREATE {kind} without AS and a query, or columns")
        if kind == "VIEW" and query is not None:
            view = self._view(name, query, parts, target)
            self._forget(known)
            self._session.views[name] = view
        else:
            made = self._of_columns(name, parts) if query is None else (self._of_query(query, parts, target), Rules())
            self._forget(known)
            self._session.register(name, made[0])
            self._session.rules[name] = made[1]
        return done(self._session, (name, f"{kind.lower()} created"))

    def _view(self, name: str, query: exp.Expr, names: Sequence[exp.Expr], target: exp.Expr) -> View:
        """Return a view whose query can be bound now."""
        catalogue, frames, variables = self._catalogue.for_view(name)
        view = View(
            source=self._source,
            query=selected(query),
            columns=tuple(str(column.name) for column in names),
            params=self._params,
            frames=frames,
            variables=variables,
        )
        with self._source.placed(target):
            view.bind(catalogue)
        return view

    def _same_kind(self, node: exp.Expr, known: str, kind: str) -> None:
        """Refuse to drop or replace a table as a view, or a view as a table."""
        is_view = known in self._session.views
        if is_view != (kind == "VIEW"):
            found = "view" if is_view else "table"
            raise self._source.error(node, f"{known!r} is a {found}, not a {kind.lower()}; write {found}")

    def _forget(self, known: str | None) -> None:
        if known is not None and self._session.views.pop(known, None) is None:
            del self._session.tables[known]
            self._session.rules.pop(known, None)

    def _of_query(self, query: exp.Expr, names: Sequence[exp.Expr], target: exp.Expr) -> DataFrame:
        frame = self._query(query)
        if len(names) > len(frame.columns):
            raise self._source.error(
                target, f"the query gives {len(frame.columns)} columns; {len(names)} names are given"
            )
        return frame.rename({old: str(new.name) for old, new in zip(frame.columns, names, strict=False)}).cache()

    def _of_columns(self, table: str, parts: Sequence[exp.Expr]) -> tuple[DataFrame, Rules]:
        """Return an empty table of typed columns, and what its rows must keep."""
        fields: list[Field] = []
        rules = Rules()
        for part in parts:
            if isinstance(part, exp.Identifier):
                raise self._source.error(part, f"column {part.name!r} needs a type")
            if not isinstance(part, exp.ColumnDef):
                rules = self._with_constraint(table, rules, part)
                continue
            name, kind = str(part.name), part.args.get("kind")
            if kind is None:
                raise self._source.error(part, f"column {name!r} needs a type")
            if any(f.name.lower() == name.lower() for f in fields):
                raise self._source.error(part, f"column {name!r} is defined twice")
            fields.append(Field(name, data_type(self._source, kind)))
            for constraint in part.args.get("constraints") or []:
                rules = self._with_rule(table, rules, name, constraint)
        schema = Schema(tuple(fields))
        for key in (*rules.unique, *(each.columns for each in rules.references)):
            for column in key:
                self._column(parts[0], schema, column)
        frame = DataFrame.from_plan(Scan(source=EmptySource(schema=schema)), self._session)
        return frame, replace(rules, required=tuple(dict.fromkeys((*rules.required, *rules.primary))))

    def _with_rule(self, table: str, rules: Rules, name: str, constraint: exp.Expr) -> Rules:
        """Return rules with one that stands behind a column."""
        rule = constraint.args["kind"]
        match rule:
            case exp.NotNullColumnConstraint():
                return rules if rule.args.get("allow_null") else replace(rules, required=(*rules.required, name))
            case exp.PrimaryKeyColumnConstraint():
                return replace(rules, unique=(*rules.unique, (name,)), primary=(name,))
            case exp.UniqueColumnConstraint() if rule.this is None:
                return replace(rules, unique=(*rules.unique, (name,)))
            case exp.DefaultColumnConstraint():
                return replace(rules, defaults={**rules.defaults, name.lower(): rule.this})
            case exp.CheckColumnConstraint():
                return replace(rules, checks=(*rules.checks, rule.this))
            case exp.ComputedColumnConstraint():
                return replace(rules, generated={**rules.generated, name.lower(): rule.this})
            case exp.GeneratedAsIdentityColumnConstraint() if rule.expression is not None:
                return replace(rules, generated={**rules.generated, name.lower(): rule.expression})
            case exp.Reference():
                return replace(rules, references=(*rules.references, self._reference(table, (name,), rule, rules)))
        raise self._source.unsupported(constraint, f"the constraint {constraint.sql()}")

    def _with_constraint(self, table: str, rules: Rules, node: exp.Expr) -> Rules:
        """Return rules with one that stands beside the columns."""
        if isinstance(node, exp.Constraint) and len(node.expressions) == 1:
            return self._with_constraint(table, rules, node.expressions[0])
        if isinstance(node, exp.PrimaryKey | exp.UniqueColumnConstraint):
            inner = node.this if isinstance(node, exp.UniqueColumnConstraint) else node
            if inner is None:
                raise self._source.unsupported(node, f"the constraint {node.sql()}")
            key = tuple(str(column.name) for column in inner.expressions)
            primary = key if isinstance(node, exp.PrimaryKey) else rules.primary
            return replace(rules, unique=(*rules.unique, key), primary=primary)
        if isinstance(node, exp.CheckColumnConstraint):
            return replace(rules, checks=(*rules.checks, node.this))
        if isinstance(node, exp.ForeignKey):
            columns = tuple(str(column.name) for column in node.expressions)
            made = self._reference(table, columns, node.args["reference"], rules)
            return replace(rules, references=(*rules.references, made))
        raise self._source.unsupported(node, f"the constraint {node.sql()}")

    def _reference(self, table: str, columns: tuple[str, ...], node: exp.Expr, own: Rules) -> Reference:
        target = node.this
        inner = target.this if isinstance(target, exp.Schema) else target
        name = self._name(inner)
        other = table if name.lower() == table.lower() else self._required(inner)
        rules = own if other == table else self._session.rules.get(other, Rules())
        keys = tuple(str(key.name) for key in target.expressions) if isinstance(target, exp.Schema) else rules.primary
        if tuple(key.lower() for key in keys) not in [tuple(k.lower() for k in key) for key in rules.unique]:
            raise self._source.error(inner, f"a foreign key refers to a primary key or unique columns of {other!r}")
        return Reference(columns=columns, table=other, keys=keys)

    def drop(self, node: exp.Drop) -> DataFrame:
        """Forget tables or views."""
        kind, targets = str(node.args["kind"]).upper(), node.args.get("tables") or []
        if kind not in ("TABLE", "VIEW"):
            raise self._source.unsupported(node, f"DROP {kind}")
        said = []
        for target in targets:
            name = self._name(target)
            known = self.known(name)
            if known is not None:
                self._same_kind(target, known, kind)
                self._not_referred_to(target, known)
                self._forget(known)
            elif not node.args.get("exists"):
                raise self._unknown(target, name)
            said.append((known or name, "not there" if known is None else "dropped"))
        return done(self._session, *said)

    def _not_referred_to(self, node: exp.Expr, known: str) -> None:
        for other, rules in self._session.rules.items():
            if other != known and any(reference.table == known for reference in rules.references):
                raise self._source.error(node, f"{other!r} refers to {known!r} by a foreign key; drop it first")

    def rules(self, node: exp.Expr) -> Rules:
        """Return what the rows of a named table must keep; nothing where the node names none."""
        name = qualified(self._session, _parts(node)) if isinstance(node, exp.Table) and node.name else None
        known = None if name is None else self.known(name)
        found = None if known is None else self._session.rules.get(known)
        return Rules() if found is None else found

    # --- what they share

    def known(self, name: str) -> str | None:
        """Return the name of a table or view as it was registered."""
        names = (*self._session.tables, *self._session.views)
        return next((known for known in names if known.lower() == name.lower()), None)

    def _name(self, node: exp.Expr) -> str:
        """Return the key by which the session knows a table."""
        parts = _parts(node)
        name = qualified(self._session, parts) if isinstance(node, exp.Table) else None
        if name is None:
            schemas = state_of(self._session).schemas
            if len(parts) == 2:
                raise self._source.error(node, f"unknown schema {parts[0]!r}{suggestion(parts[0], schemas)}")
            raise self._source.unsupported(node, "a table name of several parts")
        state = state_of(self._session)
        if len(parts) == 1 and state.schema != MAIN and self.known(name) is None and self.known(parts[0]) is not None:
            return parts[0]
        return name

    def _required(self, node: exp.Expr) -> str:
        name = self._name(node)
        known = self.known(name)
        if known is None:
            raise self._unknown(node, name)
        if known in self._session.views:
            raise self._source.error(node, f"{known!r} is a view, whose rows cannot be changed; change its tables")
        return known

    def _unknown(self, node: exp.Expr, name: str) -> Exception:
        names = (*self._session.tables, *self._session.views)
        hint = suggestion(name, names) if names else "; none is registered"
        return self._source.error(node, f"unknown table {name!r}{hint}")

    def _column(self, node: exp.Expr, schema: Schema, name: str) -> str:
        found = next((f.name for f in schema if f.name.lower() == name.lower()), None)
        if found is None:
            raise self._source.error(node.this, f"unknown column {name!r}{suggestion(name, schema.names)}")
        return found

    def _rules_of(self, known: str) -> Rules:
        found: Rules = self._session.rules.get(known, Rules())
        return found

    def _replace(self, known: str, plan: Plan, rules: Rules, *, lost: bool = True) -> None:
        """Register the rows of a plan under a table's name, once they are known to keep its rules.

        ``lost`` says that rows may have gone which other tables refer to.
        """
        frame = DataFrame.from_plan(plan, self._session)
        if rules.generated:
            frame = self._generated(frame, rules)
        frame = frame.cache()
        check(self._session, known, frame, rules, self._rows_where)
        if lost:
            check_references_to(self._session, known, frame)
        self._session.register(known, frame)

    def _generated(self, frame: DataFrame, rules: Rules) -> DataFrame:
        """Return rows whose generated columns are computed from the others, several rounds if they read each other."""
        for _round in rules.generated:
            items: list[exp.Expr] = []
            for f in frame.schema:
                value = rules.generated.get(f.name.lower())
                made = exp.column(exp.to_identifier(f.name, quoted=True)) if value is None else value.copy()
                items.append(exp.Alias(this=made, alias=exp.to_identifier(f.name, quoted=True)))
            computed = self._query(_from(exp.to_table("rows__"), items), rows__=frame)
            exprs = tuple(
                NamedExpr(name=f.name, expr=cast(Column(name=f.name, dtype=computed.schema[f.name].dtype), f.dtype))
                for f in frame.schema
            )
            frame = DataFrame.from_plan(Project(input=computed.plan, exprs=exprs), self._session)
        return frame

    def _rows_where(self, frame: DataFrame, condition: exp.Expr) -> int:
        counted = exp.alias_(exp.Count(this=exp.Star(), big_int=True), "n")
        query = _from(exp.to_table("rows__"), [counted]).where(condition.copy())
        return int(self._query(query, rows__=frame).collect().column(0)[0].as_py())

    def _count(self, rows: int) -> DataFrame:
        return table(self._session, {"Count": dtypes.int64}, [(rows,)])


def _parts(node: exp.Expr) -> tuple[str, ...]:
    return tuple(str(part.name) for part in node.parts) if isinstance(node, exp.Table) else ()


def selected(query: exp.Expr) -> exp.Expr:
    """Return a query, which may be given as the name of a table, as a SELECT."""
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=query)) if isinstance(query, exp.Table) else query


def _from(target: exp.Expr, items: list[exp.Expr]) -> exp.Select:
    return exp.Select(expressions=items, from_=exp.From(this=target.copy()))


def table(session: Session, kinds: dict[str, dtypes.DataType], rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Return a frame of plain values."""
    schema = Schema(tuple(Field(name, dtype) for name, dtype in kinds.items()))
    return DataFrame.from_plan(Scan(source=RowsSource(schema=schema, values=tuple(rows))), session)


def done(session: Session, *results: tuple[str, str]) -> DataFrame:
    """Return the frame that says of each name what was done."""
    return table(session, {"name": dtypes.string, "result": dtypes.string}, results)


def _without_rows(node: exp.Create) -> exp.Expr | None:
    """Return the query of CREATE … AS, without its rows where WITH NO DATA follows."""
    query: exp.Expr | None = node.expression
    properties = node.args.get("properties")
    if (
        query is None
        or properties is None
        or not any(p.args.get("no") for p in properties.find_all(exp.WithDataProperty))
    ):
        return query
    return exp.Select(
        expressions=[exp.Star()],
        from_=exp.From(this=exp.Subquery(this=query.copy(), alias=exp.TableAlias(this=exp.to_identifier("rows")))),
        limit=exp.Limit(expression=exp.Literal.number(0)),
    )
