"""Expression nodes: what is computed per row, typed at construction.

Every node knows its ``dtype`` and its arguments already have the exact types that the function catalogue demands
(implicit casts are explicit `Cast` nodes), so that every device computes the same thing. Build calls with
``volley.engine.expr.build``; the classes here only hold what was decided.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from .. import dtypes
from ..dtypes import DataType, Kind
from ..records import dataclass, replace
from ..schema import Field
from ..traversal import FrozenNode, recalled, remembered, transform_up

Options: TypeAlias = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expr(FrozenNode):
    """Base of every scalar expression.

    Attributes
    ----------
    dtype
        Type of the value per row.
    """

    dtype: DataType

    @property
    def children(self) -> tuple[Expr, ...]:
        """Argument expressions, left to right."""
        return ()

    def with_children(self, children: tuple[Expr, ...]) -> Expr:
        """Return this node over other arguments of the same types."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Column(Expr):
    """The value of a named column of the input."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Literal(Expr):
    """A constant.

    ``value`` is a plain Python value (``None`` is null): int, float, bool, str, bytes, ``Decimal``, ``datetime.date``,
    ``datetime.datetime``, ``datetime.time`` or ``datetime.timedelta``.
    """

    value: Any

    def __str__(self) -> str:
        if self.value is None:
            return "null"
        if isinstance(self.value, str):
            return "'" + self.value.replace("'", "''") + "'"
        if self.dtype.kind in (Kind.DATE, Kind.TIMESTAMP):
            return f"{self.dtype.kind.value} '{self.value}'"
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Expr):
    """A function of the catalogue applied to arguments; ``options`` are constants such as a time unit."""

    function: str
    args: tuple[Expr, ...]
    options: Options = ()

    @property
    def children(self) -> tuple[Expr, ...]:
        """Argument expressions, left to right."""
        return self.args

    @property
    def own_kinds(self) -> tuple[Any, ...]:
        """The class and the name of the function."""
        return (Call, self.function)

    def with_children(self, children: tuple[Expr, ...]) -> Call:
        """Return the call on other arguments."""
        return replace(self, args=children)

    def option(self, name: str) -> Any:
        """Return the value of one option."""
        return dict(self.options)[name]

    def __str__(self) -> str:
        symbol = _INFIX.get(self.function)
        if self.function in ("and", "or") and len(self.args) > 1:
            return f"({f' {symbol} '.join(str(part) for part in operands(self))})"
        if symbol and len(self.args) == 2:
            return _infix(self)
        parts = [str(arg) for arg in self.args] + [f"{name}={value}" for name, value in self.options]
        return f"{self.function}({', '.join(parts)})"


def _infix(call: Call) -> str:
    """Print a chain of infix calls without recursion to the left: a sum of hundreds of columns is a deep tree."""
    tails = []
    node: Expr = call
    while (
        isinstance(node, Call)
        and len(node.args) == 2
        and node.function in _INFIX
        and node.function not in ("and", "or")
    ):
        tails.append(f" {_INFIX[node.function]} {node.args[1]})")
        node = node.args[0]
    return "(" * len(tails) + str(node) + "".join(reversed(tails))


_INFIX = {
    "add": "+",
    "subtract": "-",
    "multiply": "*",
    "divide": "/",
    "floor_divide": "//",
    "modulo": "%",
    "equal": "=",
    "not_equal": "<>",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
    "and": "and",
    "or": "or",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast(Expr):
    """Conversion to ``dtype``; where a value does not fit, a strict cast raises and another gives null."""

    arg: Expr
    strict: bool = True

    @property
    def children(self) -> tuple[Expr, ...]:
        """The converted expression."""
        return (self.arg,)

    def with_children(self, children: tuple[Expr, ...]) -> Cast:
        """Return the cast of another expression."""
        return replace(self, arg=children[0])

    def __str__(self) -> str:
        return f"{'cast' if self.strict else 'try_cast'}({self.arg} as {self.dtype})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Expr):
    """The value of the first branch whose condition is true, else the default (null if None was meant)."""

    branches: tuple[tuple[Expr, Expr], ...]
    default: Expr

    @property
    def children(self) -> tuple[Expr, ...]:
        """Conditions and values in turn, then the default."""
        return (*(part for branch in self.branches for part in branch), self.default)

    def with_children(self, children: tuple[Expr, ...]) -> Case:
        """Return the case over other conditions and values."""
        pairs = tuple(zip(children[:-1:2], children[1:-1:2], strict=True))
        return replace(self, branches=pairs, default=children[-1])

    def __str__(self) -> str:
        whens = " ".join(f"when {condition} then {value}" for condition, value in self.branches)
        return f"case {whens} else {self.default} end"


@dataclass(frozen=True, slots=True, kw_only=True)
class InList(Expr):
    """Whether the argument equals one of some constants of its own type, with SQL's null rules.

    Null argument gives null; no match gives null where ``has_null`` says the list held a null, else false.
    """

    arg: Expr
    values: tuple[Any, ...]
    has_null: bool = False

    @property
    def children(self) -> tuple[Expr, ...]:
        """The tested expression."""
        return (self.arg,)

    def with_children(self, children: tuple[Expr, ...]) -> InList:
        """Return the same test of another expression."""
        return replace(self, arg=children[0])

    def __str__(self) -> str:
        shown = [str(Literal(value=v, dtype=self.arg.dtype)) for v in self.values[:6]]
        if len(self.values) > 6:
            shown.append(f"… {len(self.values) - 6} more")
        if self.has_null:
            shown.append("null")
        return f"{self.arg} in ({', '.join(shown)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place(Expr):
    """The position of the argument among distinct constants of its own type in ascending order; null where it is none.

    Made for learning, which numbers categories; no surface has it.
    """

    arg: Expr
    values: tuple[Any, ...]

    @property
    def children(self) -> tuple[Expr, ...]:
        """The expression that is looked up."""
        return (self.arg,)

    def with_children(self, children: tuple[Expr, ...]) -> Place:
        """Return the place of another expression."""
        return replace(self, arg=children[0])

    def __str__(self) -> str:
        return f"place({self.arg} among {len(self.values):,})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedExpr:
    """An expression and the name of the column it makes."""

    name: str
    expr: Expr

    @property
    def field(self) -> Field:
        """Schema field of the column."""
        return Field(self.name, self.expr.dtype)

    @property
    def is_passthrough(self) -> bool:
        """Whether this only passes a column on under its own name."""
        return isinstance(self.expr, Column) and self.expr.name == self.name

    def __str__(self) -> str:
        return self.name if self.is_passthrough else f"{self.expr} as {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateCall:
    """An aggregate of the catalogue over the rows of a group.

    Attributes
    ----------
    function
        Catalogue name, e.g. ``sum``.
    args
        Arguments per row, already of the types that the catalogue demands.
    dtype
        Type of the result.
    distinct
        Count each distinct argument once.
    filter
        Boolean expression; rows where it is not true are left out.
    """

    function: str
    args: tuple[Expr, ...]
    dtype: DataType
    distinct: bool = False
    filter: Expr | None = None
    options: Options = ()

    @property
    def inputs(self) -> tuple[Expr, ...]:
        """Every expression read: arguments and the filter."""
        return self.args if self.filter is None else (*self.args, self.filter)

    def with_inputs(self, inputs: tuple[Expr, ...]) -> AggregateCall:
        """Return this aggregate over other inputs, in the order of `inputs`."""
        if self.filter is None:
            return replace(self, args=inputs)
        return replace(self, args=inputs[:-1], filter=inputs[-1])

    def __str__(self) -> str:
        inner = ", ".join(str(arg) for arg in self.args) or "*"
        tail = f" filter (where {self.filter})" if self.filter is not None else ""
        return f"{self.function}({'distinct ' if self.distinct else ''}{inner}){tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAggregate:
    """An aggregate and the name of the column it makes."""

    name: str
    call: AggregateCall

    @property
    def field(self) -> Field:
        """Schema field of the column."""
        return Field(self.name, self.call.dtype)

    def __str__(self) -> str:
        return f"{self.call} as {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SortKey:
    """One key of an ordering; nulls come last in both directions unless ``nulls_first``."""

    expr: Expr
    descending: bool = False
    nulls_first: bool = False

    def __str__(self) -> str:
        return f"{self.expr}{' desc' if self.descending else ''}{' nulls first' if self.nulls_first else ''}"


def columns_of(*exprs: Expr) -> frozenset[str]:
    """Return the names of every column that the expressions read."""
    if len(exprs) == 1:
        (expr,) = exprs
        if isinstance(expr, Column):
            return frozenset((expr.name,))
        return _columns_below(expr) if expr.children else frozenset()
    names: set[str] = set()
    for expr in exprs:
        if isinstance(expr, Column):
            names.add(expr.name)
        elif expr.children:
            names |= _columns_below(expr)
    return frozenset(names)


@remembered
def _columns_below(expr: Expr) -> frozenset[str]:
    names: set[str] = set()
    met: set[int] = set()  # as in `walk_once`: parts may be shared at every level
    pending = [expr]
    while pending:
        for child in pending.pop().children:
            if isinstance(child, Column):
                names.add(child.name)
            elif id(child) not in met:
                met.add(id(child))
                known = recalled(_columns_below, child)
                if known is None:
                    pending.append(child)
                else:
                    names |= known
    return frozenset(names)


def substitute(expr: Expr, by_name: dict[str, Expr]) -> Expr:
    """Replace columns by expressions of the same type; same object where nothing changed."""
    if isinstance(expr, Column):
        return by_name.get(expr.name, expr)
    if by_name.keys().isdisjoint(_columns_below(expr)):
        return expr
    return transform_up(expr, lambda n: by_name.get(n.name, n) if isinstance(n, Column) else n)


def operands(connective: Call) -> list[Expr]:
    """Return what a tree of one connective (``and`` or ``or``) joins, left to right."""
    found: list[Expr] = []
    stack: list[Expr] = [connective]
    while stack:
        node = stack.pop()
        if isinstance(node, Call) and node.function == connective.function:
            stack.extend(reversed(node.args))
        else:
            found.append(node)
    return found


def conjuncts(predicate: Expr) -> Iterator[Expr]:
    """Yield the parts of an ``and`` tree, left to right."""
    if isinstance(predicate, Call) and predicate.function == "and":
        yield from operands(predicate)
    else:
        yield predicate


def disjuncts(predicate: Expr) -> Iterator[Expr]:
    """Yield the parts of an ``or`` tree, left to right."""
    if isinstance(predicate, Call) and predicate.function == "or":
        yield from operands(predicate)
    else:
        yield predicate


FLIPPED = {"less": "greater", "less_equal": "greater_equal", "greater": "less", "greater_equal": "less_equal"}
"""Each comparison by order and the one that gives the same with its arguments exchanged."""


def all_of(parts: Iterable[Expr]) -> Expr | None:
    """Join boolean expressions by ``and``; None where there are none."""
    return _joined("and", list(parts))


def any_of(parts: Iterable[Expr]) -> Expr | None:
    """Join boolean expressions by ``or``; None where there are none."""
    return _joined("or", list(parts))


def _joined(connective: str, parts: list[Expr]) -> Expr | None:
    """Join in a balanced tree: a chain of thousands would exceed Python's recursion limit when it is hashed."""
    if not parts:
        return None
    while len(parts) > 1:
        pairs = zip(parts[::2], parts[1::2], strict=False)
        joined: list[Expr] = [
            Call(function=connective, args=(left, right), dtype=dtypes.bool_) for left, right in pairs
        ]
        parts = joined + parts[len(parts) - len(parts) % 2 :]
    return parts[0]
