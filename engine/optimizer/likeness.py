"""Sub-plans that give the same rows, whatever their columns are called: who names a table twice renames one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields

from ..expr import AggregateCall, Column, Expr, NamedAggregate, NamedExpr, SortKey, substitute
from ..plan import Aggregate, Filter, Join, Limit, Nearest, NearestJoin, Plan, Project, Scan, Sort, Union, Write
from ..schema import Schema

_BY_IDENTITY = frozenset({"source", "function"})
"""Fields whose values are compared as objects: equal contents would have to be read, or run, to be known."""

_DERIVED = frozenset({"schema", "input", "inputs", "left", "right"})
"""Fields that follow from the children."""

_NAMELESS = (Aggregate, Filter, Join, Limit, NearestJoin, Project, Sort, Union)
"""Nodes whose fields tell columns of their inputs in expressions alone, and name their own."""

_Names = Mapping[str, Expr]


class Likeness:
    """Numbers sub-plans: those of one number give equal columns in equal order.

    Columns are told by their places. What nodes do is compared only where several are of one kind over inputs of the
    same numbers. Holds the plans that it has met, so that their ids stay theirs.
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._firsts: dict[Hashable, Plan | None] = {}  # the only node of its kind and inputs; None: compared by now
        self._known: dict[int, tuple[Plan, int]] = {}
        self._count = 0

    def of(self, plan: Plan) -> int:
        """Return the number of a plan."""
        stack = [plan]
        while stack:
            node = stack[-1]
            missing = [child for child in node.children if id(child) not in self._known]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            if id(node) not in self._known:
                self._known[id(node)] = node, self._number(node)
        return self._known[id(plan)][1]

    def _number(self, node: Plan) -> int:
        if isinstance(node, Project) and renames(node):
            return self._known[id(node.input)][1]
        self._count += 1
        inputs = [self._known[id(child)][1] for child in node.children]
        kind = (type(node), id(node.source) if isinstance(node, Scan) else None, *inputs)
        if kind not in self._firsts:
            self._firsts[kind] = node
            return self._count
        first = self._firsts[kind]
        if first is not None:
            self._firsts[kind] = None
            self._numbers[self._key(first, kind)] = self._known[id(first)][1]
        return self._numbers.setdefault(self._key(node, kind), self._count)

    @staticmethod
    def _key(node: Plan, kind: Hashable) -> Hashable:
        """Return what is equal for nodes of one kind over inputs of the same numbers that do the same."""
        try:
            key: Hashable = (kind, *_own(node))
            hash(key)
        except (TypeError, RecursionError):  # constant lists have no hash, very deep expressions none that ends
            return id(node)
        return key


def renames(node: Project) -> bool:
    """Return whether a projection gives the columns of its input, all of them in their order, under any names."""
    own = [named.expr.name if isinstance(named.expr, Column) else None for named in node.exprs]
    return own == list(node.input.schema.names)


def places(*schemas: Schema) -> _Names:
    """Return what stands for each column of some inputs: its place among all of them."""
    columns = [field for schema in schemas for field in schema]
    return {field.name: Column(name=str(place), dtype=field.dtype) for place, field in enumerate(columns)}


def nameless(value: object, names: _Names) -> Hashable:
    """Return what is equal for equal expressions, and tuples of such, over columns that are known by their places."""
    match value:
        case tuple():
            return tuple(nameless(each, names) for each in value)
        case Expr():
            placed = substitute(value, dict(names))
            return placed, str(placed)  # the text tells 0.0 and -0.0 apart
        case NamedExpr():
            return nameless(value.expr, names)
        case NamedAggregate():
            return nameless(value.call, names)
        case AggregateCall():
            inputs = tuple(substitute(each, dict(names)) for each in value.inputs)
            placed_call = value.with_inputs(inputs)
            return placed_call, str(placed_call)
        case Nearest():
            return nameless(value.exprs, names), value.function, value.nulls_equal
        case SortKey():
            return nameless(value.expr, names), value.descending, value.nulls_first
    assert isinstance(value, Hashable)
    return value


def _own(node: Plan) -> Iterator[Hashable]:
    """Yield what a node does with its inputs."""
    yield type(node).__name__
    if isinstance(node, Write):
        yield id(node)
        return
    names: _Names = {}
    if isinstance(node, _NAMELESS):
        names = places(*(child.schema for child in node.children))
    else:
        yield node.detail  # the text tells 0.0 and -0.0 apart
        yield tuple(child.schema.names for child in node.children)
    for field in fields(node):
        value = getattr(node, field.name)
        if field.name in _BY_IDENTITY:
            yield id(value)
        elif field.name not in _DERIVED:
            yield nameless(value, names) if names else value
