"""Keys that scans below can make use of: which column of an operator's input holds the same values.

A row of the probe side whose key no build row has is of no use to most joins. Where its key is a column of a scan, the
scan is told, once the build side is known; these functions follow the column down, through every operator for which it
makes no difference whether such rows go before it or after it. The same goes for the first key of an order of which
only the first rows are wanted, once so many are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from ..expr import Cast, Column, Expr
from ..kernels.specs import BuildRows, JoinSide
from ..plan.source import NarrowableSplit, offers
from ..records import dataclass, replace
from ..traversal import shared, walk_once
from .nodes import (
    DistinctFirstExec,
    Exec,
    FinalAggregateExec,
    HashJoinExec,
    MapBatchesExec,
    PartialAggregateExec,
    ProjectExec,
    ScanExec,
    SortExec,
    TopKExec,
    UnnestExec,
    WindowExec,
)


@dataclass(frozen=True, slots=True)
class ScanKey:
    """Rows are of use only if their ``column`` is among the keys of a join.

    Attributes
    ----------
    column
        Name in the rows of the operator that this is said of.
    stage
        The stage that builds the join.
    position
        Which of the join's keys.
    """

    column: str
    stage: int
    position: int

    def __str__(self) -> str:
        return f"{self.column} in keys of stage {self.stage}"


@dataclass(frozen=True, slots=True)
class TopKey:
    """Rows are of use only while their ``column`` may be among the first of an order, in the stage that looks for them.

    Attributes
    ----------
    column
        Name in the rows of the operator that this is said of.
    rows
        How many rows are looked for.
    alone
        Whether every row that is given will be looked at: what the scan has seen of them is a bound by itself.
    """

    column: str
    rows: int
    descending: bool
    alone: bool = True

    def __str__(self) -> str:
        return f"{self.column} among the {'last' if self.descending else 'first'} {self.rows:,}"


Asked: TypeAlias = ScanKey | TopKey


def keys_of_top(node: TopKExec) -> tuple[TopKey, ...]:
    """Return what the first key of an order lets its input leave out, where nulls come last."""
    first = node.keys[0] if node.keys else None
    column = None if first is None or first.nulls_first else column_of(first.expr)
    if first is None or column is None or not node.k:
        return ()
    return (TopKey(column, node.k, first.descending),)


def of_joins(asked: Iterable[Asked]) -> tuple[ScanKey, ...]:
    """Return what is asked for the sake of joins: it goes for the stages below, too."""
    return tuple(key for key in asked if isinstance(key, ScanKey))


def thinned(asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """Return what is asked of the input of an operator that may drop rows."""
    return tuple(replace(key, alone=False) if isinstance(key, TopKey) else key for key in asked)


def keys_of_join(node: HashJoinExec, stage: int) -> tuple[ScanKey, ...]:
    """Return what a join that a stage builds lets its probe side leave out."""
    spec = node.spec
    if spec.nulls_equal or spec.side in (JoinSide.LEFT, JoinSide.ANTI):
        return ()
    named = [(column_of(expr), position) for position, expr in enumerate(spec.probe_keys)]
    return tuple(ScanKey(name, stage, position) for name, position in named if name is not None)


def column_of(expr: Expr) -> str | None:
    """Return the column that an expression is, if need be as a wider integer, which leaves its values as they are."""
    if isinstance(expr, Cast) and expr.dtype.is_integer and expr.arg.dtype.is_integer:
        source, target = expr.arg.dtype, expr.dtype
        expr = expr.arg if target.bits > source.bits and (target.is_signed or not source.is_signed) else expr
    return expr.name if isinstance(expr, Column) else None


def below(node: Exec, asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """Return what an operator lets its one input leave out, given what its own rows need not have."""
    found = tuple(_renamed(node, asked))
    return found if isinstance(node, ProjectExec) else thinned(found)


def _renamed(node: Exec, asked: Iterable[Asked]) -> Iterator[Asked]:
    names = _sources(node)
    for key in asked:
        name = names.get(key.column)
        if name is not None:
            yield replace(key, column=name)


def _sources(node: Exec) -> dict[str, str | None]:
    """Return the input's column behind each column of an operator that rows may be left out by beforehand."""
    match node:
        case ProjectExec(exprs=exprs):
            return {e.name: column_of(e.expr) for e in exprs}
        case FinalAggregateExec(spec=spec) | PartialAggregateExec(spec=spec):
            return {key.name: column_of(key.expr) for key in spec.keys}
        case DistinctFirstExec(on=on):
            return {name: name for name in on}
        case WindowExec(spec=spec):
            return {name: name for name in map(column_of, spec.partition_by) if name is not None}
        case MapBatchesExec(keeps=keeps, adds=adds, input=child):
            return {name: name for name in child.schema.names if keeps and name not in {f.name for f in adds}}
        case UnnestExec(columns=columns, input=child):
            return {name: name for name in child.schema.names if name not in columns}
        case SortExec():
            return {name: name for name in node.schema.names}
    return {}


def of_probe(node: HashJoinExec, asked: Iterable[Asked]) -> tuple[Asked, ...]:
    """Return what a join lets its probe side leave out, given what its own rows need not have."""
    if node.spec.side is JoinSide.NONE:
        return ()
    return thinned(key for key in asked if key.column in node.spec.probe_schema)


def of_build(node: HashJoinExec, asked: Iterable[Asked]) -> tuple[ScanKey, ...]:
    """Return what an inner join lets its build side leave out: by its own columns, and by keys equal to the probe's.

    Which row is the nearest depends on all those of its keys.
    """
    spec = node.spec
    if spec.side is not JoinSide.INNER or spec.rest is not BuildRows.NONE or spec.nulls_equal:
        return ()
    pairs = zip(map(column_of, spec.probe_keys), map(column_of, spec.build_keys), strict=True)
    equal = {probe: build for probe, build in pairs if probe is not None and build is not None}
    found = []
    for key in of_joins(asked):
        if key.column not in spec.probe_schema:
            found += [] if spec.nearest else [key]
        elif key.column in equal:
            found.append(replace(key, column=equal[key.column]))
    return tuple(found)


def narrowable(scan: ScanExec) -> bool:
    """Return whether a scan's splits can leave rows out that become known to be of no use."""
    return any(offers(split, NarrowableSplit) for split in scan.scan.splits[:1])


def reached_twice(root: Exec) -> frozenset[int]:
    """Return the ids of operators that several paths from the root lead to: what one leaves out, others read."""
    return frozenset(id(below) for node in shared(root) for below in walk_once(node))
