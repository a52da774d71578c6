"""Statements that change the rows of tables: INSERT, UPDATE, DELETE, TRUNCATE, COPY … FROM.

Where a statement must know single rows, because it joins other tables or returns what it changed, the rows are numbered
first; what happens to them is computed by their numbers, and they keep their order.
"""

# ruff: noqa: S608  # the names put into queries below are quoted
from __future__ import annotations

from typing import Any

from sqlglot import exp, parse_one

from ..engine.expr import Column, NamedExpr, cast, literal
from ..engine.frame import DataFrame
from ..engine.plan import EmptySource, Project, Scan, Union
from ..engine.schema import Schema
from .bind.operands import unwrapped
from .bind.query import MIXED
from .rules import Rules
from .tables import TableStatements

ROW = "row__"


class Changes(TableStatements):
    """Runs the statements of one text that change the rows of tables."""

    # --- adding rows

    def insert(self, node: exp.Insert) -> DataFrame:
        """Add the rows of VALUES or of a query."""
        target, names = _target(node)
        known = self._required(target)
        schema, rules = self._session.tables[known].schema, self._rules_of(known)
        if node.args.get("default"):
            added, names = self._query(exp.Select(expressions=[exp.Literal.number(1)])), []
        else:
            query, names = self._without_defaults(node, known, names)
            query.meta[MIXED] = True
            if node.args.get("with_"):
                query.set("with_", node.args["with_"].copy())
            added = self._query(query)
            names = names or (list(added.columns) if node.args.get("by_name") else None)
        wanted = [f.name for f in schema] if names is None else [self._column(node, schema, name) for name in names]
        if names is None and len(added.columns) < len(wanted):
            wanted = [name for name in wanted if name.lower() not in rules.generated]
        for name in wanted:
            if name.lower() in rules.generated and not (names is None and len(added.columns) == len(wanted)):
                raise self._source.error(node.this, f"column {name!r} is generated; it takes no values")
        if names != [] and len(added.columns) != len(wanted):
            raise self._source.error(
                node.expression, f"{known!r} takes {len(wanted)} values; {len(added.columns)} are given"
            )
        rows = self._typed(schema, dict(zip(wanted, added.columns, strict=False)), added, rules, node)
        return self._add(node, target, known, rows, rules)

    def _without_defaults(
        self, node: exp.Insert, known: str, names: list[str] | None
    ) -> tuple[exp.Expr, list[str] | None]:
        """Return the query of an INSERT with the defaults in the place of the word DEFAULT."""
        query = node.expression.copy()
        if not isinstance(query, exp.Values) or not any(is_default(cell) for cell in _cells(query)):
            return query, names
        schema, rules = self._session.tables[known].schema, self._rules_of(known)
        columns = [f.name for f in schema] if names is None else [self._column(node, schema, name) for name in names]
        for row in query.expressions:
            for place, cell in enumerate(row.expressions):
                if is_default(cell) and place < len(columns):
                    default = rules.defaults.get(columns[place].lower())
                    cell.replace(exp.null() if default is None else default.copy())
        return query, names

    def _typed(
        self, schema: Schema, by_name: dict[str, str], added: DataFrame, rules: Rules, node: exp.Expr
    ) -> DataFrame:
        """Return rows with all columns of a schema, in its types; columns that are not given have their defaults."""
        exprs = []
        for f in schema:
            source, default = by_name.get(f.name), rules.defaults.get(f.name.lower())
            if source is not None:
                with self._source.placed(node):
                    value = cast(Column(name=source, dtype=added.schema[source].dtype), f.dtype)
            elif default is not None:
                added, column = self._with_default(added, default)
                value = cast(column, f.dtype)
            else:
                value = literal(None, f.dtype)
            exprs.append(NamedExpr(name=f.name, expr=value))
        with self._source.placed(node):
            return DataFrame.from_plan(Project(input=added.plan, exprs=tuple(exprs)), self._session).cache()

    def _with_default(self, added: DataFrame, default: exp.Expr) -> tuple[DataFrame, Column]:
        """Return rows with the value of a default, such as the next numbers of a sequence."""
        name = f"default{len(added.columns)}__"
        star: list[exp.Expr] = [exp.Star(), named(default, name)]
        made = self._query(exp.Select(expressions=star, from_=exp.From(this=exp.to_table("rows__"))), rows__=added)
        return made.cache(), Column(name=name, dtype=made.schema[name].dtype)

    def _add(self, node: exp.Insert, target: exp.Expr, known: str, rows: DataFrame, rules: Rules) -> DataFrame:
        before = self._session.tables[known]
        keys = self._conflict_keys(node, known, rules)
        if keys is None:
            self._replace(known, Union(inputs=(before.plan, rows.plan)), rules, lost=False)
            changed = self._with_generated(rows, rules)
        else:
            changed = self._merged(node, target, known, rows, keys)
        returning = node.args.get("returning")
        return self._count(len(changed)) if returning is None else self._returned(returning, target, changed)

    def _with_generated(self, rows: DataFrame, rules: Rules) -> DataFrame:
        return self._generated(rows, rules).cache() if rules.generated else rows

    def _conflict_keys(self, node: exp.Insert, known: str, rules: Rules) -> list[tuple[str, ...]] | None:
        """Return the keys of which rows may meet ones that are there; None where that is an error."""
        conflict, alternative = node.args.get("conflict"), str(node.args.get("alternative") or "").upper()
        if conflict is None and alternative not in ("REPLACE", "IGNORE"):
            if alternative:
                raise self._source.unsupported(node.this, f"INSERT OR {alternative}")
            return None
        stated = [] if conflict is None else conflict.args.get("conflict_keys") or []
        if not stated:
            if len(rules.unique) != 1 and (alternative == "REPLACE" or self._updates(node)):
                raise self._source.error(node.this, f"{known!r} has {len(rules.unique)} keys; name the columns of one")
            return list(rules.unique)
        wanted = {str(plain_key(key).name).lower() for key in stated}
        found = [key for key in rules.unique if {name.lower() for name in key} == wanted]
        if not found:
            shown = ", ".join(sorted(wanted))
            raise self._source.error(node.this, f"({shown}) is no primary key and not unique in {known!r}")
        return found

    def _updates(self, node: exp.Insert) -> bool:
        conflict = node.args.get("conflict")
        return conflict is not None and bool(conflict.expressions)

    def _merged(
        self, node: exp.Insert, target: exp.Expr, known: str, rows: DataFrame, keys: list[tuple[str, ...]]
    ) -> DataFrame:
        """Add the rows whose keys are new, and update or leave those that are there; return what was changed."""
        conflict = node.args.get("conflict")
        before, rules = self._numbered(target), self._rules_of(known)
        fresh = self._with_generated(rows, rules)
        for key in keys:
            fresh = self._first_of_key(fresh, key)
        given = fresh
        for key in keys:
            on = " and ".join(f"old.{quoted(name)} = new.{quoted(name)}" for name in key)
            query = f"select new.* from new__ new where not exists (select 1 from old__ old where {on})"
            fresh = self._query(parsed(query), new__=fresh, old__=before).cache()
        columns = [f.name for f in self._session.tables[known].schema]
        if not (self._updates(node) or str(node.args.get("alternative") or "").upper() == "REPLACE"):
            self._replace(known, Union(inputs=(self._session.tables[known].plan, fresh.plan)), rules)
            return fresh
        sets: dict[str, exp.Expr] = {
            name: exp.column(exp.to_identifier(name, quoted=True), "excluded") for name in columns
        }
        if conflict is not None:
            sets = self._settings(node, known, conflict.expressions)
        (key,) = keys
        pairs = [exp.EQ(this=of(target, name), expression=of("excluded", name)) for name in key]
        where = None if conflict is None else conflict.args.get("where")
        condition = exp.and_(*pairs, *([] if where is None else [where.this.copy()]))
        sources = [exp.alias_(exp.to_table("old__"), alias_of(target), table=True)]
        joined = [exp.Join(this=exp.alias_(exp.to_table("new__"), "excluded", table=True))]
        hits = self._hits(sources, joined, condition, sets, old__=before, new__=given)
        updated, changed = self._applied(known, before, hits, list(sets))
        self._replace(known, Union(inputs=(updated.plan, fresh.plan)), rules)
        return DataFrame.from_plan(Union(inputs=(changed.plan, fresh.plan)), self._session).cache()

    def _first_of_key(self, rows: DataFrame, key: tuple[str, ...]) -> DataFrame:
        """Return rows without those whose key an earlier one has; nulls are never equal."""
        names = ", ".join(map(quoted, key))
        null = " or ".join(f"{quoted(name)} is null" for name in key)
        query = (
            f"select * exclude ({ROW}) from (select *, row_number() over () as {ROW} from rows__) "
            f"qualify row_number() over (partition by {names} order by {ROW}) = 1 or {null} order by {ROW}"
        )
        return self._query(parsed(query), rows__=rows).cache()

    def copy_from(self, node: exp.Copy, path: str, form: str | None, options: dict[str, Any]) -> DataFrame:
        """Add the rows of a file, column by column in order."""
        target, names = _target(node)
        known = self._required(target)
        schema = self._session.tables[known].schema
        with self._source.placed(target):
            plan = self._catalogue.file(path, form, **options)
        if plan is None:
            raise self._source.error(target, f"{path!r} cannot be read as a table; name its format, as in (format csv)")
        wanted = [f.name for f in schema] if names is None else [self._column(node, schema, name) for name in names]
        added = DataFrame.from_plan(plan, self._session)
        if len(added.columns) != len(wanted):
            raise self._source.error(
                target, f"{known!r} takes {len(wanted)} columns; {path!r} has {len(added.columns)}"
            )
        rules = self._rules_of(known)
        rows = self._typed(schema, dict(zip(wanted, added.columns, strict=True)), added, rules, target)
        self._replace(known, Union(inputs=(self._session.tables[known].plan, rows.plan)), rules, lost=False)
        return self._count(len(rows))

    # --- changing rows

    def update(self, node: exp.Update) -> DataFrame:
        """Compute columns anew in the rows for which a condition is true."""
        self._refuse(node, ("order", "limit", "with_"), "UPDATE")
        known = self._required(node.this)
        sets = self._settings(node, known, node.expressions)
        where = node.args.get("where")
        before = self._numbered(node.this)
        own = exp.alias_(exp.to_table("old__"), alias_of(node.this), table=True)
        others = node.args.get("from_")
        joins = [] if others is None else [exp.Join(this=others.this.copy())]
        hits = self._hits([own], joins, None if where is None else where.this, sets, old__=before)
        updated, changed = self._applied(known, before, hits, list(sets))
        self._replace(known, updated.plan, self._rules_of(known))
        returning = node.args.get("returning")
        if returning is None:
            return self._count(len(changed))
        return self._returned(returning, node.this, self._with_generated(changed, self._rules_of(known)))

    def _settings(self, node: exp.Expr, known: str, items: list[exp.Expr]) -> dict[str, exp.Expr]:
        """Return what SET says: by column its new value."""
        schema, rules = self._session.tables[known].schema, self._rules_of(known)
        pairs: list[tuple[exp.Expr, exp.Expr]] = []
        for item in items:
            left, right = item.this, item.expression
            if isinstance(left, exp.Tuple):
                values = right.expressions if isinstance(right, exp.Tuple) else []
                if len(values) != len(left.expressions):
                    raise self._source.unsupported(item, "SET of a tuple to anything but as many values")
                pairs.extend(zip(left.expressions, values, strict=True))
            else:
                pairs.append((left, right))
        new: dict[str, exp.Expr] = {}
        for left, value in pairs:
            name = self._column(node, schema, left.name)
            if name in new:
                raise self._source.error(left, f"column {name!r} is set twice")
            if name.lower() in rules.generated:
                raise self._source.error(left, f"column {name!r} is generated; it takes no values")
            default = rules.defaults.get(name.lower())
            new[name] = (exp.null() if default is None else default) if is_default(value) else value
        return new

    def delete(self, node: exp.Delete) -> DataFrame:
        """Leave out the rows for which a condition is true."""
        self._refuse(node, ("order", "limit", "with_"), "DELETE")
        known = self._required(node.this)
        where = node.args.get("where")
        before = self._numbered(node.this)
        own = exp.alias_(exp.to_table("old__"), alias_of(node.this), table=True)
        joins = [exp.Join(this=other.copy()) for other in node.args.get("using") or []]
        hits = self._hits([own], joins, None if where is None else where.this, {}, old__=before)
        left, gone = map(self._without_numbers, self._divided(before, hits))
        gone = gone.cache()
        self._replace(known, left.plan, Rules(generated=self._rules_of(known).generated))
        returning = node.args.get("returning")
        return self._count(len(gone)) if returning is None else self._returned(returning, node.this, gone)

    def truncate(self, node: exp.TruncateTable) -> DataFrame:
        """Leave out all rows."""
        count = 0
        for target in node.expressions:
            known = self._required(target)
            frame = self._session.tables[known]
            count += len(frame)
            self._replace(known, Scan(source=EmptySource(schema=frame.schema)), Rules())
        return self._count(count)

    # --- rows by their numbers

    def _refuse(self, node: exp.Expr, keys: tuple[str, ...], what: str) -> None:
        for key in keys:
            if node.args.get(key):
                raise self._source.unsupported(node.this, f"{key.strip('_').upper()} in {what}")

    def _numbered(self, target: exp.Expr) -> DataFrame:
        """Return the rows of a table with their numbers."""
        frame = self._session.tables[self._required(target)]
        return self._query(parsed(f"select *, row_number() over () as {ROW} from rows__"), rows__=frame).cache()

    def _divided(self, rows: DataFrame, numbers: DataFrame) -> tuple[DataFrame, DataFrame]:
        """Return numbered rows that do not have one of some numbers, and those that do, in their order."""
        query = f"select * from rows__ where {ROW} {{}} (select {ROW} from numbers__) order by {ROW}"
        others, those = (
            self._query(parsed(query.format(word)), rows__=rows, numbers__=numbers) for word in ("not in", "in")
        )
        return others, those

    def _without_numbers(self, rows: DataFrame) -> DataFrame:
        return self._query(parsed(f"select * exclude ({ROW}) from rows__"), rows__=rows)

    def _hits(
        self,
        sources: list[exp.Expr],
        joins: list[exp.Join],
        condition: exp.Expr | None,
        sets: dict[str, exp.Expr],
        **frames: DataFrame,
    ) -> DataFrame:
        """Return the numbers of the rows for which a condition is true, each once, and their new values."""
        items: list[exp.Expr] = [exp.column(ROW)]
        items += [named(value, f"new{place}__") for place, value in enumerate(sets.values())]
        query = exp.Select(expressions=items, from_=exp.From(this=sources[0]), joins=joins or None)
        if condition is not None:
            query = query.where(condition.copy())
        if joins:
            query.set("distinct", exp.Distinct(on=exp.Tuple(expressions=[exp.column(ROW)])))
        return self._query(query, **frames).cache()

    def _applied(self, known: str, before: DataFrame, hits: DataFrame, names: list[str]) -> tuple[DataFrame, DataFrame]:
        """Return all rows with new values where there are some, and the rows that have them."""
        columns = []
        for f in self._session.tables[known].schema:
            old = f"old.{quoted(f.name)}"
            if f.name in names:
                old = f"case when hit.{ROW} is null then {old} else hit.new{names.index(f.name)}__ end"
            columns.append(f"{old} as {quoted(f.name)}")
        query = (
            f"select {', '.join(columns)}, hit.{ROW} is not null as hit__ "
            f"from old__ old left join hits__ hit on old.{ROW} = hit.{ROW} order by old.{ROW}"
        )
        rows = self._query(parsed(query), old__=before, hits__=hits)
        schema = self._session.tables[known].schema
        exprs = [NamedExpr(name="hit__", expr=Column(name="hit__", dtype=rows.schema["hit__"].dtype))]
        for f in schema:
            value = Column(name=f.name, dtype=rows.schema[f.name].dtype)
            exprs.append(NamedExpr(name=f.name, expr=cast(value, f.dtype)))
        whole = DataFrame.from_plan(Project(input=rows.plan, exprs=tuple(exprs)), self._session).cache()
        updated = self._query(parsed("select * exclude (hit__) from rows__"), rows__=whole)
        changed = self._query(parsed("select * exclude (hit__) from rows__ where hit__"), rows__=whole)
        return updated, changed.cache()

    def _returned(self, node: exp.Expr, target: exp.Expr, rows: DataFrame) -> DataFrame:
        """Return what RETURNING says of rows."""
        items = [item.copy() for item in node.expressions]
        own = exp.alias_(exp.to_table("rows__"), alias_of(target), table=True)
        return self._query(exp.Select(expressions=items, from_=exp.From(this=own)), rows__=rows).cache()


def named(value: exp.Expr, name: str) -> exp.Expr:
    """Return a value under a name; a query in parentheses would take the name for a table's."""
    return exp.Alias(this=value.copy(), alias=exp.to_identifier(name, quoted=True))


def _target(node: exp.Insert | exp.Copy) -> tuple[exp.Expr, list[str] | None]:
    """Return the table to which a statement adds rows, and the columns that it names, if it does."""
    if isinstance(node.this, exp.Schema):
        return node.this.this, [str(part.name) for part in node.this.expressions]
    return node.this, None


def _cells(values: exp.Values) -> list[exp.Expr]:
    return [cell for row in values.expressions for cell in row.expressions]


def is_default(node: exp.Expr) -> bool:
    """Return whether this is the word DEFAULT."""
    if isinstance(node, exp.Var):
        return str(node.name).upper() == "DEFAULT"
    plain = isinstance(node, exp.Column) and not node.table and isinstance(node.this, exp.Identifier)
    return plain and not node.this.quoted and str(node.name).upper() == "DEFAULT"


def plain_key(node: exp.Expr) -> exp.Expr:
    """Return what an item of a list of keys orders by, without parentheses."""
    return unwrapped(node.this if isinstance(node, exp.Ordered) else node)


def alias_of(target: exp.Expr) -> str:
    """Return the name that a statement knows its table by."""
    return str(target.alias or target.name)


def of(table: exp.Expr | str, name: str) -> exp.Expr:
    """Return a column of a table."""
    owner = table if isinstance(table, str) else alias_of(table)
    return exp.column(exp.to_identifier(name, quoted=True), exp.to_identifier(owner, quoted=True))


def quoted(name: str) -> str:
    """Return a name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def parsed(text: str) -> exp.Expr:
    """Return a query of our own, parsed."""
    return parse_one(text, dialect="duckdb")
