"""Expressions of one SELECT: names, functions, operators and subqueries to typed expressions of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.errors import PlanError, suggestion
from ...engine.expr import Column, Expr, Literal, call, case, cast, literal
from ...engine.expr.lambdas import Variable
from ..parse import SqlText
from ..trees import holds
from .aggregates import Aggregates, aggregate_name, bind_aggregate
from .attachment import Attached, Drawn
from .datatypes import data_type
from .documents import as_document
from .functions import SPECIAL, function
from .literals import number, time_constant
from .operators import OPERATORS
from .patterns import BOUND
from .scope import ReadsOuter, Scope
from .statement import Statement
from .structs import field_of, struct_of
from .trying import tried
from .unnesting import series_call, unnest_call
from .windows import bind_window, window_name


class Subqueries(Protocol):
    """Binds the queries nested in an expression; adds to ``binder.attachments`` what must be joined for them."""

    def scalar(self, binder: ExpressionBinder, node: exp.Expr) -> Expr:
        """Return the single value of a query."""
        ...

    def exists(self, binder: ExpressionBinder, node: exp.Expr) -> Expr:
        """Return whether a query has rows."""
        ...

    def contains(self, binder: ExpressionBinder, node: exp.Expr, needle: exp.Expr, query: exp.Expr) -> Expr:
        """Return whether a query gives a value, with SQL's null rules."""
        ...

    def compares(
        self, binder: ExpressionBinder, node: exp.Expr, function: str, needle: exp.Expr, query: exp.Expr, *, every: bool
    ) -> Expr:
        """Return whether a comparison holds for any, or for every, value that a query gives."""
        ...


class ExpressionBinder:
    """Binds the expressions of one clause.

    Attributes
    ----------
    clause
        What error messages call the clause.
    aliases
        Lower-case aliases of the SELECT list, which an unknown name may mean.
    aggregates
        Where aggregates go; None where none may stand.
    attachments
        Joins that must be made before the expressions can be computed.
    places
        For each column read, the node that named it first.
    nested
        Nested queries of GROUP BY and the values they have there, for the same text elsewhere.
    computed
        Calls of users' functions and the columns that hold them.
    """

    def __init__(
        self,
        *,
        statement: Statement,
        scope: Scope,
        subqueries: Subqueries,
        clause: str,
        aliases: Mapping[str, exp.Expr] | None = None,
        aggregates: Aggregates | None = None,
    ) -> None:
        self.statement = statement
        self.scope = scope
        self.subqueries = subqueries
        self.clause = clause
        self.aliases = aliases or {}
        self.aggregates = aggregates
        self.attachments: list[Attached] = []
        self.input_attachments: list[Attached] = []
        self.places: dict[str, exp.Expr] = {}
        self.nested: dict[exp.Expr, Expr] = {}
        self.computed: dict[Expr, Column] = {}
        self._expanding: set[str] = set()
        self._variables: dict[str, Variable] = {}

    @property
    def source(self) -> SqlText:
        """The text, for errors."""
        return self.statement.source

    def for_aggregate_input(self) -> ExpressionBinder:
        """Return a binder for the arguments of an aggregate; its joins are made before the aggregation."""
        inner = ExpressionBinder(
            statement=self.statement,
            scope=self.scope,
            subqueries=self.subqueries,
            clause="another aggregate",
            aliases=self.aliases,
        )
        inner.attachments = self.input_attachments
        inner._variables = self._variables
        return inner

    @property
    def own_names(self) -> frozenset[str]:
        """Names in lower case that mean something here though they are no columns: aliases and lambdas' parameters."""
        return frozenset((*self.aliases, *self._variables)) - self._expanding

    def variable(self, wanted: str, dtype: DataType) -> Variable:
        """Return a new parameter of a lambda."""
        return Variable(name=self.statement.names.fresh(wanted), dtype=dtype)

    @contextmanager
    def with_variables(self, variables: Mapping[str, Variable]) -> Iterator[None]:
        """Let names in lower case mean parameters of the lambda that is being bound."""
        before = self._variables
        self._variables = {**before, **variables}
        try:
            yield
        finally:
            self._variables = before

    def bind(self, node: exp.Expr | None) -> Expr:
        """Return the typed expression of a node; every error carries the node's place."""
        if node is None:  # which the parser leaves out of some calls that are too short
            raise PlanError("an argument is missing")
        with self.source.placed(node):
            if isinstance(node, _NESTED):
                return self._nested_query(node)
            if isinstance(node, _COMPARISONS) and self._remembers(node):
                if node not in self.nested:
                    self.nested[node] = _HANDLERS[type(node)](self, node)
                return self.nested[node]
            if isinstance(node, _CALLS):
                name = aggregate_name(node)
                if not name and window_name(node) is not None:
                    raise self.source.error(node, f"{self.source.written(node)} needs OVER (…)")
                if name is not None:
                    return bind_aggregate(self, node)
            handler = _HANDLERS.get(type(node))
            if handler is not None:
                return handler(self, node)
            if isinstance(node, exp.Func):
                return function(self, node)
        raise self.source.unsupported(node, _named(node))

    def _remembers(self, node: exp.Expr) -> bool:
        """Return whether this compares with a nested query of GROUP BY, whose value other clauses read."""
        if self.clause != "GROUP BY":
            return bool(self.nested) and node in self.nested
        return holds(node, exp.Query)

    def _nested_query(self, node: exp.Expr) -> Expr:
        if isinstance(node.this, exp.Subquery) and list(filter(None, node.args.values())) == [node.this]:
            return self._nested_query(node.this)  # one more pair of parentheses
        if node not in self.nested:
            ask = self.subqueries.exists if isinstance(node, exp.Exists) else self.subqueries.scalar
            bound = ask(self, node)
            if self.clause != "GROUP BY":
                return bound
            self.nested[node] = bound
        return self.nested[node]

    def condition(self, node: exp.Expr) -> Expr:
        """Return a boolean expression; numbers count as true where they are not zero, as in DuckDB."""
        bound = self.bind(node)
        if bound.dtype.is_numeric or bound.dtype.kind is Kind.NULL:
            return cast(bound, dtypes.bool_)
        if bound.dtype.kind is not Kind.BOOL:
            raise self.source.error(node, f"a condition in {self.clause} must be boolean, not {bound.dtype}")
        return bound

    def column(self, node: exp.Column) -> Expr:
        """Resolve a column name: columns of this query, aliases of its SELECT list, then the queries around."""
        known: Column | None = node.meta.get(BOUND)
        if known is not None:
            self.places.setdefault(known.name, node)
            return known
        if isinstance(node.this, exp.Star):
            raise self.source.error(node, f"* cannot stand in {self.clause}; name a column")
        parts = [str(part.name) for part in node.parts]
        found = self._of_parts(node, parts[-1], parts[-2] if len(parts) > 1 else None) if len(parts) < 3 else None
        for length in (1, 2):  # a.b.c may be the field c of the column b of a, or the field b.c of the column a
            if found is None and len(parts) > length:
                name, relation = parts[length - 1], parts[0] if length == 2 else None
                found = self._of_parts(node, name, relation)
                for field in parts[length:] if found is not None else []:
                    assert found is not None
                    found = field_of(self, node, found, field)
        if found is None and len(parts) in (3, 4):  # schema.table.column
            found = self._of_parts(node, parts[-1], parts[-2])
        if found is None and len(parts) == 1:
            found = self._row(node, parts[0])
        if found is None:
            raise self._unknown(node, parts[-1], parts[-2] if len(parts) > 1 else None)
        return found

    def _row(self, node: exp.Column, relation: str) -> Expr | None:
        """Return the row of a table as a struct, where a name is no column's but a table's."""
        columns = self.scope.star(relation)
        for each in columns:
            self.places.setdefault(each.column.name, node)
        return struct_of(self, node, [c.name for c in columns], [c.column for c in columns]) if columns else None

    def _of_parts(self, node: exp.Column, name: str, relation: str | None) -> Expr | None:
        """Return what a name means: a parameter of a lambda, a column, an alias, a column of a query around."""
        if relation is None and name.lower() in self._variables:
            return self._variables[name.lower()]
        found = self._local(self.scope, node, name, relation)
        aliased = relation is None and name.lower() in self.aliases and name.lower() not in self._expanding
        if found is None and aliased:
            return self._alias(name.lower())
        if found is None:
            found = self._outer(self.scope, node, name, relation, direct=True)
        if found is not None:
            self.places.setdefault(found.name, node)
        return found

    def _local(self, scope: Scope, node: exp.Expr, name: str, relation: str | None) -> Column | None:
        matches = scope.find(name, relation)
        if len(matches) > 1:
            owners = [f"{m.relation}.{m.name}" for m in matches]
            raise self.source.error(node, f"column {name!r} is ambiguous: it may be {' or '.join(owners)}; say which")
        return matches[0].column if matches else None

    def _outer(self, scope: Scope, node: exp.Expr, name: str, relation: str | None, *, direct: bool) -> Column | None:
        if scope.outer is None:
            return None
        found = self._local(scope.outer, node, name, relation)
        if found is None:
            found = self._outer(scope.outer, node, name, relation, direct=False)
        return None if found is None else scope.capture(found, direct=direct)

    def _alias(self, name: str) -> Expr:
        self._expanding.add(name)
        try:
            return self.bind(self.aliases[name])
        finally:
            self._expanding.discard(name)

    def _unknown(self, node: exp.Expr, name: str, relation: str | None) -> PlanError:
        if any(around.find(name, relation) for around in self.scope.hidden()):
            refused = self.source.unsupported(node, "a column of the query around inside FROM (LATERAL)")
            return ReadsOuter(str(refused))
        scopes = self.scope.chain
        relations = [r for scope in scopes for r in scope.relations]
        if relation is not None and relation.lower() not in {r.lower() for r in relations}:
            known = suggestion(relation, relations) if relations else "; there is no FROM clause"
            return self.source.error(node, f"unknown table or alias {relation!r}{known}")
        columns = [c.name for scope in scopes for c in scope.star(relation)]
        shown = f"{relation}.{name}" if relation else name
        hint = suggestion(name, columns)
        if "did you mean" not in hint and isinstance(node, exp.Column) and node.this.args.get("quoted"):
            hint = f"; double quotes name a column, single quotes make a text: {shown!r}"
        return self.source.error(node, f"unknown column {shown!r}{hint}")

    def cast_to(self, node: exp.Expr, arg: Expr, target: DataType, *, strict: bool) -> Expr:
        """Return a cast; a constant text becomes a date or timestamp here, so that mistakes show while planning."""
        if isinstance(arg, Literal) and isinstance(arg.value, str) and strict:
            constant = time_constant(self.source, node, arg.value, target)
            if constant is not None:
                return constant
        return cast(arg, target, strict=strict)


def _named(node: exp.Expr) -> str:
    words: dict[type[Any], str] = {exp.Star: "* in an expression"}
    return words.get(type(node), f"{node.key.replace('_', ' ')} ({node.sql(dialect='duckdb')[:40]})")


def _cast(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "to", "safe"), "CAST")
    target = data_type(binder.source, node.args["to"])
    written = node.args["to"].this
    if written in (exp.DType.JSON, exp.DType.UUID):
        value = binder.bind(node.this)
        made = as_document(value) if written is exp.DType.JSON else call("to_uuid", cast(value, dtypes.string))
        if isinstance(node, exp.TryCast) and value.dtype.is_text:
            fits = (
                call("json_valid", value) if written is exp.DType.JSON else call("regexp_matches", value, pattern=_UUID)
            )
            return case([(fits, made)])
        return made
    return binder.cast_to(node, binder.bind(node.this), target, strict=not isinstance(node, exp.TryCast))


_UUID = r"^\s*\{?[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}\}?\s*$"


def _literal(binder: ExpressionBinder, node: Any) -> Expr:
    return literal(str(node.this)) if node.is_string else number(binder.source, node)


def _bytes(binder: ExpressionBinder, node: Any) -> Expr:
    try:
        return literal(bytes.fromhex(str(node.this)))
    except ValueError:
        raise binder.source.error(node, f"x'{node.this}' is not bytes; write two digits from 0 to f for each") from None


def _escaped(binder: ExpressionBinder, node: Any) -> Expr:
    """Return a text with escapes, ``E'…'``, which the parser has read; in some dialects such texts are bytes."""
    if binder.source.dialect not in ("duckdb", "postgres", "redshift", "materialize", "risingwave"):
        return literal(str(node.this).encode())
    return literal(str(node.this))


def _of_place(binder: ExpressionBinder, node: Any) -> Expr:
    found = binder.scope.at(str(node.this.this))
    if found is None:
        given = len(binder.scope.star())
        raise binder.source.error(node, f"#{node.this.this} is no column; FROM gives {given}")
    binder.places.setdefault(found.column.name, node)
    return found.column


def _random(binder: ExpressionBinder, _: Any) -> Expr:
    column = Column(name=binder.statement.names.fresh("random"), dtype=dtypes.float64)
    binder.attachments.append(Drawn(column=column, seed=binder.statement.seed()))
    return column


def _parameter(binder: ExpressionBinder, node: Any) -> Expr:
    return binder.statement.parameter(node, str(node.name))


def _filter(binder: ExpressionBinder, node: Any) -> Expr:
    inner = node.this.this if isinstance(node.this, exp.IgnoreNulls) else node.this
    if aggregate_name(inner) is None:
        raise binder.source.error(node, "FILTER may follow only an aggregate")
    return bind_aggregate(binder, inner, node.expression.this, named=node)


def _grouping(binder: ExpressionBinder, node: Any) -> Expr:
    if binder.aggregates is None:
        raise binder.source.error(node, f"GROUPING cannot stand in {binder.clause}")
    return binder.aggregates.grouping(tuple(binder.bind(key) for key in node.expressions))


# Tuples, since a union of classes is made anew each time it is written.
_NESTED = (exp.Subquery, exp.Exists)
_CALLS = (exp.Func, exp.WithinGroup)
_COMPARISONS = (exp.In, exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
"""What may compare with the rows of a nested query."""
_HANDLERS: dict[type[Any], Callable[[ExpressionBinder, Any], Expr]] = {
    **OPERATORS,
    **SPECIAL,
    exp.Explode: unnest_call,
    exp.GenerateSeries: series_call,
    exp.Column: lambda binder, node: binder.column(node),
    exp.Alias: lambda binder, node: binder.bind(node.this),
    exp.Paren: lambda binder, node: binder.bind(node.this),
    exp.Literal: _literal,
    exp.RawString: lambda _, node: literal(str(node.this)),
    exp.HexString: _bytes,
    exp.ByteString: _escaped,
    exp.PositionalColumn: _of_place,
    exp.Boolean: lambda _, node: literal(bool(node.this)),
    exp.Null: lambda *_: literal(None),
    exp.Placeholder: _parameter,
    exp.Rand: _random,
    exp.Parameter: _parameter,
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Filter: _filter,
    exp.Try: tried,
    exp.Grouping: _grouping,
    exp.GroupingId: _grouping,
    exp.Window: bind_window,
    exp.IgnoreNulls: lambda binder, node: binder.bind(node.this),
}
