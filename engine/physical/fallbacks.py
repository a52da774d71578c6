"""What operators leave to the CPU: expressions, aggregates and windows that their device has no kernels for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from ..expr import Expr
from ..kernels.protocol import AccumulatorSpec, Computed
from ..plan import WindowCall
from ..schema import Schema
from .nodes import Exec

Refusal = Callable[[Computed], str | None]


def mark_fallbacks(root: Exec, refusal: Refusal) -> Exec:
    """Return the operators with what the CPU computes of each; those that occur twice stay one object."""
    done: dict[int, Exec] = {}
    stack: list[tuple[Exec, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if id(node) in done:
            continue
        if not ready:
            stack.append((node, True))
            stack.extend((child, False) for child in node.children)
            continue
        children = tuple(done[id(child)] for child in node.children)
        changed = any(new is not old for new, old in zip(children, node.children, strict=True))
        made = node.with_children(children) if changed else node
        reasons = dict.fromkeys(reason for part in _parts(node) if (reason := refusal(part)) is not None)
        done[id(node)] = replace(made, on_cpu=tuple(reasons)) if reasons else made
    return done[id(root)]


def fallbacks(root: Exec) -> Iterator[tuple[Exec, str]]:
    """Yield the operators that the CPU computes something of, with the reasons."""
    seen: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield from ((node, reason) for reason in node.on_cpu)
            stack.extend(node.children)


def _parts(node: Exec) -> Iterator[Computed]:
    """Yield what an operator itself computes, wherever its fields hold it."""
    stack: list[Any] = [getattr(node, f.name) for f in fields(node)]
    while stack:
        value = stack.pop()
        if isinstance(value, Expr | AccumulatorSpec | WindowCall):
            yield value
        if isinstance(value, Expr):
            continue
        if isinstance(value, tuple):
            stack.extend(value)
        elif is_dataclass(value) and not isinstance(value, Exec | Schema | type) and _of_kernels(value):
            stack.extend(getattr(value, f.name) for f in fields(value))


def _of_kernels(value: Any) -> bool:
    """Whether a value is a description for kernels, rather than a source or a sink with conditions of its own."""
    return type(value).__module__.startswith((f"{_ENGINE}.kernels.", f"{_ENGINE}.expr.", f"{_ENGINE}.plan.window"))


_ENGINE = __name__.removesuffix(".physical.fallbacks")
