"""Search for a cheap order of joins: dynamic programming over sets of relations, greedy where there are many.

Each step joins one more relation to what is joined already, whichever of the two is smaller being built into the hash
table; relations without a condition between them are joined last. The dynamic programming over subsets is Selinger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ..expr import Column
from .estimate import Estimate, Estimator, after_filter, join_selectivity, selectivity

if TYPE_CHECKING:
    from .join_graph import JoinGraph

Tree: TypeAlias = "int | tuple[Tree, Tree]"
"""A leaf by its position, or a join ``(probe side, build side)``."""

_MOST_BY_PROGRAMMING = 10
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
    return _Search(graph, estimator).run()


class _Search:
    def __init__(self, graph: JoinGraph, estimator: Estimator) -> None:
        self._graph = graph
        self._size = len(graph.leaves)
        self._leaves = [_filtered(graph, estimator, i) for i in range(self._size)]
        self._all = _merged_estimate(self._leaves)
        self._neighbours = [self._neighbours_of(1 << i) for i in range(self._size)]

    def run(self) -> Tree:
        parts = [self._best(component) for component in self._components()]
        found = self._cross(parts)
        written = self._cost_of(self._graph.written)
        return found.tree if found.cost < _LEAST_GAIN * written.cost else self._graph.written

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
        distinct = [
            (self._distinct(key.members, left), self._distinct(key.members, right))
            for key in self._graph.classes
            if key.mask & left.mask and key.mask & right.mask
        ]
        share = 1.0
        for condition in self._graph.conditions:
            both = left.mask | right.mask
            decided = condition.mask & ~both == 0 and condition.mask & left.mask and condition.mask & right.mask
            if decided:
                share *= selectivity(self._all, condition.expr)
        return left.rows * right.rows * share * join_selectivity(distinct, left.rows, right.rows)

    def _distinct(self, members: dict[int, Column], part: _Partial) -> float:
        values = [self._leaves[i].columns[c.name].distinct for i, c in members.items() if part.mask >> i & 1]
        return max(1.0, min(*values, part.rows))

    def _cost_of(self, tree: Tree) -> _Partial:
        if isinstance(tree, int):
            return self._single(tree)
        probe, build = self._cost_of(tree[0]), self._cost_of(tree[1])
        return self._oriented(probe, build, self._rows(probe, build))

    def _best(self, component: int) -> _Partial:
        if component.bit_count() <= _MOST_BY_PROGRAMMING:
            return self._programmed(component)
        return self._greedy(component)

    def _programmed(self, component: int) -> _Partial:
        level = {1 << leaf: self._single(leaf) for leaf in _bits(component)}
        for _ in range(component.bit_count() - 1):
            following: dict[int, _Partial] = {}
            for part in level.values():
                for leaf in _bits(self._reach(part.mask) & component & ~part.mask):
                    joined = self._join(part, self._single(leaf))
                    known = following.get(joined.mask)
                    if known is None or joined.cost < known.cost:
                        following[joined.mask] = joined
            level = following
        return level[component]

    def _greedy(self, component: int) -> _Partial:
        """Start from the smallest relation, then always take the neighbour that leaves the fewest rows."""
        part = min((self._single(leaf) for leaf in _bits(component)), key=lambda p: p.rows)
        while part.mask != component:
            candidates = _bits(self._reach(part.mask) & component & ~part.mask)
            part = min((self._join(part, self._single(leaf)) for leaf in candidates), key=lambda p: (p.rows, p.cost))
        return part

    def _reach(self, mask: int) -> int:
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
