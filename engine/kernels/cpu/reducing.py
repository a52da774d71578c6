"""Aggregation without keys: each table becomes one row of partial states, and these rows one.

The commonest states of a column are found in one go over it; all others are those of a single group.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...arrow import to_arrow_type
from ...dtypes import DataType, float64, int64
from ...schema import Schema
from ..specs import Accumulator, AccumulatorSpec
from . import native
from .accumulators import States
from .buffers import array_from, bits_of, is_small, present, values_of
from .native import Calls, zero_nulls
from .native.arrays import Doubles, Longs, Rows
from .project import Evaluator
from .ranking import ranks
from .table import CpuTable, concat_tables
from .words import floats_of, integers_of

_Numbers = TypeVar("_Numbers", Longs, Doubles)

_EXTREMES = (Accumulator.MIN, Accumulator.MAX)
_PLAIN = (Accumulator.COUNT_ROWS, Accumulator.COUNT, Accumulator.SUM, *_EXTREMES)
_FEW = 4096


def reduce_each(tables: Sequence[CpuTable], accumulators: Sequence[AccumulatorSpec]) -> list[CpuTable]:
    """Aggregate without keys: one row of partial states for each table; one call makes all sums of floats."""
    # A count before a mean is one of three states that belong together.
    alone = [
        spec.filter is None
        and spec.kind in _PLAIN
        and not any(after.kind is Accumulator.MEAN for after in accumulators[place + 1 : place + 2])
        for place, spec in enumerate(accumulators)
    ]
    plain = [spec for spec, is_alone in zip(accumulators, alone, strict=True) if is_alone]
    rest = [spec for spec, is_alone in zip(accumulators, alone, strict=True) if not is_alone]
    schema, calls = _schema(accumulators), Calls()
    reduced = []
    for table in tables:
        found = _states(table, plain, rest, calls)
        columns = tuple([found[spec.name] for spec in accumulators])
        reduced.append(CpuTable(schema=schema, columns=columns, num_rows=1))
    if calls:
        calls.run()
    return reduced


def _states(
    table: CpuTable, plain: Sequence[AccumulatorSpec], rest: Sequence[AccumulatorSpec], calls: Calls
) -> dict[str, pa.Array]:
    """Return the states by name, of which some may be there only when calls are made."""
    others = States(rest)
    found: dict[str, pa.Array] = {}
    if table.num_rows:
        arguments = [spec.argument for spec in plain if spec.argument is not None]
        values = Evaluator(table).columns([*arguments, *others.inputs()])
        given = iter(values)
        for spec in plain:
            found[spec.name] = _state(spec, table.num_rows, None if spec.argument is None else next(given), calls)
        if rest:
            others.update(np.zeros(table.num_rows, dtype=np.int32), 1, list(given))
    else:
        found = {spec.name: States([spec]).finish(1)[0] for spec in plain}
    found |= zip((spec.name for spec in rest), others.finish(1), strict=True)
    return found


def merge_reduced(partials: Sequence[CpuTable], accumulators: Sequence[AccumulatorSpec]) -> CpuTable:
    """Merge rows of partial states into one row."""
    states = States(accumulators)
    together = concat_tables(partials, _schema(accumulators))
    if together.num_rows:
        states.merge(np.zeros(together.num_rows, dtype=np.int32), 1, together.columns)
    return CpuTable(schema=_schema(accumulators), columns=tuple(states.finish(1)), num_rows=1)


def _schema(accumulators: Sequence[AccumulatorSpec]) -> Schema:
    return Schema(tuple(spec.field for spec in accumulators))


def _state(spec: AccumulatorSpec, rows: int, values: pa.Array | None, calls: Calls) -> pa.Array:
    """Return one state over all rows, of which there are some."""
    if values is None:
        return array_from(np.array([rows]), pa.int64())
    if spec.kind is Accumulator.COUNT:
        return array_from(np.array([rows - values.null_count]), pa.int64())
    found = None if values.null_count == rows else _whole(spec, values, calls)
    if found is not None:
        return found
    states = States([spec])
    states.update(np.zeros(rows, dtype=np.int32), 1, [values])
    return states.finish(1)[0]


def _whole(spec: AccumulatorSpec, values: pa.Array, calls: Calls) -> pa.Array | None:
    """Return the sum or extreme of values that are not all null; None where that is left to `States`."""
    kind = values.type
    if spec.kind is Accumulator.SUM:
        if spec.dtype == float64 and pa.types.is_floating(kind):
            lanes, sums, out = (np.zeros(shape) for shape in ((2, native.SUM_LANES), (1, 2), 1))
            calls.add(native.whole_sum_f64, _with_zeros(floats_of(values), values), lanes, sums, out)
            return array_from(out, pa.float64())
        narrow = pa.types.is_signed_integer(kind) and spec.dtype == int64
        if not is_small(kind) and not narrow:
            return None
        total = np.zeros((1, 2), dtype=np.int64)
        native.total_i64(_with_zeros(integers_of(values), values), total)
        if narrow:
            low, high = total[0].tolist()
            return array_from(total[0, :1], pa.int64()) if high == low >> 63 else None
        return pa.Array.from_buffers(to_arrow_type(spec.dtype), 1, [None, pa.py_buffer(total)], null_count=0)
    if isinstance(values, pa.DictionaryArray):
        return None if values.null_count else _extreme_text(values, spec.dtype, greatest=spec.kind is Accumulator.MAX)
    is_clock = pa.types.is_temporal(kind) and not pa.types.is_interval(kind)
    if is_clock or is_small(kind) or pa.types.is_signed_integer(kind) or pa.types.is_floating(kind):
        numbers = values_of(values)
        if values.null_count:
            known = present(values)
            numbers = np.where(known, numbers, numbers[known.argmax()])
        # NaN is the greatest: the greatest of some is NaN, the least is not, where there are others.
        best = numbers.max() if spec.kind is Accumulator.MAX else np.fmin.reduce(numbers)
        return array_from(np.array([best], dtype=numbers.dtype), kind)
    if pa.types.is_decimal128(kind):
        greatest = spec.kind is Accumulator.MAX
        return pa.repeat(pc.max(values) if greatest else pc.min(values), 1)
    return None


def _with_zeros(numbers: _Numbers, values: pa.Array) -> _Numbers:
    """Return the numbers of values, those of nulls being 0."""
    if not values.null_count:
        return numbers
    return zero_nulls(numbers.view(np.uint64), *bits_of(values)).view(numbers.dtype)


def _extreme_text(values: pa.DictionaryArray, dtype: DataType, *, greatest: bool) -> pa.Array | None:
    dictionary = values.dictionary
    if len(dictionary) > _FEW:
        return None
    places = _places(dictionary, dtype)
    best = native.least_place(values_of(values.indices), -places if greatest else places)
    return dictionary.slice(int(np.flatnonzero(places == (-best if greatest else best))[0]), 1)


_known_places: dict[tuple[int | None, ...], tuple[pa.Array, Rows]] = {}
_MOST_KNOWN = 64


def _places(dictionary: pa.Array, dtype: DataType) -> Rows:
    """Return the place of each text in the order; row groups often share a dictionary."""
    _, *stored = dictionary.buffers()
    addresses = (None if buffer is None else buffer.address for buffer in stored)
    identity = (*addresses, dictionary.offset, len(dictionary))
    known = _known_places.get(identity)
    if known is None:
        if len(_known_places) >= _MOST_KNOWN:
            _known_places.clear()
        # The dictionary is kept so that its memory stays its own.
        known = _known_places[identity] = (dictionary, ranks(dictionary, dtype))
    return known[1]
