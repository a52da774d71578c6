"""Statements that are no queries: EXPLAIN, DESCRIBE, SUMMARIZE, SHOW TABLES, CREATE … AS, DROP and COPY … TO.

Each gives a frame, as a query does. What changes tables or files is done at once; the frame then says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlglot import exp

from ..engine import dtypes
from ..engine.errors import suggestion
from ..engine.expr import Column, Expr, NamedExpr, aggregate, call, case, cast, literal
from ..engine.expr.nodes import NamedAggregate
from ..engine.frame import DataFrame, Session
from ..engine.plan import Aggregate, Plan, Project, Scan, Union
from ..engine.schema import Field, Schema
from .bind import Catalogue, bind_tree
from .bind.rows import RowsSource
from .parse import SqlText, explained, parse, parse_statement

Parameters = Mapping[str, Any] | Sequence[Any] | None
_FORMATS = {"arrow": "ipc", "feather": "ipc", "ndjson": "json", "jsonl": "json"}
_OPTIONS = {"delim": "delimiter", "sep": "delimiter", "row_group_size": "row_group_rows"}


def execute(
    text: str, catalogue: Catalogue, session: Session, *, dialect: str = "duckdb", params: Parameters = None
) -> DataFrame:
    """Return the frame of one statement: lazy for a query, EXPLAIN and SUMMARIZE; for others what they did.

    Raises
    ------
    SqlError
        If the text is wrong; carries line and column.
    UnsupportedOperation
        If the text uses SQL that Volley does not offer.
    """
    source = SqlText(text=text, dialect=dialect)
    asked = explained(source)
    if asked is not None:
        stage, inner = asked
        frame = DataFrame.from_plan(bind_tree(inner, parse(inner), catalogue, params), session)
        return _table(session, {"plan": dtypes.string}, [(line,) for line in frame.explain(stage).splitlines()])
    return Statements(source, catalogue, session, params).run(parse_statement(source))


class Statements:
    """Runs one parsed statement."""

    def __init__(self, source: SqlText, catalogue: Catalogue, session: Session, params: Parameters) -> None:
        self._source, self._catalogue, self._session, self._params = source, catalogue, session, params

    def run(self, tree: exp.Expr) -> DataFrame:
        """Return the frame of the statement."""
        handlers: dict[type[exp.Expr], Callable[[Any], DataFrame]] = {
            exp.Describe: self._describe,
            exp.Summarize: self._summarize,
            exp.Show: self._show,
            exp.Create: self._create,
            exp.Drop: self._drop,
            exp.Copy: self._copy,
        }
        handler = handlers.get(type(tree))
        return self._query(tree) if handler is None else handler(tree)

    def _query(self, tree: exp.Expr) -> DataFrame:
        if isinstance(tree, exp.Table):
            tree = exp.Select(expressions=[exp.Star()], from_=exp.From(this=tree))
        return DataFrame.from_plan(bind_tree(self._source, tree, self._catalogue, self._params), self._session)

    def _describe(self, node: exp.Describe) -> DataFrame:
        schema = self._query(node.this).schema
        rows = [(f.name, str(f.dtype), "YES" if f.nullable else "NO") for f in schema]
        kinds = {"column_name": dtypes.string, "column_type": dtypes.string, "null": dtypes.string}
        return _table(self._session, kinds, rows)

    def _summarize(self, node: exp.Summarize) -> DataFrame:
        frame = self._query(node.this)
        return DataFrame.from_plan(summary(frame.plan), self._session)

    def _show(self, node: exp.Show) -> DataFrame:
        if str(node.name).upper() != "TABLES":
            raise self._source.unsupported(node, f"SHOW {node.name.upper()}")
        names = sorted(self._catalogue.names())
        return _table(self._session, {"name": dtypes.string}, [(name,) for name in names])

    # --- named tables

    def _create(self, node: exp.Create) -> DataFrame:
        kind, target = str(node.args["kind"]).upper(), node.this
        if kind not in ("TABLE", "VIEW"):
            raise self._source.unsupported(node, f"CREATE {kind}")
        if node.expression is None:
            raise self._source.unsupported(target, f"CREATE {kind} without AS and a query")
        columns = target.expressions if isinstance(target, exp.Schema) else []
        table = target.this if isinstance(target, exp.Schema) else target
        if any(not isinstance(column, exp.Identifier) for column in columns):
            raise self._source.unsupported(target, "column types in CREATE … AS; cast in the query")
        name, known = self._name(table), self._known(self._name(table))
        if known is not None and node.args.get("exists"):
            return self._done("exists already", known)
        if known is not None and not node.args.get("replace"):
            raise self._source.error(table, f"{known!r} exists already; write create or replace {kind.lower()}")
        frame = self._query(node.expression)
        if len(columns) > len(frame.columns):
            raise self._source.error(
                target, f"the query gives {len(frame.columns)} columns; {len(columns)} names are given"
            )
        frame = frame.rename({old: str(new.name) for old, new in zip(frame.columns, columns, strict=False)})
        if kind == "TABLE":
            frame = frame.cache()
        if known is not None:
            self._session.unregister(known)
        self._session.register(name, frame)
        return self._done(f"{kind.lower()} created", name)

    def _drop(self, node: exp.Drop) -> DataFrame:
        kind, targets = str(node.args["kind"]).upper(), node.args.get("tables") or []
        if kind not in ("TABLE", "VIEW") or len(targets) != 1:
            raise self._source.unsupported(node, f"DROP {kind}" if kind not in ("TABLE", "VIEW") else "DROP of several")
        name = self._name(targets[0])
        known = self._known(name)
        if known is not None:
            self._session.unregister(known)
            return self._done("dropped", known)
        if node.args.get("exists"):
            return self._done("not there", name)
        hint = suggestion(name, self._session.tables) if self._session.tables else "; none is registered"
        raise self._source.error(targets[0], f"unknown table {name!r}{hint}")

    def _name(self, node: exp.Expr) -> str:
        if not isinstance(node, exp.Table) or len(node.parts) != 1:
            raise self._source.unsupported(node, "a table name of several parts")
        return str(node.name)

    def _known(self, name: str) -> str | None:
        return next((known for known in self._session.tables if known.lower() == name.lower()), None)

    def _done(self, what: str, name: str) -> DataFrame:
        return _table(self._session, {"name": dtypes.string, "result": dtypes.string}, [(name, what)])

    # --- files

    def _copy(self, node: exp.Copy) -> DataFrame:
        if node.args.get("kind"):
            raise self._source.unsupported(node, "COPY … FROM")
        (target, *others) = node.args["files"]
        if others or not isinstance(target, exp.Literal) or not target.is_string:
            raise self._source.unsupported(target, "COPY to anything but one quoted path")
        options: dict[str, Any] = {}
        for param in node.args.get("params") or []:
            name = str(param.this.name).lower()
            options[_OPTIONS.get(name, name)] = _option(param.expression)
        by = options.get("partition_by")
        if by is not None:
            options["partition_by"] = by if isinstance(by, tuple) else (by,)
        form = str(options.pop("format", "")).lower() or None
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


def _table(session: Session, kinds: dict[str, dtypes.DataType], rows: list[tuple[Any, ...]]) -> DataFrame:
    schema = Schema(tuple(Field(name, dtype) for name, dtype in kinds.items()))
    return DataFrame.from_plan(Scan(source=RowsSource(schema=schema, values=tuple(rows))), session)
