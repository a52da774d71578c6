"""Functions and models registered with the session, as a query calls them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine.errors import suggestion
from ...engine.expr import Column, Expr, NamedExpr, aggregate
from ...engine.expr.lambdas import Variable
from ...engine.frame.registered import Registered, Role
from ...engine.plan import Plan, Project
from ...engine.traversal import walk_once
from .aggregates import aggregate_arguments
from .attachment import Computed
from .bound import BoundQuery
from .naming import default_name
from .statement import Statement

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

TASKS = ("predict", "explain")


def user_scalar(binder: ExpressionBinder, node: exp.Expr, name: str) -> Expr | None:
    """Return a call of a user's function of values; None where there is none of that name."""
    found = binder.statement.catalogue.registered(name)
    if found is None:
        return None
    if found.role is not Role.SCALAR:
        kind = "a model; call predict or explain" if found.role is Role.MODEL else "a function that stands in FROM"
        raise binder.source.error(node, f"{name!r} is {kind}")
    args = tuple(binder.bind(arg) for arg in node.expressions)
    return _computed(binder, node, found.value.on(args), name)


def user_aggregate(binder: ExpressionBinder, node: exp.Expr, condition: exp.Expr | None) -> Expr:
    """Return a call of a user's function of groups, which gets the values of each group as lists."""
    assert binder.aggregates is not None
    name = str(node.this)
    found = binder.statement.catalogue.registered(name)
    assert found is not None, "only registered functions are made aggregates"
    inner = binder.for_aggregate_input()
    distinct, written = aggregate_arguments(binder, exp.Anonymous(this=name, expressions=node.expressions))
    predicate = None if condition is None else inner.condition(condition)
    lists = []
    for arg in written:
        call = aggregate("list", inner.bind(arg), distinct=distinct, filter=predicate)
        lists.append(binder.aggregates.column(call, default_name(arg)))
    return _computed(binder, node, found.value.on(tuple(lists)), name)


def _computed(binder: ExpressionBinder, node: exp.Expr, call: Expr, name: str) -> Expr:
    if any(isinstance(part, Variable) for part in walk_once(call)):
        raise binder.source.unsupported(node, "a user's function inside a lambda")
    if call not in binder.computed:
        binder.computed[call] = Column(name=binder.statement.names.fresh(name), dtype=call.dtype)
        binder.attachments.append(Computed(column=binder.computed[call], call=call))
    return binder.computed[call]


# --- models


def task_of(node: exp.Expr) -> str | None:
    """Return ``predict`` or ``explain`` for a call of a model, None for other nodes."""
    if isinstance(node, exp.Predict):
        return "predict"
    if isinstance(node, exp.Anonymous) and str(node.name).lower() in TASKS:
        return str(node.name).lower()
    return None


def model_arguments(statement: Statement, node: exp.Expr) -> tuple[Registered, exp.Expr]:
    """Return the model that a call of it names, and what it is applied to."""
    parts = [node.this, node.expression] if isinstance(node, exp.Predict) else list(node.expressions)
    task = task_of(node)
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        raise statement.source.error(node, f"{task} takes a model and *, a table or a query, as in {task}(m, *)")
    name = str(parts[0].name)
    found = statement.catalogue.registered(name)
    if found is None or found.role is not Role.MODEL:
        known = statement.catalogue.models()
        hint = suggestion(name, known) if known else "; register one, or write create model"
        raise statement.source.error(parts[0], f"unknown model {name!r}{hint}")
    return found, parts[1]


def applied(
    statement: Statement, node: exp.Expr, found: Registered, rows: BoundQuery
) -> tuple[Plan, tuple[tuple[str, Column], ...]]:
    """Return a query's plan with the columns that a model adds, and these columns."""
    names = [name for name, _ in rows.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise statement.source.error(node, f"two columns are called {twice!r}; select the features of the model before")
    shown = Project(input=rows.plan, exprs=_renamed(rows.columns))
    with statement.source.placed(node):
        plan = statement.catalogue.call(found, str(task_of(node)), [shown])
    added = [f for f in plan.schema if f.name not in names]
    columns = tuple((f.name, Column(name=statement.names.fresh(f.name), dtype=f.dtype)) for f in added)
    kept = [NamedExpr(name=c.name, expr=Column(name=n, dtype=c.dtype)) for n, c in rows.columns]
    made = [NamedExpr(name=c.name, expr=Column(name=n, dtype=c.dtype)) for n, c in columns]
    return Project(input=plan, exprs=(*kept, *made)), columns


def _renamed(columns: Sequence[tuple[str, Column]]) -> tuple[NamedExpr, ...]:
    return tuple(NamedExpr(name=name, expr=column) for name, column in columns)
