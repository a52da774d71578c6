"""Read only the fields of structs that something above uses.

Types stay as they are: a scan that is told which fields are read may give nulls as the others. It must not fire for a
struct that anything reads as a whole, be it a comparison, a key or the result.
"""

from __future__ import annotations

from typing import TypeAlias

from ...dtypes import Kind
from ...expr import Path, field_path, field_paths
from ...plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sort,
    Union,
    Unnest,
    Window,
)
from ...records import replace
from ...traversal import transform_up, walk_once
from ..context import OptimizerContext

_Paths: TypeAlias = frozenset[Path]


def prune_fields(plan: Plan, _: OptimizerContext) -> Plan:
    """Tell every scan of structs which of their fields are read."""
    if not any(isinstance(node, Scan) and _structs(node) for node in walk_once(plan)):
        return plan
    read: dict[int, _Paths] = {id(plan): _whole(plan)}
    for node in _parents_first(plan):
        for child, paths in zip(node.children, _read_of_children(node, read[id(node)]), strict=True):
            read[id(child)] = read.get(id(child), frozenset()) | paths

    def rewrite(node: Plan) -> Plan:
        if not isinstance(node, Scan):
            return node
        fields = _fields(node, read[id(node)])
        return node if fields == node.fields else replace(node, fields=fields)

    return transform_up(plan, rewrite)


def _structs(node: Scan) -> set[str]:
    return {f.name for f in node.source.schema if f.dtype.kind is Kind.STRUCT}


def _whole(node: Plan) -> _Paths:
    return frozenset((name,) for name in node.schema.names)


def _parents_first(plan: Plan) -> list[Plan]:
    """Return all nodes, each once and after everything that reads it."""
    order: list[Plan] = []
    seen: set[int] = set()
    stack: list[tuple[Plan, bool]] = [(plan, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
    return order[::-1]


def _read_of_children(node: Plan, read: _Paths) -> tuple[_Paths, ...]:
    """Return what is read of each input, given what is read of the node."""
    match node:
        case Project(exprs=exprs):
            return (
                frozenset().union(*(_through(field_path(e.expr), e.name, read) or field_paths(e.expr) for e in exprs)),
            )
        case Filter(predicate=predicate):
            return (read | field_paths(predicate),)
        case Limit():
            return (read,)
        case Sort(keys=keys):
            return (read | field_paths(*(key.expr for key in keys)),)
        case Distinct(on=tuple() as names):
            return (read | {(name,) for name in names},)
        case Aggregate(keys=keys, aggregates=aggregates):
            return (field_paths(*(k.expr for k in keys), *(e for a in aggregates for e in a.call.inputs)),)
        case Join(on=on, residual=residual):
            left, right = node.children
            both = read | (frozenset() if residual is None else field_paths(residual))
            return (
                _of(left, both) | field_paths(*(pair[0] for pair in on)),
                _of(right, both) | field_paths(*(pair[1] for pair in on)),
            )
        case NearestJoin(nearest=nearest):
            pairs = zip(node.children, nearest.exprs, strict=True)
            return tuple(_of(side, read) | field_paths(*exprs) for side, exprs in pairs)
        case Union():
            return tuple(read for _ in node.children)
        case Window():
            return (_of(node.input, read) | field_paths(*node.reads),)
        case Unnest(columns=columns):
            return (_of(node.input, read) | {(name,) for name in columns},)
        case MapBatches(keeps=True, reads=tuple() as reads, adds=adds):
            kept = {path for path in read if path[0] not in {f.name for f in adds}}
            return (_of(node.input, frozenset(kept)) | {(name,) for name in reads},)
    return tuple(_whole(child) for child in node.children)


def _through(source: Path | None, name: str, read: _Paths) -> _Paths:
    """Return what is read of a field that a projection passes on under a name."""
    return frozenset() if source is None else frozenset((*source, *path[1:]) for path in read if path[0] == name)


def _of(node: Plan, read: _Paths) -> _Paths:
    return frozenset(path for path in read if path[0] in node.schema)


def _fields(node: Scan, read: _Paths) -> tuple[Path, ...]:
    """Return the paths to the fields read of structs of which not everything is read, sorted."""
    if node.predicate is not None:
        read |= field_paths(node.predicate)
    found: list[Path] = []
    for name in _structs(node):
        paths = {path for path in read if path[0] == name}
        if paths and (name,) not in paths:
            found += [path for path in paths if not any(path[:length] in paths for length in range(1, len(path)))]
    return tuple(sorted(found))
