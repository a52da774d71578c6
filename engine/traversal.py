"""Walking and rewriting trees of frozen nodes; shared by expressions, logical plans and physical plans."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from operator import is_not
from typing import Any, Protocol, Self, TypeVar


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


class FrozenNode:
    """Base of nodes that never change, so that what was once found out of one can be kept on it.

    Attributes
    ----------
    facts, kinds
        What `remembered` functions have found, and `kinds_of`. No fields: they are not compared, copied or pickled.
    """

    __slots__ = ("facts", "kinds")
    facts: dict[Callable[..., Any], Any]
    kinds: frozenset[Any]

    @property
    def children(self) -> tuple[Any, ...]:
        """Direct children, left to right."""
        return ()

    @property
    def own_kinds(self) -> tuple[Any, ...]:
        """The class, and what else tells a node apart for those that look for some in a tree."""
        return (type(self),)


F = TypeVar("F", bound=FrozenNode)
R = TypeVar("R")


def remembered(find: Callable[[F], R]) -> Callable[[F], R]:
    """Make a function of one node find its answer once for each node object."""

    @wraps(find)
    def answer(node: F) -> R:
        try:
            facts = node.facts
        except AttributeError:
            facts = {}
            object.__setattr__(node, "facts", facts)
        if answer not in facts:
            facts[answer] = find(node)
        known: R = facts[answer]
        return known

    return answer


def recalled(find: Callable[[F], R], node: F) -> R | None:
    """Return what a `remembered` function has found of a node; None where it has not been asked yet."""
    return getattr(node, "facts", {}).get(find)


def kinds_of(root: Any) -> frozenset[Any]:
    """Return the kinds of all nodes of the tree; every node remembers those of its own."""
    known: frozenset[Any] | None = getattr(root, "kinds", None)
    if known is not None:
        return known
    stack: list[FrozenNode] = [root]
    while stack:
        children = stack[-1].children
        below: list[Any] = [getattr(child, "kinds", None) for child in children]
        if None in below:
            stack += [child for child, kinds in zip(children, below, strict=True) if kinds is None]
            continue
        node = stack.pop()
        known = frozenset(node.own_kinds).union(*below)
        object.__setattr__(node, "kinds", known)
    assert known is not None  # the root's comes last
    return known


def same_objects(new: Iterable[object], old: Iterable[object]) -> bool:
    """Return whether two sequences of the same length have the very same objects: whether a rewriting changed none."""
    return not any(map(is_not, new, old))


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
    nodes = list(walk_once(root))
    met, again = set[int](), set[int]()
    for node in nodes:
        for child in node.children:
            (again if id(child) in met else met).add(id(child))
    return [node for node in nodes if id(node) in again] if again else []


def transform_up(
    root: N,
    rewrite: Callable[[N], N],
    settled: dict[int, N] | None = None,
    concerns: frozenset[Any] | None = None,
) -> N:
    """Rewrite children first, then the node itself.

    Returns the same object where nothing changed, so that callers can compare with ``is``. A node object that occurs
    several times in the tree is rewritten once, so that shared sub-plans stay shared.

    ``settled`` has trees, by the ids of their roots, that the rewriting leaves as they are: they are not walked through
    again, and those that are found are added. What becomes of a node must then follow from the tree below it alone.
    ``concerns`` are kinds of nodes (see `kinds_of`) without which the rewriting changes nothing in a tree: it is not
    walked through at all.
    """
    if (settled and id(root) in settled) or (concerns is not None and concerns.isdisjoint(kinds_of(root))):
        return root
    if settled is None:
        if not root.children:
            return rewrite(root)
        settled = {}
    done: dict[int, N] = {}
    stack = [root]
    while stack:
        old = node = stack[-1]
        key = id(node)
        if key in settled or key in done:
            stack.pop()
            continue
        if concerns is not None and concerns.isdisjoint(getattr(node, "kinds", None) or kinds_of(node)):
            settled[key] = stack.pop()
            continue
        children = node.children
        changed = pending = False
        for child in children:
            at = id(child)
            if at not in settled:
                changed = True
                if at not in done:
                    stack.append(child)
                    pending = True
        if pending:
            continue
        stack.pop()
        if changed:
            node = node.with_children(tuple([settled.get(id(c)) or done[id(c)] for c in children]))
        made = rewrite(node)
        (settled if made is old else done)[key] = made
    return settled.get(id(root)) or done[id(root)]


def transform_down(
    root: N,
    rewrite: Callable[[N], N],
    settled: dict[int, N] | None = None,
    concerns: frozenset[Any] | None = None,
) -> N:
    """Rewrite the node first, then the children of what came out; same object where nothing changed.

    A node object that is met several times is rewritten once, and ``settled`` trees, and those that the rewriting does
    not concern, are passed over, as in `transform_up`.
    """
    if (settled and id(root) in settled) or (concerns is not None and concerns.isdisjoint(kinds_of(root))):
        return root
    settled = {} if settled is None else settled
    rewritten: dict[int, N] = {}  # holds every node met below the root, so that ids stay unique
    done: dict[int, N] = {}
    stack = [root]
    while stack:
        met = stack[-1]
        key = id(met)
        if key in settled or key in done:
            stack.pop()
            continue
        if concerns is not None and concerns.isdisjoint(getattr(met, "kinds", None) or kinds_of(met)):
            settled[key] = stack.pop()
            continue
        node = rewritten.get(key)
        if node is None:
            node = rewritten[key] = rewrite(met)
            below = [child for child in node.children[::-1] if id(child) not in settled and id(child) not in done]
            if below:
                stack += below
                continue
        stack.pop()
        made, children = node, node.children
        for child in children:
            if id(child) not in settled:
                made = node.with_children(tuple([settled.get(id(c)) or done[id(c)] for c in children]))
                break
        (settled if made is met else done)[key] = made
    return settled.get(id(root)) or done[id(root)]
