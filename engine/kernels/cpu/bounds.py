"""Conditions of a join that bound a value of the build rows by one of the probing row, as ``at >= start`` does.

Those on the distance of two values are turned into such (``distances.py``).

Build rows are put into the order of one value, so that its bounds are places there; a bound of another is asked of a
tree (``native/bounded.py``). What else a condition asks for is tested on the pairs that are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...dtypes import DataType, Kind
from ...errors import TooManyPairs
from ...expr import FLIPPED, Call, Cast, Expr, SortKey, all_of, columns_of, conjuncts
from ...traversal import transform_up, walk_once
from ..evaluation import is_quick
from ..specs import JoinSpec
from .buffers import present
from .distances import Distance, Offset, distances_of
from .margins import margins_of
from .native.arrays import Rows, Words
from .native.bounded import BoundedRows, pairs_between, without
from .native.joining import MOST_PAIRS
from .native.keytable import RowLists
from .native.parallel import Threads
from .project import Evaluator
from .ranking import order_words
from .table import CpuTable
from .words import is_one_word

_FEWEST_ROWS = 16
"""Build rows of a key, as many as a build row has beside it on average, from which on they are put into an order."""


@dataclass(frozen=True, slots=True)
class _Bound:
    """A comparison that a build row's value must pass with a probing row's: ``build function probe + offset``."""

    build: Expr
    function: str
    probe: Expr
    offset: Offset | None = None
    is_widened: bool = False

    @property
    def is_exact(self) -> bool:
        return not self.is_widened and (self.offset is None or self.offset.is_exact)

    @property
    def is_lower(self) -> bool:
        return self.function.startswith("greater")

    @property
    def is_strict(self) -> bool:
        return not self.function.endswith("equal")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a condition bounds: one value of the build rows, by all of ``ordered``, and maybe another by one more."""

    ordered: tuple[_Bound, ...]
    other: _Bound | None
    rest: Expr | None

    @property
    def all(self) -> tuple[_Bound, ...]:
        """Those of the ordered value, then the other one."""
        return self.ordered if self.other is None else (*self.ordered, self.other)


def bounds_of(spec: JoinSpec) -> Bounds | None:
    """Return the bounds that a join's condition has; None where it has none."""
    if spec.residual is None:
        return None
    parts = list(conjuncts(spec.residual))
    pairs = zip(parts, distances_of(parts), strict=True)
    found = [(bound, part) for part, apart in pairs for bound in _bounds(part, apart, spec)]
    if not found:
        return None
    values = list(dict.fromkeys(bound.build for bound, _ in found))

    def both_ways(value: Expr) -> bool:
        return len({bound.is_lower for bound, _ in found if bound.build == value}) == 2

    chosen = next(filter(both_ways, values), values[0])
    ordered = tuple(bound for bound, _ in found if bound.build == chosen)
    other = next((bound for bound, _ in found if bound.build != chosen), None)
    met = {id(part) for _, part in found}
    met -= {id(part) for bound, part in found if not (bound in ordered or bound is other) or not bound.is_exact}
    return Bounds(ordered, other, all_of(part for part in parts if id(part) not in met))


def _bounds(part: Expr, apart: Iterable[Distance], spec: JoinSpec) -> list[_Bound]:
    """Return the bounds that a conjunct states, maybe of distances; if all are exact, they are what it says."""
    if not isinstance(part, Call) or part.function not in FLIPPED:
        return []
    left, right = part.args
    builds_left = _builds_first(left, right, spec)
    if builds_left is not None and left.dtype == right.dtype and is_one_word(left.dtype):
        return [_Bound(left, part.function, right) if builds_left else _Bound(right, FLIPPED[part.function], left)]
    found = []
    for distance in apart:
        builds_first = _builds_first(distance.first, distance.second, spec)
        offset = None if builds_first is None else distance.offset(of_first=builds_first)
        if offset is None:
            return []
        sides = (distance.first, distance.second)[:: 1 if builds_first else -1]
        found.append(_Bound(sides[0], "greater_equal" if offset.lower else "less_equal", sides[1], offset))
    return found or _margins(part, spec)


def _margins(part: Expr, spec: JoinSpec) -> list[_Bound]:
    """Return the bounds that a conjunct on a distance and a column states."""

    def on_one_side(first: Expr, second: Expr) -> bool:
        return any(
            _reads(first, side.names) and _reads(second, side.names) for side in (spec.build_schema, spec.probe_schema)
        )

    found = []
    for left, function, right, is_exact in margins_of(part, on_one_side):
        builds_left = _builds_first(left, right, spec)
        if builds_left is None:
            return []
        bound = (left, function, right) if builds_left else (right, FLIPPED[function], left)
        found.append(_Bound(*bound, is_widened=not is_exact))
    return found


def _builds_first(first: Expr, second: Expr, spec: JoinSpec) -> bool | None:
    """Return whether the first of two expressions is the build side's and the second the other's; None for neither."""
    if not (_is_safe(first) and _is_safe(second)):
        return None
    if _reads(first, spec.build_schema.names) and _reads(second, spec.probe_schema.names):
        return True
    return False if _reads(second, spec.build_schema.names) and _reads(first, spec.probe_schema.names) else None


def _reads(expr: Expr, names: Iterable[str]) -> bool:
    """Return whether an expression reads columns of one side alone."""
    read = columns_of(expr)
    return bool(read) and read <= {*names}


def _is_safe(expr: Expr) -> bool:
    """Return whether an expression may be computed of rows that meet none: it fails by overflow, if at all."""
    expr = transform_up(expr, _unshifted)
    return is_quick(expr) and all(
        not isinstance(node, Cast) or not node.strict or _widens(node.arg.dtype, node.dtype) for node in walk_once(expr)
    )


def _unshifted(expr: Expr) -> Expr:
    """Return a moment in place of that some time before or after it, where months do not count."""
    shifted = isinstance(expr, Call) and expr.function == "add_interval" and not dict(expr.options)["months"]
    return expr.children[0] if shifted else expr


def _widens(source: DataType, target: DataType) -> bool:
    if source.is_integer:
        return target.is_float or (target.is_signed and target.is_integer and source.bits < target.bits)
    return source.is_float and target.kind is Kind.FLOAT64


class Between(NamedTuple):
    """Places between which the partners of probing rows lie, and what another value must not fall short of."""

    lows: Rows
    highs: Rows
    least: Words | None


class BoundedBuild:
    """The build side of a join with bounds.

    Attributes
    ----------
    rest
        What is to be tested of the pairs, or None.
    """

    def __init__(self, bounds: Bounds, lists: RowLists, build: CpuTable, threads: Threads | None) -> None:
        self._bounds, self.rest = bounds, bounds.rest
        exprs = [bounds.ordered[0].build, *([] if bounds.other is None else [bounds.other.build])]
        columns = Evaluator(build).columns(exprs)
        starts, rows = lists
        if any(column.null_count for column in columns):
            starts, rows = without(starts, rows, _known(columns))
        words = [_words(column, expr) for column, expr in zip(columns, exprs, strict=True)]
        other = None if bounds.other is None else _upwards(words[1], bounds.other)
        self._rows = BoundedRows(starts, rows, words[0], other, threads)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._rows.nbytes

    @property
    def is_whole(self) -> bool:
        """Whether the order of one value tells all pairs."""
        return self._bounds.other is None and self.rest is None

    def between(self, table: CpuTable, groups: Rows) -> Between:
        """Return where the partners of a table's rows lie; a group of -1 has none."""
        bounds = self._bounds.all
        columns = Evaluator(table).columns([bound.probe for bound in bounds])
        made = [_wanted(column, bound) for column, bound in zip(columns, bounds, strict=True)]
        words, marks = [words for words, _ in made], [some for _, some in made if some is not None]
        if any(column.null_count for column in columns):
            marks.append(_known(columns))
        if marks:
            groups = np.where(reduce(np.logical_and, marks), groups, np.int32(-1))
        lows, highs = list[Rows](), list[Rows]()
        for bound, wanted in zip(self._bounds.ordered, words, strict=False):
            places = self._rows.places(groups, wanted, beyond=bound.is_lower == bound.is_strict)
            (lows if bound.is_lower else highs).append(places)
        other, least = self._bounds.other, None
        if other is not None:
            least = _upwards(words[-1], other)
            lows.append(self._rows.reaching(groups, least, beyond=other.is_strict))
        begins = reduce(np.maximum, lows) if lows else self._rows.begins(groups)
        ends = reduce(np.minimum, highs) if highs else self._rows.ends(groups)
        return Between(begins, ends, least)

    def pairs(self, between: Between, *, first: bool) -> Iterator[tuple[Rows, Rows]]:
        """Yield pairs of probing rows, in order, and build rows, piece by piece.

        Parameters
        ----------
        first
            Whether one pair for each probing row is enough.

        Raises
        ------
        TooManyPairs
            If there are too many for one call, also where ``rest`` would leave few of them: a run is stopped between
            calls.
        """
        found = 0
        if not first and between.least is None:
            _check(pairs_between(between.lows, between.highs), len(between.lows))
        other = self._bounds.other
        beyond = other is not None and other.is_strict
        for probe, build in self._rows.pairs(*between, beyond=beyond, first=first):
            found += len(probe)
            _check(found, len(between.lows))
            yield probe, build

    def covered(self, between: Between) -> Rows:
        """Return the build rows that have a partner, where `is_whole`."""
        return self._rows.covered(between.lows, between.highs)


def _check(pairs: int, rows: int) -> None:
    if pairs > MOST_PAIRS and rows > 1:
        raise TooManyPairs(f"a join gives more than {MOST_PAIRS:,} pairs for {rows:,} rows; use smaller batches")


def are_worth_it(lists: RowLists, *, keyed: bool) -> bool:
    """Return whether a build row has so many beside it with its key that they should be put into an order."""
    if not keyed:
        return len(lists.rows) >= _FEWEST_ROWS
    sizes = np.diff(lists.offsets).astype(np.float64)
    sizes *= sizes  # no product of vectors, for which numpy's library would have threads of its own
    return float(sizes.sum()) >= _FEWEST_ROWS * len(lists.rows) > 0


def _known(columns: Sequence[pa.Array]) -> NDArray[np.bool_]:
    """Return which rows have no null."""
    return reduce(np.logical_and, map(present, columns))


def _wanted(column: pa.Array, bound: _Bound) -> tuple[Words, NDArray[np.bool_] | None]:
    """Return words that bound build rows' words, and which of them leave any; None where all may."""
    if bound.offset is None:
        return _words(column, bound.probe), None
    return bound.offset.words(column, bound.probe.dtype)


def _words(column: pa.Array, expr: Expr) -> Words:
    """Return words of the order of values; what nulls have means nothing."""
    return order_words(column, SortKey(expr=expr))[-1]


def _upwards(words: Words, bound: _Bound) -> Words:
    """Return words of which those that pass are not the lesser ones."""
    return words if bound.is_lower else ~words
