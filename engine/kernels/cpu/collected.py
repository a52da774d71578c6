"""States of the accumulators that keep values rather than a number: lists, pairs, co-moments; and products and bits.

Lists are merged by joining them, pairs by picking again, co-moments by Chan's formula (Chan, Golub, LeVeque 1979) with
the product of the means' distances for the co-moment (Pébay 2008).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...arrow import to_arrow_type
from ...dtypes import DataType
from ...expr import Column, SortKey
from ..specs import COMOMENT_FIELDS, Accumulator, AccumulatorSpec
from . import native
from .batch import Batch, Seen, grown
from .buffers import array_from, bits_of, values_of
from .functions import lists  # noqa: F401 - lists registers kernels
from .functions.compare import known_true
from .functions.nested import inner, outer
from .gather import take_column
from .native import argsort
from .native.arrays import Rows
from .picking import Picked
from .ranking import order_words
from .sketches import Sketches
from .states import State
from .table import concat_columns

KEEPING = frozenset(
    {Accumulator.COLLECT, Accumulator.COLLECT_ALL, Accumulator.ARG_MIN, Accumulator.ARG_MAX}
    | {Accumulator.COMOMENTS, Accumulator.LAST, Accumulator.PRODUCT, Accumulator.SKETCH}
    | {Accumulator.BIT_AND, Accumulator.BIT_OR, Accumulator.BIT_XOR}
)
_FOLDS: dict[Accumulator, tuple[np.ufunc, int]] = {
    Accumulator.PRODUCT: (np.multiply, 1),
    Accumulator.BIT_AND: (np.bitwise_and, -1),
    Accumulator.BIT_OR: (np.bitwise_or, 0),
    Accumulator.BIT_XOR: (np.bitwise_xor, 0),
}
"""What values are folded with, one after the other, and what that begins with: all bits set in -1."""


def make_keeping_state(spec: AccumulatorSpec) -> State:
    """Return an empty state for one of the accumulators `KEEPING`."""
    match spec.kind:
        case Accumulator.COLLECT | Accumulator.COLLECT_ALL:
            return Collected(spec.dtype, nulls=spec.kind is Accumulator.COLLECT_ALL)
        case Accumulator.ARG_MIN | Accumulator.ARG_MAX:
            return PickedByKey(spec.dtype, greatest=spec.kind is Accumulator.ARG_MAX)
        case Accumulator.COMOMENTS:
            return CoMoments(spec.dtype)
        case Accumulator.LAST:
            return Last(spec.dtype, order=0)
        case Accumulator.SKETCH:
            return Sketches()
    return Folded(spec.dtype, *_FOLDS[spec.kind])


def keeping_row_state(spec: AccumulatorSpec, values: pa.Array, condition: pa.Array | None, num_rows: int) -> pa.Array:
    """Return the partial states of single rows; rows where the condition is not true give the state of no row."""
    state = make_keeping_state(spec)
    ids = np.arange(num_rows, dtype=np.int32)
    if condition is not None:
        ids = np.where(known_true(condition).to_numpy(zero_copy_only=False), ids, np.int32(-1))
    state.update(Batch(ids=ids, groups=num_rows), values)
    return state.finish(num_rows)


class Collected:
    """The values of each group as a list; null where there is none.

    Parameters
    ----------
    dtype
        Type of the lists.
    nulls
        Whether null values are kept.
    """

    def __init__(self, dtype: DataType, *, nulls: bool) -> None:
        self._dtype, self._nulls = dtype, nulls
        self._ids: list[Rows] = []
        self._values: list[pa.Array] = []

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add values."""
        assert values is not None
        ids, values = batch.ids, inner(values)
        keep = ids >= 0
        if not self._nulls and values.null_count:
            keep &= values.is_valid().to_numpy(zero_copy_only=False)
        if not keep.all():
            rows = np.flatnonzero(keep).astype(np.int32)
            ids, values = ids[rows], take_column(values, rows)
        if len(ids):
            self._ids.append(ids.astype(np.int32, copy=True))
            self._values.append(values)

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add lists."""
        parents = values_of(pc.list_parent_indices(partial).cast(pa.int32()))
        self.update(Batch(ids=batch.ids[parents], groups=batch.groups), partial.flatten())

    def finish(self, groups: int) -> pa.Array:
        """Return a list per group, values in the order in which they came."""
        arrow = to_arrow_type(self._dtype)
        if not self._ids:
            return pa.nulls(groups, arrow)
        ids, values = np.concatenate(self._ids), concat_columns(self._values)
        self._ids, self._values = [ids], [values]
        counts = np.bincount(ids, minlength=groups)
        order = argsort([ids.astype(np.uint64)]).astype(np.int32)
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        bitmap = pa.py_buffer(np.packbits(counts > 0, bitorder="little"))
        sorted_values = take_column(values, order)
        return pa.Array.from_buffers(arrow, groups, [bitmap, pa.py_buffer(offsets)], children=[sorted_values])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(ids.nbytes for ids in self._ids) + sum(int(values.nbytes) for values in self._values)


class Last(Picked):
    """The last value met that is not null."""

    def _reduced(self, ids: Rows, groups: int, values: pa.Array) -> tuple[Rows, pa.Array]:
        rows = np.full(groups, -1, dtype=np.int32)
        present = np.flatnonzero((ids >= 0) & _valid(values))
        rows[ids[present]] = present  # of several rows of a group numpy keeps the last
        chosen = np.flatnonzero(rows >= 0).astype(np.int32)
        return chosen, take_column(values, rows[chosen])


class PickedByKey(Picked):
    """The pair of the least or greatest key; the first met of several."""

    def __init__(self, dtype: DataType, *, greatest: bool) -> None:
        super().__init__(dtype, order=0)
        self._key = SortKey(expr=Column(name="", dtype=dtype.fields[0][1]), descending=greatest)

    def _reduced(self, ids: Rows, groups: int, values: pa.Array) -> tuple[Rows, pa.Array]:
        rows = np.flatnonzero((ids >= 0) & _valid(values)).astype(np.int32)
        if not len(rows):
            return rows, take_column(values, rows)
        keys = outer(take_column(values.field(0), rows), self._key.expr.dtype)
        order = argsort([ids[rows].astype(np.uint64), *order_words(keys, self._key)])
        chosen, first = np.unique(ids[rows][order], return_index=True)
        return chosen.astype(np.int32), take_column(values, rows[order[first]].astype(np.int32))


def _valid(values: pa.Array) -> NDArray[np.bool_]:
    flags: NDArray[np.bool_] = values.is_valid().to_numpy(zero_copy_only=False)
    return flags


class Folded:
    """Numbers folded with a function of two, such as their product; null while a group has met none.

    Parameters
    ----------
    dtype
        Type of the numbers.
    function
        What combines two of them, in any order.
    start
        What changes no number that it is combined with.
    """

    def __init__(self, dtype: DataType, function: np.ufunc, start: int) -> None:
        self._seen = Seen()
        self._arrow, self._function = to_arrow_type(dtype), function
        numbers = np.dtype(self._arrow.to_pandas_dtype())
        self._start = np.array(start).astype(numbers)[()]
        self._state = np.zeros(0, dtype=numbers)

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Fold values in."""
        assert values is not None
        ids = batch.ids
        self._state = grown(self._state, batch.groups, self._start)
        self._seen.update(batch, values)
        rows = np.flatnonzero((ids >= 0) & _valid(values))
        with np.errstate(all="ignore"):
            self._function.at(self._state, ids[rows], values_of(values)[rows])

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Fold what came of others in."""
        self.update(batch, partial)

    def finish(self, groups: int) -> pa.Array:
        """Return what came of each group."""
        self._state = grown(self._state, groups, self._start)
        return array_from(self._state[:groups].copy(), self._arrow, self._seen.bitmap(groups))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes + self._seen.nbytes


class CoMoments:
    """Count, means, squared deviations and co-deviation of pairs of floats: a row of six numbers per group."""

    def __init__(self, dtype: DataType) -> None:
        self._dtype = dtype
        self._state = np.zeros((0, len(COMOMENT_FIELDS)), dtype=np.float64)

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add pairs."""
        assert values is not None
        self._state = grown(self._state, batch.groups, 0.0)
        first, second = (values_of(values.field(j)) for j in (0, 1))
        batch.run(native.comoments_f64, batch.ids, first, second, *bits_of(values), self._state)

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add partial co-moments; a group may come several times."""
        ids = batch.ids
        columns = [pc.fill_null(column, 0.0).to_numpy(zero_copy_only=False) for column in partial.flatten()]
        moments = np.column_stack(columns)
        # Rows of one group are added one after the other: the n-th of every group in one step.
        order = np.argsort(ids, kind="stable")
        sorted_ids = ids[order]
        starts = np.searchsorted(sorted_ids, sorted_ids)
        turn = np.arange(len(ids)) - starts
        for step in range(int(turn.max(initial=-1)) + 1):
            chosen = order[turn == step]
            self._add(ids[chosen], batch.groups, moments[chosen])

    def _add(self, ids: NDArray[Any], groups: int, other: NDArray[np.float64]) -> None:
        """Merge moments into groups that are all different."""
        self._state = grown(self._state, groups, 0.0)
        mine = self._state[ids]
        total = mine[:, 0] + other[:, 0]
        divisor = np.maximum(total, 1.0)
        with np.errstate(all="ignore"):
            apart = other[:, 1:3] - mine[:, 1:3]
            share = mine[:, 0] * other[:, 0] / divisor
            products = np.column_stack([apart[:, 0] ** 2, apart[:, 1] ** 2, apart[:, 0] * apart[:, 1]])
            merged = np.empty_like(mine)
            merged[:, 0] = total
            merged[:, 1:3] = mine[:, 1:3] + apart * (other[:, 0] / divisor)[:, None]
            merged[:, 3:] = mine[:, 3:] + other[:, 3:] + products * share[:, None]
        empty = (mine[:, 0] == 0)[:, None]
        self._state[ids] = np.where(empty, other, np.where((other[:, 0] == 0)[:, None], mine, merged))

    def finish(self, groups: int) -> pa.Array:
        """Return the moments as structs."""
        self._state = grown(self._state, groups, 0.0)
        columns = [pa.array(self._state[:groups, j].copy()) for j in range(len(COMOMENT_FIELDS))]
        return pa.StructArray.from_arrays(columns, fields=list(to_arrow_type(self._dtype)))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes
