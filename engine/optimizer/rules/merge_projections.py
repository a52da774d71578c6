"""Compute adjacent projections in one step, and drop those that change nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ...expr import Column, Expr, NamedExpr, columns_of, substitute
from ...plan import Aggregate, Join, Plan, Project
from ...records import replace
from ...traversal import transform_down, walk
from ..context import OptimizerContext, concerning
from ..expressions import is_trivial, size_up_to

_LARGEST = 500
"""Nodes of one merged expression, above which projections stay apart."""


_CONCERNS = frozenset({Project})


@concerning(_CONCERNS)
def merge_projections(plan: Plan, context: OptimizerContext) -> Plan:
    """Merge a projection or an aggregation with the projections below it where no work is done twice."""
    return transform_down(plan, _rewrite, context.settled[merge_projections], _CONCERNS)


def _rewrite(node: Plan) -> Plan:
    if isinstance(node, Aggregate):
        return _aggregate(node)
    if not isinstance(node, Project):
        return node
    merged = _project(node)
    return _rewrite(merged.input) if _is_identity(merged) else merged


def _narrows_join(node: Project) -> bool:
    """Return whether the projection tells a join which columns not to copy; see `prune_columns`."""
    return isinstance(node.input, Join) and all(e.is_passthrough for e in node.exprs)


def _is_identity(node: Project) -> bool:
    names = tuple(e.name for e in node.exprs)
    return names == node.input.schema.names and all(e.is_passthrough for e in node.exprs)


def _project(node: Project) -> Project:
    """Merge a projection with those below it; what one of them passes on as it is costs nothing."""
    below = node.input
    if not isinstance(below, Project):
        return node
    outputs = _Outputs(node.exprs)
    while isinstance(below, Project):
        changed = {e.name: e.expr for e in below.exprs if not (isinstance(e.expr, Column) and e.expr.name == e.name)}
        touched = outputs.reading(changed)
        if not _mergeable([outputs.exprs[at].expr for at in touched], changed):
            break
        for at in touched:
            outputs.replace(at, _renamed(outputs.exprs[at], changed))
        below = below.input
    return node if below is node.input else Project(input=below, exprs=tuple(outputs.exprs))


class _Outputs:
    """Named expressions that know which of them read a column."""

    def __init__(self, exprs: Iterable[NamedExpr]) -> None:
        self.exprs = list(exprs)
        self._reads = [columns_of(e.expr) for e in self.exprs]
        self._readers: dict[str, set[int]] = {}
        for at, names in enumerate(self._reads):
            for name in names:
                self._readers.setdefault(name, set()).add(at)

    def reading(self, names: Iterable[str]) -> list[int]:
        """Return the positions of the expressions that read one of the columns, in order."""
        return sorted(set().union(*(self._readers.get(name, ()) for name in names)))

    def replace(self, at: int, named: NamedExpr) -> None:
        """Put another expression in a place."""
        for name in self._reads[at]:
            self._readers[name].discard(at)
        self.exprs[at], self._reads[at] = named, columns_of(named.expr)
        for name in self._reads[at]:
            self._readers.setdefault(name, set()).add(at)


def _renamed(named: NamedExpr, by_name: dict[str, Expr]) -> NamedExpr:
    inlined = _inlined(named.expr, by_name)
    return named if inlined is named.expr else NamedExpr(name=named.name, expr=inlined)


def _aggregate(node: Aggregate) -> Aggregate:
    while isinstance(node.input, Project) and not _narrows_join(node.input):
        by_name = {e.name: e.expr for e in node.input.exprs}
        inputs = [k.expr for k in node.keys] + [e for a in node.aggregates for e in a.call.inputs]
        if not _mergeable(inputs, by_name):
            break
        keys = tuple(_renamed(k, by_name) for k in node.keys)
        aggregates = tuple(
            replace(a, call=a.call.with_inputs(tuple(_inlined(e, by_name) for e in a.call.inputs)))
            for a in node.aggregates
        )
        node = replace(node, input=node.input.input, keys=keys, aggregates=aggregates)
    return node


def _inlined(expr: Expr, by_name: dict[str, Expr]) -> Expr:
    return by_name.get(expr.name, expr) if isinstance(expr, Column) else substitute(expr, by_name)


def _mergeable(exprs: Iterable[Expr], by_name: dict[str, Expr]) -> bool:
    """Return whether every computed column is read at most once, and no expression grows out of hand."""
    computed = {name for name, expr in by_name.items() if not is_trivial(expr)}
    if not computed:
        return True
    reads: Counter[str] = Counter()
    for expr in exprs:
        if isinstance(expr, Column):
            inlined = [expr.name] if expr.name in computed else []
        else:
            inlined = [n.name for n in walk(expr) if isinstance(n, Column) and n.name in computed]
            grown = size_up_to(expr, _LARGEST) + sum(size_up_to(by_name[name], _LARGEST) for name in inlined)
            if inlined and grown > _LARGEST:
                return False
        reads.update(inlined)
    return all(count == 1 for count in reads.values())
