"""Plans as text: an indented tree, one node per line, the same for the same plan."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from .plan import Plan

Rows: TypeAlias = Callable[[Plan], float]


def explain_plan(plan: Plan, estimates: Rows | None = None) -> str:
    """Return the tree of a logical plan, inputs indented below the node that reads them.

    Parameters
    ----------
    plan
        Root of the plan.
    estimates
        Gives the estimated rows of a node, shown as ``[~rows]``; see ``volley.engine.optimizer.Estimator.rows``.
    """
    lines: list[str] = []
    stack: list[tuple[Plan, int]] = [(plan, 0)]
    while stack:
        node, depth = stack.pop()
        line = "  " * depth + f"{type(node).__name__} {node.detail}".rstrip()
        if estimates is not None:
            line += f"  [~{estimates(node):.0f} rows]"
        lines.append(line)
        stack.extend((child, depth + 1) for child in reversed(node.children))
    return "\n".join(lines)
