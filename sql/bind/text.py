"""Functions of text in SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...engine.expr import Expr, Literal, call, literal
from .arguments import constant_text
from .operators import as_text

if TYPE_CHECKING:
    from .expressions import ExpressionBinder


def _concat(binder: ExpressionBinder, node: Any) -> Expr:
    parts = [as_text(binder.bind(item)) for item in node.expressions]
    # The function skips nulls, the operator || does not; dialects differ and sqlglot marks which is meant.
    if node.args.get("coalesce"):
        parts = [
            part if isinstance(part, Literal) and part.value else call("coalesce", part, literal("")) for part in parts
        ]
    return call("concat", *parts)


def _trim(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "position"), "TRIM")
    position = str(node.args.get("position") or "BOTH").upper()
    name = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(position, "trim")
    extra = [] if node.expression is None else [binder.bind(node.expression)]
    return call(name, binder.bind(node.this), *extra)


def _left(binder: ExpressionBinder, node: Any) -> Expr:
    count = binder.bind(node.expression)
    if not isinstance(count, Literal) or not isinstance(count.value, int) or count.value < 0:
        raise binder.source.unsupported(node, "left with a length that is not a constant of at least 0")
    return call("substring", binder.bind(node.this), literal(1), count)


def _regexp(binder: ExpressionBinder, node: Any) -> Expr:
    binder.statement.allow_only(node, ("this", "expression", "flag"), "a regular expression")
    pattern = constant_text(binder, node.expression, "a regular expression")
    flag = node.args.get("flag")
    if flag is not None:
        flags = constant_text(binder, flag, "flags of a regular expression")
        if set(flags) - set("ims"):
            raise binder.source.error(flag, f"unknown flags {flags!r}; known are i, m and s")
        pattern = f"(?{flags}){pattern}" if flags else pattern
    if isinstance(node, exp.RegexpFullMatch):
        pattern = f"^(?:{pattern})$"
    return call("regexp_matches", binder.bind(node.this), pattern=pattern)


SPECIAL: dict[type[exp.Expr], Callable[[ExpressionBinder, Any], Expr]] = {
    exp.Concat: _concat,
    exp.Trim: _trim,
    exp.Left: _left,
    exp.RegexpLike: _regexp,
    exp.RegexpFullMatch: _regexp,
}
