"""Tables on their way to where they wait, and back: packed piece by piece through a little device memory.

A table that makes room must not need room: it is packed into a staging buffer that was set aside with the pool, and
each piece is copied on before the next one is packed. It comes back in one piece of memory, which its columns share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from . import memory
from .library import DeviceBuffer, Stream, copy_host_to_ptr, copy_ptr_to_host, plc
from .memory import on_stream, run
from .spilling import STAGING_BYTES, HostStore, Stored


class SpilledBytes(Stored):
    """A packed table in pinned memory or in a file, which goes with it.

    Raises `MemoryError` where the device has no room for what packing itself needs, which is little.
    """

    def __init__(self, table: plc.Table, store: HostStore) -> None:
        stream, pool = memory.stream(), memory.pool()
        with store.moving:
            packer = plc.contiguous_split.ChunkedPack.create(table, STAGING_BYTES, stream=stream, temp_mr=pool.resource)
            self._store = store
            super().__init__(packer.get_total_contiguous_size(), store)
            if self.path is None:
                self._pinned = store.pinned(self.nbytes, stream)
                self._copy_out(packer, stream)
            else:
                self._write_out(packer, self.path, stream)
            self._described = bytes(packer.build_metadata())

    def _copy_out(self, packer: plc.contiguous_split.ChunkedPack, stream: Stream) -> None:
        staging, copied = memory.pool().staging, 0
        while packer.has_next():  # the stream keeps the order: a piece is copied before the next one is packed
            size = packer.next(plc.gpumemoryview(staging))
            copy_ptr_to_host(staging.ptr, self._pinned.view[copied : copied + size], stream=stream)
            copied += size
        stream.synchronize()

    def _write_out(self, packer: plc.contiguous_split.ChunkedPack, path: Path, stream: Stream) -> None:
        staging, pinned = memory.pool().staging, self._store.pinned(STAGING_BYTES, stream)
        with path.open("wb") as file:
            while packer.has_next():
                size = packer.next(plc.gpumemoryview(staging))
                copy_ptr_to_host(staging.ptr, pinned.view[:size], stream=stream)
                stream.synchronize()
                file.write(pinned.view[:size])

    def columns(self) -> tuple[plc.Column, ...]:
        """Return the columns, on the device."""
        stream = memory.stream()
        buffer = run(DeviceBuffer, size=self.nbytes)
        if self.path is None:
            copy_host_to_ptr(self._pinned.view, buffer.ptr, stream=stream)
        else:
            self._read_in(self.path, buffer, stream)
        described: Any = memoryview(self._described)  # the stubs ask for a view of bytes objects
        view = plc.gpumemoryview(buffer)
        table = on_stream(plc.contiguous_split.unpack_from_memoryviews, described, view)
        stream.synchronize()  # what was copied from may go now, and other threads may ask next
        return tuple(table.columns())

    def _read_in(self, path: Path, buffer: DeviceBuffer, stream: Stream) -> None:
        pinned, copied = self._store.pinned(STAGING_BYTES, stream), 0
        with path.open("rb", buffering=0) as file:
            while size := file.readinto(pinned.view):
                copy_host_to_ptr(pinned.view[:size], buffer.ptr + copied, stream=stream)
                stream.synchronize()
                copied += size
