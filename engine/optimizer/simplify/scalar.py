"""Casts, arithmetic with neutral constants, and text patterns that need no pattern matching."""

from __future__ import annotations

from ...errors import ExecutionError
from ...expr import Call, Cast, Expr, Literal, call, literal
from ...expr.like import like_parts
from ..expressions import widens

_RIGHT_NEUTRAL = {"add": 0, "subtract": 0, "multiply": 1, "divide": 1}
_COMMUTATIVE = frozenset({"add", "multiply"})


def simplify_cast(node: Expr) -> Expr | None:
    """Undo a cast that only widened; skip a widening cast below another cast."""
    if not isinstance(node, Cast) or not isinstance(node.arg, Cast):
        return None
    inner = node.arg
    if not widens(inner.arg.dtype, inner.dtype):
        return None
    if inner.arg.dtype == node.dtype:
        return inner.arg
    number = node.dtype.is_integer or node.dtype.is_float
    if inner.arg.dtype.is_integer and inner.dtype.is_numeric and number:
        return Cast(arg=inner.arg, dtype=node.dtype, strict=node.strict)
    return None


def simplify_arithmetic(node: Expr) -> Expr | None:
    """Drop ``+ 0``, ``- 0``, ``* 1`` and ``/ 1`` where the type stays and the value is the same bit for bit."""
    if not isinstance(node, Call) or node.function not in _RIGHT_NEUTRAL or len(node.args) != 2:
        return None
    left, right = node.args
    if _is_neutral(node.function, right, left):
        return left
    if node.function in _COMMUTATIVE and _is_neutral(node.function, left, right):
        return right
    return None


def _is_neutral(function: str, constant: Expr, other: Expr) -> bool:
    if not isinstance(constant, Literal) or constant.dtype != other.dtype:
        return False
    if function == "add" and constant.dtype.is_float:
        return False  # -0.0 + 0.0 is 0.0
    same_type = constant.dtype.is_integer or constant.dtype.is_float  # a decimal result is wider
    return same_type and constant.value == _RIGHT_NEUTRAL[function] and str(constant.value) != "-0.0"


def simplify_like(node: Expr) -> Expr | None:
    """Turn a pattern whose only wildcards are ``%`` at its ends into an equality or a plain search."""
    if not isinstance(node, Call) or node.function != "like" or node.option("fold"):
        return None
    pieces = _pieces(node.option("pattern"), node.option("escape"))
    if pieces is None:
        return None
    text = node.args[0]
    match pieces:
        case [whole]:
            return call("equal", text, literal(whole))
        case [start, ""] if start:
            return call("starts_with", text, literal(start))
        case ["", end] if end:
            return call("ends_with", text, literal(end))
        case ["", middle, ""] if middle:
            return call("contains", text, literal(middle))
    return None


def _pieces(pattern: str, escape: str | None) -> list[str] | None:
    """Return the plain text between the ``%`` of a pattern; None where it has other wildcards or is malformed."""
    try:
        parts, wildcards = like_parts(pattern, escape)
    except ExecutionError:
        return None
    if "_" in wildcards:
        return None
    # Several wildcards in a row mean what one does.
    return [parts[0], *filter(None, parts[1:-1]), parts[-1]] if wildcards else parts
