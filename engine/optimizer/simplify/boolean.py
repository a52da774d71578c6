"""Three-valued logic: flattening, negation, absorption and factoring. Every law used holds in Kleene's logic."""

from __future__ import annotations

from typing import Any

from ... import dtypes
from ...expr import (
    Call,
    Column,
    Expr,
    InList,
    Literal,
    all_of,
    any_of,
    conjuncts,
    disjuncts,
    operands,
)

TRUE = Literal(value=True, dtype=dtypes.bool_)
FALSE = Literal(value=False, dtype=dtypes.bool_)
NEGATED = {
    "equal": "not_equal",
    "not_equal": "equal",
    "less": "greater_equal",
    "greater_equal": "less",
    "greater": "less_equal",
    "less_equal": "greater",
    "is_null": "is_not_null",
    "is_not_null": "is_null",
}
"""Opposites with the same nulls: NaN has its place in the order, so that ``not a < b`` is ``a >= b``."""

_DEEPEST = 32
"""A nesting of one connective that is deeper than this is rebuilt as a balanced tree."""


def connect(connective: str, parts: list[Expr], original: Call | None) -> Expr:
    """Join simplified parts by ``and`` or ``or``.

    ``original``, the expression that joins exactly these parts, is returned where it cannot be improved.
    """
    dominant = connective == "or"
    flat = [leaf for part in parts for leaf in _flat(connective, part)]
    kept = list(dict.fromkeys(part for part in flat if not _is_constant(part, not dominant)))
    if any(_is_constant(part, dominant) for part in kept):
        return TRUE if dominant else FALSE
    if not kept:
        return FALSE if dominant else TRUE
    if connective == "or":
        kept = _merged_equalities(kept)
    kept = _absorbed(connective, kept)
    if connective == "or" and len(kept) > 1:
        factored = _factored(kept)
        if factored is not None:
            return factored
    if original is not None and _is_same(kept, flat) and _depth_at_most(original, _DEEPEST):
        return original
    joined = all_of(kept) if connective == "and" else any_of(kept)
    assert joined is not None
    return joined


def _flat(connective: str, part: Expr) -> list[Expr]:
    return operands(part) if isinstance(part, Call) and part.function == connective else [part]


def _is_constant(part: Expr, value: bool) -> bool:  # noqa: FBT001  # a truth value, not an option
    return isinstance(part, Literal) and part.value is value


def _is_same(new: list[Expr], old: list[Expr]) -> bool:
    return len(new) == len(old) and all(a is b for a, b in zip(new, old, strict=True))


def _depth_at_most(root: Call, limit: int) -> bool:
    level: list[Expr] = [root]
    for _ in range(limit):
        level = [
            arg for node in level if isinstance(node, Call) and node.function == root.function for arg in node.args
        ]
        if not level:
            return True
    return False


def negate(expr: Expr) -> Expr:
    """Return the negation, pushed inwards as far as it costs nothing."""
    if isinstance(expr, Literal):
        return expr if expr.value is None else Literal(value=not expr.value, dtype=expr.dtype)
    if isinstance(expr, Call):
        if expr.function == "not":
            return expr.args[0]
        opposite = NEGATED.get(expr.function)
        if opposite is not None:
            return Call(function=opposite, args=expr.args, dtype=expr.dtype)
        if expr.function in ("and", "or"):
            parts = [negate(part) for part in operands(expr)]
            joined = any_of(parts) if expr.function == "and" else all_of(parts)
            assert joined is not None
            return joined
    return Call(function="not", args=(expr,), dtype=dtypes.bool_)


def _absorbed(connective: str, parts: list[Expr]) -> list[Expr]:
    """Drop ``(a or b)`` beside ``a`` in a conjunction, and ``(a and b)`` beside ``a`` in a disjunction."""
    other = disjuncts if connective == "and" else conjuncts
    nested = "or" if connective == "and" else "and"
    compound = [part for part in parts if isinstance(part, Call) and part.function == nested]
    if not compound or len(parts) < 2:
        return parts
    alone = set(parts)
    dropped = {id(part) for part in compound if any(leaf in alone for leaf in other(part))}
    return [part for part in parts if id(part) not in dropped]


def _factored(parts: list[Expr]) -> Expr | None:
    """Return ``a and (b or c)`` for ``(a and b) or (a and c)``; None where the disjuncts share nothing."""
    first, *rest = ([*conjuncts(part)] for part in parts)
    common = set(first).intersection(*rest)
    if not common:
        return None
    shared = [part for part in dict.fromkeys(first) if part in common]
    remainders = [all_of(c for c in own if c not in common) for own in (first, *rest)]
    if any(remainder is None for remainder in remainders):
        return all_of(shared)
    differing = connect("or", [r for r in remainders if r is not None], None)
    return connect("and", [*shared, differing], None)


def _merged_equalities(parts: list[Expr]) -> list[Expr]:
    """Merge ``x = 1 or x = 2 or x in (3)`` into one list, in the place of the first."""
    lists: dict[Expr, list[tuple[int, tuple[Any, ...], bool]]] = {}
    for position, part in enumerate(parts):
        member = _membership(part)
        if member is not None:
            lists.setdefault(member[0], []).append((position, *member[1:]))
    result: dict[int, Expr] = dict(enumerate(parts))
    for arg, members in lists.items():
        if len(members) < 2:
            continue
        values = tuple(dict.fromkeys(value for _, own, _ in members for value in own))
        has_null = any(null for *_, null in members)
        for position, *_ in members[1:]:
            del result[position]
        result[members[0][0]] = InList(arg=arg, values=values, has_null=has_null, dtype=dtypes.bool_)
    return list(result.values())


def _membership(part: Expr) -> tuple[Expr, tuple[Any, ...], bool] | None:
    """Return what ``part`` compares, with which values, and whether null is one; None where it is no such test."""
    if isinstance(part, InList):
        return part.arg, part.values, part.has_null
    if isinstance(part, Call) and part.function == "equal":
        left, right = part.args
        if not isinstance(right, Literal) or right.value is None or right.dtype.is_float:
            return None
        if isinstance(left, Column | Call):
            return left, (right.value,), False
    return None
