"""Estimates of row counts, from the statistics of sources and textbook selectivities.

The rules of thumb are those of Selinger et al., "Access path selection in a relational database management system"
(1979): values are spread evenly, columns are independent, and the smaller set of join keys is contained in the larger.
"""

from __future__ import annotations

import datetime as dt
import math
import weakref
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ..dtypes import Kind
from ..expr import Call, Cast, Column, Expr, InList, Literal, columns_of, conjuncts, disjuncts
from ..plan import (
    Aggregate,
    Distinct,
    Filter,
    Join,
    JoinKind,
    Limit,
    MapBatches,
    NearestJoin,
    Plan,
    Project,
    Scan,
    Sort,
    Source,
    Union,
    Unnest,
    Window,
    Write,
)
from ..plan.statistics import ColumnStatistics, Statistics
from ..records import dataclass, refitted, replace
from ..schema import Schema

UNKNOWN_ROWS = 100_000.0
"""Rows of a source that does not say."""

_SELECTIVITY = {
    "equal": 0.1,
    "not_equal": 0.9,
    "is_null": 0.05,
    "is_not_null": 0.95,
    "like": 0.1,
    "like_pattern": 0.1,
    "contains": 0.1,
    "starts_with": 0.05,
    "ends_with": 0.05,
    "regexp_matches": 0.1,
    "regexp_matches_pattern": 0.1,
}
_GUESSED_VALUES = 20.0
"""Distinct values of a column that is compared with constants, where they can only be guessed: people write such
filters on categories more often than on keys."""
_LIST_LENGTH = 4.0
"""Values of a list, of which statistics say nothing."""
_RANGE = 0.3
_OTHER = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnEstimate:
    """What is believed of a column: number of distinct values, bounds as numbers (None: unknown), share of nulls.

    ``guessed`` says that nothing supports the number of distinct values: good enough to size a grouping, but not to
    call a comparison with a constant selective. ``among`` is how many there were before conditions on other columns
    left some rows, where that is not a guess (None: as many): a key has its partners among those. ``unique`` says that
    the column was then different in each row.
    """

    distinct: float
    guessed: bool = False
    among: float | None = None
    unique: bool = False
    low: float | None = None
    high: float | None = None
    nulls: float = 0.0

    def left_with(self, distinct: float) -> ColumnEstimate:
        """Return the column where at most so many of its values are left."""
        if self.distinct <= distinct:
            return self
        among = self.distinct if self.among is None and not self.guessed else self.among
        return refitted(self, distinct=max(1.0, distinct), among=among)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What is believed of a plan's rows."""

    rows: float
    columns: Mapping[str, ColumnEstimate]

    def distinct(self, expr: Expr) -> float:
        """Return the believed number of distinct values of an expression: at least one, even of no rows."""
        if isinstance(expr, Literal):
            return 1.0
        if isinstance(expr, Column):
            return max(1.0, self.columns[expr.name].distinct)
        product = 1.0
        for name in columns_of(expr):
            product *= self.columns[name].distinct
        return max(1.0, min(product, self.rows))

    def alternatives(self, expr: Expr) -> float:
        """Return the believed number of distinct values of an expression that is compared with constants."""
        if isinstance(expr, Column) and not self.columns[expr.name].guessed:
            return self.distinct(expr)
        return min(self.distinct(expr), _GUESSED_VALUES)

    def with_rows(self, rows: float) -> Estimate:
        """Return the same belief for fewer (or more) rows: no column has more distinct values than there are rows."""
        capped = {name: c if c.distinct <= rows else c.left_with(rows) for name, c in self.columns.items()}
        return Estimate(rows=rows, columns=capped)

    def key(self, expr: Expr) -> ColumnEstimate:
        """Return what is believed of a join's key."""
        return self.columns[expr.name] if isinstance(expr, Column) else ColumnEstimate(distinct=self.distinct(expr))


class Estimator:
    """Estimates plans; asks each source once and remembers results by plan object."""

    def __init__(self) -> None:
        self._done: dict[int, tuple[Plan, Estimate]] = {}
        self._sources: dict[int, tuple[Source, Estimate]] = {}

    def rows(self, plan: Plan) -> float:
        """Return the estimated number of rows."""
        return self.estimate(plan).rows

    def estimate(self, plan: Plan) -> Estimate:
        """Return the estimate of a plan."""
        stack = [plan]
        while stack:
            node = stack[-1]
            if id(node) in self._done:
                stack.pop()
                continue
            pending = [child for child in node.children if id(child) not in self._done]
            if pending:
                stack += pending
                continue
            if isinstance(node, Scan):
                inputs = [self.whole(node.source)]
            else:
                inputs = [self._done[id(child)][1] for child in node.children]
            self._done[id(node)] = (node, _estimate(node, inputs))
        return self._done[id(plan)][1]

    def whole(self, source: Source) -> Estimate:
        """Return the estimate of all rows of a source."""
        known = self._sources.get(id(source))
        if known is None:
            known = self._sources[id(source)] = (source, _whole(source))
        return known[1]


def _estimate(node: Plan, inputs: list[Estimate]) -> Estimate:
    match node:
        case Scan(predicate=predicate, limit=limit):
            some = inputs[0] if predicate is None else after_filter(inputs[0], predicate)
            return some if limit is None else some.with_rows(min(some.rows, float(limit)))
        case Filter(predicate=predicate):
            return after_filter(inputs[0], predicate)
        case Project(exprs=exprs):
            (below,) = inputs
            columns = {e.name: _of_expr(below, e.expr) for e in exprs}
            return Estimate(rows=below.rows, columns=columns)
        case Aggregate(keys=keys):
            return _grouped(node.schema, inputs[0], {k.name: k.expr for k in keys})
        case Distinct(on=on):
            names = node.schema.names if on is None else on
            by = {n: Column(name=n, dtype=node.schema[n].dtype) for n in names}
            return inputs[0].with_rows(_groups(inputs[0], by.values()))
        case Join() | NearestJoin():
            return _join(node, *inputs)
        case Limit(count=count, offset=offset):
            left = max(0.0, inputs[0].rows - offset)
            return inputs[0].with_rows(left if count is None else min(left, count))
        case Sort(fetch=fetch):
            return inputs[0] if fetch is None else inputs[0].with_rows(min(inputs[0].rows, fetch))
        case Union():
            return _union(node.schema, inputs)
        case MapBatches(adds=adds):
            added = {f.name: ColumnEstimate(distinct=inputs[0].rows) for f in adds}
            kept = inputs[0].columns if node.keeps else {}
            return Estimate(rows=inputs[0].rows, columns={**kept, **added})
        case Window(functions=functions):
            computed = {named.name: ColumnEstimate(distinct=inputs[0].rows) for named in functions}
            return Estimate(rows=inputs[0].rows, columns={**inputs[0].columns, **computed})
        case Unnest(columns=columns):
            rows = inputs[0].rows * _LIST_LENGTH
            values = {f.name: ColumnEstimate(distinct=max(1.0, rows)) for f in node.schema if f.name not in node.kept}
            return Estimate(rows=rows, columns={**inputs[0].columns, **values})
        case Write():
            return _unknown(node.schema, 1.0)
        case _:
            return _unknown(node.schema, inputs[0].rows if inputs else UNKNOWN_ROWS)


def _unknown(schema: Schema, rows: float) -> Estimate:
    return Estimate(rows=rows, columns={f.name: ColumnEstimate(distinct=max(1.0, rows)) for f in schema})


_wholes: dict[int, tuple[weakref.ref[Statistics], Schema, Estimate]] = {}
"""Of statistics that a source keeps, by their ids; they go with them, and with the rows that those may hold."""


def _whole(source: Source) -> Estimate:
    """Return the estimate of a source, which is remembered of those that keep their statistics."""
    statistics, schema = source.statistics(), source.schema
    key = id(statistics)
    known = _wholes.get(key)
    if known is not None and known[0]() is statistics and known[1] is schema:
        return known[2]
    made = _of_source(statistics, schema)
    _wholes[key] = weakref.ref(statistics, lambda _: _wholes.pop(key, None)), schema, made
    return made


def _of_source(statistics: Statistics, schema: Schema) -> Estimate:
    rows = statistics.rows
    if rows is None:
        known = statistics.bytes is not None and schema.row_width > 0
        rows = int((statistics.bytes or 0) / schema.row_width) if known else int(UNKNOWN_ROWS)
    columns = {
        f.name: _of_statistics(statistics.columns.get(f.name, ColumnStatistics()), f.dtype.kind, float(rows))
        for f in schema
    }
    return Estimate(rows=float(rows), columns=columns)


def _of_statistics(known: ColumnStatistics, kind: Kind, rows: float) -> ColumnEstimate:
    low, high = as_number(known.minimum), as_number(known.maximum)
    distinct = float(known.distinct) if known.distinct is not None else rows
    guessed = known.distinct is None
    discrete = kind is Kind.DATE or "int" in kind.value
    if discrete and low is not None and high is not None:
        distinct, guessed = min(distinct, high - low + 1), False
    elif guessed and kind is Kind.BOOL:
        distinct, guessed = 2.0, False
    elif guessed and kind in (Kind.STRING, Kind.BINARY):
        distinct = rows**0.75  # text that is joined or grouped by repeats more often than not
    nulls = 0.0 if not known.nulls or not rows else known.nulls / rows
    distinct = max(1.0, min(distinct, rows))
    unique = not guessed and distinct == rows
    return ColumnEstimate(distinct=distinct, guessed=guessed, unique=unique, low=low, high=high, nulls=nulls)


def as_number(value: Any) -> float | None:
    """Return a place on a number line for a constant of an ordered type that has one."""
    match value:
        case bool() | int() | float() | Decimal():
            number = float(value)
            return None if math.isnan(number) else number  # NaN bounds nothing
        case dt.datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
            return moment.timestamp()
        case dt.date():
            return float(value.toordinal())
        case _:
            return None


def _of_expr(below: Estimate, expr: Expr) -> ColumnEstimate:
    if isinstance(expr, Column):
        return below.columns[expr.name]
    return ColumnEstimate(distinct=below.distinct(expr))


def _groups(below: Estimate, keys: Iterable[Expr]) -> float:
    product = 1.0
    for key in keys:
        product *= below.distinct(key)
    return min(product, below.rows)


def _grouped(schema: Schema, below: Estimate, keys: dict[str, Expr]) -> Estimate:
    rows = _groups(below, keys.values()) if keys else 1.0
    columns = {f.name: ColumnEstimate(distinct=max(1.0, rows)) for f in schema}
    columns |= {name: _of_expr(below, expr) for name, expr in keys.items()}
    return Estimate(rows=rows, columns=columns)


def _union(schema: Schema, inputs: list[Estimate]) -> Estimate:
    rows = sum(each.rows for each in inputs)
    columns = {name: inputs[0].columns[name] for name in schema.names}  # a scan's estimate may know of more columns
    for other in inputs[1:]:
        for name, mine in columns.items():
            columns[name] = ColumnEstimate(distinct=max(mine.distinct, other.columns[name].distinct))
    return Estimate(rows=rows, columns=columns)


def _join(node: Join | NearestJoin, left: Estimate, right: Estimate) -> Estimate:
    if isinstance(node, NearestJoin):
        return Estimate(rows=left.rows, columns={**left.columns, **right.columns})
    keys = [(left.key(a), right.key(b)) for a, b in node.on]
    if node.kind in (JoinKind.SEMI, JoinKind.ANTI):
        share = math.prod(_with_partner(a, b) for a, b in keys)
        share = 0.5 if share == 1.0 and node.kind is JoinKind.ANTI else share
        rows = left.rows * (share if node.kind is JoinKind.SEMI else max(0.05, 1.0 - share))
        if node.kind is JoinKind.SEMI:
            left = _matching(left, [a for a, _ in node.on], keys)
        return left.with_rows(max(1.0, rows) if left.rows else 0.0)
    rows = left.rows * right.rows * join_selectivity(keys, left.rows, right.rows)
    if node.kind is JoinKind.INNER:
        left, right = _matching(left, [a for a, _ in node.on], keys), _matching(right, [b for _, b in node.on], keys)
    both = Estimate(rows=rows, columns={**left.columns, **right.columns})
    if node.residual is not None:
        rows *= selectivity(both, node.residual)
    if node.kind in (JoinKind.LEFT, JoinKind.FULL):
        rows = max(rows, left.rows)
    if node.kind is JoinKind.FULL:
        rows = max(rows, right.rows)
    return both.with_rows(rows)


def _matching(side: Estimate, exprs: Sequence[Expr], keys: Sequence[tuple[ColumnEstimate, ColumnEstimate]]) -> Estimate:
    """Return a side of a join whose keys are left with the values that both sides have."""
    columns = dict(side.columns)
    for expr, (left, right) in zip(exprs, keys, strict=True):
        if isinstance(expr, Column):
            columns[expr.name] = columns[expr.name].left_with(left.distinct * _with_partner(left, right))
    return Estimate(rows=side.rows, columns=columns)


def _with_partner(own: ColumnEstimate, other: ColumnEstimate) -> float:
    """Return the share of a key's values that the other side's key has, too."""
    inside, values, possible = _meeting(own, other)
    return min(1.0, inside / max(1.0, own.distinct)) * min(1.0, min(other.distinct, values) / possible)


def _meeting(one: ColumnEstimate, other: ColumnEstimate) -> tuple[float, float, float]:
    """Return how many values each of two keys can have within the other's bounds, and among how many they meet.

    Bounds alone may say of a foreign key that it could be different in each row: it is not, and has the values of the
    key that it names.
    """
    first, second = (own.distinct if own.among is None else own.among for own in (one, other))
    if one.low is not None and one.high is not None and other.low is not None and other.high is not None:
        shared = max(0.0, min(one.high, other.high) - max(one.low, other.low))
        first *= shared / (one.high - one.low) if one.high > one.low else 1.0
        second *= shared / (other.high - other.low) if other.high > other.low else 1.0
    first, second = max(1.0, first), max(1.0, second)
    return first, second, min(first, second) if one.unique and other.unique else max(first, second)


def join_selectivity(
    keys: Sequence[tuple[ColumnEstimate, ColumnEstimate]], left_rows: float, right_rows: float
) -> float:
    """Return the share of pairs of rows whose keys are equal.

    Where conditions have left a side with some of its keys, these are believed to be within the bounds of the other
    side's: people ask for times of which there are rows.
    """
    if not keys:
        return 1.0
    if len(keys) == 1:
        ((one, other),) = keys
        first, second, possible = _meeting(one, other)
        within = min(1.0, first / max(1.0, one.distinct)) * min(1.0, second / max(1.0, other.distinct))
        return within / possible
    left = right = 1.0
    for one, other in keys:
        left, right = left * one.distinct, right * other.distinct
    # Several keys are usually a foreign key into the side where together they are unique.
    return 1.0 / max(1.0, min(left, left_rows, right, right_rows))


def after_filter(below: Estimate, predicate: Expr) -> Estimate:
    """Return the estimate of the rows for which a predicate holds."""
    columns = dict(below.columns)
    share = 1.0
    bounds: dict[str, tuple[float, float]] = {}
    for part in conjuncts(predicate):
        place = _range_of(part, columns)
        if place is None:
            share *= selectivity(below, part)
            fixed = _fixed_values(part)
            if fixed is not None and fixed[0] in columns:
                name, count = fixed
                columns[name] = columns[name].left_with(count)
            continue
        name, low, high = place
        had = bounds.get(name, (float("-inf"), float("inf")))
        bounds[name] = (max(had[0], low), min(had[1], high))
    for name, (low, high) in bounds.items():
        narrowed, kept = _within(columns[name], low, high)
        columns[name] = narrowed
        share *= kept
    return Estimate(rows=below.rows, columns=columns).with_rows(below.rows * share)


def _fixed_values(part: Expr) -> tuple[str, float] | None:
    """Return the column that a part pins to a few constants, and how many; None where it pins none."""
    if isinstance(part, InList) and isinstance(part.arg, Column):
        return part.arg.name, max(1.0, len(part.values))  # a list may hold nothing but null
    if isinstance(part, Call) and part.function == "equal":
        left, right = part.args
        if isinstance(left, Column) and isinstance(right, Literal):
            return left.name, 1.0
    return None


def _range_of(part: Expr, columns: Mapping[str, ColumnEstimate]) -> tuple[str, float, float] | None:
    """Return ``(column, low, high)`` of a range condition on a column with known bounds; None for anything else."""
    if not isinstance(part, Call) or part.function not in ("less", "less_equal", "greater", "greater_equal"):
        return None
    left, right = part.args
    left = left.arg if isinstance(left, Cast) else left
    if not isinstance(left, Column) or not isinstance(right, Literal):
        return None
    own, place = columns[left.name], as_number(right.value)
    if place is None or own.low is None or own.high is None:
        return None
    if part.function in ("less", "less_equal"):
        return left.name, float("-inf"), place
    return left.name, place, float("inf")


def _within(column: ColumnEstimate, low: float, high: float) -> tuple[ColumnEstimate, float]:
    """Return a column cut to a range, and the share of its values that are inside."""
    assert column.low is not None
    assert column.high is not None
    width = column.high - column.low
    new_low, new_high = max(low, column.low), min(high, column.high)
    if new_low > new_high:
        return replace(column, distinct=1.0), 1.0 / max(1.0, column.distinct)
    share = (new_high - new_low) / width if width > 0 else 1.0
    share = min(1.0, max(share, 1.0 / max(1.0, column.distinct)))
    distinct = max(1.0, column.distinct * share)
    among = None if column.among is None else max(1.0, column.among * share)
    return replace(column, low=new_low, high=new_high, distinct=distinct, among=among), share * (1.0 - column.nulls)


def selectivity(below: Estimate, part: Expr) -> float:
    """Return the share of rows for which a condition is believed to hold."""
    if isinstance(part, Literal):
        return 1.0 if part.value is True else 0.0
    if isinstance(part, InList):
        return min(1.0, len(part.values) / below.alternatives(part.arg))
    if not isinstance(part, Call):
        return _OTHER
    if part.function == "and":
        return after_filter(below, part).rows / below.rows if below.rows else 1.0
    if part.function == "or":
        missed = 1.0
        for alternative in disjuncts(part):
            missed *= 1.0 - selectivity(below, alternative)
        return 1.0 - missed
    if part.function == "not":
        return 1.0 - selectivity(below, part.args[0])
    if part.function in ("equal", "not_equal", "is_not_distinct"):
        left, right = part.args
        constant = isinstance(right, Literal)
        distinct = below.alternatives(left) if constant else max(below.distinct(left), below.distinct(right))
        return 1.0 - 1.0 / distinct if part.function == "not_equal" else 1.0 / distinct
    if part.function in ("is_null", "is_not_null") and isinstance(part.args[0], Column):
        nulls = below.columns[part.args[0].name].nulls or _SELECTIVITY["is_null"]
        return nulls if part.function == "is_null" else 1.0 - nulls
    if part.function in ("less", "less_equal", "greater", "greater_equal"):
        return _of_range(below, part)
    return _SELECTIVITY.get(part.function, _OTHER)


def _of_range(below: Estimate, part: Call) -> float:
    place = _range_of(part, below.columns)
    return _RANGE if place is None else _within(below.columns[place[0]], place[1], place[2])[1]
