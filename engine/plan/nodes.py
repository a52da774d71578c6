"""Logical plan nodes: what is to be computed, not how. Nouns only; schemas are derived and checked at construction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import field
from enum import Enum
from typing import Any, Self

from .. import dtypes
from ..dtypes import Kind
from ..errors import PlanError, TypeMismatch
from ..expr import Column, Expr, NamedAggregate, NamedExpr, Path, SortKey, all_of, columns_of
from ..records import dataclass, refitted, replace
from ..schema import Field, Schema
from ..traversal import FrozenNode
from .source import Sink, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan(FrozenNode):
    """Base of every logical node.

    Attributes
    ----------
    schema
        Names and types of the rows that the node gives; derived, never passed in.
    """

    schema: Schema = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", self._derive())

    def _derive(self) -> Schema:
        raise TypeError(f"{type(self).__name__} gives no schema")

    @property
    def children(self) -> tuple[Plan, ...]:
        """Inputs, left to right."""
        return ()

    def with_children(self, children: tuple[Plan, ...]) -> Self:
        """Return this node over other inputs."""
        return self

    def _over(self, children: tuple[Plan, ...], **inputs: Any) -> Self:
        """Return this node over other inputs; what follows from their schemas does so again only where these change."""
        for new, old in zip(children, self.children, strict=True):
            if new.schema is not old.schema and new.schema.fields != old.schema.fields:
                return replace(self, **inputs)
        return refitted(self, **inputs)

    @property
    def detail(self) -> str:
        """What ``explain`` prints after the node's name."""
        return ""


def _check_columns(exprs: tuple[Expr, ...], schema: Schema) -> None:
    schema.check(columns_of(*exprs))


def _check_boolean(predicate: Expr, what: str) -> None:
    if predicate.dtype.kind is not Kind.BOOL:
        raise TypeMismatch(f"{what} must be boolean; {predicate} is {predicate.dtype}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan(Plan):
    """Rows of a source.

    Attributes
    ----------
    columns
        Columns to give, in order; None for all.
    predicate
        Rows where this is not true are left out; over the source's columns, which need not be among ``columns``.
    limit
        At most this many rows.
    fields
        Of columns of structs that are not read as a whole, the fields that are read, also by the predicate; others may
        be given as null.
    """

    source: Source
    columns: tuple[str, ...] | None = None
    predicate: Expr | None = None
    limit: int | None = None
    fields: tuple[Path, ...] = ()

    def _derive(self) -> Schema:
        if self.predicate is not None:
            _check_columns((self.predicate,), self.source.schema)
            _check_boolean(self.predicate, "a scan's predicate")
        return self.source.schema if self.columns is None else self.source.schema.select(self.columns)

    @property
    def own_kinds(self) -> tuple[Any, ...]:
        """The class and the source's; with a limit the scan is one."""
        return (Scan, type(self.source)) if self.limit is None else (Scan, type(self.source), Limit)

    @property
    def detail(self) -> str:
        """Source, columns, fields, predicate and limit."""
        parts = [self.source.label]
        if self.columns is not None:
            parts.append(f"columns=[{', '.join(self.columns)}]")
        if self.fields:
            parts.append(f"fields=[{', '.join(map('.'.join, self.fields))}]")
        if self.predicate is not None:
            parts.append(f"where {self.predicate}")
        if self.limit is not None:
            parts.append(f"limit {self.limit}")
        return " ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unary(Plan):
    """Base of nodes with one input."""

    input: Plan

    @property
    def children(self) -> tuple[Plan, ...]:
        """The one input."""
        return (self.input,)

    def with_children(self, children: tuple[Plan, ...]) -> Self:
        """Return this node over another input."""
        return self._over(children, input=children[0])

    def _derive(self) -> Schema:
        return self.input.schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter(Unary):
    """Rows for which the predicate is true (not false, not null)."""

    predicate: Expr

    def _derive(self) -> Schema:
        _check_columns((self.predicate,), self.input.schema)
        _check_boolean(self.predicate, "a filter")
        return self.input.schema

    @property
    def detail(self) -> str:
        """The predicate."""
        return str(self.predicate)


def filtered(plan: Plan, conditions: Iterable[Expr]) -> Plan:
    """Return the rows of a plan for which all conditions are true; the plan itself where there are none."""
    predicate = all_of(conditions)
    return plan if predicate is None else Filter(input=plan, predicate=predicate)


def _projected(exprs: Iterable[NamedExpr], schema: Schema) -> Iterator[Field]:
    for named in exprs:
        source = named.expr
        if isinstance(source, Column):
            own = schema[source.name]
            same = own.name == named.name and own.dtype is source.dtype
            yield own if same else Field(named.name, source.dtype, own.nullable)
        else:
            yield Field(named.name, source.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project(Unary):
    """Computed columns, one row for each input row."""

    exprs: tuple[NamedExpr, ...]

    def _derive(self) -> Schema:
        below = self.input.schema
        _check_columns(tuple([e.expr for e in self.exprs if not isinstance(e.expr, Column)]), below)
        return Schema(tuple(_projected(self.exprs, below)))

    @property
    def detail(self) -> str:
        """The expressions."""
        return ", ".join(str(e) for e in self.exprs)


class Sharing(Enum):
    """Whether an aggregation is one for several nodes that read it, so that what only one of them wants stays above.

    ``ASKED`` until it is decided.
    """

    NO = "no"
    ASKED = "asked"
    YES = "yes"

    __hash__ = object.__hash__  # as in `Kind`


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate(Unary):
    """One row per group of equal keys (nulls form one group); one row in all where there are no keys.

    With keys and no aggregates this is ``distinct`` over the keys.
    """

    keys: tuple[NamedExpr, ...] = ()
    aggregates: tuple[NamedAggregate, ...] = ()
    sharing: Sharing = Sharing.NO

    @property
    def own_kinds(self) -> tuple[Any, ...]:
        """The class, and whether it is shared."""
        return (Aggregate, self.sharing)

    def _derive(self) -> Schema:
        reads = [k.expr for k in self.keys] + [e for a in self.aggregates for e in a.call.inputs]
        _check_columns(tuple(reads), self.input.schema)
        return Schema((*(k.field for k in self.keys), *(a.field for a in self.aggregates)))

    @property
    def detail(self) -> str:
        """Keys and aggregates."""
        keys = f"keys=[{', '.join(str(k) for k in self.keys)}] " if self.keys else ""
        return keys + f"aggregates=[{', '.join(str(a) for a in self.aggregates)}]"


def nullable(field: Field) -> Field:
    """Return a field whose values may be null."""
    return field if field.nullable else Field(field.name, field.dtype)


def check_keys(pairs: Iterable[tuple[Expr, Expr]]) -> None:
    """Raise `TypeMismatch` unless keys that are to be equal are pairwise of one type."""
    for left, right in pairs:
        if left.dtype != right.dtype:
            raise TypeMismatch(f"join keys differ in type: {left} is {left.dtype}, {right} is {right.dtype}")


def keys_text(pairs: Iterable[tuple[Expr, Expr]], *, nulls_equal: bool) -> str:
    """Return keys that are to be equal, for people."""
    equal = "<=>" if nulls_equal else "="
    return " and ".join(f"{left} {equal} {right}" for left, right in pairs) or "true"


class JoinKind(Enum):
    """Which rows a join gives."""

    INNER = "inner"
    LEFT = "left"
    FULL = "full"
    SEMI = "semi"
    ANTI = "anti"

    __hash__ = object.__hash__  # as in `Kind`


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(Plan):
    """Pairs of rows with equal keys.

    ``inner``, ``left`` and ``full`` give the left columns, then the right ones; names must not clash (project first).
    ``semi`` and ``anti`` give left rows that have, or lack, a partner. A null key has no partner unless
    ``nulls_equal``. ``residual`` is a further condition over both sides' columns that a pair must satisfy.
    ``builds_left`` says that the hash table is made of the left side, as is worth it where that is much smaller; an
    inner join has its sides swapped for that.
    """

    left: Plan
    right: Plan
    kind: JoinKind
    on: tuple[tuple[Expr, Expr], ...]
    nulls_equal: bool = False
    residual: Expr | None = None
    builds_left: bool = False

    def _derive(self) -> Schema:
        _check_columns(tuple([left for left, _ in self.on]), self.left.schema)
        _check_columns(tuple([right for _, right in self.on]), self.right.schema)
        check_keys(self.on)
        of_left, of_right = self.left.schema.fields, self.right.schema.fields
        if self.kind is JoinKind.FULL:
            of_left = tuple(map(nullable, of_left))
        if self.kind in (JoinKind.FULL, JoinKind.LEFT):
            of_right = tuple(map(nullable, of_right))
        one_sided = self.kind in (JoinKind.SEMI, JoinKind.ANTI)
        if one_sided and self.residual is None:
            return self.left.schema
        both = Schema(of_left + of_right)
        if self.residual is not None:
            _check_columns((self.residual,), both)
            _check_boolean(self.residual, "a join condition")
        return self.left.schema if one_sided else both

    @property
    def children(self) -> tuple[Plan, ...]:
        """Left and right input."""
        return (self.left, self.right)

    @property
    def own_kinds(self) -> tuple[Any, ...]:
        """The class and the kind of the join."""
        return (Join, self.kind)

    def with_children(self, children: tuple[Plan, ...]) -> Join:
        """Return this join of other inputs."""
        return self._over(children, left=children[0], right=children[1])

    @property
    def detail(self) -> str:
        """Kind, keys and residual condition."""
        keys = keys_text(self.on, nulls_equal=self.nulls_equal)
        where = f" where {self.residual}" if self.residual is not None else ""
        return f"{self.kind.value} on {keys}{where}" + (" building left" if self.builds_left else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort(Unary):
    """Rows in order; with ``fetch`` only the first so many (top-k). ``stable`` keeps input order among ties."""

    keys: tuple[SortKey, ...]
    fetch: int | None = None
    stable: bool = False

    def _derive(self) -> Schema:
        _check_columns(tuple(k.expr for k in self.keys), self.input.schema)
        return self.input.schema

    @property
    def detail(self) -> str:
        """Keys and fetch."""
        return ", ".join(str(k) for k in self.keys) + (f" fetch {self.fetch}" if self.fetch is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit(Unary):
    """At most ``count`` rows (None: all) after skipping ``offset``, in the input's order."""

    count: int | None
    offset: int = 0

    def _derive(self) -> Schema:
        if (self.count is not None and self.count < 0) or self.offset < 0:
            raise PlanError("limit and offset must not be negative")
        return self.input.schema

    @property
    def detail(self) -> str:
        """Count and offset."""
        return f"{'all' if self.count is None else self.count}" + (f" offset {self.offset}" if self.offset else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept(Unary):
    """The input's rows, which several nodes read: they are computed once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct(Unary):
    """One row of each set of rows that are equal in the columns ``on`` (None: in all columns)."""

    on: tuple[str, ...] | None = None

    def _derive(self) -> Schema:
        if self.on is not None:
            self.input.schema.select(self.on)
        return self.input.schema

    @property
    def detail(self) -> str:
        """The columns compared."""
        return "" if self.on is None else f"on {', '.join(self.on)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Union(Plan):
    """All rows of several inputs with the same names and types, in order."""

    inputs: tuple[Plan, ...]

    def _derive(self) -> Schema:
        if not self.inputs:
            raise PlanError("a union needs at least one input")
        first = self.inputs[0].schema
        for other in self.inputs[1:]:
            if [(f.name, f.dtype) for f in other.schema] != [(f.name, f.dtype) for f in first]:
                raise TypeMismatch(f"the inputs of a union differ: ({first}) and ({other.schema})")
        nullable = [any(i.schema.fields[n].nullable for i in self.inputs) for n in range(len(first))]
        return Schema(tuple(Field(f.name, f.dtype, n) for f, n in zip(first, nullable, strict=True)))

    @property
    def children(self) -> tuple[Plan, ...]:
        """The inputs in order."""
        return self.inputs

    def with_children(self, children: tuple[Plan, ...]) -> Union:
        """Return the union of other inputs."""
        return self._over(children, inputs=children)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBatches(Unary):
    """A Python function over batches: a user's transformation, a prediction, an explanation.

    The function takes a ``pyarrow.Table`` with the columns ``reads`` and returns a ``pyarrow.Table`` (or RecordBatch)
    with the fields ``adds``. Where ``keeps`` is true it must return as many rows as it got, row for row: the node gives
    every input column followed by ``adds``, so that filters on kept columns and column pruning pass through it. Where
    ``keeps`` is false, the node gives only ``adds`` and the number of rows is free.

    Attributes
    ----------
    label
        Name shown by ``explain``, e.g. ``predict(GradientBoosting)``.
    reads
        Columns the function needs; None for all.
    """

    label: str
    function: Callable[[Any], Any]
    adds: tuple[Field, ...]
    reads: tuple[str, ...] | None = None
    keeps: bool = False

    def _derive(self) -> Schema:
        if self.reads is not None:
            self.input.schema.select(self.reads)
        return self.input.schema.extend(self.adds) if self.keeps else Schema(self.adds)

    @property
    def detail(self) -> str:
        """Label, columns read and added."""
        reads = "all columns" if self.reads is None else f"[{', '.join(self.reads)}]"
        return (
            f"{self.label} reads={reads} {'adds' if self.keeps else 'gives'}=[{', '.join(f.name for f in self.adds)}]"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Write(Unary):
    """Rows into a sink; gives one row per file: ``path``, ``rows``, ``bytes``."""

    sink: Sink

    def _derive(self) -> Schema:
        return Schema(
            (
                Field("path", dtypes.string, nullable=False),
                Field("rows", dtypes.int64, nullable=False),
                Field("bytes", dtypes.int64, nullable=False),
            )
        )

    @property
    def detail(self) -> str:
        """The destination."""
        return self.sink.label
