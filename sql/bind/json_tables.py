"""``json_each`` and ``json_tree`` in FROM: the parts of a document, which may be the row's own, beside the row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ...engine.expr import Column, Expr, NamedExpr, call
from ...engine.expr.functions.documents import EACH
from ...engine.plan import Plan
from .arguments import counted_arguments
from .bound import with_columns
from .documents import document, one_path
from .names import Names

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_DEEP = {"json_each": False, "json_tree": True}


def json_table(node: exp.Expr) -> str | None:
    """Return the name of the function that an item of FROM calls, where it takes documents apart."""
    called = node.this if isinstance(node, exp.Table) else node
    name = str(called.this).lower() if isinstance(called, exp.Anonymous) else ""
    return name if name in _DEEP else None


def parts_of(binder: ExpressionBinder, node: exp.Expr) -> Expr:
    """Return what is said of the parts of the document that a call is given, as a list of structs."""
    name = json_table(node)
    assert name is not None
    called = node.this if isinstance(node, exp.Table) else node
    given = counted_arguments(binder, called, 1, 2)
    path = one_path(binder, given[1]) if len(given) > 1 else ()
    return call("json_each", document(binder, given[0]), path=path, deep=_DEEP[name])


def with_fields(names: Names, plan: Plan, column: Column) -> tuple[Plan, tuple[tuple[str, Column], ...]]:
    """Return a plan with the fields of what is said of a part as columns, and these, with their names."""
    made = [NamedExpr(name=names.fresh(name), expr=call("struct_field", column, name=name)) for name, _ in EACH.fields]
    columns = tuple(
        (name, Column(name=one.name, dtype=dtype)) for one, (name, dtype) in zip(made, EACH.fields, strict=True)
    )
    return with_columns(plan, made), columns
