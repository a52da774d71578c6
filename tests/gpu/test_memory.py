"""Spilling and the hand-off with real memory on both sides of the bus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import volley as vl
from tests.support.cuda_consumers import host_values
from tests.support.real_gpu import real_device
from volley import ml
from volley.engine.arrow import from_arrow_schema
from volley.engine.kernels.protocol import Device

ROWS = 300_000
DATA = pa.table(
    {
        "i": pa.array(range(ROWS), pa.int64()),
        "x": pa.array([n / 3 if n % 7 else None for n in range(ROWS)]),
        "s": pa.array([f"text {n % 1013}" if n % 11 else None for n in range(ROWS)]),
        "b": pa.array([n % 2 == 0 for n in range(ROWS)]),
        "l": pa.array([[n, None] if n % 3 else None for n in range(ROWS)]),
        "d": pa.array(range(ROWS), pa.int64()).cast(pa.decimal128(21, 2)),
    }
)
SCHEMA = from_arrow_schema(DATA.schema)


@pytest.mark.parametrize("host_bytes", [1 << 30, 0], ids=["pinned", "file"])
def test_spilled_tables_come_back(
    device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host_bytes: int
) -> None:
    from volley.engine.kernels.gpu import memory
    from volley.engine.kernels.gpu.spilling import HostStore

    memory.make_room()
    monkeypatch.setattr(memory.pool(), "spilled", HostStore(host_bytes=host_bytes, folder=str(tmp_path)))
    tables = [device.slice(device.from_arrow(DATA, SCHEMA), start, 250_000) for start in (0, 7)]
    before, used = device.account, memory.pool().in_use
    assert memory.make_room() > 0
    after = device.account
    assert before is not None
    assert after is not None
    assert after.since(before).spilled > 0
    assert (after.since(before).to_files > 0) == (host_bytes == 0)
    assert memory.pool().in_use < used
    assert len(list(tmp_path.iterdir())) == (0 if host_bytes else 2)
    for start, table in zip((0, 7), tables, strict=True):
        assert device.to_arrow(table).equals(DATA.slice(start, 250_000))


def test_columns_and_matrices_are_read_where_they_lie(session: vl.Session) -> None:
    frame = vl.DataFrame(DATA, session=session)
    arrays = frame[["i", "x", "b"]].to_arrays()
    for name, array in arrays.items():
        np.testing.assert_array_equal(host_values(array), DATA[name].to_numpy())
    made = ml.arrays(frame, ml.Features(numeric=["x", "i"], label="b"))
    np.testing.assert_array_equal(host_values(made.X), DATA.select(["x", "i"]).to_pandas().to_numpy("float32"))
    np.testing.assert_array_equal(host_values(made.y), DATA["b"].to_numpy().astype("float32"))


@pytest.fixture
def real() -> Device:
    """The GPU of this machine: other libraries cannot look into the simulator's memory."""
    return real_device()


@pytest.fixture
def taken(real: Device) -> Any:
    """The arrays of a query."""
    return vl.DataFrame(DATA, session=vl.Session(device=real))[["i", "b"]].to_arrays()


@pytest.mark.gpu
def test_cupy_takes_them(taken: Any) -> None:
    cupy = pytest.importorskip("cupy")
    for array in (cupy.asarray(taken["i"]), cupy.from_dlpack(taken["i"])):
        assert array.data.ptr == taken["i"].__cuda_array_interface__["data"][0]
        assert int(array.sum()) == ROWS * (ROWS - 1) // 2


@pytest.mark.gpu
def test_torch_takes_them(taken: Any) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_dlpack(taken["i"])
    assert tensor.data_ptr() == taken["i"].__cuda_array_interface__["data"][0]
    assert int(tensor.sum()) == ROWS * (ROWS - 1) // 2


@pytest.mark.gpu
def test_jax_takes_them(taken: Any) -> None:
    jax = pytest.importorskip("jax")
    assert int(jax.dlpack.from_dlpack(taken["i"]).max()) == ROWS - 1


@pytest.mark.gpu
def test_xgboost_trains_on_them(real: Device) -> None:
    xgboost = pytest.importorskip("xgboost")
    frame = vl.DataFrame(DATA, session=vl.Session(device=real))
    made = ml.arrays(frame, ml.Features(numeric=["x", "i"], label="b"))
    data = xgboost.QuantileDMatrix(made.X, label=made.y)
    options = {"device": "cuda", "objective": "binary:logistic", "max_depth": 2}
    assert xgboost.train(options, data, num_boost_round=2).num_boosted_rounds() == 2


@pytest.mark.gpu
def test_cudf_goes_out_and_comes_in(real: Device) -> None:
    cudf = pytest.importorskip("cudf")
    with vl.Session(device=real):
        made = vl.DataFrame(DATA.select(["i", "x", "s"])).to_cudf()
        assert isinstance(made, cudf.DataFrame)
        assert vl.from_cudf(made).to_arrow().equals(DATA.select(["i", "x", "s"]))


@pytest.mark.gpu
def test_one_process_for_each_gpu(real: Device) -> None:
    """Simulated ones are tested with the cluster's runner."""
    pytest.importorskip("dask_cuda")
    rows = DATA.select(["i", "s"])
    with vl.Session(device=real, cluster="local-gpu") as session:
        made = vl.DataFrame(rows, session=session).groupby("s").agg(n=("i", "sum"))
        here = vl.DataFrame(rows, session=vl.Session(device="cpu")).groupby("s").agg(n=("i", "sum"))
        assert made.to_arrow().equals(here.to_arrow())
