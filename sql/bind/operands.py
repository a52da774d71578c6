"""What stands inside parentheses and casts."""

from __future__ import annotations

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import Kind
from ...engine.expr import Cast, Expr


def unwrapped(node: exp.Expr) -> exp.Expr:
    """Return a node without the parentheses around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def as_date(expr: Expr) -> Expr:
    """Return the date inside a cast of a date to a timestamp, else the expression itself."""
    if isinstance(expr, Cast) and expr.dtype == dtypes.timestamp("us") and expr.arg.dtype.kind is Kind.DATE:
        return expr.arg
    return expr
