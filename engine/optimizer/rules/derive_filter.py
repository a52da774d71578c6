"""Carry conditions on a join key over to the other side, where equal keys must satisfy them too."""

from __future__ import annotations

from ...expr import Call, Column, Expr, InList, columns_of, substitute
from ...plan import Join, JoinKind, Plan, filtered
from ...records import replace
from ...traversal import transform_up, walk
from ..context import OptimizerContext, concerning
from ..expressions import can_raise
from ..properties import is_computed_below, known_conjuncts
from ..simplify.bounds import is_implied
from ..simplify.comparison import FLIPPED

_CONCERNS = frozenset({Join})


@concerning(_CONCERNS)
def derive_filter(plan: Plan, context: OptimizerContext) -> Plan:
    """Filter each side of a join by what is known of the key columns of the other."""
    return transform_up(plan, _rewrite, context.settled[derive_filter], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if not isinstance(node, Join) or node.nulls_equal or node.kind is JoinKind.FULL:
        return node
    pairs = [(a, b) for a, b in node.on if isinstance(a, Column) and isinstance(b, Column)]
    if not pairs:
        return node
    known_left, known_right = known_conjuncts(node.left), known_conjuncts(node.right)
    right = _derived(known_left, known_right, node.right, {a.name: b for a, b in pairs})
    left: list[Expr] = []
    if node.kind in (JoinKind.INNER, JoinKind.SEMI):
        left = _derived(known_right, known_left, node.left, {b.name: a for a, b in pairs})
    if not left and not right:
        return node
    return replace(node, left=filtered(node.left, left), right=filtered(node.right, right))


def _derived(conditions: list[Expr], present: list[Expr], side: Plan, partner: dict[str, Column]) -> list[Expr]:
    by_name: dict[str, Expr] = dict(partner)
    seen = set(present)
    result = []
    for condition in conditions:
        reads = columns_of(condition)
        if len(reads) != 1 or not reads <= partner.keys() or not _carries_over(condition):
            continue
        translated = substitute(condition, by_name)
        (name,) = columns_of(translated)
        if translated not in seen and not is_implied(translated, present) and not is_computed_below(side, name):
            seen.add(translated)
            result.append(translated)
    return result


def _carries_over(condition: Expr) -> bool:
    """Return whether equal keys agree on the condition, and stating it is of use: a key is not null anyway."""
    if isinstance(condition, Call) and condition.function in ("is_null", "is_not_null"):
        return False
    if can_raise(condition):
        return False
    columns = [node for node in walk(condition) if isinstance(node, Column)]
    if not any(column.dtype.is_float for column in columns):
        return True
    # 0.0 = -0.0, but 1 / 0.0 <> 1 / -0.0: of floats only direct comparisons are safe.
    compares = isinstance(condition, InList) or (isinstance(condition, Call) and condition.function in FLIPPED)
    return compares and any(child is columns[0] for child in condition.children)
