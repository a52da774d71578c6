"""Tables between the processes of a Dask cluster: device memory where the comm carries it, host bytes elsewhere.

`register` teaches Dask what it must know. ``cuda_serialize`` gives the pieces of device memory that tables are packed
into, which UCX sends from one GPU to another without the host: of a `Parcel`, whose tables the exchange has packed,
and of single tables. ``dask_serialize`` sends tables as the bytes that the exchange sends over other comms. ``sizeof``
tells the scheduler and the spilling what they hold; and dask-cuda, where it is installed, learns that they live on the
device. Packed memory is good for processes of the same release of RAPIDS: it is sent, never stored.
"""

from __future__ import annotations

import importlib
import importlib.util
import pickle
from typing import Any

from ...schema import Schema
from ..protocol import PackedTables
from .batch import GpuTable
from .memory import kernel
from .pack import Parcel, pack, parcel, unpack

Header = dict[str, Any]


def to_device_frames(sent: Parcel) -> tuple[Header, list[Any]]:
    """Return a parcel as its pieces of device memory and what describes them."""
    return {"contents": sent.contents}, [*sent.buffers]


def from_device_frames(header: Header, frames: list[Any]) -> Parcel:
    """Return the parcel that another process has sent; it lies in the memory that was received."""
    return Parcel(tuple((rows, described) for rows, described in header["contents"]), tuple(frames))


@kernel
def table_to_device_frames(table: GpuTable) -> tuple[Header, list[Any]]:
    """Return a table as one piece of device memory and what describes it; no columns: no memory."""
    header, frames = to_device_frames(parcel([table]))
    return {**header, "schema": pickle.dumps(table.schema)}, frames


@kernel
def table_from_device_frames(header: Header, frames: list[Any]) -> GpuTable:
    """Return the table that another process has packed; it lies in the memory that was received."""
    [table] = unpack(from_device_frames(header, frames), _schema(header))
    return table


@kernel
def to_host_frames(table: GpuTable) -> tuple[Header, list[PackedTables]]:
    """Return a table as bytes on the host."""
    return {"schema": pickle.dumps(table.schema)}, [memoryview(pack([table]))]


@kernel
def from_host_frames(header: Header, frames: list[PackedTables]) -> GpuTable:
    """Return the table that host bytes hold, on the device."""
    whole = frames[0] if len(frames) == 1 else b"".join(frames)
    [table] = unpack(whole, _schema(header))
    return table


def _schema(header: Header) -> Schema:
    schema: Schema = pickle.loads(header["schema"])  # noqa: S301 - from a worker of the same cluster
    return schema


def register() -> None:
    """Teach Dask in this process to send tables of the GPU; it may be called again."""
    protocol = importlib.import_module("distributed.protocol")
    protocol.cuda.cuda_serialize.register(Parcel)(to_device_frames)
    protocol.cuda.cuda_deserialize.register(Parcel)(from_device_frames)
    protocol.cuda.cuda_serialize.register(GpuTable)(table_to_device_frames)
    protocol.cuda.cuda_deserialize.register(GpuTable)(table_from_device_frames)
    protocol.dask_serialize.register(GpuTable)(to_host_frames)
    protocol.dask_deserialize.register(GpuTable)(from_host_frames)
    sizeof = importlib.import_module("dask.sizeof").sizeof
    lives_on_device = None
    if importlib.util.find_spec("dask_cuda") is not None:
        lives_on_device = importlib.import_module("dask_cuda.is_device_object").is_device_object
    for kind in (GpuTable, Parcel):
        sizeof.register(kind)(lambda held: int(held.nbytes))
        if lives_on_device is not None:
            lives_on_device.register(kind)(lambda _: True)
