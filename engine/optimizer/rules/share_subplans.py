"""Make equal sub-plans one object, which is lowered, and where it ends a stage also run, only once."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields

from ...plan import Plan, Write
from ...traversal import transform_up
from ..context import OptimizerContext

_BY_IDENTITY = frozenset({"source", "function"})
"""Fields whose values are compared as objects: equal contents would have to be read, or run, to be known."""

_DERIVED = frozenset({"schema", "input", "inputs", "left", "right"})
"""Fields that follow from the children, which are compared as objects once they have been replaced themselves."""


def share_subplans(plan: Plan, _: OptimizerContext) -> Plan:
    """Replace each sub-plan by the first one that is equal to it."""
    first: dict[Hashable, Plan] = {}

    def rewrite(node: Plan) -> Plan:
        if isinstance(node, Write):
            return node
        try:
            return first.setdefault(_identity(node), node)
        except (TypeError, RecursionError):  # constant lists have no hash, very deep expressions none that ends
            return node

    return transform_up(plan, rewrite)


def _identity(node: Plan) -> Hashable:
    """Return a value that two nodes over the same inputs share if they do the same."""
    own: list[Hashable] = [type(node).__name__, node.detail]  # the text tells 0.0 and -0.0 apart
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name in _BY_IDENTITY:
            own.append(id(value))
        elif field.name not in _DERIVED:
            own.append(value)
    return (*own, *(id(child) for child in node.children))
