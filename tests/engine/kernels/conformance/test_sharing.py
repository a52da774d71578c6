"""Columns as arrays for other libraries, on every device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.support.cuda_consumers import host_values
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import TypeMismatch
from volley.engine.kernels.protocol import Device

DATA = pa.table(
    {
        "i": pa.array([3, -1, 2**40], pa.int64()),
        "h": pa.array([1, 2, 3], pa.int16()),
        "f": pa.array([0.5, None, float("nan")], pa.float32()),
        "b": pa.array([True, False, True]),
        "d": pa.array(["1.50", "-2.25", None]).cast(pa.decimal128(9, 2)),
    }
)
SCHEMA = from_arrow_schema(DATA.schema)
VALUES: dict[str, Any] = {
    "i": np.array([3, -1, 2**40]),
    "h": np.array([1, 2, 3], np.int16),
    "f": np.array([0.5, np.nan, np.nan], np.float32),
    "b": np.array([True, False, True]),
}


def test_columns_become_arrays_of_their_types(device: Device) -> None:
    arrays = device.share(device.from_arrow(DATA.select(list(VALUES)), SCHEMA.select(list(VALUES)))).arrays
    for name, expected in VALUES.items():
        made = host_values(arrays[name])
        assert made.dtype == expected.dtype
        np.testing.assert_array_equal(made, expected)


def test_a_matrix_holds_any_numbers(device: Device) -> None:
    table = device.from_arrow(DATA, SCHEMA)
    made, shared = device.matrix([table, device.slice(table, 1, 1)], ["d", "b", "i"], dtypes.float64)
    expected = np.array([[1.5, 1, 3], [-2.25, 0, -1], [np.nan, 1, 2**40], [-2.25, 0, -1]])
    np.testing.assert_array_equal(host_values(made), expected)
    np.testing.assert_array_equal(host_values(made[:, 1:3]), expected[:, 1:3])
    np.testing.assert_array_equal(host_values(made[:, 0]), expected[:, 0])
    assert sum(shared.copied.values()) == made.nbytes == 4 * 3 * 8
    assert made.strides == (8, 32)


def test_decimals_and_nulls_of_integers_have_no_array(device: Device) -> None:
    with pytest.raises(TypeMismatch, match="column 'd' is decimal"):
        device.share(device.from_arrow(DATA.select(["d"]), SCHEMA.select(["d"])))


def test_native_tables_come_back(device: Device) -> None:
    table = device.from_arrow(DATA, SCHEMA)
    taken = device.adopt(device.native(table), SCHEMA)
    if taken is not None:  # the host's tables come as Arrow batches
        assert repr(device.to_arrow(taken)) == repr(device.to_arrow(table))  # NaN equals nothing
    assert device.adopt(object(), SCHEMA) is None


def test_the_account_only_grows(device: Device) -> None:
    before = device.account
    device.to_arrow(device.from_arrow(DATA, SCHEMA))
    after = device.account
    if before is None or after is None:
        assert device.name.endswith("cpu")
        return
    moved = after.since(before)
    assert moved.to_device == moved.to_host > 0
