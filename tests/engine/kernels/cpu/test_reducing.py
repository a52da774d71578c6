"""Sums of whole tables that one go over a column without nulls finds."""

from __future__ import annotations

import pyarrow as pa
import pytest

from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import ArithmeticOverflow
from volley.engine.expr import Column
from volley.engine.expr.build import cast
from volley.engine.kernels.cpu.device import CpuDevice
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


@pytest.mark.parametrize("values", [[MOST, 1], [-MOST - 1, -1], [MOST] * 3, [-MOST - 1] * 2])
def test_sums_beyond_it_are_errors(values: list[int]) -> None:
    with pytest.raises(ArithmeticOverflow, match="sum"):
        total(pa.array(values))
