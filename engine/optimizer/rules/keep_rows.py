"""Keep the rows of a sub-plan that several nodes read, where reading them anew is much more work than they are rows.

What ends a stage is run once anyway; scans, and what streams above them, would run once for each reader.
"""

from __future__ import annotations

from ...plan import Filter, Join, Kept, Plan, Project, Scan
from ...traversal import shared, transform_down
from ..context import OptimizerContext
from ..estimate import Estimator

_MOST = 250_000.0
"""Rows that are kept are read by one task."""
_FEWER = 0.4
"""Share of the rows scanned from which on too little is gained."""
_LEAST = 50_000.0
"""Rows scanned below which that is no work."""


def keep_rows(plan: Plan, context: OptimizerContext) -> Plan:
    """Put a node that keeps rows above sub-plans that several nodes read."""
    found = {id(node) for node in shared(plan) if is_worth_keeping(node, context.estimator)}
    kept: dict[int, Kept] = {}

    def rewrite(node: Plan) -> Plan:
        if not any(id(child) in found for child in node.children) or isinstance(node, Kept):
            return node
        children = (
            kept.setdefault(id(child), Kept(input=child)) if id(child) in found else child for child in node.children
        )
        return node.with_children(tuple(children))

    return transform_down(plan, rewrite) if found else plan


def is_worth_keeping(node: Plan, estimator: Estimator) -> bool:
    """Return whether a sub-plan streams from a scan of many rows, and gives few."""
    scan = node
    while not isinstance(scan, Scan):
        match scan:
            case Filter() | Project():
                scan = scan.input
            case Join():
                scan = scan.right if scan.builds_left else scan.left
            case _:
                return False
    scanned = estimator.whole(scan.source).rows
    return scanned >= _LEAST and estimator.rows(node) <= min(_MOST, _FEWER * scanned)
