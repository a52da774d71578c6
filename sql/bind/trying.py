"""``TRY(x)``: null where ``x`` would fail, which is said by the functions that give null where others raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...engine import dtypes
from ...engine.expr import Call, Cast, Expr, call, cast
from ...engine.expr.catalogue import FUNCTIONS
from ...engine.records import replace
from ...engine.traversal import transform_up, walk_once
from .aggregates import has_aggregate

if TYPE_CHECKING:
    from .expressions import ExpressionBinder

_EXACT = {"add": 20, "subtract": 20, "multiply": 19, "negate": 20, "abs": 20}
"""Arithmetic of integers that decimals of so many digits do without overflow."""
_OVERFLOWS = frozenset((*_EXACT, "floor_divide", "truncate_divide", "modulo", "remainder", "round", "floor", "ceil"))
_TRIED = {"strptime": "try_strptime"}


def tried(binder: ExpressionBinder, node: Any) -> Expr:
    """Bind ``TRY(x)``."""
    if has_aggregate(node.this):
        raise binder.source.error(node, "an aggregate cannot stand in TRY; write try(…) inside it")
    made = transform_up(binder.bind(node.this), _without_failure)
    for part in walk_once(made):
        if isinstance(part, Call) and _fails(part):
            instead = "try_cast, or a condition that leaves such rows out: case when … then … end"
            raise binder.source.unsupported(node, f"TRY of {part.function}", instead)
    return made


def _fails(part: Call) -> bool:
    overflows = part.function in _OVERFLOWS and not part.dtype.is_float
    exact = part.dtype.is_decimal and part.function in _EXACT and all(arg.dtype.precision <= 20 for arg in part.args)
    return FUNCTIONS[part.function].raises or (overflows and not exact)


def _without_failure(expr: Expr) -> Expr:
    if isinstance(expr, Cast) and expr.strict:
        return replace(expr, strict=False)
    if not isinstance(expr, Call):
        return expr
    if expr.function in _TRIED:
        return replace(expr, function=_TRIED[expr.function])
    digits = _EXACT.get(expr.function)
    fits = digits is not None and expr.dtype.is_integer and expr.dtype.kind is not dtypes.uint64.kind
    if digits is None or not fits:
        return expr
    exact = call(expr.function, *(cast(arg, dtypes.decimal(digits, 0)) for arg in expr.args))
    return cast(exact, expr.dtype, strict=False)
