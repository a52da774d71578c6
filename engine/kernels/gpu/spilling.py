"""Where spilled tables wait: in pinned memory of the host under a budget, beyond it in files that others cannot read.

Pinned memory is what the device copies to and from at the bus's full speed. The driver takes long to pin it, so it is
never given back: RMM's pool hands it on to the next table.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
import threading
import weakref
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .library import Stream, rmm

HOST_BYTES = "VOLLEY_GPU_SPILL_HOST_BYTES"
"""Environment variable: bytes of spilled tables in the host's memory; by default a quarter of it."""

FOLDER = "VOLLEY_GPU_SPILL_DIR"
"""Environment variable: folder of the files; by default the system's for temporary files."""

STAGING_BYTES = 8 << 20
"""Of the piece of device memory that tables are packed through, and of the pinned one that files are written from."""


class PinnedBytes:
    """Pinned memory of the host, given back with the object; of the ordinary kind where none can be pinned.

    Attributes
    ----------
    view
        The bytes, to write to; not to be used after the object is gone.
    """

    def __init__(self, size: int, resource: Any, stream: Stream) -> None:
        if resource is None:
            self.view = np.empty(size, np.uint8).data
            return
        address = resource.allocate(size, stream=stream)
        self.view = np.frombuffer(bytearray_at(address, size), np.uint8).data
        weakref.finalize(self, resource.deallocate, address, size, stream=stream)


def bytearray_at(address: int, size: int) -> Any:
    """Return what the host has at an address, as an object with the buffer protocol."""
    return (ctypes.c_ubyte * size).from_address(address)


class HostStore:
    """Account of the spilled tables of this process.

    Parameters
    ----------
    host_bytes
        Most bytes in memory.
    folder
        Where the files go.

    Attributes
    ----------
    moving
        Held by the thread that uses the staging memory.
    """

    def __init__(self, host_bytes: int | None = None, folder: str | None = None) -> None:
        given = os.environ.get(HOST_BYTES)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.host_bytes = host_bytes if host_bytes is not None else int(given) if given else memory // 4
        self.folder = folder or os.environ.get(FOLDER) or tempfile.gettempdir()
        self.held = 0
        self.moving = threading.Lock()
        self._lock = threading.Lock()

    @cached_property
    def resource(self) -> Any:
        """Pool of pinned memory, which starts small and grows; None where the system lets nothing be pinned."""
        try:
            return rmm.mr.PoolMemoryResource(rmm.mr.PinnedHostMemoryResource(), initial_pool_size=2 * STAGING_BYTES)
        except (MemoryError, RuntimeError):
            return None

    def pinned(self, size: int, stream: Stream) -> PinnedBytes:
        """Return memory of the host for the device to copy to."""
        try:
            return PinnedBytes(size, self.resource, stream)
        except MemoryError:  # what may be pinned is used up
            return PinnedBytes(size, None, stream)

    def admits(self, nbytes: int) -> bool:
        """Take up so many bytes in memory, unless that is beyond the budget."""
        with self._lock:
            if self.held + nbytes > self.host_bytes:
                return False
            self.held += nbytes
            return True

    def leaves(self, nbytes: int) -> None:
        """Give back bytes of memory."""
        with self._lock:
            self.held -= nbytes

    def new_file(self) -> Path:
        """Return a new, empty file."""
        handle, name = tempfile.mkstemp(prefix="volley-gpu-", suffix=".spilled", dir=self.folder)
        os.close(handle)
        return Path(name)


class Stored:
    """Room for a spilled table, given back with the object: memory that the store admits, or else a file.

    Attributes
    ----------
    path
        The file, or None where there is memory.
    """

    def __init__(self, nbytes: int, store: HostStore) -> None:
        self.nbytes = nbytes
        self.path: Path | None = None
        if store.admits(nbytes):
            weakref.finalize(self, store.leaves, nbytes)
        else:
            self.path = store.new_file()
            weakref.finalize(self, self.path.unlink, missing_ok=True)

    @property
    def file_bytes(self) -> int:
        """Bytes in a file."""
        return 0 if self.path is None else self.nbytes


class SpilledRows(Stored):
    """A table that was copied as Arrow columns, since there was no device memory left to pack it."""

    def __init__(self, rows: pa.Table, store: HostStore) -> None:
        super().__init__(rows.nbytes, store)
        self._rows: pa.Table | None = None
        if self.path is None:
            self._rows = rows
            return
        with pa.OSFile(str(self.path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)

    def rows(self) -> pa.Table:
        """Return the rows; those of a file are read as they are used."""
        if self._rows is not None:
            return self._rows
        with pa.memory_map(str(self.path)) as source:
            return pa.ipc.open_file(source).read_all()
