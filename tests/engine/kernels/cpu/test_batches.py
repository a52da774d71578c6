"""Batches that are taken one after the other are the tables that each would be by itself."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import CastError
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.schema import Schema

INTEGERS = pa.array([1, None, 3, 4, 5, 6, 7, 8, 9], pa.int64())
COLUMNS = {
    "integers": INTEGERS,
    "all there": pa.array(range(9), pa.int16()),
    "floats": pa.array([0.5] * 9),
    "truths": pa.array([True, False, None] * 3),
    "texts": pa.array(["a", None, "longer"] * 3),
    "codes": pa.array(["x", "y", None] * 3).dictionary_encode(),
    "large": pa.array(["a", None, "longer"] * 3, pa.large_string()),
    "amounts": pa.array([Decimal("1.50"), None, Decimal("2.25")] * 3, pa.decimal128(9, 2)),
    "days": pa.array(range(9), pa.date32()),
    "lists": pa.array([[1], None, []] * 3),
}


def assert_as_by_themselves(batches: list[pa.RecordBatch], schema: Schema) -> None:
    device = CpuDevice()
    together = list(device.from_batches(batches, schema))
    alone = [device.from_arrow(batch, schema) for batch in batches]
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert one.schema == other.schema == schema
        assert (one.num_rows, one.nbytes) == (other.num_rows, other.nbytes)
        assert list(one.columns) == list(other.columns)
        assert [column.type for column in one.columns] == [column.type for column in other.columns]


@pytest.mark.parametrize("names", [*([name] for name in COLUMNS), list(COLUMNS), ["all there", "floats"], []])
def test_of_one_schema(names: list[str]) -> None:
    table = pa.table({name: COLUMNS[name] for name in names})
    batches = [batch.slice(start, 4) for batch in table.to_batches() for start in (0, 3, 5, 9)]
    assert_as_by_themselves(batches, from_arrow_schema(table.schema))


def test_columns_in_another_order_and_more_of_them() -> None:
    batch = pa.record_batch({name: COLUMNS[name] for name in ("floats", "integers", "days")})
    schema = from_arrow_schema(pa.schema([batch.schema.field("integers"), batch.schema.field("floats")]))
    assert_as_by_themselves([batch, batch], schema)


def test_schemas_that_change_on_the_way() -> None:
    wanted = from_arrow_schema(pa.schema([("integers", pa.int64())]))
    plain = pa.record_batch({"integers": INTEGERS})
    small = pa.record_batch({"integers": INTEGERS.cast(pa.int32())})
    other = pa.record_batch({"first": INTEGERS, "integers": INTEGERS})
    assert_as_by_themselves([plain, small, small, plain, other, plain], wanted)


def test_a_value_that_does_not_fit() -> None:
    wanted = from_arrow_schema(pa.schema([("integers", pa.int64())]))
    batches = [pa.record_batch({"integers": INTEGERS}), pa.record_batch({"integers": pa.array(["x"])})]
    taken = CpuDevice().from_batches(batches, wanted)
    next(taken)
    with pytest.raises(CastError, match="integers"):
        next(taken)
