"""Tables sent as the memory that they lie in: what arrives is what was sent, and large buffers are not copied."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.kernels.conformance.cases import canonical_rows, col, download, rows, tables, upload
from volley.engine.kernels.cpu import parcel as parcels
from volley.engine.kernels.cpu.device import CpuDevice
from volley.engine.kernels.cpu.parcel import Parcel
from volley.engine.kernels.devices import register_serialization

DEVICE: Any = CpuDevice()
EVERY = "ijkufgdwsrbtmz"
ROWS = 100_000


def sent(parcel: Any) -> Any:
    """Return what another process gets, through Dask's own serialisers."""
    from distributed.protocol import deserialize, serialize

    register_serialization(DEVICE)
    header, frames = serialize(parcel, serializers=("dask",))
    assert header["serializer"] == "dask"
    return deserialize(header, [memoryview(bytearray(frame)) for frame in frames])


@given(data=tables(EVERY), cut=st.integers(0, 9), length=st.integers(0, 9))
def test_tables_of_every_type_come_back(data: pa.Table, cut: int, length: int) -> None:
    table = upload(DEVICE, data)  # in any of the encodings
    part = DEVICE.slice(table, cut, length)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parcels, "_ALONE_BYTES", 1)
        parcel = DEVICE.parcel([table, part])
    whole, piece = DEVICE.unpack(sent(parcel) if isinstance(parcel, Parcel) else parcel, table.schema)
    assert canonical_rows(rows(download(DEVICE, whole))) == canonical_rows(rows(data))
    assert canonical_rows(rows(download(DEVICE, piece))) == canonical_rows(rows(data.slice(cut, length)))


@pytest.fixture(scope="module")
def data() -> pa.Table:
    texts = [f"text {n}" if n % 7 else None for n in range(ROWS)]
    return pa.table(
        {
            "a": np.arange(ROWS),
            "x": pa.array([n / 2 if n % 3 else None for n in range(ROWS)]),
            "flag": [n % 5 == 0 for n in range(ROWS)],
            "s": texts,
            "word": pa.array([f"word {n % 11}" for n in range(ROWS)]).dictionary_encode(),
        }
    )


@pytest.mark.parametrize(("start", "length"), [(0, ROWS), (0, 0), (8, 80_000), (12_345, 60_001), (ROWS - 3, 3)])
def test_slices_come_back(data: pa.Table, start: int, length: int) -> None:
    table = upload(DEVICE, data)
    parcel = DEVICE.parcel([DEVICE.slice(table, start, length), table])
    assert isinstance(parcel, Parcel)
    part, whole = DEVICE.unpack(sent(parcel), table.schema)
    assert download(DEVICE, part).to_pylist() == data.slice(start, length).to_pylist()
    assert download(DEVICE, whole)["s"].to_pylist() == data["s"].to_pylist()
    assert sum(one.num_rows for one in DEVICE.hash_partition(part, [col(download(DEVICE, part), "a")], 4)) == length


def test_large_buffers_are_neither_copied_nor_sent_beyond_the_slice(data: pa.Table) -> None:
    table = upload(DEVICE, data)
    parcel = DEVICE.parcel([DEVICE.slice(table, 10_000, 50_000)])
    held = [column for name in ("a", "x") for column in [table.column(name).buffers()[1]]]
    addresses = [pa.py_buffer(buffer).address for buffer in parcel.buffers]
    for values in held:
        assert values.address + 80_000 in addresses
    assert parcel.nbytes < 0.6 * DEVICE.parcel([table]).nbytes


def test_nested_and_small_tables_are_packed() -> None:
    nested = upload(DEVICE, pa.table({"l": [[n] for n in range(ROWS)]}))
    small = upload(DEVICE, pa.table({"a": [1, 2, 3]}))
    for table in (nested, small):
        packed = DEVICE.parcel([table])
        assert isinstance(packed, memoryview)
        (back,) = DEVICE.unpack(packed, table.schema)
        assert download(DEVICE, back).equals(download(DEVICE, table))
