"""What evaluating expressions is on every device: equal parts shared, values kept, and what could raise told apart.

Knows expressions only; a device adds how the value of each node is computed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from operator import is_
from typing import Any, Generic, Protocol, TypeVar

from ..expr import Call, Case, Cast, Column, Expr, InList, Literal, Place
from ..expr.catalogue import FUNCTIONS
from ..expr.lambdas import ListLambda, Variable
from ..traversal import remembered, walk_once

_RAISING = frozenset(
    {"add", "subtract", "multiply", "floor_divide", "truncate_divide", "modulo", "remainder", "negate", "abs"}
    | {"round", "floor", "ceil", "add_interval", "difference"}
)
_QUICK = frozenset(
    {"add", "subtract", "multiply", "divide", "negate", "abs", "and", "or", "not", "is_null", "is_not_null"}
    | {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "coalesce", "is_nan"}
)
"""Functions that are little work for each row; of numbers they fail by values that do not fit, if at all."""

_forgetting: list[Callable[[], None]] = []


def remembers(forget: Callable[[], None]) -> None:
    """Say what throws away what kernels remember of the batches of a run."""
    _forgetting.append(forget)


def forget() -> None:
    """Throw away what kernels remember of the batches of a run, which has ended; others begin anew."""
    for each in _forgetting:
        each()


class Columns(Protocol):
    """A device's table, as far as expressions read it."""

    def column(self, name: str) -> Any:
        """Return a column by name."""
        ...


T = TypeVar("T", bound=Columns)
C = TypeVar("C")
S = TypeVar("S")


class Evaluation(ABC, Generic[T, C, S]):
    """Evaluates expressions over one table, to columns or scalars; values are kept per expression object."""

    def __init__(self, table: T) -> None:
        self.table = table
        self._values: dict[int, tuple[Expr, C | S]] = {}
        self._depth = 0

    @abstractmethod
    def column(self, expr: Expr) -> C:
        """Return the value per row as a column."""

    @abstractmethod
    def _compute(self, expr: Expr) -> C | S:
        """Return the value of an expression that is no column."""

    def columns(self, exprs: Sequence[Expr]) -> list[C]:
        """Return the values of several expressions."""
        return [self.column(root) for root in shared(tuple(exprs))]

    def value(self, expr: Expr) -> C | S:
        """Return the value as a column, or as a scalar where it does not depend on any row."""
        if isinstance(expr, Column):
            column: C = self.table.column(expr.name)
            return column
        kept = self._values.get(id(expr))
        if kept is not None:
            return kept[1]
        for below in _needed(expr) if self._depth >= _DEEP else ():
            if id(below) not in self._values:
                self._values[id(below)] = (below, self._compute(below))
        self._depth += 1
        try:
            value = self._compute(expr)
        finally:
            self._depth -= 1
        self._values[id(expr)] = (expr, value)
        return value


_DEEP = 64
"""Calls within calls from which on what a node needs is computed first, in a loop: Python's stack is not deep."""
_STRICT = (Call, Cast, InList, Place)
"""Nodes that need the values of all their children, whatever the rows hold."""


def _needed(root: Expr) -> list[Expr]:
    """Return the calls and their like that a node needs, each after those that it needs itself; not the node."""
    found: dict[int, Expr] = {}
    stack = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            found[id(node)] = node
        elif id(node) not in found and isinstance(node, _STRICT):
            stack.append((node, True))
            stack += [(child, False) for child in node.children]
    found.pop(id(root), None)
    return [*found.values()]


_interned: dict[tuple[int, ...], tuple[tuple[Expr, ...], tuple[Expr, ...]]] = {}
_MAX_INTERNED = 4096


def shared(exprs: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Return the expressions with equal sub-expressions made one object, so that a value can be kept per object.

    The answer is remembered by the identity of ``exprs``, since operators ask again for every batch.
    """
    if all(isinstance(expr, Column) for expr in exprs):
        return exprs
    key = tuple(map(id, exprs))
    known = _interned.get(key)
    if known is None:
        if len(_interned) >= _MAX_INTERNED:
            _interned.clear()
        seen: dict[Any, Expr] = {}
        # The originals are kept so that their identities stay theirs.
        known = _interned[key] = (exprs, tuple(_intern(expr, seen) for expr in exprs))
    return known[1]


def _intern(root: Expr, seen: dict[Any, Expr]) -> Expr:
    done: dict[int, Expr] = {}
    stack = [root]
    while stack:
        expr = stack[-1]
        before = expr.children
        waiting = [child for child in before if id(child) not in done]
        if waiting:
            stack += waiting
            continue
        stack.pop()
        children = tuple(done[id(child)] for child in before)
        node = expr if all(map(is_, children, before)) else expr.with_children(children)
        # Unlike equality, repr tells 0.0 from -0.0 and 1 from True, and works for lists.
        own = _leaf(node) if not children else _head(node)
        done[id(expr)] = seen.setdefault((type(node), node.dtype, own, tuple(map(id, children))), node)
    return done[id(root)]


def _leaf(node: Expr) -> str:
    match node:
        case Literal():
            return repr(node.value)
        case Variable():
            return node.name  # it is not written with its whole name
        case _:
            return str(node)


def _head(node: Expr) -> Any:
    match node:
        case Call():
            return (node.function, repr(node.options))
        case Cast():
            return node.strict
        case InList():
            return (repr(node.values), node.has_null)
        case Place():
            return repr(node.values)
        case ListLambda():
            return (node.method, node.variables)
        case _:
            return len(node.children)


@remembered
def can_raise(expr: Expr) -> bool:
    """Return whether evaluating the expression can fail on some value, integer overflow included.

    The optimizer's question of the same name leaves overflow out, which is an error wherever a value is computed.
    """
    for node in walk_once(expr):
        if isinstance(node, Cast) and node.strict:
            return True
        if isinstance(node, Call) and node.function in _RAISING and not node.dtype.is_float:
            return True
        if isinstance(node, Call) and FUNCTIONS[node.function].raises:
            return True
    return False


@remembered
def is_quick(expr: Expr) -> bool:
    """Return whether an expression is little work for each row, and fails by values that do not fit only, if at all."""
    for node in walk_once(expr):
        match node:
            case Column() | Literal() | Case():
                continue
            case Cast(arg=arg, dtype=dtype) if arg.dtype.is_numeric and dtype.is_numeric:
                continue
            case Call(function=function) if function in _QUICK:
                continue
            case _:
                return False
    return True
