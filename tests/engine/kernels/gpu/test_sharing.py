"""Columns of the GPU in other libraries: in place, alive as long as they are held, and never through the host."""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.support.cuda_consumers import CudaArray, DlpackArray
from tests.support.simulated_gpu import simulated_device
from volley.engine import dtypes
from volley.engine.arrow import from_arrow_schema
from volley.engine.errors import TypeMismatch
from volley.engine.kernels.protocol import Device

simulated_device()

from volley.engine.kernels.gpu import memory  # noqa: E402
from volley.engine.kernels.gpu.library import plc  # noqa: E402
from volley.engine.kernels.simulator import UseAfterFree, machine, rmm  # noqa: E402

ROWS = 1000
DATA = pa.table(
    {
        "i": pa.array(range(ROWS), pa.int32()),
        "u": pa.array([n % 250 for n in range(ROWS)], pa.uint8()),
        "x": pa.array([n / 3 for n in range(ROWS)], pa.float64()),
        "f": pa.array([n / 7 if n % 5 else None for n in range(ROWS)], pa.float32()),
        "b": pa.array([n % 3 == 0 for n in range(ROWS)]),
    }
)
SCHEMA = from_arrow_schema(DATA.schema)


@pytest.fixture
def ledger() -> Any:
    with memory.counted() as ledger:
        yield ledger


def crossed() -> tuple[int, int]:
    return machine().traffic.to_device, machine().traffic.to_host


@pytest.mark.parametrize("taken", [CudaArray, DlpackArray])
def test_columns_are_read_where_they_lie(gpu: Device, taken: Any) -> None:
    table = gpu.slice(gpu.from_arrow(DATA, SCHEMA), 10, 900)
    gpu.to_arrow(gpu.share(table).arrays and table)  # the constant that fills nulls is there from now on
    before, held = crossed(), memory.pool().in_use
    shared = gpu.share(table)
    arrays = {name: taken(array) for name, array in shared.arrays.items()}
    for name, array in arrays.items():
        expected = DATA[name].slice(10, 900).to_numpy()
        assert array.dtype == expected.dtype
        np.testing.assert_array_equal(array.values(), expected)
    assert crossed() == before
    assert memory.pool().in_use - held <= 2 * 4 * 900  # the floats with nulls alone, and their mask
    assert shared.copied == {"null fill": 4 * 900}
    assert shared.in_place == (4 + 1 + 8 + 1) * 900


def test_memory_lives_as_long_as_what_was_made_of_it(gpu: Device) -> None:
    def offered() -> Any:
        return gpu.share(gpu.from_arrow(DATA, SCHEMA)).arrays["x"]

    array = CudaArray(offered())
    gc.collect()
    assert array.values()[3] == 1.0
    address = array.address
    array.owner = None
    gc.collect()
    with pytest.raises(UseAfterFree):
        machine().at(address, 8)

    tensor = DlpackArray(offered())
    gc.collect()
    assert tensor.values()[3] == 1.0
    tensor.delete()
    gc.collect()
    with pytest.raises(UseAfterFree):
        tensor.values()


def test_a_spilled_table_takes_no_array_with_it(gpu: Device) -> None:
    table = gpu.from_arrow(DATA, SCHEMA)
    array = CudaArray(gpu.share(table).arrays["x"])
    memory.make_room()
    np.testing.assert_array_equal(array.values(), DATA["x"].to_numpy())
    assert gpu.to_arrow(table).equals(DATA)


def test_a_capsule_that_nobody_takes_lets_go(gpu: Device) -> None:
    array = gpu.share(gpu.from_arrow(DATA, SCHEMA)).arrays["x"]
    address = CudaArray(array).address
    capsule = array.__dlpack__()
    del array
    gc.collect()
    assert machine().at(address, 8)
    del capsule
    gc.collect()
    with pytest.raises(UseAfterFree):
        machine().at(address, 8)


def test_what_a_consumer_may_ask_for(gpu: Device) -> None:
    array = gpu.share(gpu.from_arrow(DATA, SCHEMA)).arrays["x"]
    assert array.__dlpack_device__() == (2, 0)
    assert array.__dlpack__(stream=-1, dl_device=(2, 0), copy=False) is not None
    with pytest.raises(BufferError, match="to_arrow and to_pandas copy them to the host"):
        array.__dlpack__(dl_device=(1, 0))
    with pytest.raises(BufferError, match="in place"):
        array.__dlpack__(copy=True)
    # numpy reads the capsule, and which device its memory is of.
    with pytest.raises((BufferError, RuntimeError), match="device"):
        np.from_dlpack(SimpleNamespace(__dlpack__=lambda **_: array.__dlpack__(), __dlpack_device__=lambda: (1, 0)))


@pytest.mark.parametrize("kind", [dtypes.float32, dtypes.float64])
def test_one_matrix_column_by_column(gpu: Device, ledger: Any, kind: Any) -> None:
    names = ["x", "f", "i", "b"]
    tables = [gpu.slice(gpu.from_arrow(DATA, SCHEMA), start, 300) for start in (0, 5, 600)]
    gpu.matrix(tables, names, kind)  # constants are kept from now on
    before = crossed()
    made, shared = gpu.matrix(tables, names, kind)
    assert crossed() == before
    width = made.dtype.itemsize
    rows = [DATA.slice(start, 300) for start in (0, 5, 600)]
    expected = np.stack([pa.concat_tables(rows)[n].to_numpy().astype(made.dtype) for n in names], axis=1)
    for taken in (CudaArray(made), DlpackArray(made)):
        assert taken.strides == (width, 900 * width)
        np.testing.assert_array_equal(taken.values(), expected)
    same = "x" if kind == dtypes.float64 else None
    assert shared.copied == {
        "null fill": 900 * width,
        "cast": (2 if same else 3) * 900 * width,
        **({"gather": 900 * width} if same else {}),
    }
    part = CudaArray(made[:, 1:3])
    np.testing.assert_array_equal(part.values(), expected[:, 1:3])
    np.testing.assert_array_equal(CudaArray(made[:, 3]).values(), expected[:, 3])
    assert CudaArray(made[:, 3]).address == CudaArray(made).address + 3 * 900 * width
    with pytest.raises(IndexError, match="whole columns"):
        made[1:, 0]
    with pytest.raises(IndexError, match="columns"):
        made[:, 7]


def test_no_rows(gpu: Device) -> None:
    table = gpu.slice(gpu.from_arrow(DATA, SCHEMA), 0, 0)
    assert CudaArray(gpu.share(table).arrays["x"]).values().shape == (0,)
    made, _ = gpu.matrix([table], ["x", "i"], dtypes.float32)
    assert CudaArray(made).shape == (0, 2)


def test_what_no_array_can_hold_is_refused_by_name(gpu: Device) -> None:
    data = pa.table({"n": pa.array([1, None]), "s": ["a", "b"], "l": [[1], [2]]})
    table = gpu.from_arrow(data, from_arrow_schema(data.schema))
    for name, told in (("n", "int64 with 1 nulls.*fillna"), ("s", "string.*cast it"), ("l", "leave it out")):
        one = from_arrow_schema(data.select([name]).schema)
        with pytest.raises(TypeMismatch, match=f"column '{name}' is .*{told}"):
            gpu.share(gpu.from_arrow(data.select([name]), one))
    with pytest.raises(TypeMismatch, match="column 's' is string"):
        gpu.matrix([table], ["s"], dtypes.float32)


def test_xgboost_takes_the_matrix_for_a_cuda_array(gpu: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """XGBoost's own Python finds and describes the arrays; its library for the CPU then says that it has no GPU."""
    xgboost = pytest.importorskip("xgboost")
    from xgboost import data as inside

    monkeypatch.setitem(sys.modules, "cupy", SimpleNamespace(bool_=np.bool_))  # which it asks for a type, no more
    made, _ = gpu.matrix([gpu.from_arrow(DATA, SCHEMA)], ["x", "f", "i"], dtypes.float32)
    features, label = made[:, :2], made[:, 2]
    assert inside.is_on_cuda(features)
    taken, _, _ = inside._proxy_transform(features, None, None, False)
    assert taken is features
    described = json.loads(inside.cuda_array_interface(taken))
    assert described["shape"] == [ROWS, 2]
    assert described["strides"] == [4, 4 * ROWS]
    with pytest.raises(xgboost.core.XGBoostError, match=r"not compiled with (GPU|CUDA)|USE_CUDA"):
        xgboost.QuantileDMatrix(features, label=label)


def test_pylibcudf_tables_go_out_and_come_in_without_a_copy(gpu: Device) -> None:
    table = gpu.from_arrow(DATA, SCHEMA)
    before, held = crossed(), memory.pool().in_use
    native = gpu.native(table)
    assert isinstance(native, plc.Table)
    back = gpu.adopt(native, SCHEMA)
    assert back is not None
    assert (crossed(), memory.pool().in_use) == (before, held)
    assert gpu.to_arrow(back).equals(DATA)
    assert gpu.adopt(DATA, SCHEMA) is None


def test_adopted_columns_are_those_of_the_default_stream(gpu: Device) -> None:
    """cuDF works on the default stream, and its decimals may be narrower than those of this device."""
    data = pa.table({"x": [1.5, 2.5]})
    made = plc.Table.from_arrow(data, stream=rmm.DEFAULT_STREAM, mr=memory.pool().resource)
    taken = gpu.adopt(made, from_arrow_schema(data.schema))
    assert taken is not None
    assert gpu.to_arrow(taken).equals(data)
    narrow = plc.unary.cast(
        made.columns()[0], plc.DataType(plc.TypeId.FLOAT32), stream=rmm.DEFAULT_STREAM, mr=memory.pool().resource
    )
    wider = gpu.adopt(plc.Table([narrow]), from_arrow_schema(data.schema))
    assert wider is not None
    assert gpu.to_arrow(wider).equals(data)


def test_addresses_mean_nothing_on_the_host(gpu: Device) -> None:
    address = CudaArray(gpu.share(gpu.from_arrow(DATA, SCHEMA)).arrays["x"]).address
    assert address > 1 << 47, "beyond what a process can map"
    assert ctypes.sizeof(ctypes.c_void_p) == 8
