"""A group of adjacent inner joins as a graph: relations, and the conditions between them."""

from __future__ import annotations

from collections.abc import Iterator

from .. import dtypes
from ..expr import Call, Column, Expr, NamedExpr, all_of, columns_of, substitute
from ..plan import Filter, Join, JoinKind, Plan, Project
from ..records import dataclass
from .expressions import can_raise, conjunct_list
from .join_search import Tree


@dataclass(frozen=True, slots=True)
class KeyClass:
    """Columns that are all equal, at most one used per relation: ``{relation: column}``."""

    members: dict[int, Column]
    mask: int


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that is no equality of plain columns; ``mask`` has a bit for each relation it reads.

    ``sides`` are the masks of the two arguments where it is an equality of expressions, else None.
    """

    expr: Expr
    mask: int
    sides: tuple[int, int] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGraph:
    """Relations and conditions of a group of inner joins.

    Attributes
    ----------
    relations
        The relations as they stand in the plan.
    leaves
        The relations with column names that are unique in the group.
    written
        The tree of joins as found in the plan, leaves by position.
    names
        From the output names of the group to column names of the leaves.
    classes
        Equalities of columns, closed: whatever is equal through a third column is in one class.
    conditions
        All other conditions.
    """

    relations: tuple[Plan, ...]
    leaves: tuple[Plan, ...]
    written: Tree
    names: dict[str, str]
    classes: tuple[KeyClass, ...]
    conditions: tuple[Condition, ...]

    def conditions_of(self, mask: int) -> list[Expr]:
        """Return the conditions that read exactly the relations of the mask."""
        return [c.expr for c in self.conditions if c.mask == mask]

    def keys(self, left: int, right: int) -> list[tuple[Expr, Expr]]:
        """Return the pairs of keys that join two sets of relations: one per class, and equalities of expressions."""
        pairs: list[tuple[Expr, Expr]] = [
            (_member(c, left), _member(c, right)) for c in self.classes if c.mask & left and c.mask & right
        ]
        for condition in self._between(left, right):
            sides, expr = condition.sides, condition.expr
            if sides is None or not isinstance(expr, Call):
                continue
            first, second = expr.args
            if _inside(sides[0], left) and _inside(sides[1], right):
                pairs.append((first, second))
            elif _inside(sides[0], right) and _inside(sides[1], left):
                pairs.append((second, first))
        return pairs

    def residual(self, left: int, right: int) -> Expr | None:
        """Return the further conditions that become decidable where the two sets meet."""
        return all_of(c.expr for c in self._between(left, right) if not _is_key(c, left, right))

    def _between(self, left: int, right: int) -> Iterator[Condition]:
        both = left | right
        for condition in self.conditions:
            if _inside(condition.mask, both) and condition.mask & left and condition.mask & right:
                yield condition


def _inside(mask: int, outer: int) -> bool:
    return mask & ~outer == 0


def _is_key(condition: Condition, left: int, right: int) -> bool:
    if condition.sides is None:
        return False
    a, b = condition.sides
    return (_inside(a, left) and _inside(b, right)) or (_inside(a, right) and _inside(b, left))


def _member(key: KeyClass, mask: int) -> Column:
    return next(column for leaf, column in key.members.items() if mask >> leaf & 1)


def is_reorderable(node: Plan) -> bool:
    """Return whether the node is a join that may take another place: its conditions fail on no row."""
    if not isinstance(node, Join) or node.kind is not JoinKind.INNER or node.nulls_equal:
        return False
    return not any(can_raise(e) for e in (*(key for pair in node.on for key in pair), *conjunct_list(node.residual)))


def _in_group(node: Plan) -> bool:
    """Return whether the node belongs to the inside of a group rather than being one of its relations."""
    match node:
        case Join():
            return is_reorderable(node)
        case Filter(predicate=predicate):
            return not can_raise(predicate) and _in_group(node.input)
        case Project(exprs=exprs):
            return all(isinstance(e.expr, Column) for e in exprs) and _in_group(node.input)
        case _:
            return False


class _Builder:
    """Collects a group bottom-up; the value of a sub-plan is its tree and its names."""

    def __init__(self) -> None:
        self.relations: list[Plan] = []
        self.leaves: list[Plan] = []
        self.owner: dict[str, int] = {}
        self.parts: list[Expr] = []

    def collect(self, root: Plan) -> tuple[Tree, dict[str, str]]:
        values: list[tuple[Tree, dict[str, str]]] = []
        stack: list[tuple[Plan, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if not ready and _in_group(node):
                stack.append((node, True))
                stack.extend((child, False) for child in reversed(node.children))
                continue
            values.append(self._leaf(node) if not ready else self._inner(node, values))
        return values[0]

    def _leaf(self, node: Plan) -> tuple[Tree, dict[str, str]]:
        number = len(self.leaves)
        self.relations.append(node)
        names = {name: name if name not in self.owner else self._unused(name) for name in node.schema.names}
        if any(name != output for output, name in names.items()):
            exprs = (NamedExpr(name=names[f.name], expr=Column(name=f.name, dtype=f.dtype)) for f in node.schema)
            node = Project(input=node, exprs=tuple(exprs))
        self.owner |= dict.fromkeys(names.values(), number)
        self.leaves.append(node)
        return number, names

    def _unused(self, name: str) -> str:
        number = 2
        while f"{name}#{number}" in self.owner:
            number += 1
        return f"{name}#{number}"

    def _inner(self, node: Plan, values: list[tuple[Tree, dict[str, str]]]) -> tuple[Tree, dict[str, str]]:
        tree, names = values.pop()
        match node:
            case Project(exprs=exprs):
                return tree, {e.name: names[e.expr.name] for e in exprs if isinstance(e.expr, Column)}
            case Filter(predicate=predicate):
                self._add(conjunct_list(predicate), names, node)
                return tree, names
        assert isinstance(node, Join)
        left, left_names = values.pop()
        names = left_names | names
        self._add([_equality(a, b) for a, b in node.on], names, node)
        self._add(conjunct_list(node.residual), names, node)
        return (left, tree), names

    def _add(self, parts: list[Expr], names: dict[str, str], node: Plan) -> None:
        types = {f.name: f.dtype for child in node.children for f in child.schema}
        renamed: dict[str, Expr] = {
            output: Column(name=name, dtype=types[output])
            for output, name in names.items()
            if output != name and output in types
        }
        self.parts += [substitute(part, renamed) if renamed else part for part in parts]


def build_graph(root: Plan) -> JoinGraph:
    """Return the graph of the group of inner joins whose topmost join is ``root``."""
    builder = _Builder()
    written, names = builder.collect(root)
    classes, conditions = _classified(dict.fromkeys(builder.parts), builder.owner)
    return JoinGraph(
        relations=tuple(builder.relations),
        leaves=tuple(builder.leaves),
        written=written,
        names=names,
        classes=tuple(classes),
        conditions=tuple(conditions),
    )


def _classified(parts: dict[Expr, None], owner: dict[str, int]) -> tuple[list[KeyClass], list[Condition]]:
    groups: dict[str, dict[str, Column]] = {}
    conditions = []
    for part in parts:
        pair = _column_pair(part, owner)
        if pair is None:
            conditions.append(_condition(part, owner))
            continue
        merged = {c.name: c for column in pair for c in groups.get(column.name, {column.name: column}).values()}
        groups |= dict.fromkeys(merged, merged)
    classes = []
    for group in {id(group): group for group in groups.values()}.values():
        members: dict[int, Column] = {}
        for column in group.values():
            leaf = owner[column.name]
            if leaf in members:  # two columns of one relation that must be equal: a filter on that relation
                conditions.append(_condition(_equality(members[leaf], column), owner))
            else:
                members[leaf] = column
        classes.append(KeyClass(members, _mask(members)))
    return classes, conditions


def _column_pair(part: Expr, owner: dict[str, int]) -> tuple[Column, Column] | None:
    if not isinstance(part, Call) or part.function != "equal":
        return None
    left, right = part.args
    if not isinstance(left, Column) or not isinstance(right, Column) or owner[left.name] == owner[right.name]:
        return None
    return left, right


def _equality(left: Expr, right: Expr) -> Expr:
    return Call(function="equal", args=(left, right), dtype=dtypes.bool_)


def _mask(leaves: dict[int, Column]) -> int:
    return sum(1 << leaf for leaf in leaves)


def _condition(part: Expr, owner: dict[str, int]) -> Condition:
    def mask(expr: Expr) -> int:
        result = 0
        for name in columns_of(expr):
            result |= 1 << owner[name]
        return result

    sides = None
    if isinstance(part, Call) and part.function == "equal":
        a, b = (mask(arg) for arg in part.args)
        sides = (a, b) if a and b and not a & b else None
    return Condition(part, mask(part), sides)
