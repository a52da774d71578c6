"""Case and coalesce: branches that are never or always taken."""

from __future__ import annotations

from ...expr import Call, Case, Expr, Literal
from ...records import replace


def simplify_case(node: Expr) -> Expr | None:
    """Drop branches whose condition is never true, and everything after one that always is."""
    if not isinstance(node, Case):
        return None
    kept: list[tuple[Expr, Expr]] = []
    default = node.default
    for condition, value in node.branches:
        if isinstance(condition, Literal):
            if condition.value is True:
                default = value
                break
            continue
        kept.append((condition, value))
    while kept and kept[-1][1] == default:
        kept.pop()
    if not kept:
        return default
    if len(kept) == len(node.branches) and default is node.default:
        return None
    return replace(node, branches=tuple(kept), default=default)


def simplify_coalesce(node: Expr) -> Expr | None:
    """Drop nulls, repetitions, and everything after a constant."""
    if not isinstance(node, Call) or node.function != "coalesce":
        return None
    kept: list[Expr] = []
    for arg in dict.fromkeys(node.args):
        if isinstance(arg, Literal) and arg.value is None:
            continue
        kept.append(arg)
        if isinstance(arg, Literal):
            break
    if not kept:
        return Literal(value=None, dtype=node.dtype)
    if len(kept) == 1:
        return kept[0]
    return None if len(kept) == len(node.args) else replace(node, args=tuple(kept))
