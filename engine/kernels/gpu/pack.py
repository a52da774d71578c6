"""Tables for another process: bytes on the host, in the form of the CPU device's, or pieces of device memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...schema import Schema
from ..cpu import pack as cpu_pack
from ..protocol import PackedTables
from .batch import GpuTable
from .library import plc
from .memory import on_stream, run
from .transfer import on_device, on_host


@dataclass(frozen=True, slots=True)
class Parcel:
    """Tables of one schema, each packed into one piece of device memory, for processes of the same RAPIDS release.

    Attributes
    ----------
    contents
        For each table its rows and what describes its memory; without columns there is no memory.
    buffers
        Of the tables that have columns, in order.
    """

    contents: tuple[tuple[int, bytes | None], ...]
    buffers: tuple[Any, ...]

    @property
    def nbytes(self) -> int:
        """Bytes of device memory."""
        return sum(int(buffer.nbytes) for buffer in self.buffers)


def pack(tables: Sequence[GpuTable]) -> PackedTables:
    """Return tables as one run of host bytes."""
    return cpu_pack.pack([on_host(table) for table in tables])


def parcel(tables: Sequence[GpuTable]) -> Parcel:
    """Return tables as pieces of device memory."""
    contents: list[tuple[int, bytes | None]] = []
    buffers: list[Any] = []
    for table in tables:
        if not len(table.schema):
            contents.append((table.num_rows, None))
            continue
        described, data = run(plc.contiguous_split.pack, table.table).release()
        contents.append((table.num_rows, bytes(described)))
        buffers.append(data)
    return Parcel(tuple(contents), tuple(buffers))


def unpack(packed: PackedTables | Parcel, schema: Schema) -> list[GpuTable]:
    """Return the tables that bytes hold, copied to the device, or that lie in a parcel, in place."""
    if not isinstance(packed, Parcel):
        return [on_device(table) for table in cpu_pack.unpack(packed, schema)]
    buffers = iter(packed.buffers)
    tables = []
    for rows, described in packed.contents:
        if described is None:
            tables.append(GpuTable(schema, (), rows))
            continue
        data = next(buffers)
        view = data if isinstance(data, plc.gpumemoryview) else plc.gpumemoryview(data)
        columns = on_stream(plc.contiguous_split.unpack_from_memoryviews, memoryview(described), view).columns()
        tables.append(GpuTable(schema, columns, rows, int(view.nbytes)))
    return tables
