"""Search for a cheap order of joins: dynamic programming over sets of relations, greedy where there are many.

Any two sets of relations that a condition connects may be joined (trees may be bushy), whichever of the two is smaller
being built into the hash table; relations without a condition between them are joined last. The pairs of sets are
enumerated as by Moerkotte and Neumann, "Analysis of two existing and one new dynamic programming algorithm" (VLDB
2006); the greedy search is Fegaras's, "A new heuristic for optimizing large queries" (DEXA 1998).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

from ..expr import Column
from ..records import dataclass
from .estimate import ColumnEstimate, Estimate, Estimator, after_filter, join_selectivity, selectivity

if TYPE_CHECKING:
    from .join_graph import JoinGraph

Tree: TypeAlias = "int | tuple[Tree, Tree]"
"""A leaf by its position, or a join ``(probe side, build side)``."""

_MOST_BY_PROGRAMMING = 12
_MOST_PAIRS = 30_000
"""Pairs of sets that are looked at; densely connected relations have more from eleven on, and are ordered greedily."""
_BUILD_COST = 2.0
"""Cost of building with a row, where probing with one costs 1 and giving one costs 1."""
_LEAST_GAIN = 0.9
"""A found order replaces the written one only if its estimated cost is below this share: estimates are rough."""


@dataclass(frozen=True, slots=True)
class _Partial:
    """Some relations joined: which, how, the rows expected, and the cost so far."""

    mask: int
    tree: Tree
    rows: float
    cost: float


def search(graph: JoinGraph, estimator: Estimator) -> Tree:
    """Return the cheapest tree found for a group of joins; the written one where nothing is clearly better."""
    return Search(graph, estimator).run()


class Search:
    """The search for one group of joins; sets of relations are masks, a bit for each."""

    def __init__(self, graph: JoinGraph, estimator: Estimator) -> None:
        self._graph = graph
        self._size = len(graph.leaves)
        self._leaves = [_filtered(graph, estimator, i) for i in range(self._size)]
        self._all = _merged_estimate(self._leaves)
        self._neighbours = [self._neighbours_of(1 << i) for i in range(self._size)]
        self._known_rows: dict[int, float] = {}

    def run(self) -> Tree:
        """Return the cheapest tree found, or the written one where it is hardly dearer."""
        found = self._found()
        written = self._cost_of(self._graph.written)
        return found.tree if found.cost < _LEAST_GAIN * written.cost else self._graph.written

    def rows(self) -> float:
        """Return the rows expected of all relations joined, in the cheapest tree found."""
        return self._found().rows

    def _found(self) -> _Partial:
        return self._cross([self._best(component) for component in self._components()])

    def _neighbours_of(self, mask: int) -> int:
        """Return the relations that some condition connects with those of the mask, themselves included."""
        joined = mask
        for key in self._graph.classes:
            if key.mask & mask:
                joined |= key.mask
        for condition in self._graph.conditions:
            if condition.sides is not None and condition.mask & mask:
                joined |= condition.mask
        return joined

    def _components(self) -> list[int]:
        left = (1 << self._size) - 1
        components = []
        while left:
            grown, component = left & -left, 0
            while grown != component:
                component = grown
                for leaf in _bits(component):
                    grown |= self._neighbours[leaf]
            components.append(component)
            left &= ~component
        return components

    def _single(self, leaf: int) -> _Partial:
        return _Partial(1 << leaf, leaf, self._leaves[leaf].rows, 0.0)

    def _join(self, left: _Partial, right: _Partial) -> _Partial:
        """Join two parts, the one expected to be smaller on the build side; the left one probes among equals."""
        rows = self._rows(left, right)
        probe, build = (left, right) if left.rows >= right.rows else (right, left)
        return self._oriented(probe, build, rows)

    def _oriented(self, probe: _Partial, build: _Partial, rows: float) -> _Partial:
        cost = probe.cost + build.cost + probe.rows + _BUILD_COST * build.rows + rows
        return _Partial(probe.mask | build.mask, (probe.tree, build.tree), rows, cost)

    def _rows(self, left: _Partial, right: _Partial) -> float:
        """Return the rows expected of two parts joined: for a set of relations always the same, however it came up."""
        both = left.mask | right.mask
        known = self._known_rows.get(both)
        if known is None:
            known = self._known_rows[both] = self._estimated_rows(left, right)
        return known

    def _estimated_rows(self, left: _Partial, right: _Partial) -> float:
        keys = [
            (self._key(key.members, left), self._key(key.members, right))
            for key in self._graph.classes
            if key.mask & left.mask and key.mask & right.mask
        ]
        share = 1.0
        for condition in self._graph.conditions:
            both = left.mask | right.mask
            decided = condition.mask & ~both == 0 and condition.mask & left.mask and condition.mask & right.mask
            if decided:
                share *= selectivity(self._all, condition.expr)
        return left.rows * right.rows * share * join_selectivity(keys, left.rows, right.rows)

    def _key(self, members: dict[int, Column], part: _Partial) -> ColumnEstimate:
        """Return what is believed of a key in some relations joined: as in the one that has fewest of its values."""
        columns = [self._leaves[i].columns[c.name] for i, c in members.items() if part.mask >> i & 1]
        least = min(columns, key=lambda column: column.distinct)
        return least.left_with(part.rows)

    def _cost_of(self, tree: Tree) -> _Partial:
        if isinstance(tree, int):
            return self._single(tree)
        probe, build = self._cost_of(tree[0]), self._cost_of(tree[1])
        return self._oriented(probe, build, self._rows(probe, build))

    def _best(self, component: int) -> _Partial:
        found = self.programmed(component) if component.bit_count() <= _MOST_BY_PROGRAMMING else None
        if found is not None:
            return found
        return min(self.chained(component), self.greedy(component), key=lambda p: p.cost)

    def programmed(self, component: int) -> _Partial | None:
        """Return the cheapest tree; None where there are too many pairs to look at."""
        best = {1 << leaf: self._single(leaf) for leaf in _bits(component)}
        pairs = list(islice(self._pairs(component), _MOST_PAIRS + 1))
        if len(pairs) > _MOST_PAIRS:
            return None
        # Smaller sets first, so that both halves of a pair are final when it is looked at.
        for one, other in sorted(pairs, key=lambda pair: (pair[0] | pair[1]).bit_count()):
            joined = self._join(best[one], best[other])
            known = best.get(joined.mask)
            if known is None or joined.cost < known.cost:
                best[joined.mask] = joined
        return best[component]

    def _pairs(self, component: int) -> Iterator[tuple[int, int]]:
        """Yield each pair of connected sets without a common relation that a condition connects, once."""
        for leaf in reversed(_bits(component)):
            lower = (2 << leaf) - 1  # relations up to this one start sets of their own
            for one in self._connected(1 << leaf, lower, component):
                beside = self.reach(one) & component & ~one & ~lower
                for start in reversed(_bits(beside)):
                    excluded = lower | one | (beside & ((2 << start) - 1))
                    for other in self._connected(1 << start, excluded, component):
                        yield one, other

    def _connected(self, start: int, excluded: int, component: int) -> Iterator[int]:
        """Yield the connected sets that hold ``start`` and no other excluded relation."""
        stack = [(start, excluded | start)]
        while stack:
            current, without = stack.pop()
            yield current
            around = self.reach(current) & component & ~without
            subset = around
            while subset:
                stack.append((current | subset, without | around))
                subset = (subset - 1) & around

    def chained(self, component: int) -> _Partial:
        """Start from the smallest relation, then always take the neighbour that leaves the fewest rows."""
        part = min((self._single(leaf) for leaf in _bits(component)), key=lambda p: p.rows)
        while part.mask != component:
            candidates = _bits(self.reach(part.mask) & component & ~part.mask)
            part = min((self._join(part, self._single(leaf)) for leaf in candidates), key=lambda p: (p.rows, p.cost))
        return part

    def greedy(self, component: int) -> _Partial:
        """Join, time after time, the two parts that together have the fewest rows."""
        parts = {1 << leaf: self._single(leaf) for leaf in _bits(component)}
        joined: dict[tuple[int, int], _Partial] = {}
        new = list(parts.values())
        while len(parts) > 1:
            for part in new:
                reach = self.reach(part.mask)
                for other in parts.values():
                    if other.mask & reach and other is not part:
                        key = (min(part.mask, other.mask), max(part.mask, other.mask))
                        joined.setdefault(key, self._join(part, other))
            (one, other_mask), best = min(joined.items(), key=lambda item: (item[1].rows, item[1].cost))
            del parts[one], parts[other_mask]
            joined = {k: v for k, v in joined.items() if one not in k and other_mask not in k}
            parts[best.mask] = best
            new = [best]
        return parts[component]

    def cost(self, one: int, other: int) -> float:
        """Return what joining two sets of relations adds to the cost, once both and their union have been looked at."""
        rows = sorted(self._known_rows.get(mask, self._leaves[mask.bit_length() - 1].rows) for mask in (one, other))
        return rows[1] + _BUILD_COST * rows[0] + self._known_rows[one | other]

    def reach(self, mask: int) -> int:
        """Return the relations that a condition connects with those of the mask, themselves included."""
        reached = 0
        for leaf in _bits(mask):
            reached |= self._neighbours[leaf]
        return reached

    def _cross(self, parts: list[_Partial]) -> _Partial:
        ordered = sorted(parts, key=lambda p: p.rows)
        result = ordered[0]
        for part in ordered[1:]:
            result = self._join(result, part)
        return result


def _filtered(graph: JoinGraph, estimator: Estimator, leaf: int) -> Estimate:
    estimate = estimator.estimate(graph.leaves[leaf])
    for part in graph.conditions_of(1 << leaf):
        estimate = after_filter(estimate, part)
    return estimate


def _merged_estimate(leaves: list[Estimate]) -> Estimate:
    columns = {name: column for leaf in leaves for name, column in leaf.columns.items()}
    return Estimate(rows=max(leaf.rows for leaf in leaves), columns=columns)


def _bits(mask: int) -> list[int]:
    return [i for i in range(mask.bit_length()) if mask >> i & 1]
