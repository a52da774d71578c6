"""Walking and rewriting trees of frozen nodes; shared by expressions, logical plans and physical plans."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Protocol, Self, TypeVar


class Node(Protocol):
    """A tree node that knows its children and can be rebuilt over others."""

    @property
    def children(self) -> tuple[Self, ...]:
        """Direct children, left to right."""
        ...

    def with_children(self, children: tuple[Self, ...]) -> Self:
        """Return this node over other children."""
        ...


N = TypeVar("N", bound=Node)


def walk(root: N) -> Iterator[N]:
    """Yield every node of the tree once per occurrence, parents before children."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def walk_once(root: N) -> Iterator[N]:
    """Yield every node object once, however often it occurs: linear also where sub-trees are shared."""
    if not root.children:  # as most expressions of a wide plan are
        yield root
        return
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            stack.extend(reversed(node.children))


def shared(root: N) -> list[N]:
    """Return the node objects that occur several times in the tree, but not those that do only as parts of such."""
    occurrences = Counter(id(child) for node in walk_once(root) for child in node.children)
    return [node for node in walk_once(root) if occurrences[id(node)] > 1]


def transform_up(root: N, rewrite: Callable[[N], N]) -> N:
    """Rewrite children first, then the node itself.

    Returns the same object where nothing changed, so that callers can compare with ``is``. A node object that occurs
    several times in the tree is rewritten once, so that shared sub-plans stay shared.
    """
    if not root.children:
        return rewrite(root)
    done: dict[int, N] = {}
    stack: list[tuple[N, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        children = node.children
        if not ready and children:
            stack.append((node, True))
            stack.extend((child, False) for child in children)
            continue
        replaced = tuple(done[id(child)] for child in children)
        changed = any(new is not old for new, old in zip(replaced, children, strict=True))
        done[id(node)] = rewrite(node.with_children(replaced) if changed else node)
    return done[id(root)]


def transform_down(root: N, rewrite: Callable[[N], N]) -> N:
    """Rewrite the node first, then the children of what came out; same object where nothing changed.

    A node object that is met several times is rewritten once, as in `transform_up`.
    """
    rewritten: dict[int, N] = {}  # holds every node met below the root, so that ids stay unique
    done: dict[int, N] = {}
    stack = [root]
    while stack:
        met = stack[-1]
        node = rewritten.get(id(met))
        if node is None:
            node = rewritten[id(met)] = rewrite(met)
            stack.extend(child for child in reversed(node.children) if id(child) not in done)
            continue
        stack.pop()
        if id(met) in done:
            continue
        children = node.children
        replaced = tuple(done[id(child)] for child in children)
        changed = any(new is not old for new, old in zip(replaced, children, strict=True))
        done[id(met)] = node.with_children(replaced) if changed else node
    return done[id(root)]
