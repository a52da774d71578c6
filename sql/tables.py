"""Statements that make, fill, change and drop named tables.

A table is a frame registered with the session. Frames never change: a statement that changes a table computes its rows
anew and registers them under its name, so that frames made of it before keep what they were made of. Views are bound
anew each time they are read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import ExecutionError, suggestion
from ..engine.expr import Column, NamedExpr, aggregate, all_of, call, cast, literal
from ..engine.expr.nodes import NamedAggregate
from ..engine.frame import DataFrame, Session
from ..engine.plan import Aggregate, EmptySource, Filter, Plan, Project, Scan, Union
from ..engine.schema import Field, Schema
from .bind.datatypes import data_type
from .bind.query import MIXED
from .bind.rows import RowsSource
from .parse import SqlText
from .views import View, ViewCatalogue

Query = Callable[[exp.Expr], DataFrame]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the rows of a table must keep: columns without nulls, columns without repetition; and values by default."""

    required: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    primary: tuple[str, ...] = ()
    defaults: dict[str, exp.Expr] = field(default_factory=dict)


class TableStatements:
    """Runs the statements about named tables of one text; ``query`` binds a query of it."""

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
            return self._done("exists already", known)
        if known is not None and not node.args.get("replace"):
            raise self._source.error(table, f"{known!r} exists already; write create or replace {kind.lower()}")
        if known is not None:
            self._same_kind(table, known, kind)
        query = node.expression
        if query is not None and any(not isinstance(column, exp.Identifier) for column in parts):
            raise self._source.unsupported(target, "column types in CREATE … AS; cast in the query")
        if query is None and (kind == "VIEW" or not parts):
            raise self._source.unsupported(target, f"CREATE {kind} without AS and a query, or columns")
        if kind == "VIEW":
            view = self._view(name, query, parts, target)
            self._forget(known)
            self._session.views[name] = view
        else:
            frame, rules = self._of_columns(parts) if query is None else (self._of_query(query, parts, target), Rules())
            self._forget(known)
            self._session.register(name, frame)
            self._session.rules[name] = rules
        return self._done(f"{kind.lower()} created", name)

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

    def _of_columns(self, parts: Sequence[exp.Expr]) -> tuple[DataFrame, Rules]:
        """Return an empty table of typed columns, and what its rows must keep."""
        fields: list[Field] = []
        required: list[str] = []
        unique: list[tuple[str, ...]] = []
        primary: tuple[str, ...] = ()
        defaults: dict[str, exp.Expr] = {}
        for part in parts:
            if isinstance(part, exp.Identifier):
                raise self._source.error(part, f"column {part.name!r} needs a type")
            if not isinstance(part, exp.ColumnDef):
                unique.append(self._key(part))
                primary = unique[-1] if isinstance(part, exp.PrimaryKey) else primary
                continue
            name, kind = str(part.name), part.args.get("kind")
            if kind is None:
                raise self._source.error(part, f"column {name!r} needs a type")
            if any(f.name.lower() == name.lower() for f in fields):
                raise self._source.error(part, f"column {name!r} is defined twice")
            fields.append(Field(name, data_type(self._source, kind)))
            for constraint in part.args.get("constraints") or []:
                rule = constraint.kind
                if isinstance(rule, exp.NotNullColumnConstraint):
                    required.extend(() if rule.args.get("allow_null") else (name,))
                elif isinstance(rule, exp.PrimaryKeyColumnConstraint | exp.UniqueColumnConstraint):
                    unique.append((name,))
                    primary = (name,) if isinstance(rule, exp.PrimaryKeyColumnConstraint) else primary
                elif isinstance(rule, exp.DefaultColumnConstraint):
                    defaults[name.lower()] = rule.this
                else:
                    raise self._source.unsupported(constraint, f"the constraint {constraint.sql()}")
        plan = Scan(source=EmptySource(schema=Schema(tuple(fields))))
        frame = DataFrame.from_plan(plan, self._session)
        required = list(dict.fromkeys((*required, *primary)))
        return frame, Rules(required=tuple(required), unique=tuple(unique), primary=primary, defaults=defaults)

    def _key(self, node: exp.Expr) -> tuple[str, ...]:
        inner = node.this if isinstance(node, exp.UniqueColumnConstraint) else node
        if not isinstance(node, exp.PrimaryKey | exp.UniqueColumnConstraint) or inner is None:
            raise self._source.unsupported(node, f"the constraint {node.sql()}")
        return tuple(str(column.name) for column in inner.expressions)

    def drop(self, node: exp.Drop) -> DataFrame:
        """Forget tables or views."""
        kind, targets = str(node.args["kind"]).upper(), node.args.get("tables") or []
        if kind not in ("TABLE", "VIEW"):
            raise self._source.unsupported(node, f"DROP {kind}")
        done = []
        for target in targets:
            name = self._name(target)
            known = self.known(name)
            if known is not None:
                self._same_kind(target, known, kind)
                self._forget(known)
            elif not node.args.get("exists"):
                raise self._unknown(target, name)
            done.append((known or name, "not there" if known is None else "dropped"))
        return table(self._session, {"name": dtypes.string, "result": dtypes.string}, done)

    # --- changing

    def insert(self, node: exp.Insert) -> DataFrame:
        """Add the rows of VALUES or of a query."""
        for key, what in (("returning", "RETURNING"), ("conflict", "ON CONFLICT"), ("alternative", "OR REPLACE")):
            if node.args.get(key):
                raise self._source.unsupported(node.this, f"{what} in INSERT")
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        known = self._required(target)
        schema, rules = self._session.tables[known].schema, self._session.rules.get(known, Rules())
        names = [str(part.name) for part in node.this.expressions] if isinstance(node.this, exp.Schema) else None
        if node.args.get("default"):
            added, names = self._query(exp.Select(expressions=[exp.Literal.number(1)])), []
        else:
            query = node.expression.copy()
            query.meta[MIXED] = True
            if node.args.get("with_"):
                query.set("with_", node.args["with_"].copy())
            added = self._query(query)
            names = names or (list(added.columns) if node.args.get("by_name") else None)
        wanted = [f.name for f in schema] if names is None else [self._column(node, schema, name) for name in names]
        if names != [] and len(added.columns) != len(wanted):
            raise self._source.error(
                node.expression, f"{known!r} takes {len(wanted)} values; {len(added.columns)} are given"
            )
        return self._append(known, dict(zip(wanted, added.columns, strict=False)), added, rules, node)

    def _append(self, known: str, by_name: dict[str, str], added: DataFrame, rules: Rules, node: exp.Expr) -> DataFrame:
        before = self._session.tables[known]
        exprs = []
        for f in before.schema:
            source, default = by_name.get(f.name), rules.defaults.get(f.name.lower())
            if source is not None:
                value = cast(Column(name=source, dtype=added.schema[source].dtype), f.dtype)
            elif default is not None:
                made = self._query(exp.Select(expressions=[default.copy()])).collect().column(0)[0].as_py()
                value = cast(literal(made), f.dtype)
            else:
                value = literal(None, f.dtype)
            exprs.append(NamedExpr(name=f.name, expr=value))
        with self._source.placed(node):
            rows = DataFrame.from_plan(Project(input=added.plan, exprs=tuple(exprs)), self._session).cache()
        self._replace(known, Union(inputs=(before.plan, rows.plan)), rules)
        return self._count(len(rows))

    def update(self, node: exp.Update) -> DataFrame:
        """Compute columns anew in the rows for which a condition is true."""
        for key in ("from_", "returning", "order", "limit", "with_"):
            if node.args.get(key):
                raise self._source.unsupported(node.this, f"{key.strip('_').upper()} in UPDATE")
        known = self._required(node.this)
        frame = self._session.tables[known]
        where = node.args.get("where")
        condition = exp.true() if where is None else where.this
        new: dict[str, exp.Expr] = {}
        for item in node.expressions:
            name = self._column(node, frame.schema, item.this.name)
            if name in new:
                raise self._source.error(item, f"column {name!r} is set twice")
            new[name] = item.expression
        items: list[exp.Expr] = []
        for f in frame.schema:
            value: exp.Expr = exp.column(exp.to_identifier(f.name, quoted=True))
            if f.name in new:
                chosen = exp.If(this=condition.copy(), true=new[f.name].copy())
                value = exp.Case(ifs=[chosen], default=value)
            items.append(exp.alias_(value, f.name, quoted=True))
        changed = self._query(_from(node.this, items))
        made = [(f, Column(name=f.name, dtype=changed.schema[f.name].dtype)) for f in frame.schema]
        count = self._matching(node.this, condition)
        with self._source.placed(node):
            exprs = tuple(NamedExpr(name=f.name, expr=cast(column, f.dtype)) for f, column in made)
            self._replace(known, Project(input=changed.plan, exprs=exprs), self._session.rules.get(known, Rules()))
        return self._count(count)

    def delete(self, node: exp.Delete) -> DataFrame:
        """Leave out the rows for which a condition is true."""
        for key in ("using", "returning", "order", "limit", "with_"):
            if node.args.get(key):
                raise self._source.unsupported(node.this, f"{key.strip('_').upper()} in DELETE")
        known = self._required(node.this)
        where = node.args.get("where")
        condition = exp.true() if where is None else where.this
        count = self._matching(node.this, condition)
        kept = exp.Not(this=exp.Coalesce(this=condition.copy(), expressions=[exp.false()]))
        names = [exp.column(exp.to_identifier(n, quoted=True)) for n in self._session.tables[known].columns]
        left = self._query(_from(node.this, list(names)).where(kept))
        self._replace(known, left.plan, Rules())
        return self._count(count)

    def truncate(self, node: exp.TruncateTable) -> DataFrame:
        """Leave out all rows."""
        count = 0
        for target in node.expressions:
            known = self._required(target)
            frame = self._session.tables[known]
            count += len(frame)
            self._replace(known, Scan(source=EmptySource(schema=frame.schema)), Rules())
        return self._count(count)

    def copy_from(self, node: exp.Copy, path: str, form: str | None, options: dict[str, Any]) -> DataFrame:
        """Add the rows of a file, column by column in order."""
        target = node.this.this if isinstance(node.this, exp.Schema) else node.this
        known = self._required(target)
        schema = self._session.tables[known].schema
        with self._source.placed(target):
            plan = self._catalogue.file(path, form, **options)
        if plan is None:
            raise self._source.error(target, f"{path!r} cannot be read as a table; name its format, as in (format csv)")
        names = [str(part.name) for part in node.this.expressions] if isinstance(node.this, exp.Schema) else None
        wanted = [f.name for f in schema] if names is None else [self._column(node, schema, name) for name in names]
        added = DataFrame.from_plan(plan, self._session)
        if len(added.columns) != len(wanted):
            raise self._source.error(
                target, f"{known!r} takes {len(wanted)} columns; {path!r} has {len(added.columns)}"
            )
        rules = self._session.rules.get(known, Rules())
        return self._append(known, dict(zip(wanted, added.columns, strict=True)), added, rules, target)

    def rules(self, node: exp.Expr) -> Rules:
        """Return what the rows of a named table must keep; nothing where the node names none."""
        known = self.known(str(node.name)) if isinstance(node, exp.Table) and len(node.parts) == 1 else None
        found = None if known is None else self._session.rules.get(known)
        return Rules() if found is None else found

    # --- what they share

    def known(self, name: str) -> str | None:
        """Return the name of a table or view as it was registered."""
        names = (*self._session.tables, *self._session.views)
        return next((known for known in names if known.lower() == name.lower()), None)

    def _name(self, node: exp.Expr) -> str:
        if not isinstance(node, exp.Table) or len(node.parts) != 1:
            raise self._source.unsupported(node, "a table name of several parts")
        return str(node.name)

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

    def _matching(self, target: exp.Expr, condition: exp.Expr) -> int:
        counted = exp.alias_(exp.Count(this=exp.Star(), big_int=True), "n")
        rows = self._query(_from(target, [counted]).where(condition.copy())).collect()
        return int(rows.column(0)[0].as_py())

    def _replace(self, known: str, plan: Plan, rules: Rules) -> None:
        """Register the rows of a plan under a table's name, once they are known to keep its rules."""
        frame = DataFrame.from_plan(plan, self._session).cache()
        self._check(known, frame, rules)
        self._session.register(known, frame)

    def _check(self, known: str, frame: DataFrame, rules: Rules) -> None:
        counts = [NamedAggregate(name="rows", call=aggregate("size"))]
        for name in rules.required:
            column = Column(name=name, dtype=frame.schema[name].dtype)
            counts.append(NamedAggregate(name=f"known {name}", call=aggregate("count", column)))
        if rules.required:
            row = DataFrame.from_plan(Aggregate(input=frame.plan, aggregates=tuple(counts)), self._session).collect()
            rows, *found = (column[0].as_py() for column in row.columns)
            for name, count in zip(rules.required, found, strict=True):
                if count != rows:
                    raise ExecutionError(f"column {name!r} of {known!r} takes no null; {rows - count} would be added")
        for key in rules.unique:
            self._check_unique(known, frame, key)

    def _check_unique(self, known: str, frame: DataFrame, key: tuple[str, ...]) -> None:
        columns = [Column(name=name, dtype=frame.schema[name].dtype) for name in key]
        present = all_of(call("is_not_null", column) for column in columns)
        assert present is not None
        keys = tuple(NamedExpr(name=column.name, expr=column) for column in columns)
        rows = NamedAggregate(name="rows of a key", call=aggregate("size"))
        groups = Aggregate(input=Filter(input=frame.plan, predicate=present), keys=keys, aggregates=(rows,))
        several = call("greater", Column(name=rows.name, dtype=dtypes.int64), literal(1))
        twice = DataFrame.from_plan(Filter(input=groups, predicate=several), self._session).head(1)
        for row in twice.to_arrow().to_pylist():
            shown = ", ".join(str(row[name]) for name in key)
            raise ExecutionError(f"{', '.join(key)} of {known!r} would be {shown} in more than one row")

    def _done(self, what: str, name: str) -> DataFrame:
        return table(self._session, {"name": dtypes.string, "result": dtypes.string}, [(name, what)])

    def _count(self, rows: int) -> DataFrame:
        return table(self._session, {"Count": dtypes.int64}, [(rows,)])


def selected(query: exp.Expr) -> exp.Expr:
    """Return a query, which may be given as the name of a table, as a SELECT."""
    return exp.Select(expressions=[exp.Star()], from_=exp.From(this=query)) if isinstance(query, exp.Table) else query


def _from(target: exp.Expr, items: list[exp.Expr]) -> exp.Select:
    return exp.Select(expressions=items, from_=exp.From(this=target.copy()))


def table(session: Session, kinds: dict[str, dtypes.DataType], rows: Sequence[tuple[Any, ...]]) -> DataFrame:
    """Return a frame of plain values."""
    schema = Schema(tuple(Field(name, dtype) for name, dtype in kinds.items()))
    return DataFrame.from_plan(Scan(source=RowsSource(schema=schema, values=tuple(rows))), session)
