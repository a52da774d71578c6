"""Unnesting: scalar subqueries, IN, EXISTS and their negations become joins.

``nested`` binds a nested query by itself and says by which keys it is tied to the query around it; here it is joined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine import dtypes
from ...engine.expr import (
    AggregateCall,
    Call,
    Cast,
    Column,
    Expr,
    NamedAggregate,
    NamedExpr,
    aggregate,
    all_of,
    call,
    case,
    columns_of,
    literal,
    substitute,
)
from ...engine.expr.catalogue import FUNCTIONS, Nulls
from ...engine.plan import Aggregate, Filter, JoinKind, Limit, Plan, Project, filtered
from ...engine.records import replace
from ...engine.traversal import walk
from .attachment import Attachment
from .bound import unchanged, with_columns
from .nested import Nested, NestedBinder
from .operands import unwrapped
from .operators import balanced, compare
from .rewriting import any_of_rows
from .scope import Scope

if TYPE_CHECKING:
    from .expressions import ExpressionBinder
    from .query import QueryBinder

_NEGATED = {
    "equal": "not_equal",
    "not_equal": "equal",
    "less": "greater_equal",
    "less_equal": "greater",
    "greater": "less_equal",
    "greater_equal": "less",
}
_TOO_MANY_ROWS = "a scalar subquery gave more than one row; take one with LIMIT 1, or an aggregate such as max"


class SubqueryBinder:
    """Binds the queries nested in one SELECT."""

    def __init__(self, queries: QueryBinder, scope: Scope) -> None:
        self._nested = NestedBinder(queries, scope)
        self._statement = queries.statement
        self._source = queries.statement.source

    # --- what expressions ask for

    def condition(self, binder: ExpressionBinder, node: exp.Expr) -> Expr:
        """Bind one conjunct of WHERE or HAVING; EXISTS and IN become semi and anti joins, which leave ``true``."""
        inner, negated = unwrapped(node), False
        while isinstance(inner, exp.Not):
            inner, negated = unwrapped(inner.this), not negated
        query = inner.args.get("query") if isinstance(inner, exp.In) else None
        with self._source.placed(inner):
            if isinstance(inner, exp.Exists):
                return self._exists_condition(binder, inner, negated=negated)
            if query is not None:
                return self._in_condition(binder, inner, inner.this, query, negated=negated)
        return binder.condition(node)

    def scalar(self, binder: ExpressionBinder, node: exp.Expr) -> Expr:
        """Return the single value of a query; null where it has no rows."""
        nested = self._nested.bind(node, residual=False)
        if len(nested.values) != 1:
            raise self._source.error(
                node, f"a scalar subquery must give one column, this one gives {len(nested.values)}"
            )
        return self._single(binder, node, nested, nested.values[0][1])

    def exists(self, binder: ExpressionBinder, node: exp.Expr) -> Expr:
        """Return whether a query has rows, as a value."""
        nested = self._nested.bind(node.this, residual=False)
        if nested.defaults is not None:
            return self._exists_of_aggregate(binder, node, nested)
        if nested.one_row and not nested.keys:
            return literal(value=True)
        plan = filtered(nested.plan, nested.having)
        if not nested.keys:
            count = self._fresh("count", dtypes.int64)
            counted = Aggregate(
                input=Limit(input=plan, count=1),
                aggregates=(NamedAggregate(name=count.name, call=aggregate("size")),),
            )
            binder.attachments.append(Attachment(kind=JoinKind.INNER, plan=counted))
            return call("greater", count, literal(0))
        marker = self._attach_marked(binder, nested, plan, ())
        return call("is_not_null", marker)

    def contains(self, binder: ExpressionBinder, node: exp.Expr, needle: exp.Expr, query: exp.Expr) -> Expr:
        """Return whether a query gives a value: true, false, or null where a null leaves it open."""
        if isinstance(unwrapped(needle), exp.Tuple):
            return binder.bind(any_of_rows("equal", needle, query))
        nested = self._nested.bind(query, residual=False)
        if nested.defaults is not None:
            return self._equals_aggregate(binder, node, needle, nested)
        ((wanted, found),) = self._compared(binder, node, needle, nested)
        nested, value = self._with_column(nested, found, "value")
        rows, known = self._attach_counts(binder, nested, value)
        present = Filter(input=nested.plan, predicate=call("is_not_null", value))
        marker = self._attach_marked(binder, nested, present, ((wanted, value),))
        return case(
            [
                (_no_rows(rows), literal(value=False)),
                (call("is_not_null", marker), literal(value=True)),
                (call("or", call("is_null", wanted), call("less", known, rows)), literal(None, dtypes.bool_)),
            ],
            literal(value=False),
        )

    def compares(
        self, binder: ExpressionBinder, node: exp.Expr, function: str, needle: exp.Expr, query: exp.Expr, *, every: bool
    ) -> Expr:
        """Return whether a comparison holds for any value of a query, or for every one.

        All that decides it is the least and the greatest value, and whether there are nulls or no rows.
        """
        if every:
            return call("not", self.compares(binder, node, _NEGATED[function], needle, query, every=False))
        if isinstance(unwrapped(needle), exp.Tuple):
            return binder.bind(any_of_rows(function, needle, query))
        nested = self._nested.bind(query, residual=False)
        if len(nested.values) != 1:
            raise self._source.error(node, f"ANY and ALL compare with one column, the query gives {len(nested.values)}")
        if nested.defaults is not None:
            return binder.bind(any_of_rows(function, needle, query))
        wanted = binder.bind(needle)
        test = compare(binder, node, function, wanted, nested.values[0][1])
        assert isinstance(test, Call)
        wanted, found = test.args
        nested, value = self._with_column(nested, found, "value")
        low, high = self._fresh("least", value.dtype), self._fresh("greatest", value.dtype)
        extremes = ((low, aggregate("min", value)), (high, aggregate("max", value)))
        rows, known = self._attach_counts(binder, nested, value, extremes)
        reached = [call(function, wanted, bound) for bound in _deciding(function, low, high)]
        return case(
            [
                (_no_rows(rows), literal(value=False)),
                (balanced("or", reached), literal(value=True)),
                (call("or", call("is_null", wanted), call("less", known, rows)), literal(None, dtypes.bool_)),
            ],
            literal(value=False),
        )

    def lateral(self, node: exp.Expr, plan: Plan, *, outer: bool) -> tuple[Plan, tuple[tuple[str, Column], ...]]:
        """Return a plan joined with the rows that a query gives for each of its rows, and the query's columns.

        With ``outer`` a row for which the query gives nothing stays, beside nulls.
        """
        nested = self._nested.bind(node, residual=True, counted=True)
        having = all_of(nested.having)
        if having is not None:
            nested = replace(nested, values=(*nested.values, ("having", having)), having=())
        columns = tuple((name, self._fresh(name, value.dtype)) for name, value in nested.values)
        added = [NamedExpr(name=c.name, expr=v) for (_, c), (_, v) in zip(columns, nested.values, strict=True)]
        marker = self._fresh("matched", dtypes.bool_)
        if nested.defaults is not None:
            added.append(NamedExpr(name=marker.name, expr=literal(value=True)))
        joined = Attachment(
            kind=JoinKind.LEFT if outer or nested.defaults is not None else JoinKind.INNER,
            plan=with_columns(nested.plan, added),
            on=nested.keys,
            nulls_equal=nested.nulls_equal,
            residual=all_of(nested.residual),
            domain=nested.domain,
        ).apply(plan, lambda expr: expr)
        if nested.defaults is None:
            return joined, columns
        kept = [*unchanged(plan.schema)]
        filled = []
        for (name, column), (_, value) in zip(columns, nested.values, strict=True):
            present = self._fresh(name, column.dtype)
            default = self._of_no_rows(node, nested, value)
            kept.append(NamedExpr(name=present.name, expr=case([(call("is_null", marker), default)], column)))
            filled.append((name, present))
        made: Plan = Project(input=joined, exprs=tuple(kept))
        if having is None:
            return made, tuple(filled)
        (*shown, (_, passed)) = filled
        if not outer:
            return Filter(input=made, predicate=passed), tuple(shown)
        nulled = (NamedExpr(name=c.name, expr=case([(passed, c)])) for _, c in shown)
        return Project(input=made, exprs=(*unchanged(plan.schema), *nulled)), tuple(shown)

    # --- EXISTS and IN as conditions of their own

    def _exists_condition(self, binder: ExpressionBinder, node: exp.Expr, *, negated: bool) -> Expr:
        nested = self._nested.bind(node.this, residual=True)
        if nested.defaults is not None or not (nested.keys or nested.residual):
            value = self.exists(binder, node)
            return call("not", value) if negated else value
        self._attach(
            binder,
            nested,
            kind=JoinKind.ANTI if negated else JoinKind.SEMI,
            plan=filtered(nested.plan, nested.having),
            on=nested.keys,
            residual=all_of(nested.residual),
        )
        return literal(value=True)

    def _in_condition(
        self, binder: ExpressionBinder, node: exp.Expr, needle: exp.Expr, query: exp.Expr, *, negated: bool
    ) -> Expr:
        several = isinstance(unwrapped(needle), exp.Tuple)
        nested = self._nested.bind(query, residual=several or not negated)
        if nested.defaults is not None and several:
            raise self._source.unsupported(node, "IN with several columns of a correlated aggregate")
        if nested.defaults is not None:
            equal = self._equals_aggregate(binder, node, needle, nested)
            return call("not", equal) if negated else equal
        pairs = self._compared(binder, node, needle, nested)
        if negated and several:
            return self._tuple_not_in(binder, nested, pairs)
        if negated:
            return self._not_in_condition(binder, nested, *pairs[0])
        present = tuple(call("is_not_null", found) for _, found in pairs)
        self._attach(
            binder,
            nested,
            kind=JoinKind.SEMI,
            plan=filtered(nested.plan, present if nested.nulls_equal else ()),
            on=(*nested.keys, *pairs),
            residual=all_of(nested.residual),
        )
        return literal(value=True)

    def _tuple_not_in(self, binder: ExpressionBinder, nested: Nested, pairs: list[tuple[Expr, Expr]]) -> Expr:
        """Keep a row unless all its columns equal those of some row, or a null leaves that open."""
        possible = [call("coalesce", call("equal", a, b), literal(value=True)) for a, b in pairs]
        self._attach(
            binder,
            nested,
            kind=JoinKind.ANTI,
            plan=filtered(nested.plan, nested.having),
            on=nested.keys,
            residual=all_of((*nested.residual, *possible)),
        )
        return literal(value=True)

    def _not_in_condition(self, binder: ExpressionBinder, nested: Nested, wanted: Expr, found: Expr) -> Expr:
        """Keep a row without a match, unless a null on either side leaves that open."""
        nested, value = self._with_column(nested, found, "value")
        rows, known = self._attach_counts(binder, nested, value)
        self._attach(
            binder,
            nested,
            kind=JoinKind.ANTI,
            plan=Filter(input=nested.plan, predicate=call("is_not_null", value)),
            on=(*nested.keys, (wanted, value)),
        )
        certain = call("and", call("is_not_null", wanted), call("equal", known, rows))
        return call("or", _no_rows(rows), certain)

    def _compared(
        self, binder: ExpressionBinder, node: exp.Expr, needle: exp.Expr, nested: Nested
    ) -> list[tuple[Expr, Expr]]:
        """Return what is looked for and what is found, pairwise of one type."""
        tested = unwrapped(needle)
        wanted = tested.expressions if isinstance(tested, exp.Tuple) else [needle]
        if len(wanted) != len(nested.values):
            raise self._source.error(
                node, f"IN looks for {len(wanted)} columns, the subquery gives {len(nested.values)}"
            )
        pairs = []
        for item, (_, value) in zip(wanted, nested.values, strict=True):
            equal = compare(binder, node, "equal", binder.bind(item), value)
            assert isinstance(equal, Call)
            pairs.append((equal.args[0], equal.args[1]))
        return pairs

    def _equals_aggregate(self, binder: ExpressionBinder, node: exp.Expr, needle: exp.Expr, nested: Nested) -> Expr:
        """``x in (select max(y) …)`` correlated: the query has exactly one row, so this is ``x = max(y)``."""
        if nested.having:
            raise self._source.unsupported(node, "IN with a correlated aggregate that has HAVING")
        ((_, value),) = nested.values
        single = self._single(binder, node, nested, value)
        return compare(binder, node, "equal", binder.bind(needle), single)

    def _exists_of_aggregate(self, binder: ExpressionBinder, node: exp.Expr, nested: Nested) -> Expr:
        """Return whether an aggregate without GROUP BY has its one row, which only HAVING can take away."""
        having = all_of(nested.having)
        if having is None:
            return literal(value=True)
        value = self._single(binder, node, replace(nested, having=()), having)
        return call("coalesce", value, literal(value=False))

    # --- joins

    def _attach(
        self,
        binder: ExpressionBinder,
        nested: Nested,
        *,
        kind: JoinKind,
        plan: Plan,
        on: tuple[tuple[Expr, Expr], ...],
        residual: Expr | None = None,
    ) -> None:
        binder.attachments.append(
            Attachment(
                kind=kind, plan=plan, on=on, nulls_equal=nested.nulls_equal, residual=residual, domain=nested.domain
            )
        )

    def _attach_counts(
        self,
        binder: ExpressionBinder,
        nested: Nested,
        value: Column,
        more: tuple[tuple[Column, AggregateCall], ...] = (),
    ) -> tuple[Column, Column]:
        """Join, for each key, how many rows there are, in how many the value is known, and more aggregates."""
        rows, known = self._fresh("rows", dtypes.int64), self._fresh("known", dtypes.int64)
        aggregates = (
            NamedAggregate(name=rows.name, call=aggregate("size")),
            NamedAggregate(name=known.name, call=aggregate("count", value)),
            *(NamedAggregate(name=column.name, call=made) for column, made in more),
        )
        keys, on = self._renamed_keys(nested.keys)
        plan = Aggregate(input=nested.plan, keys=keys, aggregates=aggregates)
        self._attach(binder, nested, kind=JoinKind.LEFT if on else JoinKind.INNER, plan=plan, on=on)
        return rows, known

    def _attach_marked(
        self, binder: ExpressionBinder, nested: Nested, plan: Plan, pairs: tuple[tuple[Expr, Column], ...]
    ) -> Column:
        """Join the distinct keys; the column returned is null where there is no match."""
        keys, on = self._renamed_keys((*nested.keys, *pairs))
        marker = self._fresh("matched", dtypes.bool_)
        distinct = Aggregate(input=plan, keys=keys)
        kept = tuple(NamedExpr(name=k.name, expr=Column(name=k.name, dtype=k.expr.dtype)) for k in keys)
        marked = Project(input=distinct, exprs=(*kept, NamedExpr(name=marker.name, expr=literal(value=True))))
        self._attach(binder, nested, kind=JoinKind.LEFT, plan=marked, on=on)
        return marker

    def _renamed_keys(
        self, pairs: tuple[tuple[Expr, Column], ...]
    ) -> tuple[tuple[NamedExpr, ...], tuple[tuple[Expr, Expr], ...]]:
        """Give keys new names, because one subquery may be joined twice."""
        keys, on = [], []
        for outer, own in pairs:
            renamed = self._fresh(own.name, own.dtype)
            keys.append(NamedExpr(name=renamed.name, expr=own))
            on.append((outer, renamed))
        return tuple(keys), tuple(on)

    def _with_column(self, nested: Nested, found: Expr, wanted: str) -> tuple[Nested, Column]:
        """Return the subquery reduced to its keys and one computed column."""
        value = self._fresh(wanted, found.dtype)
        exprs = [NamedExpr(name=own.name, expr=own) for own in dict.fromkeys(own for _, own in nested.keys)]
        exprs.append(NamedExpr(name=value.name, expr=found))
        return replace(nested, plan=Project(input=nested.plan, exprs=tuple(exprs))), value

    # --- single values

    def _single(self, binder: ExpressionBinder, node: exp.Expr, nested: Nested, value: Expr) -> Expr:
        """Join the one value of a query per key and return the expression that reads it."""
        having = all_of(nested.having)
        if having is not None:
            value = case([(having, value)])
        column: Expr
        if nested.defaults is not None or nested.one_row:
            reduced, column = self._with_column(nested, value, "value")
        else:
            reduced, column = self._reduced(node, nested, value)
        if not nested.keys:
            self._attach(binder, nested, kind=JoinKind.INNER, plan=reduced.plan, on=())
            return column
        if nested.defaults is None or _null_of_no_rows(value, dict(nested.defaults)):
            self._attach(binder, nested, kind=JoinKind.LEFT, plan=reduced.plan, on=reduced.keys)
            return column
        default = self._of_no_rows(node, nested, value)
        marker = self._fresh("matched", dtypes.bool_)
        marked = with_columns(reduced.plan, [NamedExpr(name=marker.name, expr=literal(value=True))])
        self._attach(binder, nested, kind=JoinKind.LEFT, plan=marked, on=reduced.keys)
        return case([(call("is_null", marker), default)], column)

    def _of_no_rows(self, node: exp.Expr, nested: Nested, value: Expr) -> Expr:
        """Return the value that an aggregate without GROUP BY has where no row has the key."""
        by_name: dict[str, Expr] = {own.name: outer for outer, own in nested.domain}
        for part in walk(value):
            if isinstance(part, Column) and part.name in dict(nested.defaults or ()):
                by_name[part.name] = literal(dict(nested.defaults or ())[part.name], part.dtype)
        if not columns_of(value) <= set(by_name):
            raise self._source.unsupported(node, "a subquery nested in a correlated aggregate's result")
        return substitute(value, by_name)

    def _reduced(self, node: exp.Expr, nested: Nested, value: Expr) -> tuple[Nested, Expr]:
        """Reduce a query to one row per key; the value that is read of it raises where there were more rows.

        That is decided where it is read, so that a key which no outer row has may have many rows.
        """
        nested, column = self._with_column(nested, value, "value")
        only, rows = self._fresh("value", column.dtype), self._fresh("rows", dtypes.int64)
        calls: list[tuple[Column, AggregateCall]] = [(only, aggregate("first", column))]
        if not nested.at_most_one:
            calls.append((rows, aggregate("size")))
        keys, on = self._renamed_keys(nested.keys)
        plan = Aggregate(
            input=nested.plan, keys=keys, aggregates=tuple(NamedAggregate(name=c.name, call=a) for c, a in calls)
        )
        renamed = tuple((outer, own) for outer, own in on if isinstance(own, Column))
        message = str(self._source.error(node, _TOO_MANY_ROWS))
        read = only if nested.at_most_one else call("single", only, rows, message=message)
        return replace(nested, plan=plan, keys=renamed), read

    def _fresh(self, wanted: str, dtype: dtypes.DataType) -> Column:
        return Column(name=self._statement.names.fresh(wanted), dtype=dtype)


def _deciding(function: str, low: Column, high: Column) -> tuple[Column, ...]:
    """Return the extremes one of which passes a comparison where any value passes it."""
    if function in ("greater", "greater_equal"):
        return (low,)
    return (high,) if function in ("less", "less_equal") else (low, high)


def _no_rows(rows: Column) -> Expr:
    return call("equal", call("coalesce", rows, literal(0)), literal(0))


def _null_of_no_rows(value: Expr, defaults: dict[str, Any]) -> bool:
    """Whether an expression is surely null where all its aggregates are those of no rows."""
    if isinstance(value, Column):
        return value.name in defaults and defaults[value.name] is None
    if isinstance(value, Cast):
        return _null_of_no_rows(value.arg, defaults)
    if isinstance(value, Call) and FUNCTIONS[value.function].nulls is Nulls.PROPAGATE:
        return any(_null_of_no_rows(arg, defaults) for arg in value.args)
    return False
