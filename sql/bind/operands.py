"""What stands inside parentheses and casts."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from ...engine import dtypes
from ...engine.dtypes import DataType, Kind
from ...engine.expr import Cast, Expr, cast


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


def differ_in_zone(left: DataType, right: DataType) -> bool:
    """Return whether one of two types of timestamps has a zone and the other has none."""
    return left.kind is right.kind is Kind.TIMESTAMP and (left.tz is None) is not (right.tz is None)


def zoned(exprs: Sequence[Expr]) -> list[Expr]:
    """Return timestamps without a zone that stand beside ones with a zone as moments in that zone, as DuckDB does."""
    wanted = next((expr.dtype for expr in exprs if expr.dtype.tz is not None), None)
    if wanted is None:
        return list(exprs)
    return [cast(expr, wanted) if differ_in_zone(expr.dtype, wanted) else expr for expr in exprs]
