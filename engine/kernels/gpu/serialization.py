"""Tables between the processes of a Dask cluster: device memory where the comm carries it, host bytes elsewhere.

`register` teaches Dask four things: ``cuda_serialize`` packs a table's columns into one piece of device memory, which
UCX sends from one GPU to another without the host; ``dask_serialize`` sends the bytes that the exchange sends;
``sizeof`` tells the scheduler and the spilling what a table holds; and dask-cuda, where it is installed, learns that
tables live on the device. Packed memory is good for processes of the same release of RAPIDS: it is sent, never stored.
"""

from __future__ import annotations

import importlib
import importlib.util
import pickle
from typing import Any

from ...schema import Schema
from ..protocol import PackedTables
from .batch import GpuTable
from .library import plc
from .memory import kernel, on_stream, run
from .pack import pack, unpack

Header = dict[str, Any]


@kernel
def to_device_frames(table: GpuTable) -> tuple[Header, list[Any]]:
    """Return a table as one piece of device memory and what describes it; no columns: no memory."""
    header: Header = {"schema": pickle.dumps(table.schema), "rows": table.num_rows}
    if not len(table.schema):
        return header, []
    metadata, data = run(plc.contiguous_split.pack, table.table).release()
    return {**header, "metadata": bytes(metadata)}, [data]


@kernel
def from_device_frames(header: Header, frames: list[Any]) -> GpuTable:
    """Return the table that another process has packed; it lies in the memory that was received."""
    schema: Schema = pickle.loads(header["schema"])  # noqa: S301 - from a worker of the same cluster
    if not frames:
        return GpuTable(schema, (), header["rows"])
    [data] = frames
    view = data if isinstance(data, plc.gpumemoryview) else plc.gpumemoryview(data)
    columns = on_stream(plc.contiguous_split.unpack_from_memoryviews, memoryview(header["metadata"]), view)
    return GpuTable(schema, columns.columns(), header["rows"])


@kernel
def to_host_frames(table: GpuTable) -> tuple[Header, list[PackedTables]]:
    """Return a table as bytes on the host."""
    return {"schema": pickle.dumps(table.schema)}, [memoryview(pack([table]))]


@kernel
def from_host_frames(header: Header, frames: list[PackedTables]) -> GpuTable:
    """Return the table that host bytes hold, on the device."""
    whole = frames[0] if len(frames) == 1 else b"".join(frames)
    [table] = unpack(whole, pickle.loads(header["schema"]))  # noqa: S301 - from a worker of the same cluster
    return table


def register() -> None:
    """Teach Dask in this process to send tables of the GPU; it may be called again."""
    protocol = importlib.import_module("distributed.protocol")
    protocol.cuda.cuda_serialize.register(GpuTable)(to_device_frames)
    protocol.cuda.cuda_deserialize.register(GpuTable)(from_device_frames)
    protocol.dask_serialize.register(GpuTable)(to_host_frames)
    protocol.dask_deserialize.register(GpuTable)(from_host_frames)
    importlib.import_module("dask.sizeof").sizeof.register(GpuTable)(lambda table: int(table.nbytes))
    if importlib.util.find_spec("dask_cuda") is not None:
        is_device_object = importlib.import_module("dask_cuda.is_device_object").is_device_object
        is_device_object.register(GpuTable)(lambda _: True)
