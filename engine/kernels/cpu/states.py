"""States of accumulators: one per group, fed by batches of rows or of partial states.

A state of ``n`` groups takes rows with their group numbers (-1: left out) and gives an array of its partial type.
"""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import to_arrow_type
from ...dtypes import DataType, Kind
from ...errors import UnsupportedOperation
from ..constants import scalar_of
from ..failures import sum_overflow
from ..specs import Accumulator, AccumulatorSpec
from . import native
from .batch import Batch, Seen, grown, trimmed
from .buffers import array_from, bits_of, bools_from, halves_of, has_words, is_small, physical_type, values_of
from .functions.decimals import widened
from .native import NO_BITS
from .native.arrays import Rows
from .picking import Picked
from .words import floats_of, integers_of, is_one_word

_LARGEST = 10**38


class State(Protocol):
    """One accumulator over all groups."""

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add rows."""
        ...

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add partial states of the same accumulator."""
        ...

    def finish(self, groups: int) -> pa.Array:
        """Return the state of each group; the last thing asked, so that no copy need be made."""
        ...

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        ...


def make_state(spec: AccumulatorSpec) -> State:
    """Return an empty state for an accumulator other than MEAN and M2 (those are `Moments`)."""
    match spec.kind:
        case Accumulator.COUNT_ROWS | Accumulator.COUNT:
            return Count()
        case Accumulator.SUM:
            return (
                DecimalSum(spec) if spec.dtype.is_decimal else FloatSum() if spec.dtype.is_float else IntegerSum(spec)
            )
        case Accumulator.MIN | Accumulator.MAX:
            greatest = spec.kind is Accumulator.MAX
            if spec.dtype.is_float:
                return FloatExtreme(spec.dtype, greatest=greatest)
            if is_one_word(spec.dtype):
                return IntegerExtreme(spec.dtype, greatest=greatest)
            if spec.dtype.is_decimal:
                return WideExtreme(spec.dtype, greatest=greatest)
            return Picked(spec.dtype, order=-1 if greatest else 1)
        case Accumulator.FIRST:
            return Picked(spec.dtype, order=0)
    raise UnsupportedOperation(f"the cpu device has no accumulator {spec.kind.value} on its own")


def can_wait(state: object, values: pa.Array | None) -> bool:
    """Return whether kernels are all that a state does with rows of groups it knows, so that they may run later."""
    return isinstance(state, _ONLY_KERNELS) and (values is None or not values.null_count)


def reads_in_place(state: object, values: pa.Array | None) -> bool:
    """Return whether the kernels of a state, which `can_wait`, read values where they lie."""
    if values is None or isinstance(state, Count):
        return True
    return has_words(values.type) and not (isinstance(state, IntegerExtreme) and state.flips)


def row_state(spec: AccumulatorSpec, values: pa.Array | None, num_rows: int) -> pa.Array:
    """Return the partial states of single rows, one of them for each value (of ``num_rows`` rows without argument)."""
    if values is None:
        return array_from(np.ones(num_rows, dtype=np.int64), pa.int64())
    match spec.kind:
        case Accumulator.COUNT_ROWS | Accumulator.COUNT:
            return pc.is_valid(values).cast(pa.int64())
        case Accumulator.SUM if is_small(values.type):
            return widened(values, spec.dtype.precision)
        case Accumulator.SUM:
            return values.cast(to_arrow_type(spec.dtype))
        case Accumulator.M2:
            return _squared_deviation(values)
    return values


def _squared_deviation(values: pa.Array) -> pa.Array:
    """Return 0 for finite values, NaN for others: what one value deviates from its own mean."""
    return pc.subtract(values, values)


class Count:
    """Rows, or values that are not null."""

    def __init__(self) -> None:
        self._counts = np.zeros(0, dtype=np.int64)

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Count rows with a value."""
        self._counts = grown(self._counts, batch.groups, 0)
        if values is None or not values.null_count:
            batch.add_rows(self._counts)
        else:
            batch.run(native.count_valid, batch.ids, *bits_of(_bitmapped(values)), self._counts)

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add counts."""
        self._counts = grown(self._counts, batch.groups, 0)
        native.sum_i64(batch.ids, values_of(partial), *bits_of(partial), self._counts)

    def absorb(self, ids: Rows, groups: int, other: Count, others: int) -> None:
        """Add the counts of another thread's groups, by what these have become."""
        self._counts = grown(self._counts, groups, 0)
        native.sum_i64(ids, grown(other._counts, others, 0)[:others], NO_BITS, 0, self._counts)

    def finish(self, groups: int) -> pa.Array:
        """Return the counts."""
        self._counts = grown(self._counts, groups, 0)
        return array_from(trimmed(self._counts, groups), pa.int64())

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._counts.nbytes


class Valued:
    """Base of states that are null while a group has met no value."""

    def __init__(self) -> None:
        self.seen = Seen()

    def update(self, batch: Batch, values: pa.Array | None) -> None:
        """Add values."""
        assert values is not None
        self.seen.update(batch, values)
        self._add(batch, values)

    def merge(self, batch: Batch, partial: pa.Array) -> None:
        """Add partial states, which have the values' form."""
        self.update(batch, partial)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        raise AssertionError


class IntegerSum(Valued):
    """Sum of integers in 64 bits."""

    def __init__(self, spec: AccumulatorSpec) -> None:
        super().__init__()
        self._spec = spec
        self._sums = np.zeros(0, dtype=np.int64)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._sums = grown(self._sums, batch.groups, 0)
        failure = functools.partial(sum_overflow, self._spec)
        batch.run(native.sum_i64, batch.ids, integers_of(values), *bits_of(values), self._sums, failure=failure)

    def absorb(self, ids: Rows, groups: int, other: IntegerSum, others: int) -> None:
        """Add the sums of another thread's groups, by what these have become."""
        self.seen.absorb(ids, groups, other.seen, others)
        self._sums = grown(self._sums, groups, 0)
        if native.sum_i64(ids, grown(other._sums, others, 0)[:others], NO_BITS, 0, self._sums):
            raise sum_overflow(self._spec)

    def finish(self, groups: int) -> pa.Array:
        """Return the sums."""
        self._sums = grown(self._sums, groups, 0)
        return array_from(trimmed(self._sums, groups), pa.int64(), self.seen.bitmap(groups))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._sums.nbytes + self.seen.nbytes


class DecimalSum(Valued):
    """Exact sum of decimals in 128 bits."""

    def __init__(self, spec: AccumulatorSpec) -> None:
        super().__init__()
        self._spec = spec
        self._sums = np.zeros((0, 2), dtype=np.int64)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._sums = grown(self._sums, batch.groups, 0)
        if is_small(values.type):
            if batch.groups == 1 and batch.complete and not values.null_count:
                total = np.zeros((1, 2), dtype=np.int64)
                batch.run(native.total_i64, integers_of(values), total)
                batch.run(native.sum_i128, np.zeros(1, dtype=np.int32), total, native.NO_BITS, 0, self._sums)
                return
            lanes = batch.lanes
            if lanes is None:
                batch.run(native.sum_i64_wide, batch.ids, integers_of(values), *bits_of(values), self._sums)
                return
            parts, folded = lanes
            sums = np.zeros((len(folded), 2), dtype=np.int64)
            batch.run(native.sum_i64_wide, parts, integers_of(values), *bits_of(values), sums)
            batch.run(native.sum_i128, folded, sums, native.NO_BITS, 0, self._sums)
            return
        failure = functools.partial(sum_overflow, self._spec)
        batch.run(native.sum_i128, batch.ids, halves_of(values), *bits_of(values), self._sums, failure=failure)

    def finish(self, groups: int) -> pa.Array:
        """Return the sums; raise where one has more than 38 digits."""
        self._sums = grown(self._sums, groups, 0)
        sums = self._sums[:groups].copy()
        suspect = np.abs(sums[:, 1].astype(np.float64)) >= _LARGEST / 2.0**64 * 0.999
        for low, high in sums[suspect].tolist():
            if abs((high << 64) + (low & (2**64 - 1))) >= _LARGEST:
                raise sum_overflow(self._spec)
        arrow = to_arrow_type(self._spec.dtype)
        return pa.Array.from_buffers(arrow, groups, [self.seen.bitmap(groups), pa.py_buffer(sums)])

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._sums.nbytes + self.seen.nbytes


class FloatSum(Valued):
    """Compensated sum of floats."""

    def __init__(self) -> None:
        super().__init__()
        self._sums = np.zeros((0, 2), dtype=np.float64)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._sums = grown(self._sums, batch.groups, 0.0)
        if batch.groups == 1 and batch.calls is None and batch.complete and not values.null_count:
            every = np.zeros((2, native.SUM_LANES), dtype=np.float64)
            native.sum_lanes_f64(floats_of(values), every)
            only = np.zeros(native.SUM_LANES, dtype=np.int32)
            native.merge_sum_f64(only, np.ascontiguousarray(every.T), self._sums)
            return
        lanes = batch.lanes
        if lanes is None:
            counts = None if values.null_count else batch.taken_over()
            if counts is None:
                batch.run(native.sum_f64, batch.ids, floats_of(values), *bits_of(values), self._sums)
            else:
                batch.run(native.count_and_sum_f64, batch.ids, floats_of(values), self._sums, counts)
            return
        parts, folded = lanes
        sums = np.zeros((len(folded), 2), dtype=np.float64)
        batch.run(native.sum_f64, parts, floats_of(values), *bits_of(values), sums)
        batch.run(native.merge_sum_f64, folded, sums, self._sums)

    def absorb(self, ids: Rows, groups: int, other: FloatSum, others: int) -> None:
        """Add the sums of another thread's groups, by what these have become, with their errors."""
        self.seen.absorb(ids, groups, other.seen, others)
        self._sums = grown(self._sums, groups, 0.0)
        native.merge_sum_f64(ids, grown(other._sums, others, 0.0)[:others], self._sums)

    def finish(self, groups: int) -> pa.Array:
        """Return the sums."""
        self._sums = grown(self._sums, groups, 0.0)
        out = np.empty(groups, dtype=np.float64)
        native.total_f64(self._sums[:groups], out)
        return array_from(out, pa.float64(), self.seen.bitmap(groups))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._sums.nbytes + self.seen.nbytes


class IntegerExtreme(Valued):
    """Least or greatest of values that are ordered as integers."""

    def __init__(self, dtype: DataType, *, greatest: bool) -> None:
        super().__init__()
        self._dtype, self._greatest = dtype, greatest
        info = np.iinfo(np.int64)
        self._start = info.min if greatest else info.max
        # Flipping the sign bit gives uint64 the order of int64.
        self._flip = np.int64(info.min) if dtype.kind is Kind.UINT64 else np.int64(0)
        self._state = np.zeros(0, dtype=np.int64)

    @property
    def flips(self) -> bool:
        """Whether numbers are compared that values become."""
        return bool(self._flip)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._state = grown(self._state, batch.groups, self._start)
        numbers = integers_of(values)
        if self._flip:
            numbers = numbers ^ self._flip
        run = native.max_i64 if self._greatest else native.min_i64
        batch.run(run, batch.ids, numbers, *bits_of(values), self._state)

    def finish(self, groups: int) -> pa.Array:
        """Return the extremes."""
        self._state = grown(self._state, groups, self._start)
        numbers = self._state[:groups] ^ self._flip
        bitmap, arrow = self.seen.bitmap(groups), physical_type(self._dtype)
        if self._dtype.kind is Kind.BOOL:
            return bools_from(numbers == 1, bitmap)
        return array_from(numbers.astype(f"i{arrow.bit_width // 8}"), arrow, bitmap)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes + self.seen.nbytes


class WideExtreme(Valued):
    """Least or greatest decimal of more than 64 bits."""

    def __init__(self, dtype: DataType, *, greatest: bool) -> None:
        super().__init__()
        self._dtype, self._greatest = dtype, greatest
        self._state = np.zeros((0, 2), dtype=np.int64)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._grow(batch.groups)
        batch.run(native.extreme_i128, batch.ids, halves_of(values), *bits_of(values), self._greatest, self._state)

    def _grow(self, groups: int) -> None:
        known, info = len(self._state), np.iinfo(np.int64)
        self._state = grown(self._state, groups, 0)
        # Beyond every decimal; whatever the low word is.
        self._state[known:, 1] = info.min if self._greatest else info.max

    def finish(self, groups: int) -> pa.Array:
        """Return the extremes."""
        self._grow(groups)
        buffers = [self.seen.bitmap(groups), pa.py_buffer(trimmed(self._state, groups))]
        return pa.Array.from_buffers(to_arrow_type(self._dtype), groups, buffers)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes + self.seen.nbytes


class FloatExtreme(Valued):
    """Least or greatest float; NaN is greatest."""

    def __init__(self, dtype: DataType, *, greatest: bool) -> None:
        super().__init__()
        self._dtype, self._greatest = dtype, greatest
        self._start = -np.inf if greatest else np.nan
        self._state = np.zeros(0, dtype=np.float64)

    def _add(self, batch: Batch, values: pa.Array) -> None:
        self._state = grown(self._state, batch.groups, self._start)
        run = native.max_f64 if self._greatest else native.min_f64
        batch.run(run, batch.ids, floats_of(values), *bits_of(values), self._state)

    def finish(self, groups: int) -> pa.Array:
        """Return the extremes."""
        self._state = grown(self._state, groups, self._start)
        arrow = to_arrow_type(self._dtype)
        values = self._state[:groups].astype(arrow.to_pandas_dtype())
        return array_from(values, arrow, self.seen.bitmap(groups))

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes + self.seen.nbytes


class Moments:
    """Count, mean and sum of squared deviations, together."""

    def __init__(self) -> None:
        self._state = np.zeros((0, 3), dtype=np.float64)

    def update(self, batch: Batch, values: pa.Array) -> None:
        """Add float64 values."""
        self._state = grown(self._state, batch.groups, 0.0)
        batch.run(native.moments_f64, batch.ids, floats_of(values), *bits_of(values), self._state)

    def merge(self, batch: Batch, partials: list[pa.Array]) -> None:
        """Add partial counts, means and sums of squared deviations."""
        self._state = grown(self._state, batch.groups, 0.0)
        other = np.column_stack([values_of(pc.fill_null(p, scalar_of(0, p.type))).astype(np.float64) for p in partials])
        native.merge_moments(batch.ids, np.ascontiguousarray(other), self._state)

    def finish(self, groups: int) -> list[pa.Array]:
        """Return counts, means and sums of squared deviations; the latter null where the count is 0."""
        self._state = grown(self._state, groups, 0.0)
        state = self._state[:groups]
        some = state[:, 0] > 0
        bitmap = None if some.all() else pa.py_buffer(np.packbits(some, bitorder="little"))
        counts = array_from(state[:, 0].astype(np.int64), pa.int64())
        return [counts, *(array_from(state[:, j].copy(), pa.float64(), bitmap) for j in (1, 2))]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self._state.nbytes


_ONLY_KERNELS = (Count, IntegerSum, DecimalSum, FloatSum, IntegerExtreme, WideExtreme, FloatExtreme, Moments)


def _bitmapped(values: pa.Array) -> pa.Array:
    """Return an array whose first buffer is its validity: the codes of dictionary text, a bitmap for nulls alone."""
    if isinstance(values, pa.DictionaryArray):
        return values.indices
    if pa.types.is_null(values.type):
        return pa.nulls(len(values), pa.int8())
    return values
