"""Read the rows of a source that all of some scans want once, where those are few of all rows.

Of scans of one source some want what others do, and less of it: customers of some countries, and those of them who have
money. Then these can read the rows that those have kept (see `keep_rows`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...expr import Column, Expr, NamedExpr, columns_of
from ...plan import Plan, Project, Scan, filtered
from ...records import replace
from ...traversal import transform_down, walk_once
from ..context import OptimizerContext
from ..expressions import conjunct_list, has
from .keep_rows import is_worth_keeping


def share_scans(plan: Plan, context: OptimizerContext) -> Plan:
    """Put conditions that not all scans of a source have above one scan with those that all have."""
    scans: dict[int, list[Scan]] = {}
    for node in walk_once(plan):
        if isinstance(node, Scan) and node.predicate is not None and node.limit is None and not node.fields:
            scans.setdefault(id(node.source), []).append(node)
    made: dict[int, Plan] = {}
    for together in scans.values():
        if len(together) > 1:
            for scan, others in _nested(together):
                if is_worth_keeping(scan, context.estimator):
                    made |= _from_one(scan, others)
    return transform_down(plan, lambda node: made.get(id(node), node)) if made else plan


def _nested(scans: Sequence[Scan]) -> Iterator[tuple[Scan, list[tuple[Scan, list[Expr]]]]]:
    """Yield scans and those that have all of their conditions, with what conditions these have beside them."""
    left = sorted(((scan, conjunct_list(scan.predicate)) for scan in scans), key=lambda each: len(each[1]))
    while left:
        (scan, common), *left = left
        found = [(other, own) for other, own in left if all(has(own, part) for part in common)]
        if found:
            taken = {id(other) for other, _ in found}
            left = [each for each in left if id(each[0]) not in taken]
            yield scan, [(other, [part for part in own if not has(common, part)]) for other, own in found]


def _from_one(scan: Scan, others: Sequence[tuple[Scan, list[Expr]]]) -> dict[int, Plan]:
    """Return what gives the rows of each scan from the rows that all of them want, by the scans' ids."""
    wanted = {*scan.schema.names}
    for other, conditions in others:
        wanted |= {*other.schema.names} | columns_of(*conditions)
    whole = replace(scan, columns=tuple(name for name in scan.source.schema.names if name in wanted))
    return {id(each): _narrowed(whole, each, conditions) for each, conditions in [(scan, []), *others]}


def _narrowed(whole: Scan, scan: Scan, conditions: Sequence[Expr]) -> Plan:
    rows = filtered(whole, conditions)
    if rows.schema.names == scan.schema.names:
        return rows
    exprs = (NamedExpr(name=f.name, expr=Column(name=f.name, dtype=f.dtype)) for f in scan.schema)
    return Project(input=rows, exprs=tuple(exprs))
