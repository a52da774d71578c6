"""The search for a join order against all trees there are, over random graphs of few relations."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.support.plans import join, scan
from volley.engine.optimizer import Estimator
from volley.engine.optimizer.join_graph import JoinGraph, build_graph
from volley.engine.optimizer.join_search import Search
from volley.engine.plan import ColumnStatistics, Plan, Statistics


@st.composite
def graphs(draw: Any, most: int = 6) -> JoinGraph:
    """Return the graph of a few relations, each joined with an earlier one and perhaps with others."""
    count = draw(st.integers(2, most))
    plan: Plan | None = None
    for number in range(count):
        rows = draw(st.sampled_from([10, 1_000, 50_000, 2_000_000]))
        columns = [f"k{number}", f"v{number}", f"w{number}"]
        known = {name: ColumnStatistics(distinct=draw(st.sampled_from([1, 7, rows]))) for name in columns}
        table = scan(f"t{number}", Statistics(rows=rows, columns=known), rows=1, **dict.fromkeys(columns, "int64"))
        if plan is None:
            plan = table
            continue
        earlier = draw(st.lists(st.integers(0, number - 1), min_size=1, max_size=2, unique=True))
        pairs = [(f"{draw(st.sampled_from('kvw'))}{other}", draw(st.sampled_from(columns))) for other in earlier]
        plan = join(plan, table, *pairs)
    assert plan is not None
    return build_graph(plan)


@given(graph=graphs())
def test_no_tree_is_cheaper_than_the_one_found(graph: JoinGraph) -> None:
    search = Search(graph, Estimator())
    everything = (1 << len(graph.leaves)) - 1
    found = search.programmed(everything)
    assert found is not None

    @cache
    def cheapest(mask: int) -> float:
        if mask.bit_count() == 1:
            return 0.0
        costs = [float("inf")]
        part = (mask - 1) & mask
        while part:
            rest = mask & ~part
            if search.reach(part) & rest and cheapest(part) + cheapest(rest) < float("inf"):
                costs.append(cheapest(part) + cheapest(rest) + search.cost(part, rest))
            part = (part - 1) & mask
        return min(costs)

    assert abs(found.cost - cheapest(everything)) <= 1e-9 * found.cost


@given(graph=graphs(most=5))
def test_greedy_trees_hold_every_relation_once(graph: JoinGraph) -> None:
    search = Search(graph, Estimator())
    everything = (1 << len(graph.leaves)) - 1
    for part in (search.greedy(everything), search.chained(everything)):
        assert sorted(_leaves(part.tree)) == list(range(len(graph.leaves)))


def _leaves(tree: Any) -> list[int]:
    return [tree] if isinstance(tree, int) else [leaf for side in tree for leaf in _leaves(side)]
