"""Casts to text and between dates and moments: what the CPU gives, on the device, the extremes included."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import download, upload
from tests.support.simulated_gpu import simulated_device
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.dtypes import DataType
from volley.engine.errors import CastError
from volley.engine.expr import Cast, Column, NamedExpr
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.protocol import Device

GPU = simulated_device()

from volley.engine.kernels.gpu import memory  # noqa: E402

DAYS = [None, dt.date(1, 1, 1), dt.date(1969, 12, 31), dt.date(1970, 1, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)]
TICKS = [None, -1, 0, 1, -86_400_000_000, 86_399_999_999, -(2**40), 2**53]
CASES = {
    "int8": (pa.array([None, -128, 0, 127], pa.int8()), dtypes.string),
    "int64": (pa.array([None, -(2**63), 0, 2**63 - 1], pa.int64()), dtypes.string),
    "uint64": (pa.array([None, 0, 2**64 - 1], pa.uint64()), dtypes.string),
    "bool": (pa.array([None, True, False]), dtypes.string),
    "decimal": (
        pa.array([None, Decimal("-0.05"), Decimal("0.00"), Decimal("1234.50")], pa.decimal128(9, 2)),
        dtypes.string,
    ),
    "whole decimal": (pa.array([Decimal(-7), Decimal(10**37)], pa.decimal128(38, 0)), dtypes.string),
    "small decimal": (pa.array([Decimal("0.0000001")], pa.decimal128(9, 7)), dtypes.string),
    "date": (pa.array(DAYS), dtypes.timestamp("us")),
    "date in seconds": (pa.array(DAYS), dtypes.timestamp("s")),
    "date to an instant": (pa.array(DAYS), dtypes.timestamp("ms", "UTC")),
    "moment": (pa.array(TICKS, pa.timestamp("us")), dtypes.date),
    "instant": (pa.array(TICKS, pa.timestamp("us", "UTC")), dtypes.date),
    "nothing": (pa.array([], pa.date32()), dtypes.timestamp("us")),
}


def made(device: Device, values: pa.Array, target: DataType, *, strict: bool = True) -> list[Any]:
    data = pa.table({"x": values})
    source = from_arrow_schema(data.schema)["x"].dtype
    expr = Cast(arg=Column(name="x", dtype=source), dtype=target, strict=strict)
    return list(
        download(device, device.project(upload(device, data), [NamedExpr(name="y", expr=expr)]))["y"].to_pylist()
    )


@pytest.mark.parametrize("name", CASES)
def test_same_as_the_cpu_without_it(name: str) -> None:
    with memory.counted() as ledger:
        found = made(GPU, *CASES[name])
    assert found == made(CpuDevice(), *CASES[name])
    assert not ledger.fallbacks


def test_dates_that_ticks_do_not_reach_are_the_cpus() -> None:
    values = pa.array([0, None, 200_000_000], pa.int32()).cast(pa.date32())
    with memory.counted() as ledger:
        assert made(GPU, values, dtypes.timestamp("us"), strict=False) == [
            dt.datetime.fromisoformat("1970-01-01"),
            None,
            None,
        ]
    assert ledger.fallbacks == {"cast": 3}
    with pytest.raises(CastError):
        made(GPU, pa.array([dt.date(2500, 1, 1)]), dtypes.timestamp("ns"))
