"""Expressions inside plan nodes: rewriting all of them, and facts that decide whether one may move."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from ..dtypes import DataType, Kind, common_type
from ..expr import Call, Cast, Column, Expr, Literal, NamedExpr, SortKey, conjuncts
from ..expr.catalogue import FUNCTIONS
from ..plan import Aggregate, Filter, Join, NearestJoin, Plan, Project, Scan, Sort, Window
from ..records import replace
from ..traversal import kinds_of, remembered, same_objects, walk, walk_once

Rewrite: TypeAlias = Callable[[Expr], Expr]

_DIVISIONS = frozenset({"floor_divide", "truncate_divide", "modulo", "remainder"})
_MAY_FAIL = _DIVISIONS | {name for name, function in FUNCTIONS.items() if function.raises} | {Cast}
"""Kinds of nodes of which some fail for some values; see `kinds_of`."""


def rewrite_expressions(node: Plan, value: Rewrite, predicate: Rewrite) -> Plan:
    """Return the node with its expressions rewritten; the same object where none changed.

    ``predicate`` rewrites conditions of which only the true rows count (where false and null are the same), ``value``
    everything else, but for plain columns. Neither may change a type.
    """
    match node:
        case Scan(predicate=Expr() as condition) | Filter(predicate=condition):
            changed = predicate(condition)
            return node if changed is condition else replace(node, predicate=changed)
        case Project(exprs=exprs):
            named = _named(exprs, value)
            return node if named is exprs else replace(node, exprs=named)
        case Aggregate():
            return _aggregate(node, value, predicate)
        case Join():
            return _join(node, value, predicate)
        case NearestJoin():
            return _nearest(node, value)
        case Sort(keys=keys):
            sort_keys = _keys(keys, value)
            return node if sort_keys is keys else replace(node, keys=sort_keys)
        case Window():
            return _window(node, value, predicate)
        case _:
            return node


def _named(exprs: tuple[NamedExpr, ...], value: Rewrite) -> tuple[NamedExpr, ...]:
    changed = [(n, e) for n in exprs if not isinstance(n.expr, Column) and (e := value(n.expr)) is not n.expr]
    if not changed:
        return exprs
    made = {id(n): NamedExpr(name=n.name, expr=e) for n, e in changed}
    return tuple([made.get(id(n), n) for n in exprs])


def _keys(keys: tuple[SortKey, ...], value: Rewrite) -> tuple[SortKey, ...]:
    result = tuple(k if (e := value(k.expr)) is k.expr else replace(k, expr=e) for k in keys)
    return keys if same_objects(result, keys) else result


def _window(node: Window, value: Rewrite, predicate: Rewrite) -> Window:
    functions = []
    for named in node.functions:
        call = named.call
        args = tuple(value(arg) for arg in call.args)
        condition = None if call.filter is None else predicate(call.filter)
        if isinstance(condition, Literal) and condition.value is True:
            condition = None
        same = condition is call.filter and same_objects(args, call.args)
        functions.append(named if same else replace(named, call=replace(call, args=args, filter=condition)))
    partition_by, order_by = tuple(map(value, node.partition_by)), _keys(node.order_by, value)
    unchanged = same_objects(tuple(functions), node.functions) and same_objects(partition_by, node.partition_by)
    if unchanged and order_by is node.order_by:
        return node
    return replace(node, functions=tuple(functions), partition_by=partition_by, order_by=order_by)


def _aggregate(node: Aggregate, value: Rewrite, predicate: Rewrite) -> Aggregate:
    keys = _named(node.keys, value)
    aggregates = []
    for named in node.aggregates:
        call = named.call
        args = tuple(value(arg) for arg in call.args)
        condition = None if call.filter is None else predicate(call.filter)
        if isinstance(condition, Literal) and condition.value is True:
            condition = None
        if condition is call.filter and same_objects(args, call.args):
            aggregates.append(named)
        else:
            aggregates.append(replace(named, call=replace(call, args=args, filter=condition)))
    if keys is node.keys and same_objects(tuple(aggregates), node.aggregates):
        return node
    return replace(node, keys=keys, aggregates=tuple(aggregates))


def _join(node: Join, value: Rewrite, predicate: Rewrite) -> Join:
    if node.residual is None and all(isinstance(key, Column) for pair in node.on for key in pair):
        return node
    pairs = tuple((value(left), value(right)) for left, right in node.on)
    residual = None if node.residual is None else predicate(node.residual)
    if isinstance(residual, Literal) and residual.value is True:
        residual = None
    if residual is node.residual and all(same_objects(new, old) for new, old in zip(pairs, node.on, strict=True)):
        return node
    return replace(node, on=pairs, residual=residual)


def _nearest(node: NearestJoin, value: Rewrite) -> NearestJoin:
    known = node.nearest
    on = tuple((value(left), value(right)) for left, right in known.on)
    nearest = replace(known, on=on, left=value(known.left), right=value(known.right))
    same = all(same_objects(new, old) for new, old in zip(nearest.exprs, known.exprs, strict=True))
    return node if same else replace(node, nearest=nearest)


def split(parts: list[Expr], keep: Callable[[Expr], bool]) -> tuple[list[Expr], list[Expr]]:
    """Return the parts for which ``keep`` holds and the others, each in order."""
    chosen = [keep(part) for part in parts]
    return (
        [part for part, yes in zip(parts, chosen, strict=True) if yes],
        [part for part, yes in zip(parts, chosen, strict=True) if not yes],
    )


def conjunct_list(predicate: Expr | None) -> list[Expr]:
    """Return the conjuncts of a condition; none of no condition."""
    return [] if predicate is None else list(conjuncts(predicate))


def added(parts: list[Expr], more: list[Expr]) -> list[Expr]:
    """Return ``parts`` and those of ``more`` that are not among them."""
    seen = set(parts)
    return parts + [part for part in more if part not in seen]


def has(parts: Iterable[Expr], part: Expr) -> bool:
    """Return whether a condition is one of some, also in its text, which tells 0.0 from -0.0 and 1 from true."""
    return any(part == each and str(part) == str(each) for each in parts)


_TRIVIAL = (Column, Literal)


def is_trivial(expr: Expr) -> bool:
    """Return whether computing the expression twice costs nothing: a column or a constant."""
    return isinstance(expr, _TRIVIAL)


def size_up_to(expr: Expr, limit: int) -> int:
    """Return the number of nodes of the expression, counting no further than ``limit``."""
    count = 0
    for _ in walk(expr):
        count += 1
        if count >= limit:
            break
    return count


@remembered
def can_raise(expr: Expr) -> bool:
    """Return whether evaluating the expression may fail for some values of its columns.

    Such an expression must not be evaluated on rows that an earlier filter or join leaves out: the user may have
    written that filter to keep those rows away. Integer overflow is not counted; it is an error wherever it occurs.
    """
    return not _MAY_FAIL.isdisjoint(kinds_of(expr)) and any(_may_fail(node) for node in walk_once(expr))


def _may_fail(node: Expr) -> bool:
    if isinstance(node, Call) and node.function in _DIVISIONS and not node.dtype.is_float:
        divisor = node.args[1]
        return not isinstance(divisor, Literal) or divisor.value == 0
    if isinstance(node, Call) and FUNCTIONS[node.function].raises:
        return True
    return isinstance(node, Cast) and node.strict and not _always_casts(node.arg.dtype, node.dtype)


def _always_casts(source: DataType, target: DataType) -> bool:
    return target.is_text or (source.is_numeric and target.is_float) or widens(source, target)


def widens(source: DataType, target: DataType) -> bool:
    """Return whether every value of ``source`` has an exact counterpart of the same order in ``target``."""
    if source == target or source.kind is Kind.NULL:
        return True
    if source.is_integer and target.is_float:
        return source.bits <= (53 if target.kind is Kind.FLOAT64 else 24)
    if source.is_decimal and target.is_float:
        return False
    return common_type(source, target) == target
