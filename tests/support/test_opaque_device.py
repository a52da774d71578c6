"""The opaque device refuses whatever would open a table."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from tests.support.opaque_device import OpaqueDevice, TableOpened
from volley.engine import dtypes
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.schema import Schema

SCHEMA = Schema.of([("a", dtypes.int64)])


@pytest.mark.parametrize(
    "open_it",
    [
        lambda table: table.columns,
        lambda table: table.column("a"),
        len,
        list,
        lambda table: table[0],
        np.asarray,
        pa.table,
        pa.array,
        pickle.dumps,
        copy.deepcopy,
    ],
)
def test_a_table_cannot_be_opened(open_it: Callable[[object], object]) -> None:
    table = OpaqueDevice(CpuDevice()).from_arrow(pa.table({"a": [1, 2]}), SCHEMA)
    with pytest.raises(TableOpened):
        open_it(table)
    with pytest.raises(TypeError):
        memoryview(table)  # type: ignore[arg-type]  # the mistake under test


def test_a_table_says_how_large_it_is() -> None:
    device = OpaqueDevice(CpuDevice())
    table = device.from_arrow(pa.table({"a": [1, 2]}), SCHEMA)
    assert (table.num_rows, table.nbytes, table.schema) == (2, 16, SCHEMA)
    assert device.to_arrow(table).to_pydict() == {"a": [1, 2]}


def test_tables_of_another_device_are_refused() -> None:
    foreign = CpuDevice().from_arrow(pa.table({"a": [1]}), SCHEMA)
    with pytest.raises(AssertionError, match="does not belong"):
        OpaqueDevice(CpuDevice()).to_arrow(foreign)
