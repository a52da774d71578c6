"""Simplifies whole expressions, innermost first."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...expr import Call, Case, Cast, Column, Expr, InList, Literal, conjuncts, operands
from ...expr.catalogue import FUNCTIONS, Nulls
from ...traversal import same_objects
from .boolean import FALSE, connect, negate
from .bounds import tightened
from .choice import simplify_case, simplify_coalesce
from .comparison import always_true_where_present, simplify_comparison, simplify_in_list
from .constants import computed
from .scalar import simplify_arithmetic, simplify_cast, simplify_like
from .temporal import simplify_temporal

Fold: TypeAlias = Callable[[Expr], Literal | None]
"""Computes an expression without columns; None where it raises, so that the error stays with the run."""

_LOCAL: dict[type[Expr], tuple[Callable[[Expr], Expr | None], ...]] = {
    Call: (simplify_comparison, simplify_temporal, simplify_coalesce, simplify_arithmetic, simplify_like),
    InList: (simplify_in_list, simplify_temporal),
    Case: (simplify_case,),
    Cast: (simplify_cast,),
}
"""What may rewrite a node by itself, for each class of nodes."""
_LEAVES = (Column, Literal)
_ROUNDS = 8
"""A node is rewritten until no rule applies; this only bounds a pair of rules that would undo each other."""


class Simplifier:
    """Simplifies expressions; remembers results by object, so that shared sub-expressions are done once.

    Parameters
    ----------
    fold
        Evaluates constant expressions.
    """

    def __init__(self, fold: Fold) -> None:
        self._fold = fold
        self._done: dict[int, Expr] = {}
        self._conditions: dict[int, Expr] = {}
        self._alive: list[Expr] = []

    def value(self, expr: Expr) -> Expr:
        """Return an expression with the same value for every row; the same object where nothing changed."""
        if isinstance(expr, _LEAVES):
            return expr
        stack, done = [expr], self._done
        while stack:
            node = stack[-1]
            if id(node) in done:
                stack.pop()
                continue
            parts = _parts(node)
            missing = [part for part in parts if id(part) not in done and not isinstance(part, _LEAVES)]
            if missing:
                stack += missing
                continue
            stack.pop()
            result = self._rewritten(node, parts, tuple([done.get(id(part), part) for part in parts]))
            self._alive += (node, result)
            done[id(node)] = result
        return done[id(expr)]

    def predicate(self, expr: Expr) -> Expr:
        """Return a condition that is true for the same rows; false and null are not told apart."""
        known = self._conditions.get(id(expr))
        if known is None:
            known = self._conditions[id(expr)] = self._simplified(expr)
            self._alive.append(expr)
        return known

    def _simplified(self, expr: Expr) -> Expr:
        value = self.value(expr)
        before = list(conjuncts(value))
        after = [self._condition(part) for part in before]
        joined = value if same_objects(after, before) else connect("and", after, None)
        parts = list(conjuncts(joined))
        tight = tightened(parts)
        return joined if tight is parts else connect("and", tight, None)

    def _condition(self, part: Expr) -> Expr:
        if isinstance(part, Literal) and part.value is None:
            return FALSE
        if isinstance(part, Call) and part.function == "or":
            before = operands(part)
            after = [self.predicate(alternative) for alternative in before]
            return part if same_objects(after, before) else connect("or", after, None)
        return always_true_where_present(part) or part

    def _rewritten(self, node: Expr, old: tuple[Expr, ...], new: tuple[Expr, ...]) -> Expr:
        if isinstance(node, Call) and node.function in ("and", "or"):
            return connect(node.function, list(new), node if same_objects(new, old) else None)
        if not same_objects(new, old):
            node = node.with_children(new)
        for _ in range(_ROUNDS):
            changed = self._once(node)
            if changed is None:
                break
            node = changed
        return node

    def _once(self, node: Expr) -> Expr | None:
        if isinstance(node, Literal):
            return None
        children = node.children
        # Constant lists stay calls: a list has no hash, by which equal expressions are found.
        if children and not node.dtype.is_nested and all(isinstance(child, Literal) for child in children):
            folded = computed(node) or self._fold(node)
            if folded is not None and folded.dtype == node.dtype:
                return folded
        if _has_null_argument(node):
            return Literal(value=None, dtype=node.dtype)
        if isinstance(node, Call) and node.function == "not":
            negated = negate(node.args[0])
            return None if negated == node else self.value(negated)
        for rule in _LOCAL.get(type(node), ()):
            changed = rule(node)
            if changed is not None:
                return changed
        return None


def _parts(node: Expr) -> tuple[Expr, ...]:
    """Children, but all operands of a nested and/or at once: their order of nesting means nothing."""
    if isinstance(node, Call) and node.function in ("and", "or"):
        return tuple(operands(node))
    return node.children


def _has_null_argument(node: Expr) -> bool:
    if not isinstance(node, Call) or FUNCTIONS[node.function].nulls is not Nulls.PROPAGATE:
        return False
    return any(isinstance(arg, Literal) and arg.value is None for arg in node.args)
