"""Tables as bytes for another process: on the host, in the form of the CPU device's."""

from __future__ import annotations

from collections.abc import Sequence

from ...schema import Schema
from ..cpu import pack as cpu_pack
from ..protocol import PackedTables
from .batch import GpuTable
from .transfer import on_device, on_host


def pack(tables: Sequence[GpuTable]) -> PackedTables:
    """Return tables as one run of host bytes."""
    return cpu_pack.pack([on_host(table) for table in tables])


def unpack(packed: PackedTables, schema: Schema) -> list[GpuTable]:
    """Return the tables that bytes hold, on the device."""
    return [on_device(table) for table in cpu_pack.unpack(packed, schema)]
