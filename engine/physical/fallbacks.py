"""What operators leave to the CPU: expressions, aggregates and windows that their device has no kernels for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from ..expr import Column, Expr, SortKey
from ..kernels.specs import AccumulatorSpec, Called, Computed, GroupSpec, JoinSpec, Key, WindowSpec
from ..plan import WindowCall
from ..plan.source import FileEncoder, HostSplit, StoringSink
from ..records import replace
from ..schema import Schema
from ..traversal import transform_up, walk_once
from .nodes import DistinctFirstExec, Exec, HashExchangeExec, MapBatchesExec, ScanExec, WriteExec

Refusal = Callable[[Computed], str | None]


def mark_fallbacks(root: Exec, refusal: Refusal) -> Exec:
    """Return the operators with what the CPU computes of each; those that occur twice stay one object."""

    def rewrite(node: Exec) -> Exec:
        reasons = dict.fromkeys(reason for part in _parts(node) if (reason := refusal(part)) is not None)
        return replace(node, on_cpu=tuple(reasons)) if reasons else node

    return transform_up(root, rewrite)


def computed_parts(root: Exec) -> list[Computed]:
    """Return all that the operators compute, for who wants to ask about it at once."""
    return [part for node in walk_once(root) for part in _parts(node)]


def mark_files(root: Exec, encoder: FileEncoder) -> Exec:
    """Return the operators, those whose files the host reads or writes with the reason; a query may have such ones."""

    def rewrite(node: Exec) -> Exec:
        reason = None
        if isinstance(node, ScanExec) and node.scan.splits and isinstance(node.scan.splits[0], HostSplit):
            reason = f"read by the host: {node.scan.splits[0].host_reads}"
        if isinstance(node, WriteExec) and isinstance(node.sink, StoringSink):
            why = node.sink.host_writes(encoder, node.input.schema)
            reason = why and f"written by the host: {why}"
        return replace(node, by_host=reason) if reason else node

    return transform_up(root, rewrite)


def fallbacks(root: Exec) -> Iterator[tuple[Exec, str]]:
    """Return the operators that the CPU computes something of, with the reasons."""
    return ((node, reason) for node in walk_once(root) for reason in node.on_cpu)


def _parts(node: Exec) -> Iterator[Computed]:
    """Yield what an operator itself computes, wherever its fields hold it."""
    if isinstance(node, DistinctFirstExec):
        yield from (Key(Column(name=name, dtype=node.schema[name].dtype)) for name in node.on)
    if isinstance(node, MapBatchesExec):
        yield Called(node.label, node.values, node.matrix)
    if isinstance(node, HashExchangeExec):
        yield from map(Key, node.keys)
    stack: list[Any] = [getattr(node, f.name) for f in fields(node)]
    while stack:
        value = stack.pop()
        if isinstance(value, Expr | AccumulatorSpec | WindowCall):
            yield value
        yield from map(Key, _compared(value))
        if isinstance(value, Expr):
            continue
        if isinstance(value, tuple):
            stack.extend(value)
        elif is_dataclass(value) and not isinstance(value, Exec | Schema | type) and _of_kernels(value):
            stack.extend(getattr(value, f.name) for f in fields(value))


def _compared(value: Any) -> Iterable[Expr]:
    """Return the expressions that rows are compared by, of a description for kernels or an operator."""
    match value:
        case SortKey():
            return (value.expr,)
        case GroupSpec():
            return (key.expr for key in value.keys)
        case JoinSpec():
            return value.probe_keys
        case WindowSpec():
            return value.partition_by
    return ()


def _of_kernels(value: Any) -> bool:
    """Whether a value is a description for kernels, rather than a source or a sink with conditions of its own."""
    return type(value).__module__.startswith((f"{_ENGINE}.kernels.", f"{_ENGINE}.expr.", f"{_ENGINE}.plan.window"))


_ENGINE = __name__.removesuffix(".physical.fallbacks")
