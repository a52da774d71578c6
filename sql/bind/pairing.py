"""POSITIONAL joins: rows of the same place beside each other, made of windows and an ordinary join."""

from __future__ import annotations

from ...engine.plan import Plan, numbered
from .joins import JoinCondition, joined
from .names import Names


def positional(names: Names, left: Plan, right: Plan) -> Plan:
    """Return the n-th rows of both sides beside each other; nulls where one side has fewer."""
    first, own = numbered(left, names.fresh("row"))
    second, theirs = numbered(right, names.fresh("row"))
    return joined(first, second, "FULL", JoinCondition(on=((own, theirs),)))
