"""Compute groups once for all that read them, where the readers want different ones of them.

A common table expression, or a frame, that several parts of a query read is one object. Filters of its readers that
were pushed into it would make a copy for each: as many scans of what it is made of. So they first stay above groupings
with several readers (`mark_shared_groups`). Once all have arrived, `share_groups` lets all rows through that one of the
readers wants, and each reader keeps its filter; where those rows are believed to cost more than the scans that are
saved, the readers go their own ways. DuckDB pushes filters into what it materializes in the same manner.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from ...expr import Expr, all_of, any_of, columns_of, conjuncts, substitute
from ...plan import Aggregate, Filter, Plan, Scan, Sharing, filtered
from ...records import replace
from ...traversal import kinds_of, shared, transform_down, walk_once
from ..context import OptimizerContext, concerning
from ..estimate import Estimate, Estimator, after_filter
from ..expressions import can_raise, has

_GROUPING = 4.0
"""What it costs to join and group a row that a scan gives, beside what reading it costs."""


@concerning(frozenset({Aggregate}))
def mark_shared_groups(plan: Plan, _: OptimizerContext) -> Plan:
    """Mark the topmost groupings of each sub-plan that is read several times, so that filters stay above them."""
    stack = [node for node in shared(plan) if Aggregate in kinds_of(node)]
    marked, met = set[int](), set[int]()
    while stack:
        node = stack.pop()
        if isinstance(node, Aggregate):
            marked |= {id(node)} if node.keys and node.sharing is Sharing.NO else set()
        elif id(node) not in met:
            met.add(id(node))
            stack += [child for child in node.children if Aggregate in kinds_of(child)]

    def rewrite(node: Plan) -> Plan:
        return replace(node, sharing=Sharing.ASKED) if isinstance(node, Aggregate) and id(node) in marked else node

    return transform_down(plan, rewrite) if marked else plan


@concerning(frozenset({Sharing.ASKED}))
def share_groups(plan: Plan, context: OptimizerContext) -> Plan:
    """Decide of each marked grouping whether it is shared: then it is restricted, else it loses its mark."""
    readers: dict[int, list[Plan]] = defaultdict(list)
    marked: dict[int, Aggregate] = {}
    for node in walk_once(plan):
        for child in node.children:
            if isinstance(child, Aggregate) and child.sharing is Sharing.ASKED:
                marked[id(child)] = child
                readers[id(child)].append(node)
    below = {id(node) for each in marked.values() for node in walk_once(each.input)}

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Aggregate) or id(node) not in marked:
            return node
        # What a grouping above it will want of it is not known yet.
        conditions = None if id(node) in below else _shared_by(node, readers[id(node)], context.estimator)
        if conditions is None:
            return replace(node, sharing=Sharing.NO)
        return replace(node, input=filtered(node.input, conditions), sharing=Sharing.YES)

    return transform_down(plan, rewrite)


def _shared_by(node: Aggregate, readers: Sequence[Plan], estimator: Estimator) -> list[Expr] | None:
    """Return what rows have to meet that a reader wants, in columns of the input; None where sharing does not pay."""
    keys: dict[str, Expr] = {key.name: key.expr for key in node.keys}
    wanted = [_wanted(reader, keys) for reader in readers]
    every = [part for part in wanted[0] if all(has(each, part) for each in wanted)]
    others = [[part for part in each if not has(every, part)] for each in wanted]
    if len(readers) < 2 or not any(others):
        return None  # all want the same groups, if not all of them: their copies are equal
    below = estimator.estimate(node.input)
    apart = sum(_rows(below, each) for each in wanted)
    together = _rows(below, [*every, *_of_one_column(others)])
    scanned = sum(estimator.whole(scan.source).rows for scan in walk_once(node.input) if isinstance(scan, Scan))
    if (together - apart) * _GROUPING > scanned * (len(readers) - 1):
        return None
    either = any_of(whole for parts in others if (whole := all_of(parts)) is not None) if all(others) else None
    return every if either is None else [*every, either]


def _wanted(reader: Plan, keys: dict[str, Expr]) -> list[Expr]:
    """Return the conditions of a reader on keys of the groups, in columns of their input."""
    if not isinstance(reader, Filter):
        return []
    parts = (part for part in conjuncts(reader.predicate) if columns_of(part) <= keys.keys())
    below = [substitute(part, keys) for part in parts]
    return [part for part in below if not can_raise(part)]


def _of_one_column(others: Sequence[Sequence[Expr]]) -> list[Expr]:
    """Return what all alternatives together demand of single columns: that much can be pushed to where these are."""
    names = [frozenset(name for part in parts for name in columns_of(part)) for parts in others]
    demanded = []
    for name in frozenset.intersection(*names):
        own = [all_of(part for part in parts if columns_of(part) == {name}) for parts in others]
        whole = any_of(each for each in own if each is not None) if None not in own else None
        demanded += [] if whole is None else [whole]
    return demanded


def _rows(below: Estimate, parts: Iterable[Expr]) -> float:
    predicate = all_of(parts)
    return below.rows if predicate is None else after_filter(below, predicate).rows
