"""Arguments of functions as written, and what may be asked of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.expr import Expr, call

if TYPE_CHECKING:
    from .expressions import ExpressionBinder


def spelled(node: exp.Expr) -> tuple[str, ...]:
    """Return the lower-case names by which a function node may be known."""
    if isinstance(node, exp.Anonymous):
        return (str(node.name).lower(),)
    kind: Any = type(node)
    return _names_of(kind) if isinstance(node, exp.Func) else ()


@cache
def _names_of(kind: Any) -> tuple[str, ...]:
    return tuple(name.lower() for name in kind.sql_names())


def arguments(node: exp.Expr) -> list[exp.Expr]:
    """Return a function's arguments in the order in which they are written."""
    keys = ("expressions",) if isinstance(node, exp.Anonymous) else tuple(node.arg_types)
    found: list[exp.Expr] = []
    for key in keys:
        value = node.args.get(key)
        if isinstance(value, list):
            found.extend(value)
        elif isinstance(value, exp.Expr):
            found.append(value)
    return found


def counted_arguments(binder: ExpressionBinder, node: Any, *allowed: int) -> list[exp.Expr]:
    """Return a function's arguments after checking how many there are."""
    found = arguments(node)
    if len(found) not in allowed:
        wanted = " or ".join(str(n) for n in allowed)
        raise binder.source.error(
            node, f"{binder.source.written(node)} takes {wanted} arguments; {len(found)} were given"
        )
    return found


def of_two(name: str) -> Callable[[ExpressionBinder, Any], Expr]:
    """Return a handler for a function of the two operands of a node."""
    return lambda binder, node: call(name, binder.bind(node.this), binder.bind(node.expression))


def constant_text(binder: ExpressionBinder, node: exp.Expr, what: str) -> str:
    """Return an argument that must be a constant text, ``what`` it is being named in the error."""
    value = binder.statement.constant(binder.bind(node))
    if value is None or not isinstance(value.value, str):
        raise binder.source.unsupported(node, f"{what} that is not a constant text")
    return value.value
