"""Tables of the GPU through Dask's serialisers."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from tests.engine.kernels.conformance.cases import canonical_rows, download, random_table, rows, upload
from tests.support.simulated_gpu import simulated_device
from volley.engine.kernels.protocol import Device

gpu_device = simulated_device()

from volley.engine.kernels.gpu import memory, serialization  # noqa: E402

TABLES = [
    random_table("ijkufgdwsrbtmz", 300),
    random_table("is", 0),
    pa.table({"l": [[1, None], None, []], "t": [{"a": 1, "b": "x"}, None, {"a": None, "b": ""}]}),
]


@pytest.fixture(scope="module")
def protocol() -> Any:
    protocol = pytest.importorskip("distributed.protocol")
    serialization.register()
    return protocol


@pytest.mark.parametrize("data", TABLES, ids=["wide", "empty", "nested"])
@pytest.mark.parametrize("family", ["cuda", "dask"])
def test_a_table_survives_the_way(protocol: Any, data: pa.Table, family: str) -> None:
    device: Device = gpu_device
    table = device.slice(upload(device, data), 1, 200)
    with memory.counted() as ledger:
        header, frames = protocol.serialize(table, serializers=(family,))
        assert header["serializer"] == family
        back = protocol.deserialize(header, frames)
        crossed = ledger.to_host + ledger.to_device
    assert (crossed > 0) == (family == "dask" and table.num_rows > 0)
    assert back.schema == table.schema
    assert canonical_rows(rows(download(device, back))) == canonical_rows(rows(download(device, table)))


@pytest.mark.parametrize("family", ["cuda", "dask"])
def test_rows_without_columns_are_counted(protocol: Any, family: str) -> None:
    table = gpu_device.project(upload(gpu_device, random_table("i", 7)), [])
    assert protocol.deserialize(*protocol.serialize(table, serializers=(family,))).num_rows == 7


def test_dask_knows_what_a_table_holds(protocol: Any) -> None:
    sizeof = pytest.importorskip("dask.sizeof").sizeof
    table = upload(gpu_device, random_table("i", 1000))
    assert sizeof(table) == table.nbytes >= 8000
