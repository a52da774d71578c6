"""Statements that are no queries: EXPLAIN, DESCRIBE, SUMMARIZE, SHOW, SET, COPY; those of tables are in ``tables``.

Each gives a frame, as a query does. What changes tables or files is done at once; the frame then says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.expr import Column, Expr, NamedExpr, aggregate, call, case, cast, literal
from ..engine.expr.nodes import NamedAggregate
from ..engine.frame import DataFrame, Session
from ..engine.plan import Aggregate, Plan, Project, Union
from ..engine.schema import Field
from .bind import bind_tree
from .macros import macro_statement
from .models import model_statement
from .null_order import SETTINGS, Ordering, stated
from .parse import SqlText, explained, parse, parse_statement, reset_setting
from .tables import TableStatements, selected, table
from .views import ViewCatalogue

Parameters = Mapping[str, Any] | Sequence[Any] | None
_FORMATS = {"arrow": "ipc", "feather": "ipc", "ndjson": "json", "jsonl": "json"}
_OPTIONS = {"delim": "delimiter", "sep": "delimiter", "row_group_size": "row_group_rows"}


def execute(
    text: str, catalogue: ViewCatalogue, session: Session, *, dialect: str = "duckdb", params: Parameters = None
) -> DataFrame:
    """Return the frame of one statement: lazy for a query, EXPLAIN and SUMMARIZE; for others what they did.

    Raises
    ------
    SqlError
        If the text is wrong; carries line and column.
    UnsupportedOperation
        If the text uses SQL that Volley does not offer.
    """
    source = SqlText(text=text, dialect=dialect, ordering=Ordering.of(session.options))
    asked = explained(source)
    if asked is not None:
        stage, inner = asked
        frame = DataFrame.from_plan(bind_tree(inner, parse(inner), catalogue, params), session)
        return table(session, {"plan": dtypes.string}, [(line,) for line in frame.explain(stage).splitlines()])
    statements = Statements(source, catalogue, session, params)
    macro = macro_statement(source, session)
    if macro is not None:
        return macro
    made = model_statement(
        source, session, lambda inner, tree: DataFrame.from_plan(bind_tree(inner, tree, catalogue, params), session)
    )
    if made is not None:
        return made
    setting = reset_setting(source)
    return statements.run(parse_statement(source)) if setting is None else statements.reset(setting)


class Statements:
    """Runs one parsed statement."""

    def __init__(self, source: SqlText, catalogue: ViewCatalogue, session: Session, params: Parameters) -> None:
        self._source, self._catalogue, self._session, self._params = source, catalogue, session, params
        self._tables = TableStatements(source, catalogue, session, self._query, params)

    def run(self, tree: exp.Expr) -> DataFrame:
        """Return the frame of the statement."""
        handlers: dict[type[exp.Expr], Callable[[Any], DataFrame]] = {
            exp.Describe: self._describe,
            exp.Summarize: self._summarize,
            exp.Show: self._show,
            exp.Create: self._tables.create,
            exp.Drop: self._tables.drop,
            exp.Insert: self._tables.insert,
            exp.Update: self._tables.update,
            exp.Delete: self._tables.delete,
            exp.TruncateTable: self._tables.truncate,
            exp.Copy: self._copy,
            exp.Set: self._set,
        }
        handler = handlers.get(type(tree))
        return self._query(tree) if handler is None else handler(tree)

    def _query(self, tree: exp.Expr) -> DataFrame:
        return DataFrame.from_plan(
            bind_tree(self._source, selected(tree), self._catalogue, self._params), self._session
        )

    def _describe(self, node: exp.Describe) -> DataFrame:
        schema, rules = self._query(node.this).schema, self._tables.rules(node.this)
        required, primary = ({name.lower() for name in names} for names in (rules.required, rules.primary))
        unique = {name.lower() for key in rules.unique for name in key}
        rows = []
        for f in schema:
            name = f.name.lower()
            key = "PRI" if name in primary else "UNI" if name in unique else None
            default = rules.defaults.get(name)
            nullable = f.nullable and name not in required
            shown = None if default is None else default.sql("duckdb")
            rows.append((f.name, str(f.dtype), "YES" if nullable else "NO", key, shown, None))
        names = ("column_name", "column_type", "null", "key", "default", "extra")
        return table(self._session, dict.fromkeys(names, dtypes.string), rows)

    def _summarize(self, node: exp.Summarize) -> DataFrame:
        frame = self._query(node.this)
        return DataFrame.from_plan(summary(frame.plan), self._session)

    def _show(self, node: exp.Show) -> DataFrame:
        if str(node.name).upper() != "TABLES":
            raise self._source.unsupported(node, f"SHOW {node.name.upper()}")
        names = sorted(self._catalogue.names())
        return table(self._session, {"name": dtypes.string}, [(name,) for name in names])

    # --- settings

    def _set(self, node: exp.Set) -> DataFrame:
        """Change settings of the session."""
        done = []
        for item in node.expressions:
            if item.args.get("kind") or not isinstance(item.this, exp.EQ):
                raise self._source.unsupported(item, f"SET {str(item.args.get('kind') or item.sql()).upper()}")
            name, value = str(item.this.this.name).lower(), item.this.expression
            if name in SETTINGS:
                kept, chosen = stated(name, _option(value))
                self._session.options[kept] = chosen
            else:
                self._session.configure(name, _option(value))
            done.append((name, "set"))
        return table(self._session, {"name": dtypes.string, "result": dtypes.string}, done)

    def reset(self, name: str) -> DataFrame:
        """Give a setting the value that it had when the session began."""
        if name in SETTINGS:
            self._session.options.pop("default_null_order" if name == "null_order" else name, None)
        else:
            self._session.configure(name, None)
        return table(self._session, {"name": dtypes.string, "result": dtypes.string}, [(name, "reset")])

    # --- files

    def _copy(self, node: exp.Copy) -> DataFrame:
        (target, *others) = node.args["files"]
        if others or not isinstance(target, exp.Literal) or not target.is_string:
            raise self._source.unsupported(target, "COPY to or from anything but one quoted path")
        options: dict[str, Any] = {}
        for param in node.args.get("params") or []:
            name = str(param.this.name).lower()
            options[_OPTIONS.get(name, name)] = _option(param.expression)
        by = options.get("partition_by")
        if by is not None:
            options["partition_by"] = by if isinstance(by, tuple) else (by,)
        form = str(options.pop("format", "")).lower() or None
        if node.args.get("kind"):
            return self._tables.copy_from(node, str(target.this), _FORMATS.get(form or "", form), options)
        inner = node.this.this if isinstance(node.this, exp.Subquery) else node.this
        frame = self._query(inner)
        written = frame.write(str(target.this), format=_FORMATS.get(form or "", form), **options)
        return DataFrame(written, session=self._session)


def _option(node: exp.Expr | None) -> Any:
    """Return the value of an option of COPY; one that is only named is true."""
    if node is None:
        return True
    if isinstance(node, exp.Tuple):
        return tuple(str(part.name) for part in node.expressions)
    if isinstance(node, exp.Paren):
        return (str(node.this.name),)
    if isinstance(node, exp.Boolean):
        return bool(node.this)
    if isinstance(node, exp.Literal) and not node.is_string:
        return int(str(node.this))
    return str(node.name)


def summary(plan: Plan) -> Plan:
    """Return one row for each column: type, extremes, number of distinct values, mean, deviation, share of nulls."""
    aggregates = [NamedAggregate(name="rows", call=aggregate("size"))]
    rows: list[list[tuple[str, Expr]]] = []
    for position, f in enumerate(plan.schema):
        column = Column(name=f.name, dtype=f.dtype)
        found: dict[str, Expr] = {}
        wanted = ("min", "max", "count", *(("mean", "std") if f.dtype.is_numeric else ()))
        for function in wanted:
            made = NamedAggregate(name=f"{function}_{position}", call=aggregate(function, column))
            aggregates.append(made)
            found[function] = Column(name=made.name, dtype=made.call.dtype)
        distinct = NamedAggregate(name=f"distinct_{position}", call=aggregate("count", column, distinct=True))
        aggregates.append(distinct)
        rows.append(_summary_row(f, found, Column(name=distinct.name, dtype=dtypes.int64)))
    counted = Aggregate(input=plan, aggregates=tuple(aggregates))
    inputs = [
        Project(input=counted, exprs=tuple(NamedExpr(name=name, expr=expr) for name, expr in row)) for row in rows
    ]
    return inputs[0] if len(inputs) == 1 else Union(inputs=tuple(inputs))


def _summary_row(f: Field, found: dict[str, Expr], distinct: Expr) -> list[tuple[str, Expr]]:
    count, rows = Column(name="rows", dtype=dtypes.int64), found["count"]
    nothing = literal(None, dtypes.float64)
    share = call("multiply", call("divide", call("subtract", count, rows), count), literal(100.0))
    nulls = case([(call("greater", count, literal(0)), share)])
    return [
        ("column_name", literal(f.name)),
        ("column_type", literal(str(f.dtype))),
        ("min", cast(found["min"], dtypes.string)),
        ("max", cast(found["max"], dtypes.string)),
        ("unique", distinct),
        ("avg", cast(found.get("mean", nothing), dtypes.float64)),
        ("std", cast(found.get("std", nothing), dtypes.float64)),
        ("count", count),
        ("null_percentage", nulls),
    ]
