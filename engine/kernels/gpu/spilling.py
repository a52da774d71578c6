"""Where spilled tables wait: in the host's memory under a budget, beyond it in files, mapped when they are read."""

from __future__ import annotations

import os
import tempfile
import threading
import weakref
from pathlib import Path

import pyarrow as pa

HOST_BYTES = "VOLLEY_GPU_SPILL_HOST_BYTES"
"""Environment variable: bytes of spilled tables in the host's memory; by default a quarter of it."""

FOLDER = "VOLLEY_GPU_SPILL_DIR"
"""Environment variable: folder of the files; by default the system's for temporary files."""


class Spilled:
    """A spilled table; its file, if it has one, goes with it."""

    def __init__(self, rows: pa.Table, store: HostStore) -> None:
        self.nbytes = rows.nbytes
        self._rows: pa.Table | None = rows if store.admits(self.nbytes) else None
        self._path: Path | None = None
        if self._rows is not None:
            weakref.finalize(self, store.leaves, self.nbytes)
            return
        self._path = store.written(rows)
        weakref.finalize(self, self._path.unlink, missing_ok=True)

    def rows(self) -> pa.Table:
        """Return the rows; those of a file are read as they are used."""
        if self._rows is not None:
            return self._rows
        assert self._path is not None
        with pa.memory_map(str(self._path)) as source:
            return pa.ipc.open_file(source).read_all()


class HostStore:
    """Account of the spilled tables of this process.

    Parameters
    ----------
    host_bytes
        Most bytes in memory.
    folder
        Where the files go.
    """

    def __init__(self, host_bytes: int | None = None, folder: str | None = None) -> None:
        given = os.environ.get(HOST_BYTES)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        self.host_bytes = host_bytes if host_bytes is not None else int(given) if given else memory // 4
        self.folder = folder or os.environ.get(FOLDER) or tempfile.gettempdir()
        self.held = 0
        self._lock = threading.Lock()

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

    def written(self, rows: pa.Table) -> Path:
        """Write rows into a new file that only this user can read."""
        handle, name = tempfile.mkstemp(prefix="volley-gpu-", suffix=".arrow", dir=self.folder)
        try:
            with os.fdopen(handle, "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
                writer.write_table(rows)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return Path(name)
