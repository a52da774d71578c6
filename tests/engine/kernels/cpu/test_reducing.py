"""Sums of whole tables that one go over a column without nulls finds."""

from __future__ import annotations

import math
from decimal import Decimal

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ArithmeticOverflow
from volley.engine.expr import Column
from volley.engine.expr.build import cast
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import ReducesTogether
from volley.engine.kernels.specs import Accumulator, AccumulatorSpec

DEVICE = CpuDevice()
MOST = 2**63 - 1


def total(values: pa.Array) -> int | None:
    data = pa.table({"x": values})
    schema = from_arrow_schema(data.schema)
    argument = cast(Column(name="x", dtype=schema["x"].dtype), dtypes.int64)
    spec = AccumulatorSpec(name="s", kind=Accumulator.SUM, dtype=dtypes.int64, argument=argument)
    found: int | None = DEVICE.to_arrow(DEVICE.reduce(DEVICE.from_arrow(data, schema), [spec]))["s"][0].as_py()
    return found


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32(), pa.int64()])
@pytest.mark.parametrize("values", [[5], [-7, 3], [*range(-100, 120)], [1, None, 2], [None]])
def test_sums_of_integers(kind: pa.DataType, values: list[int | None]) -> None:
    present = [value for value in values if value is not None]
    assert total(pa.array(values, kind)) == (sum(present) if present else None)


@pytest.mark.parametrize("values", [[MOST], [-MOST - 1], [MOST, -MOST - 1], [-1, -MOST], [MOST - 1, 1]])
def test_sums_up_to_the_bounds_of_their_type(values: list[int]) -> None:
    assert total(pa.array(values)) == sum(values)


@pytest.mark.parametrize("values", [["b", "a", "b"], ["", ""], [""]])
def test_extremes_of_texts_that_repeat(values: list[str]) -> None:
    """A dictionary of the empty text alone has no bytes at all."""
    data = pa.table({"x": pa.array(values).dictionary_encode()})
    schema = from_arrow_schema(data.schema)
    text = Column(name="x", dtype=dtypes.string)
    specs = [
        AccumulatorSpec(name=kind.value, kind=kind, dtype=dtypes.string, argument=text)
        for kind in (Accumulator.MIN, Accumulator.MAX)
    ]
    found = DEVICE.to_arrow(DEVICE.reduce(DEVICE.from_arrow(data, schema), specs)).to_pylist()
    assert found == [{"min": min(values), "max": max(values)}]


@pytest.mark.parametrize(
    "values", [[1, 2**64, -(2**64), 2**63, 7], [-(10**37), -1], [10**37] * 3, [5], [None, 3, None]]
)
def test_extremes_of_decimals_wider_than_a_word(values: list[int | None]) -> None:
    data = pa.table({"x": pa.array([None if v is None else Decimal(v) for v in values], pa.decimal128(38, 0))})
    schema = from_arrow_schema(data.schema)
    x = Column(name="x", dtype=schema["x"].dtype)
    specs = [
        AccumulatorSpec(name=kind.value, kind=kind, dtype=x.dtype, argument=x)
        for kind in (Accumulator.MIN, Accumulator.MAX)
    ]
    found = DEVICE.to_arrow(DEVICE.reduce(DEVICE.from_arrow(data, schema), specs))
    known = [v for v in values if v is not None]
    assert found.to_pylist() == [{"min": Decimal(min(known)), "max": Decimal(max(known))}]
    assert found.schema.types == [pa.decimal128(38, 0)] * 2


@pytest.mark.parametrize("values", [[MOST, 1], [-MOST - 1, -1], [MOST] * 3, [-MOST - 1] * 2])
def test_sums_beyond_it_are_errors(values: list[int]) -> None:
    with pytest.raises(ArithmeticOverflow, match="sum"):
        total(pa.array(values))


def test_several_tables_at_once_give_a_row_each() -> None:
    given = [[1.5, 2.5, 1e300], [], [None, 0.1], [float("inf"), 1.0], [0.1] * 1000]
    tables = [pa.table({"x": pa.array(own, pa.float64()), "y": pa.array(own, pa.float32())}) for own in given]
    schema = from_arrow_schema(tables[0].schema)
    x = Column(name="x", dtype=dtypes.float64)
    y = cast(Column(name="y", dtype=dtypes.float32), dtypes.float64)
    specs = [
        AccumulatorSpec(name="rows", kind=Accumulator.COUNT_ROWS, dtype=dtypes.int64),
        AccumulatorSpec(name="x", kind=Accumulator.SUM, dtype=dtypes.float64, argument=x),
        AccumulatorSpec(name="count", kind=Accumulator.COUNT, dtype=dtypes.int64, argument=x),
        AccumulatorSpec(name="y", kind=Accumulator.SUM, dtype=dtypes.float64, argument=y),
    ]
    assert isinstance(DEVICE, ReducesTogether)
    rows = DEVICE.reduce_each([DEVICE.from_arrow(data, schema) for data in tables], specs)
    found = pa.concat_tables([DEVICE.to_arrow(row) for row in rows]).to_pylist()
    for values, data, row in zip(given, tables, found, strict=True):
        known = [value for value in values if value is not None]
        assert (row["rows"], row["count"]) == (len(values), len(known))
        assert row["x"] == (pytest.approx(math.fsum(known), rel=1e-15) if known else None)
        assert row["y"] == (pytest.approx(sum(data["y"].drop_null().to_pylist()), rel=1e-9) if known else None)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.int32(), pa.int64(), pa.float64(), pa.decimal128(12, 2), pa.date32(), pa.string()]
)
@pytest.mark.parametrize("start", [0, 3, 16])
def test_nulls_change_no_sum_and_no_extreme(kind: pa.DataType, start: int) -> None:
    """Bitmaps that begin within a byte, and a null where the first value would be."""
    numbers = [None if number % 3 == 0 else number - 60 for number in range(101)]
    numbers[start] = None
    texts = [None if number is None else f"{number}" for number in numbers]
    values = pa.array(numbers, pa.int32()).cast(kind) if kind != pa.string() else pa.array(texts).dictionary_encode()
    values = values.slice(start)
    data = pa.table({"x": values})
    schema = from_arrow_schema(data.schema)
    argument = Column(name="x", dtype=schema["x"].dtype)
    kinds = [Accumulator.MIN, Accumulator.MAX]
    specs = [AccumulatorSpec(name=each.value, kind=each, dtype=argument.dtype, argument=argument) for each in kinds]
    known = [value for value in values.to_pylist() if value is not None]
    expected = {"min": min(known), "max": max(known)}
    if kind not in (pa.date32(), pa.string()):
        summed = (
            dtypes.decimal(38, 2)
            if pa.types.is_decimal(kind)
            else dtypes.float64
            if kind == pa.float64()
            else dtypes.int64
        )
        specs.append(AccumulatorSpec(name="sum", kind=Accumulator.SUM, dtype=summed, argument=argument))
        expected["sum"] = sum(known)
    found = DEVICE.to_arrow(DEVICE.reduce(DEVICE.from_arrow(data, schema), specs)).to_pylist()
    assert found == [expected]


@pytest.mark.parametrize("kind", [pa.float32(), pa.float64()])
def test_nan_is_the_greatest_float(kind: pa.DataType) -> None:
    argument = Column(name="x", dtype=dtypes.float32 if kind == pa.float32() else dtypes.float64)
    specs = [
        AccumulatorSpec(name=each.value, kind=each, dtype=argument.dtype, argument=argument)
        for each in (Accumulator.MIN, Accumulator.MAX)
    ]

    def extremes(values: list[float | None]) -> tuple[float, float]:
        data = pa.table({"x": pa.array(values, kind)})
        table = DEVICE.from_arrow(data, from_arrow_schema(data.schema))
        [row] = DEVICE.to_arrow(DEVICE.reduce(table, specs)).to_pylist()
        return row["min"], row["max"]

    assert extremes([None, 2.0, -1.5, None]) == (-1.5, 2.0)
    assert extremes([math.inf, -math.inf]) == (-math.inf, math.inf)
    least, greatest = extremes([math.nan, None, 3.0, 1.0])
    assert least == 1.0
    assert math.isnan(greatest)
    assert all(map(math.isnan, extremes([math.nan, None])))
    assert extremes([None]) == (None, None)
