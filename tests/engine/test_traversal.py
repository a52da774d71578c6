from __future__ import annotations

import pickle
from dataclasses import dataclass, replace

from hypothesis import given
from hypothesis import strategies as st

from volley.engine import dtypes
from volley.engine.expr import Call, Column, call
from volley.engine.traversal import (
    kinds_of,
    recalled,
    remembered,
    shared,
    transform_down,
    transform_up,
    walk,
    walk_once,
)


@dataclass(frozen=True)
class Tree:
    name: int
    children: tuple[Tree, ...] = ()

    def with_children(self, children: tuple[Tree, ...]) -> Tree:
        return replace(self, children=children)

    @property
    def own_kinds(self) -> tuple[int, ...]:
        return (self.name,)


trees = st.recursive(
    st.builds(Tree, name=st.integers(0, 9)),
    lambda inner: st.builds(Tree, name=st.integers(0, 9), children=st.lists(inner, max_size=3).map(tuple)),
)


def chain(length: int) -> Tree:
    tree = Tree(0)
    for _ in range(length):
        tree = Tree(1, (tree,))
    return tree


def names(tree: Tree) -> list[int]:
    return [tree.name] + [name for child in tree.children for name in names(child)]


def mapped(tree: Tree) -> Tree:
    return Tree(tree.name + 1, tuple(mapped(child) for child in tree.children))


def test_walk_goes_parents_first_left_to_right() -> None:
    tree = Tree(1, (Tree(2, (Tree(3),)), Tree(4)))
    assert [node.name for node in walk(tree)] == [1, 2, 3, 4]


@given(trees)
def test_walk_visits_every_node(tree: Tree) -> None:
    assert [node.name for node in walk(tree)] == names(tree)


@given(trees)
def test_both_transforms_rewrite_every_node(tree: Tree) -> None:
    def rewrite(node: Tree) -> Tree:
        return replace(node, name=node.name + 1)

    assert transform_up(tree, rewrite) == mapped(tree)
    assert transform_down(tree, rewrite) == mapped(tree)


@given(trees)
def test_nothing_changed_is_the_same_object(tree: Tree) -> None:
    assert transform_up(tree, lambda node: node) is tree
    assert transform_down(tree, lambda node: node) is tree


def test_down_goes_on_in_what_came_out() -> None:
    def split(node: Tree) -> Tree:
        return replace(node, name=1, children=(Tree(node.name - 1),)) if node.name > 1 else node

    assert names(transform_down(Tree(4), split)) == [1, 1, 1, 1]


def test_up_sees_rewritten_children() -> None:
    def total(node: Tree) -> Tree:
        return Tree(node.name + sum(child.name for child in node.children))

    assert transform_up(Tree(1, (Tree(2, (Tree(3),)), Tree(4))), total) == Tree(10)


def test_shared_nodes_are_rewritten_once_and_stay_shared() -> None:
    shared = Tree(5)
    root = Tree(1, (Tree(2, (shared,)), shared))
    seen: list[int] = []

    def rewrite(node: Tree) -> Tree:
        seen.append(node.name)
        return replace(node, name=node.name * 10)

    for transform in (transform_up, transform_down):
        seen.clear()
        result = transform(root, rewrite)
        assert sorted(seen) == [1, 2, 5]
        assert result.children[0].children[0] is result.children[1]


def test_depth_is_no_limit() -> None:
    deep = chain(5000)
    assert sum(1 for _ in walk(deep)) == 5001
    assert transform_up(deep, lambda node: node) is deep
    assert transform_down(deep, lambda node: node) is deep


def test_walk_once_is_linear_where_everything_is_shared() -> None:
    tree = Tree(0)
    for _ in range(100):
        tree = Tree(1, (tree, tree))
    assert sum(1 for _ in walk_once(tree)) == 101


def test_shared_nodes_are_those_with_several_places_of_their_own() -> None:
    leaf = Tree(1)
    inner = Tree(2, (leaf,))
    twice = Tree(3, (inner, inner))
    assert [node.name for node in shared(Tree(4, (twice, Tree(5, (inner,)))))] == [2]
    assert [node.name for node in shared(Tree(4, (inner, leaf)))] == [1]
    assert not shared(twice.children[0])


@given(trees)
def test_trees_that_a_rewriting_does_not_concern_are_not_walked_through(tree: Tree) -> None:
    def has_seven(node: Tree) -> bool:
        return 7 in names(node)

    def rewrite(node: Tree) -> Tree:
        assert has_seven(node)
        return replace(node, name=8) if node.name == 7 else node

    def without_seven(node: Tree) -> Tree:
        return Tree(8 if node.name == 7 else node.name, tuple(map(without_seven, node.children)))

    sevens = frozenset({7})
    assert transform_down(tree, rewrite, None, sevens) == without_seven(tree)
    up = transform_up(tree, lambda node: replace(node, name=8) if node.name == 7 else node, None, sevens)
    assert up == without_seven(tree)
    assert (up is tree) is not has_seven(tree)


def sum_of(count: int) -> Call:
    total = call("add", Column(name="a", dtype=dtypes.int64), Column(name="b", dtype=dtypes.int64))
    for _ in range(count):
        total = call("add", total, Column(name="c", dtype=dtypes.int64))
    assert isinstance(total, Call)
    return total


def test_kinds_are_those_of_all_nodes_however_deep() -> None:
    deep = sum_of(5000)
    assert kinds_of(deep) == {Call, "add", Column}
    assert kinds_of(deep.args[1]) == {Column}


def test_what_was_found_of_a_node_is_remembered_on_it_and_is_no_part_of_its_value() -> None:
    asked = []

    @remembered
    def size(node: Call) -> int:
        asked.append(node)
        return len(list(walk(node)))

    one, same = sum_of(1), sum_of(1)
    assert recalled(size, one) is None
    assert [size(one), size(one), size(same)] == [5, 5, 5]
    assert len(asked) == 2
    assert recalled(size, one) == 5
    copied = pickle.loads(pickle.dumps(one))
    assert copied == one == same
    assert recalled(size, copied) is recalled(size, replace(one)) is None
